"""Any task as a gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from mpsearch.errors import UsageError
from mpsearch.records import Array
from mpsearch.tasks.batch import Batch

BOUND = 1e10  # MuJoCo's mjMAXVAL: a state beyond it is a divergence, so no observation is


class TaskEnv(gymnasium.Env[Array, Array]):
    """One task of a family with the standard API: a batch of one simulation.

    Observation, action, reward and start state are those of the family's docstring. The episode is
    *truncated* at the family's horizon, or earlier by a time limit of the simulation's own, and
    *terminated* where the task is over. ``info["positions"]`` holds the generalised positions [Q].

    Args:
        batch: of one task and one episode.
        horizon: control steps in an episode.
        observation_dim: O.

    Attributes:
        task: [P].
    """

    def __init__(self, batch: Batch, horizon: int, observation_dim: int) -> None:
        self.task = batch.tasks[0]
        self.horizon = horizon
        self._batch = batch
        self._running = False
        self.observation_space = gymnasium.spaces.Box(-BOUND, BOUND, (observation_dim,), np.float64)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (batch.action_dim,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        self._running = True
        return self._batch.reset(self.np_random)[0, 0], self._info()

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        if not self._running:
            raise UsageError("the episode has ended, or none has begun: call reset() to begin the next one")
        observations, rewards = self._batch.step(np.asarray(action, dtype=np.float64)[None, None])
        terminated = bool(self._batch.terminated[0, 0])
        truncated = self._batch.time >= self.horizon or (self._batch.over and not terminated)
        self._running = not (terminated or truncated)
        return observations[0, 0], float(rewards[0, 0]), terminated, truncated, self._info()

    def _info(self) -> dict[str, Any]:
        return {"positions": self._batch.positions()[0, 0]}
