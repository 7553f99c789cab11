"""Recorded episodes of rules, for tests of pictures."""

from __future__ import annotations

import numpy as np

from mpsearch.records import AdaptationResult
from mpsearch.tasks.applications import follow


def recorded(family, rule, tasks) -> AdaptationResult:
    """An adaptation result with one stage: one episode of ``rule`` on each of ``tasks``."""
    rewards, positions = follow(family, rule, tasks, 1, np.random.default_rng(0))
    return AdaptationResult(
        tasks=np.asarray(tasks),
        returns=rewards.sum(axis=-1)[:, None],
        env_steps=np.array([0]),
        trajectories=positions,
        rewards=rewards,
        policies=lambda k, stage: None,
    )
