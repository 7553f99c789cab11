"""Gymnasium environments that step together: one after the other in this process, or in several processes."""

from __future__ import annotations

import os
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from mpsearch.errors import EpisodeError, MpsearchError, UsageError
from mpsearch.records import Array
from mpsearch.tasks.wrapping import Environment, bounds, unit_actions

Make = Callable[[int], Environment]  # task k -> a new environment of it
Place = tuple[int, int]  # task k, episode e
Outcome = dict[str, Array]
Space = spaces.Space[Any]

STOPPED = (
    "a process with environments stopped; see its output for the reason. In a script, put the code that runs under"
    ' if __name__ == "__main__": (because each new process reads the script again)'
)


class Group(gymnasium.Env[Outcome, Array]):
    """N environments that look like one environment. They step one after the other.

    An observation is a dictionary of ``observation`` [N, O], ``reward`` [N], ``terminated`` [N] and ``truncated`` [N].
    The same arrays are returned at every step, with new values. An environment that has ended is not stepped until the
    next reset. If an environment raises an error, ``info["failure"]`` has its row and an :class:`MpsearchError`.

    Args:
        make: builds the environment of task k. It is called N times at the first reset.
        places: the task and the episode of each row. The seed of a row depends only on them and on the seed of
            :meth:`reset`.
        rows: the number of rows, at least N. Rows without a place stay 0.
        observation_space, action_space: the one-dimensional spaces of every environment.
    """

    def __init__(
        self, make: Make, places: Sequence[Place], rows: int, observation_space: Space, action_space: Space
    ) -> None:
        self.make, self.places = make, places
        self.low, self.high = bounds(action_space)
        least, _ = bounds(observation_space)
        self.observations = np.zeros((rows, *least.shape), least.dtype)
        self.rewards = np.zeros(rows)
        self.terminated, self.truncated = np.zeros((2, rows), dtype=bool)
        self.envs: list[Environment] = []
        self.running: list[int] = []  # the rows of environments that have not ended
        self._known: set[int] = set()  # Python's ids of the environments without wrappers
        self.action_space = spaces.Box(-1.0, 1.0, (rows, *self.low.shape), np.float64)
        parts = {
            "observation": batch_space(observation_space, rows),
            "reward": spaces.Box(-np.inf, np.inf, (rows,), np.float64),
            "terminated": spaces.MultiBinary(rows),
            "truncated": spaces.MultiBinary(rows),
        }
        self.observation_space = cast("spaces.Space[Outcome]", spaces.Dict(parts))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Outcome, dict[str, Any]]:
        """Reset every environment, each with a different seed that is derived from ``seed``.

        Args:
            options: may have ``first``, the place of task 0 among all tasks, if other ranks have others.
        """
        first = (options or {}).get("first", 0)
        self.rewards[:] = self.terminated[:] = self.truncated[:] = 0
        self.running = list(range(len(self.places)))
        for row, (k, e) in enumerate(self.places):
            try:
                if row == len(self.envs):
                    self._add(self.make(k))
                self._see(row, self.envs[row].reset(seed=seed_of(seed or 0, first + k, e))[0])
            except Exception as error:
                return self._outcome(), {"failure": (row, described(error))}
        return self._outcome(), {}

    def step(self, action: Array) -> tuple[Outcome, float, bool, bool, dict[str, Any]]:
        """Step every environment that has not ended, with ``action`` [N, A] in [-1, 1]."""
        moves = self.scaled(action)
        ended = False
        for row in self.running:
            try:
                seen, self.rewards[row], terminated, truncated, _ = self.envs[row].step(moves[row])
                self._see(row, seen)
            except Exception as error:
                return self._outcome(), 0.0, False, False, {"failure": (row, described(error))}
            if terminated or truncated:
                self.terminated[row], self.truncated[row] = terminated, truncated
                ended = True
        if ended:
            over = self.terminated | self.truncated
            self.running = [row for row in self.running if not over[row]]
        return self._outcome(), 0.0, False, False, {}

    def scaled(self, actions: Array) -> Array:
        """Return ``actions`` [N, A] scaled to the bounds and the dtype of the environments."""
        moves = self._rescale(actions.astype(self.low.dtype))
        return moves.clip(self.low, self.high)  # because of rounding

    def positions(self) -> Array:
        """Return MuJoCo's generalised positions [N, Q], or the observations of environments without MuJoCo."""
        return np.stack([positions_of(env, self.observations[row]) for row, env in enumerate(self.envs)])

    def close(self) -> None:
        """Close every environment."""
        for env in self.envs:
            env.close()
        self.envs = []

    def _add(self, env: Environment) -> None:
        known = id(env.unwrapped)
        if known in self._known:
            raise UsageError(
                "make must build a new environment at each call; it returned one that it had returned before"
            )
        self._known.add(known)
        self.envs.append(env)
        if len(self.envs) == 1:
            self._rescale = unit_actions(env).action

    def _see(self, row: int, observation: Array) -> None:
        if np.shape(observation) != self.observations.shape[1:]:
            raise ValueError(f"an observation of shape {np.shape(observation)}, not {self.observations.shape[1:]}")
        self.observations[row] = observation

    def _outcome(self) -> Outcome:
        return {
            "observation": self.observations,
            "reward": self.rewards,
            "terminated": self.terminated,
            "truncated": self.truncated,
        }


def seed_of(root: int, task: int, episode: int) -> int:
    """Return the seed of one environment. It has 31 bits, because every library accepts such seeds."""
    return int(np.random.SeedSequence(root, spawn_key=(task, episode)).generate_state(1)[0]) >> 1


def described(error: Exception) -> MpsearchError:
    """Return an environment's error in a form that can be sent to another process. Our own errors do not change."""
    if isinstance(error, MpsearchError):
        return error
    failure = EpisodeError(f"the environment raised {type(error).__name__} ({error})")
    failure.add_note(traceback.format_exc())
    return failure


def positions_of(env: Environment, observation: Array) -> Array:
    """Return the positions [Q] of ``env`` for the player."""
    qpos = getattr(getattr(env.unwrapped, "data", None), "qpos", None)
    return np.array(observation if qpos is None else qpos, dtype=np.float64)


class Processes:
    """Several groups, each in a process of its own (gymnasium's AsyncVectorEnv). They are used like one group.

    Args:
        make, places, observation_space, action_space: as for :class:`Group`.
        count: the number of processes, at most that of the environments.
    """

    def __init__(
        self, make: Make, places: Sequence[Place], count: int, observation_space: Space, action_space: Space
    ) -> None:
        self.total, self.rows = len(places), -(-len(places) // count)
        shares = [places[i : i + self.rows] for i in range(0, self.total, self.rows)]
        starts = [
            partial(start_group, os.getpid(), make, share, self.rows, observation_space, action_space)
            for share in shares
        ]
        self.actions = np.zeros((len(shares), self.rows, *bounds(action_space)[0].shape))
        with alive():
            self.vector = gymnasium.vector.AsyncVectorEnv(starts, context="spawn", copy=False)

    def reset(self, *, seed: int, options: dict[str, Any]) -> tuple[Outcome, dict[str, Any]]:
        """See :meth:`Group.reset`."""
        with alive():
            seen, info = self.vector.reset(seed=[seed] * len(self.actions), options=options)
        return self._outcome(seen), self._first_failure(info)

    def step(self, action: Array) -> tuple[Outcome, float, bool, bool, dict[str, Any]]:
        """See :meth:`Group.step`."""
        self.actions.reshape(-1, action.shape[-1])[: self.total] = action
        with alive():
            seen, *_, info = self.vector.step(self.actions)
        return self._outcome(seen), 0.0, False, False, self._first_failure(info)

    def positions(self) -> Array:
        """See :meth:`Group.positions`."""
        with alive():
            return np.concatenate(self.vector.call("positions"))

    def close(self) -> None:
        """Close every environment and end the processes."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # gymnasium warns if a step was interrupted
            try:
                self.vector.close()
            except (EOFError, OSError):  # a process has died, so the others are ended without waiting for an answer
                self.vector.closed = True
                for process in self.vector.processes:
                    process.terminate()
                    process.join()

    def _outcome(self, seen: Outcome) -> Outcome:
        return {name: values.reshape(-1, *values.shape[2:])[: self.total] for name, values in seen.items()}

    def _first_failure(self, info: dict[str, Any]) -> dict[str, Any]:
        for process in np.flatnonzero(info.get("_failure", False)):
            row, error = info["failure"][process]
            return {"failure": (process * self.rows + row, error)}
        return {}


def start_group(home: int, *arguments: Any) -> Group:
    """Create a group in a new process. Only the process ``home`` reacts to an interrupt from the keyboard."""
    if os.getpid() != home:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return Group(*arguments)


@contextmanager
def alive() -> Iterator[None]:
    """Raise :class:`EpisodeError` if a process has died, which Python reports as a broken pipe."""
    try:
        yield
    except (EOFError, OSError) as error:
        raise EpisodeError(f"{STOPPED} ({type(error).__name__})") from error
