"""Measure what averaging does to PEARL: adapt with averages of several rates while a training goes on.

python -m mpsearch.evidence.averages runs/FOLDER ...      (minutes for each training; the folders are not changed)

The averages begin as copies of what the training has learned. They do not change what it goes on to learn, so all rates
are compared on the same training.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn
from tqdm import trange
from tyro.conf import Positional

from mpsearch.errors import UsageError
from mpsearch.evaluation import held_out
from mpsearch.evidence import results
from mpsearch.evidence.program import run
from mpsearch.evidence.records import repeatable, rounded, write_record
from mpsearch.pearl import PEARL
from mpsearch.pearl.learning import follow
from mpsearch.seeding import Streams
from mpsearch.surroundings import own_torch
from mpsearch.training.provenance import code_revision, describe_machine

RATES = (0.005, 0.001, 0.0003)
SEEDS = range(2)  # of the adaptations after each iteration


class Averaged(PEARL):
    """PEARL that also keeps averages of the encoder and of the actor with each of ``RATES``."""

    averages: dict[float, tuple[nn.Module, nn.Module]]

    def watch(self) -> None:
        """Begin to average."""
        networks, move = (self.learning.encoder, self.learning.actor), self.learning.move
        self.averages = {rate: copy.deepcopy(networks) for rate in RATES}

        def move_and_follow() -> None:
            move()
            for rate, slow in self.averages.items():
                follow(slow, networks, rate)

        self.learning.move = move_and_follow  # type: ignore[method-assign]

    def returns_of(self, networks: Any, tasks: np.ndarray) -> float:
        """Return the mean return after adaptation to ``tasks`` with other networks."""
        mine = self.encoder, self.actor
        self.encoder, self.actor = networks
        found = [self.adapt(tasks, seed=seed).after for seed in SEEDS]
        self.encoder, self.actor = mine
        return float(np.mean(found))


def measure(folder: Path, iterations: int, count: int) -> dict[str, Any]:
    """Go on with the training in ``folder``, and return the returns after each iteration, with each rate."""
    agent = Averaged.load(folder)
    if agent.config.average_rate:
        raise UsageError(f"the training in {folder} averages already; give one with average_rate=0")
    begins = agent.iteration
    rate, entropy = agent.config.pace(begins)  # as they are now, they stay
    agent.config = agent.learning.config = replace(
        agent.config, rate=rate, target_entropy=entropy, settle_until=0, evaluate_every=begins + iterations + 1
    )
    agent.watch()
    tasks, learned = held_out(agent.tasks, count), (agent.learning.encoder, agent.learning.actor)
    found: dict[str, list[float]] = {name: [] for name in ("learned", *map(str, RATES))}
    with own_torch():
        for _ in trange(iterations, desc=folder.name):
            agent._iterate(Streams(1))
            agent.iteration += 1
            for name, networks in [("learned", learned), *agent.averages.items()]:
                found[str(name)].append(agent.returns_of(networks, tasks))
    commands = [repeatable(past["command"], iterations=past["iteration"]) for past in agent.history]
    return {
        "training": folder.name,
        "commands": [*commands, repeatable(agent.command, iterations=begins)],
        "tasks": agent.tasks.id,
        "iteration": begins,
        "gradient_steps": agent.config.gradient_steps,
        "rate": agent.config.rate,
        "tasks_seeds": [len(tasks), len(SEEDS)],
        "returns": found,
    }


def main(folders: Positional[tuple[Path, ...]], iterations: int = 6, count: int = 12) -> None:
    """Measure averages on trainings, and write the record mpsearch/evidence/results/averages.json.

    Args:
        folders: trainings of PEARL, with their replay.
        iterations: to go on with each training.
        count: of held-out tasks.
    """
    names = " ".join(f"runs/{folder.name}" for folder in folders)
    record = {
        "command": f"python -m mpsearch.evidence.averages {names} --iterations {iterations} --count {count}",
        "machine": describe_machine(),
        "revision": code_revision(),
        "trainings": [measure(folder, iterations, count) for folder in folders],
    }
    write_record(results.FOLDER / "averages.json", rounded(record))


if __name__ == "__main__":
    run(main)
