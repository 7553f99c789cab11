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

    A simulation may end before the others. From then on its reward is 0 and its observation stays the last one,
    whatever its engine computes.

    Attributes:
        tasks: [K, P] the tasks; row k belongs to simulations ``[k, :]``.
        episodes: E.
        time: control steps since the last reset.
        terminated: [K, E] whether the simulation has terminated since the reset: the task is over, and the value of
            the last state is 0.
        ended: [K, E] whether the simulation has terminated or reached its own time limit. In the second case, its
            last state has a value.
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
        """Return the present observations [K, E, O]."""

    @abstractmethod
    def positions(self) -> Array:
        """Return the present generalised positions [K, E, Q], in the units that the player draws."""

    @abstractmethod
    def _reset(self, rng: np.random.Generator) -> None: ...

    @abstractmethod
    def _step(self, actions: Array) -> Array | tuple[Array, Array] | tuple[Array, Array, Array]:
        """Make one step with ``actions`` [K, E, A]. They are finite and clipped, and 0 for simulations that have ended.

        Returns:
            rewards [K, E], or rewards and ``terminated``, or rewards, ``terminated`` and ``truncated``. The last two,
            bool [K, E], say for which simulations the task was over in this step, and which of them reached a time
            limit of their own. The family's ``horizon`` is not reported here.
        """

    @property
    def lengths(self) -> Array:
        """[K, E] the number of steps of each simulation since the reset, up to its end."""
        return np.where(self.ended, self._length, self.time)

    def _begin(self) -> None:
        """Set the time to 0 and mark all simulations as running."""
        self.time = 0
        self.terminated, self.ended = np.zeros((2, *self.shape), dtype=bool)
        self.over = False
        self._length = np.zeros(self.shape, dtype=np.int64)  # of the simulations that have ended
        self._last: Array | None = None  # the last observations of these; None as long as there are none

    def reset(self, rng: np.random.Generator) -> Array:
        """Restart every simulation; returns the first observations [K, E, O]."""
        self._begin()
        self._reset(rng)
        return self.observe()

    def step(self, actions: Array) -> tuple[Array, Array]:
        """Make one step with ``actions`` [K, E, A], which are clipped to [-1, 1].

        The actions of simulations that have ended are ignored.

        Returns:
            observations [K, E, O] and rewards [K, E].

        Raises:
            NonFiniteError: an action, a reward or a simulation is not finite. The message names the task, the episode
                and the step.
            UsageError: the actions have the wrong shape.
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
        """Return ``still`` for simulations that have ended and ``moving`` [K, E, ...] for the others."""
        if self._last is None:
            return moving
        return np.where(self.ended.reshape(*self.shape, *[1] * (moving.ndim - 2)), still, moving)

    def _end(self, observations: Array, ends: Sequence[Array]) -> None:
        """Record which simulations ended in this step.

        Args:
            observations: [K, E, O] after this step.
            ends: the arrays ``terminated`` and, if the family has it, ``truncated``.
        """
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
        """Raise :class:`NonFiniteError` unless all of ``values`` [K, E, ...] are finite."""
        finite = np.isfinite(values)
        if not finite.all():
            bad = ~np.all(finite.reshape(*self.shape, -1), axis=-1)
            raise self.failure(bad, f"the {what} is not finite")

    def failure(self, bad: Array, what: str, kind: type[MpsearchError] = NonFiniteError) -> MpsearchError:
        """Return the error that names the first of the ``bad`` [K, E] simulations."""
        k, e = np.argwhere(bad)[0]
        return kind(
            f"{what} in task {k} ({self.tasks[k].tolist()}), episode {e}, at step {self.time}"
            f" ({int(bad.sum())} of {bad.size} simulations)"
        )
