"""A batch of simulations that step together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from mpsearch.errors import MpsearchError, NonFiniteError, UsageError, check_count
from mpsearch.records import Array


class Batch(ABC):
    """K * E simulations that step together: E episodes on each of K tasks.

    A simulation can end before the others. From then on it stands still: its reward is 0, its observation stays
    the last one, and what its engine may still compute for it is ignored.

    Attributes:
        tasks: [K, P] the tasks; row k belongs to simulations ``[k, :]``.
        episodes: E.
        time: control steps since the last reset.
        terminated: [K, E] whether the task was over since the reset: nothing follows, the value there is 0.
        ended: [K, E] whether it was, or the simulation's own time limit cut it off: what would follow has a value.
        over: whether all simulations have ended.
    """

    def __init__(self, tasks: Array, episodes: int, action_dim: int) -> None:
        self.tasks = np.asarray(tasks, dtype=np.float64)
        self.episodes = check_count("episodes", episodes)
        self.shape = (len(self.tasks), self.episodes)
        self.action_dim = action_dim
        self._begin()

    @abstractmethod
    def observe(self) -> Array:
        """[K, E, O] the observation now."""

    @abstractmethod
    def positions(self) -> Array:
        """[K, E, Q] generalised positions now, in the units the player draws."""

    @abstractmethod
    def _reset(self, rng: np.random.Generator) -> None: ...

    @abstractmethod
    def _step(self, actions: Array) -> Array | tuple[Array, Array] | tuple[Array, Array, Array]:
        """Move under ``actions`` [K, E, A], which are finite and clipped; those of ended simulations are 0.

        Returns:
            rewards [K, E]; or rewards and ``terminated``; or both and ``truncated``. These two, bool [K, E], say
            what happened in this step: the task was over, or the simulation's own time limit was reached. (The
            family's ``horizon`` needs no flag.)
        """

    @property
    def lengths(self) -> Array:
        """[K, E] steps that each simulation has made since the reset, until it ended."""
        return np.where(self.ended, self._length, self.time)

    def _begin(self) -> None:
        """Set the clock to 0, with nothing ended."""
        self.time = 0
        self.terminated, self.ended = np.zeros((2, *self.shape), dtype=bool)
        self.over = False
        self._length = np.zeros(self.shape, dtype=np.int64)  # of those that ended
        self._last: Array | None = None  # observations of those that ended, once there are any

    def reset(self, rng: np.random.Generator) -> Array:
        """Start every simulation anew; returns the first observations [K, E, O]."""
        self._begin()
        self._reset(rng)
        return self.observe()

    def step(self, actions: Array) -> tuple[Array, Array]:
        """Take ``actions`` [K, E, A]; those outside [-1, 1] are clipped, those of ended simulations ignored.

        Returns:
            observations [K, E, O] and rewards [K, E].

        Raises:
            NonFiniteError: an action, a reward or a simulation is not finite; names task, episode, time.
        """
        expected = (*self.shape, self.action_dim)
        actions = np.asarray(actions, dtype=np.float64)
        if actions.shape != expected:
            raise UsageError(f"actions must have shape {expected}, not {actions.shape}")
        actions = self._where_ended(0.0, actions)
        self.require_finite("action", actions)
        outcome = self._step(actions.clip(-1.0, 1.0))
        rewards, *ends = outcome if isinstance(outcome, tuple) else (outcome,)
        rewards = self._where_ended(0.0, rewards)
        observations = self._where_ended(self._last, self.observe())
        self.require_finite("reward", rewards)
        self.require_finite("observation", observations)
        self.time += 1
        if ends:
            self._end(observations, ends)
        return observations, rewards

    def _where_ended(self, still: Any, moving: Array) -> Array:
        """``still`` for simulations that have ended and ``moving`` [K, E, ...] for the others."""
        if self._last is None:
            return moving
        return np.where(self.ended.reshape(*self.shape, *[1] * (moving.ndim - 2)), still, moving)

    def _end(self, observations: Array, ends: Sequence[Array]) -> None:
        """Note what ended in the step just made: terminated and, if given, truncated; [K, E, O] was seen last."""
        if len(ends) > 2 or any(np.shape(flags) != self.shape or np.asarray(flags).dtype != bool for flags in ends):
            raise UsageError(
                f"{type(self).__name__}._step must return rewards, or (rewards, terminated), or (rewards, terminated,"
                f" truncated), where terminated and truncated are arrays of bool of shape {self.shape}"
            )
        now = np.logical_or.reduce(ends) & ~self.ended
        if now.any():
            self.terminated = self.terminated | (now & ends[0])
            self.ended = self.ended | now
            self.over = bool(self.ended.all())
            self._length[now] = self.time
            self._last = observations

    def require_finite(self, what: str, values: Array) -> None:
        """Raise unless all of ``values`` [K, E, ...] are finite."""
        finite = np.isfinite(values)
        if not finite.all():
            bad = ~np.all(finite.reshape(*self.shape, -1), axis=-1)
            raise self.failure(bad, f"the {what} is not finite")

    def failure(self, bad: Array, what: str, kind: type[MpsearchError] = NonFiniteError) -> MpsearchError:
        """The error that names the first of the ``bad`` [K, E] simulations."""
        k, e = np.argwhere(bad)[0]
        return kind(
            f"{what} in task {k} ({self.tasks[k].tolist()}), episode {e}, at step {self.time}"
            f" ({int(bad.sum())} of {bad.size} simulations)"
        )
