"""Measure where the time of MAML's meta-iteration goes, and what cheaper Hessian products do to its steps.

python -m mpsearch.evidence.meta_iteration     (three minutes; nothing else should run)
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from unittest import mock

import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from mpsearch.evidence import results
from mpsearch.evidence.bench.collecting import raw_physics
from mpsearch.evidence.program import run
from mpsearch.evidence.records import rounded, write_record
from mpsearch.maml import MAML, MAMLConfig, outer
from mpsearch.maml.gradients import DAMPING
from mpsearch.maml.outer import MetaBatch
from mpsearch.maml.trust_region import StepReport, hessian_product, trust_region_step
from mpsearch.seeding import Streams
from mpsearch.surroundings import one_torch_thread
from mpsearch.tasks import CheetahVelocity
from mpsearch.training.provenance import code_revision, describe_machine
from mpsearch.zoo import find

PAPER = MAMLConfig(tasks_per_iteration=40, episodes=20)  # the size of the paper's meta-iteration
GRADIENT, PRODUCTS, SEARCH = PARTS = ("meta-gradient", "Hessian products", "line search")
TRAINED = "maml-cheetah-direction"
TRANSITIONS = (100, 200, 400, 1000, 2000, 4000)  # of each task, for the Hessian products; a task has 4,000
DRAWS = 3
ROUNDS = 3


class Clock:
    """Adds up the core-seconds that functions take, by name."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def watch(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``function``, whose core-seconds will be added to those of ``name``."""

        def watched(*args: Any) -> Any:
            start = time.process_time()
            result = function(*args)
            self.seconds[name] += time.process_time() - start
            return result

        return watched

    def step(
        self, learned: Sequence[Any], slope: Any, metric: Callable[[], Any], evaluate: Any, *, max_kl: float
    ) -> StepReport:
        """Make a trust-region step, and watch its parts."""
        return trust_region_step(
            learned,
            self.watch(GRADIENT, slope),
            lambda: self.watch(PRODUCTS, self.watch(PRODUCTS, metric)()),
            self.watch(SEARCH, evaluate),
            max_kl=max_kl,
        )


class Watched(MAML):
    """MAML that watches its updates, and keeps the data of the last one."""

    clock: Clock
    batch: MetaBatch

    def _improve(self, batch: MetaBatch, generator: torch.Generator) -> StepReport:
        self.clock, self.batch = Clock(), batch
        with mock.patch.object(outer, "trust_region_step", self.clock.step):
            return super()._improve(batch, generator)


def parts() -> dict[str, float]:
    """Return the mean core-seconds of the parts of meta-iterations of the paper's size, the first not counted."""
    agent, streams = Watched(CheetahVelocity(), PAPER), Streams(0)
    agent._start(streams)
    physics, found = raw_physics(PAPER.tasks_per_iteration, PAPER.episodes, agent.tasks.horizon), []
    with one_torch_thread():
        for _ in range(ROUNDS + 1):
            clock = Clock()
            for _ in range(PAPER.inner_steps + 1):
                clock.watch("physics", physics)()
            clock.watch("iteration", agent._iterate)(streams)
            found.append({**clock.seconds, **agent.clock.seconds})
    return {name: sum(each[name] for each in found[1:]) / ROUNDS for name in found[0]}


def by_second_derivatives(
    outputs: Sequence[Any], loss: Any, learned: Sequence[Any], *, start: Any, share: Any
) -> Callable[[Any], Any]:
    """Multiply by the same Hessian as the library does, without using that the slope of the loss is zero."""
    return hessian_product(loss(*outputs), learned, DAMPING)


def steps() -> list[dict[str, float]]:
    """Return what an update of a shipped meta-policy does on the same data with fewer transitions for the products."""
    agent = Watched.load(find(TRAINED))
    start, found = parameters_to_vector(agent.learned).detach().clone(), []
    agent._iterate(Streams(0))
    with one_torch_thread():
        for count in TRANSITIONS:
            agent.config = replace(agent.config, curvature_steps=count)
            for draw in range(DRAWS if count < TRANSITIONS[-1] else 1):
                vector_to_parameters(start.clone(), agent.learned)
                with mock.patch.object(outer, "gauss_newton_product", by_second_derivatives):
                    agent._improve(agent.batch, Streams(draw).torch("curvature"))
                plain = agent.clock.seconds[PRODUCTS]
                vector_to_parameters(start.clone(), agent.learned)
                report = agent._improve(agent.batch, Streams(draw).torch("curvature"))
                found.append(
                    {
                        "transitions": count,
                        "draw": draw,
                        "kl": report.kl or 0.0,
                        "gain": report.loss_before - report.loss_after,
                        "products": agent.clock.seconds[PRODUCTS],
                        "second_derivatives": plain,
                    }
                )
    return found


def main() -> None:
    """Write the measurements to mpsearch/evidence/results/meta_iteration.json."""
    record = {
        "command": "python -m mpsearch.evidence.meta_iteration",
        "machine": describe_machine(),
        "revision": code_revision(),
        "parts": parts(),
        "trained": TRAINED,
        "max_kl": MAML.load(find(TRAINED)).config.max_kl,
        "steps": steps(),
    }
    write_record(results.FOLDER / "meta_iteration.json", rounded(record))


if __name__ == "__main__":
    run(main)
