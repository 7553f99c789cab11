"""Invented results of adaptation, for the tests of plots and players."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mpsearch.records import AdaptationResult


def cheetah(speed, steps=200, seed=0):
    """Return the positions [T + 1, 9] of a cheetah that moves at ``speed`` m/s and swings its legs."""
    positions = 0.4 * np.sin(np.arange(steps + 1)[:, None] * np.random.default_rng(seed).uniform(0.2, 0.5, 9))
    positions[:, :3] *= 0.1
    positions[:, 0] = speed * 0.05 * np.arange(steps + 1)
    return positions


def three_speeds():
    """Return a result with K = 2, S = 3 and T = 200. The speeds on the second task are 0, 1 and 2 m/s."""
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
    """Return a result with K = 1, S = 2 and T = 20. The point rests before adaptation and reaches the goal after."""
    ways = np.stack([np.zeros((21, 2)), np.linspace([0, 0], [0.6, 0.8], 21)])
    one = {"tasks": np.array([[0.6, 0.8]]), "trajectories": ways[None], "rewards": np.zeros((1, 2, 20))}
    return replace(three_speeds(), **one, env_steps=np.array([0, 60]))
