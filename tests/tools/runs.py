"""Made-up results of adaptation, for tests of what shows them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mpsearch.records import AdaptationResult


def cheetah(speed, steps=200, seed=0):
    """[T + 1, 9] of one that moves at ``speed`` m/s and swings its legs."""
    positions = 0.4 * np.sin(np.arange(steps + 1)[:, None] * np.random.default_rng(seed).uniform(0.2, 0.5, 9))
    positions[:, :3] *= 0.1
    positions[:, 0] = speed * 0.05 * np.arange(steps + 1)
    return positions


def three_speeds():
    """K = 2 tasks, S = 3 stages, T = 200; the second task is run at 0, 1 and 2 m/s."""
    speeds = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 2.0]])
    return AdaptationResult(
        tasks=np.array([[-1.0], [2.0]]),
        returns=np.zeros((2, 3, 4)),
        env_steps=np.array([0, 4000, 8000]),
        trajectories=np.array([[cheetah(speed) for speed in row] for row in speeds]),
        rewards=np.repeat(speeds[..., None], 200, axis=-1),
        policies=lambda k, stage: lambda observation: observation,
    )


def to_a_goal():
    """K = 1, S = 2, T = 20: still before, at the goal (0.6, 0.8) after."""
    ways = np.stack([np.zeros((21, 2)), np.linspace([0, 0], [0.6, 0.8], 21)])
    one = {"tasks": np.array([[0.6, 0.8]]), "trajectories": ways[None], "rewards": np.zeros((1, 2, 20))}
    return replace(three_speeds(), **one, env_steps=np.array([0, 60]))
