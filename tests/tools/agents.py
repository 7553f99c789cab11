"""Small agents of both algorithms, for tests that train."""

from __future__ import annotations

import pytest

from mpsearch import MAML, PEARL, MAMLConfig, PEARLConfig, PointNavigation

algorithms = pytest.mark.parametrize("algorithm", ["maml", "pearl"])


def make(algorithm):
    family = PointNavigation(horizon=4)
    if algorithm == "maml":
        return MAML(family, MAMLConfig(tasks_per_iteration=2, episodes=2, hidden=(8,)))
    small = {"training_tasks": 3, "tasks_per_iteration": 2, "gradient_steps": 2, "meta_batch": 2, "batch": 8}
    nets = {
        "hidden": (8, 8),
        "encoder_hidden": (8,),
        "context": 8,
        "replay_size": 2000,
        "recent": 3,
        "evaluate_every": 1000,
    }
    return PEARL(family, PEARLConfig(**small, **nets))
