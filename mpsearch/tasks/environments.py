"""Any task as a gymnasium environment. (``mpsearch/__init__.py`` registers the ids.)"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from mpsearch.errors import UsageError
from mpsearch.records import Array
from mpsearch.tasks.distribution import TaskDistribution

BOUND = 1e10  # MuJoCo's mjMAXVAL: a state beyond it is a divergence, so no observation is


class TaskEnv(gymnasium.Env[Array, Array]):
    """One task of a family with the standard API: the batch of one simulation.

    Observation, action, reward and start state are those of the family's docstring. The episode is
    *truncated* at the family's horizon, or earlier by a time limit of the simulation's own, and
    *terminated* where the task is over. ``info["positions"]`` holds the generalised positions [Q].
    """

    def __init__(self, family: TaskDistribution, task: Any) -> None:
        self.family = family
        self.task = family.check([task])[0]
        self._batch = family.make_batch(self.task[None], 1, threads=1)
        self.observation_space = gymnasium.spaces.Box(-BOUND, BOUND, (family.observation_dim,), np.float64)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (family.action_dim,), np.float32)
        self._running = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        self._running = True
        return self._batch.reset(self.np_random)[0, 0], self._info()

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        if not self._running:
            raise UsageError("the episode has ended, or none has begun: call reset() to begin the next one")
        observations, rewards = self._batch.step(np.asarray(action, dtype=np.float64)[None, None])
        terminated = bool(self._batch.terminated[0, 0])
        truncated = self._batch.time >= self.family.horizon or (self._batch.over and not terminated)
        self._running = not (terminated or truncated)
        return observations[0, 0], float(rewards[0, 0]), terminated, truncated, self._info()

    def _info(self) -> dict[str, Any]:
        return {"positions": self._batch.positions()[0, 0]}


def make_registered(family_id: str, **arguments: Any) -> TaskEnv:
    """The entry point behind ``gymnasium.make("mpsearch/CheetahVelocity-v0", velocity=1.5)``.

    Arguments named like the task's parameters are the task (the first of the evenly spread ones where
    missing); the others are the family's constructor arguments.
    """
    from mpsearch.tasks import make_distribution

    names = make_distribution(family_id).parameter_names
    task = {name: arguments.pop(name) for name in names if name in arguments}
    family = make_distribution(family_id, **arguments)
    default = dict(zip(names, family.spread()[0], strict=True))
    return TaskEnv(family, [task.get(name, default[name]) for name in names])
