"""A point that must find its goal in the plane: the smallest family on which adaptation shows."""

from __future__ import annotations

from typing import Any

import numpy as np

from mpsearch.errors import UsageError, check_count
from mpsearch.records import Array
from mpsearch.tasks.batch import Batch
from mpsearch.tasks.distribution import TaskDistribution

STEP = 0.1  # m moved by a full action
GOAL_RADIUS = 0.2  # m, sparse reward


class PointNavigation(TaskDistribution):
    """Move a point to a goal it is not told: task ``(x, y)`` in m, U(-0.5, 0.5) in each by default.

    Observation (2 numbers): position x, y in m. Action (2 numbers in [-1, 1], clipped): displacement in
    units of 0.1 m. Start: the origin. Episode end: the time limit ``horizon``, never a termination.

    Reward at each step, with ``r`` the distance to the goal in m after the step: ``-r``; with
    ``sparse``: ``1 - r`` where ``r <= 0.2`` and 0 elsewhere, so that the goal has to be searched for.

    Sources: Finn et al. 2017, section 5.3 (dense, horizon 100); Rakelly et al. 2019, section 6.3
    (sparse, horizon 20).

    Args:
        sparse: reward only near the goal.
        size: half the side of the square of goals, in m.
        horizon: control steps in an episode.
    """

    id = "point-navigation"
    observation_dim = 2
    action_dim = 2
    parameter_names = ("x", "y")

    def __init__(self, sparse: bool = False, size: float = 0.5, horizon: int = 100) -> None:
        if not 0 < size < np.inf:
            raise UsageError(f"size must be positive and finite, not {size}")
        self.sparse, self.size, self.horizon = bool(sparse), float(size), check_count("horizon", horizon)
        self.low, self.high = np.full(2, -self.size), np.full(2, self.size)

    @property
    def observation_scale(self) -> Array:
        return np.full(2, self.size)

    @property
    def config(self) -> dict[str, Any]:
        return {"sparse": self.sparse, "size": self.size, "horizon": self.horizon}

    def spread(self, n: int = 4) -> Array:
        """``n`` goals [n, 2] evenly spread on a circle inside the square."""
        angles = 2 * np.pi * (np.arange(check_count("the number of tasks", n)) + 0.5) / n
        return 0.8 * self.size * np.stack([np.cos(angles), np.sin(angles)], axis=-1)

    def reward(self, distance: Array) -> Array:
        """Reward at ``distance`` (m) from the goal, of any shape."""
        return np.where(distance <= GOAL_RADIUS, 1.0 - distance, 0.0) if self.sparse else -distance

    def make_batch(self, tasks: Array, episodes: int, *, threads: int = 0) -> PointBatch:
        return PointBatch(self, self.check(tasks), episodes)


class PointBatch(Batch):
    """K x E points."""

    def __init__(self, family: PointNavigation, tasks: Array, episodes: int) -> None:
        super().__init__(tasks, episodes, family.action_dim)
        self.family = family
        self.position = np.zeros((*self.shape, 2))

    def _reset(self, rng: np.random.Generator) -> None:
        self.position = np.zeros((*self.shape, 2))

    def _step(self, actions: Array) -> Array:
        self.position = self.position + STEP * actions
        return self.family.reward(np.linalg.norm(self.position - self.tasks[:, None], axis=-1))

    def observe(self) -> Array:
        return self.position.copy()

    positions = observe
