"""Ablations: for each difference from the papers, train without this difference and keep the learning curves.

python -m mpsearch.evidence.ablate             all that ``results/ablations.json`` lacks (two hours on one core)
python -m mpsearch.evidence.ablate NAME ...    only the named ones that it lacks
python -m mpsearch.evidence.ablate --list      print their names
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from tyro.conf import Positional

from mpsearch import MAML, PEARL, CheetahDirection, MAMLConfig, PEARLConfig
from mpsearch.errors import unknown
from mpsearch.evidence import results
from mpsearch.evidence.critic import MAMLWithCritic
from mpsearch.evidence.program import run
from mpsearch.evidence.records import rounded, write_record
from mpsearch.meta_policy import MetaPolicy
from mpsearch.records import Array
from mpsearch.training.provenance import code_revision, describe_machine

SEEDS = (0, 1, 2)
BUDGET = {"maml": 25, "pearl": 40}  # iterations: early learning, two to three minutes each
MAML_BASE = MAMLConfig(tasks_per_iteration=10, learn_rates=True, context=8, curvature_steps=400)
PEARL_BASE = PEARLConfig(
    batch=128,
    actor_every=2,
    rate=1e-3,
    recent=30,
    context=400,
    least_context=20,
    context_episodes=2,
    stages=4,
    explorers=2,
    replay_size=250_000,
    kl_weight=1.0,
    evaluate_every=5,
)
CLIPPED = {"outer": "clipped", "epochs": 5, "outer_rate": 1e-3}
CLIPPED_FAST = {"outer": "clipped", "epochs": 10, "outer_rate": 3e-3}
THREE_STEPS = {"inner_steps": 3, "rate_decay": 0.3, "tasks_per_iteration": 5}
EVERYTHING = {"recent": 600, "context_stages": 4, "context_episodes": 600, "replay_size": 500_000}


class Unscaled(CheetahDirection):
    """CheetahDirection with observations that are not scaled."""

    @property
    def observation_scale(self) -> Array:
        return np.ones(self.observation_dim)


FAMILIES: dict[str, Callable[[], CheetahDirection]] = {
    "maml-unscaled": Unscaled,
    "maml-horizon": partial(CheetahDirection, horizon=400),
}
CHANGES: dict[str, tuple[str, str, dict[str, Any]]] = {  # name: description, algorithm, changed hyper-parameters
    "maml": ("as shipped (phase one)", "maml", {}),
    "maml-earlier": ("the same, when the next five rows ran", "maml", {}),
    "maml-unscaled": ("observations not divided by their scale", "maml", {}),
    "maml-std": ("standard deviation of 1 at the start, instead of 0.5", "maml", {"initial_std": 1.0}),
    "maml-lambda": ("GAE lambda of 1, instead of 0.95", "maml", {"gae_lambda": 1.0}),
    "maml-curvature": ("Hessian products on all transitions, instead of a tenth", "maml", {"curvature_steps": 4000}),
    "maml-rates": ("inner rates fixed, not learned", "maml", {"learn_rates": False}),
    "maml-critic": ("a learned critic, instead of the linear baseline", "maml", {}),
    "maml-promp": ("ProMP's objective, five Adam steps of 0.001", "maml", CLIPPED),
    "maml-promp-fast": ("ProMP's objective, ten Adam steps of 0.003", "maml", CLIPPED_FAST),
    "maml-horizon": ("episodes of 400 steps, half as many (half of the return of 400 steps)", "maml", {"episodes": 10}),
    "maml-episodes": ("40 episodes a stage, on half as many tasks", "maml", {"episodes": 40, "tasks_per_iteration": 5}),
    "maml-steps": ("three inner steps, on half as many tasks", "maml", THREE_STEPS),
    "pearl": ("clean recipe", "pearl", {}),
    "pearl-less": ("half the collection for each gradient step", "pearl", {"explorers": 1}),
    "pearl-more": ("twice the collection for each gradient step", "pearl", {"explorers": 4}),
    "pearl-context": ("contexts from all that was ever collected, not the recent explorations", "pearl", EVERYTHING),
}


def make(name: str) -> MetaPolicy:
    """Create the untrained agent of one ablation."""
    _, algorithm, change = CHANGES[name]
    family = FAMILIES.get(name, CheetahDirection)()
    if algorithm == "maml":
        return (MAMLWithCritic if name == "maml-critic" else MAML)(family, replace(MAML_BASE, **change))
    return PEARL(family, replace(PEARL_BASE, **change))


def train(name: str, seed: int) -> dict[str, Any]:
    """Train the agent of one ablation; returns a record with its returns after adaptation during training.

    The returns of PEARL are those on held-out tasks, to which it adapts from its own exploration.
    """
    agent = make(name)
    curve: list[list[Any]] = []
    length = agent.tasks.horizon / CheetahDirection().horizon

    def keep(metrics: dict[str, Any]) -> None:
        if agent.algorithm == "maml":
            curve.append([metrics["env_steps"], rounded(metrics["after"] / length)])
        elif metrics.get("held_out"):
            curve.append([metrics["env_steps"], rounded(metrics["held_out"][2])])

    agent.train(BUDGET[agent.algorithm], seed=seed, callback=keep)
    return {
        "name": name,
        "seed": seed,
        "curve": curve,
        "env_steps": agent.env_steps,
        "core_minutes": round(agent.cpu_seconds / 60, 1),
        "machine": describe_machine(),
        "revision": code_revision(),
    }


def main(names: Positional[tuple[str, ...]] = (), *, list: bool = False) -> None:
    """Train the ablations that are missing among the records.

    Args:
        names: the ablations to train, by default all; see --list.
        list: only print the names of the ablations and what each of them changes.
    """
    if list:
        print("\n".join(f"{name:20} {text}" for name, (text, _, _) in CHANGES.items()))
        return
    if strangers := [name for name in names if name not in CHANGES]:
        raise unknown("ablation", strangers[0], CHANGES)
    records = results.ablations()
    for seed in SEEDS:
        for name in names or CHANGES:
            if not any((record["name"], record["seed"]) == (name, seed) for record in records):
                records.append(train(name, seed))
                write_record(results.FOLDER / "ablations.json", records)


if __name__ == "__main__":
    run(main)
