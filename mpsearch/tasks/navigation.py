"""A family of small tasks: a point in the plane must reach a goal that it is not told."""

from __future__ import annotations

from typing import Any

import numpy as np

from mpsearch.errors import UsageError, check_count
from mpsearch.records import Array
from mpsearch.tasks.batch import Batch
from mpsearch.tasks.distribution import TaskDistribution

STEP = 0.1  # m; an action of 1 moves the point by this distance
GOAL_RADIUS = 0.2  # m; the sparse reward is 0 at greater distances


class PointNavigation(TaskDistribution):
    """Move a point to a goal that it is not told.

    The task is the goal ``(x, y)`` in m. By default, x and y are drawn from U(-0.5, 0.5).

    Observation (2 numbers): the position x, y in m. Action (2 numbers in [-1, 1], clipped): the displacement in units
    of 0.1 m. An episode starts at the origin. It ends at the time limit ``horizon`` and never terminates before.

    Let ``r`` be the distance to the goal in m after a step. The reward of the step is ``-r``. With ``sparse`` it is
    ``1 - r`` if ``r <= 0.2`` and 0 otherwise, so that the agent has to search for the goal.

    Sources: Finn et al. 2017, section 5.3 (dense, horizon 100); Rakelly et al. 2019, section 6.3
    (sparse, horizon 20).

    Args:
        sparse: give a reward only near the goal.
        size: half the side of the square that contains the goals, in m.
        horizon: the number of control steps in an episode.
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
        """Return ``n`` goals [n, 2], evenly spaced on a circle inside the square."""
        angles = 2 * np.pi * (np.arange(check_count("the number of tasks", n)) + 0.5) / n
        return 0.8 * self.size * np.stack([np.cos(angles), np.sin(angles)], axis=-1)

    def reward(self, distance: Array) -> Array:
        """Return the rewards at each ``distance`` from the goal, in m. Any shape is allowed."""
        return np.where(distance <= GOAL_RADIUS, 1.0 - distance, 0.0) if self.sparse else -distance

    def make_batch(self, tasks: Array, episodes: int, *, threads: int = 0) -> PointBatch:
        return PointBatch(self, self.check(tasks), episodes)


class PointBatch(Batch):
    """K x E points that move together."""

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
