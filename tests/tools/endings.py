"""Two small families whose episodes end: one where it pays to stay alive, one where it pays to end early."""

from __future__ import annotations

import numpy as np

from mpsearch.tasks import Batch, TaskDistribution

FORCE = 0.2  # moved by a full action


class StayAlive(TaskDistribution):
    """A point that drifts: +1 a step, until it leaves the band [-1, 1]; task = the drift, -1 or 1 full actions.

    It sees its distance from the middle, but not on which side it is: to act against the drift, it has to know it.
    """

    id = "stay-alive"
    observation_dim, action_dim = 1, 1
    parameter_names = ("drift",)
    low, high = np.array([-1.0]), np.array([1.0])

    def __init__(self, horizon: int = 20) -> None:
        self.horizon = horizon

    @property
    def config(self):
        return {"horizon": self.horizon}

    def sample(self, n, rng):
        return np.where(super().sample(n, rng) < 0, -1.0, 1.0)

    def spread(self, n=2):
        return np.where(np.arange(n) % 2, -1.0, 1.0)[:, None]

    def make_batch(self, tasks, episodes, *, threads=0):
        return AliveBatch(self.check(tasks), episodes, 1)


class AliveBatch(Batch):
    def _reset(self, rng):
        self.x = rng.normal(0.0, 0.1, self.shape)

    def _step(self, actions):
        self.x = self.x + FORCE * (actions[..., 0] + self.tasks)
        return np.ones(self.shape), abs(self.x) > 1

    def observe(self):
        return abs(self.x)[..., None]

    def positions(self):
        return np.stack([self.x, 0 * self.x], axis=-1)


class Door(StayAlive):
    """A corridor [-1, 1] with a door at one of its ends: -1 a step until it is reached; task = its side, -1 or 1."""

    id = "door"

    def make_batch(self, tasks, episodes, *, threads=0):
        return DoorBatch(self.check(tasks), episodes, 1)


class DoorBatch(AliveBatch):
    def _step(self, actions):
        self.x = (self.x + FORCE * actions[..., 0]).clip(-1.0, 1.0)
        return -np.ones(self.shape), self.x == self.tasks

    def observe(self):
        return self.x[..., None].copy()
