"""Replay: the episodes of each training task, to draw transitions from."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from mpsearch.errors import CheckpointError, UsageError, check_count
from mpsearch.pearl.config import PEARLConfig
from mpsearch.pearl.losses import Transitions
from mpsearch.records import Array, Episodes
from mpsearch.training.storage import require_structure

COUNTERS = ("added", "explored", "explorations")


class Replay:
    """Episodes of T steps on each of K tasks; when a task has ``capacity`` of them, a new one replaces its oldest.

    The latest ``recent`` explorations of each task are contexts' source: at test time, too, a context is what the
    present agent sees while it explores. (In the whole replay it would see what former agents did, some of which
    knew the task; an encoder can read the task off such behaviour, and learns to do nothing else.)

    Attributes:
        added: [K] episodes ever added to each task; the n-th is in slot ``n % capacity``.
        explored: [K] how many of them were explorations.
        explorations: [K, recent] the numbers of the latest explorations.
        observations: [K, capacity, T + 1, O].
        actions: [K, capacity, T, A].
        rewards: [K, capacity, T].

    Raises:
        UsageError: it cannot hold the explorations, or is larger than memory allows; says what it would need.
    """

    def __init__(
        self, tasks: int, capacity: int, horizon: int, observation_dim: int, action_dim: int, recent: int
    ) -> None:
        if tasks and capacity < 2 * check_count("recent", recent):
            raise UsageError(
                f"a replay of {capacity} episodes for each of {tasks} tasks cannot keep {recent} recent explorations"
                " beside as many other episodes; raise replay_size"
            )
        self.capacity, self.horizon, self.recent = capacity, horizon, recent
        self.added, self.explored = np.zeros((2, tasks), dtype=np.int64)
        self.explorations = np.zeros((tasks, recent), dtype=np.int64)
        size = 4 * tasks * capacity * ((horizon + 1) * observation_dim + horizon * (action_dim + 1))
        require_memory(size, f"a replay of {tasks * capacity * horizon:,} transitions")
        self.observations = np.zeros((tasks, capacity, horizon + 1, observation_dim), dtype=np.float32)
        self.actions = np.zeros((tasks, capacity, horizon, action_dim), dtype=np.float32)
        self.rewards = np.zeros((tasks, capacity, horizon), dtype=np.float32)

    def add(self, tasks: Array, episodes: Episodes, *, exploration: bool = True) -> None:
        """Add E episodes of each of the tasks with indices ``tasks`` [M]; episodes [M, E, ...]."""
        for row, k in enumerate(tasks):
            for e in range(episodes.rewards.shape[1]):
                number = self.added[k]
                slot = number % self.capacity
                self.observations[k, slot] = episodes.observations[row, e]
                self.actions[k, slot] = episodes.actions[row, e]
                self.rewards[k, slot] = episodes.rewards[row, e]
                self.added[k] += 1
                if exploration:
                    self.explorations[k, self.explored[k] % self.recent] = number
                    self.explored[k] += 1

    def sample(self, tasks: Array, n: int, rng: np.random.Generator) -> Transitions:
        """``n`` transitions of each of ``tasks`` [M], uniformly and with repetition; [M, n, ...]."""
        return self.take(self._draw_all(tasks, n, rng))

    def sample_recent(self, tasks: Array, n: int, rng: np.random.Generator, episodes: int = 1) -> Transitions:
        """A context for each of ``tasks`` [M]: ``n`` transitions from ``episodes`` successive explorations.

        They are a random stretch of the latest ones, or all of them if there are no more.
        """
        return self.take(self._draw_recent(tasks, n, rng, episodes))

    def draw_step(self, config: PEARLConfig, rng: np.random.Generator) -> tuple[Array, Array]:
        """The data of one gradient step: numbers of transitions [M, N] for contexts and [M, B] for losses.

        Transition t of the episode in slot s of task k has the number ``(k * capacity + s) * T + t``.
        """
        c = config
        tasks = choose(len(self.added), c.meta_batch, rng)
        length = int(rng.integers(min(c.least_context, c.context), c.context + 1))
        context = self._draw_recent(tasks, length, rng, c.context_episodes)
        return context, self._draw_all(tasks, c.batch, rng)

    def _draw_all(self, tasks: Array, n: int, rng: np.random.Generator) -> Array:
        kept = self._kept(tasks, self.added, self.capacity)
        return self._draw(tasks[:, None], rng.integers(kept, size=(len(tasks), n)), rng)

    def _draw_recent(self, tasks: Array, n: int, rng: np.random.Generator, episodes: int) -> Array:
        kept = self._kept(tasks, self.explored, self.recent)
        k = tasks[:, None]
        length = np.minimum(kept, episodes)
        which = rng.integers(kept - length + 1) + rng.integers(length, size=(len(tasks), n))
        number = self.explorations[k, (self.explored[k] - kept + which) % self.recent]
        if (number < self.added[k] - self.capacity).any():
            raise UsageError(
                "the replay is so small that other episodes replace recent explorations; raise replay_size"
            )
        return self._draw(k, number % self.capacity, rng)

    def _kept(self, tasks: Array, count: Array, most: int) -> Array:
        kept = np.minimum(count[tasks], most)[:, None]
        if not kept.all():
            raise UsageError(f"task {tasks[kept[:, 0] == 0][0]} has no such episodes yet")
        return kept

    def _draw(self, k: Array, slot: Array, rng: np.random.Generator) -> Array:
        """Numbers of transitions at random times of these episodes."""
        return (k * self.capacity + slot) * self.horizon + rng.integers(self.horizon, size=slot.shape)

    def take(self, row: Array) -> Transitions:
        """The transitions with the numbers ``row``; ``take`` from flat arrays is twice as fast as indexing."""
        observation = row + row // self.horizon  # an episode has one observation more than it has steps

        def take(array: Array, index: Array) -> Tensor:
            return torch.from_numpy(array.reshape(-1, *array.shape[3:]).take(index, axis=0))

        return Transitions(
            take(self.observations, observation), take(self.actions, row),
            take(self.rewards, row), take(self.observations, observation + 1),
        )  # fmt: skip

    def since(self, added: Array) -> dict[str, Tensor]:
        """What was added after a task had ``added`` [K] episodes, and the state of all counters, to be saved."""
        task, number = self._since(added, self.added)
        slot = number % self.capacity
        arrays = {
            "task": task, "number": number, "added": self.added.copy(), "explored": self.explored.copy(),
            "explorations": self.explorations.copy(), "observations": self.observations[task, slot],
            "actions": self.actions[task, slot], "rewards": self.rewards[task, slot],
        }  # fmt: skip
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}

    def _since(self, before: Array, added: Array) -> Array:
        """Tasks and numbers [2, N] of the episodes kept when there are ``added`` [K] that came after ``before`` [K]."""
        first = np.maximum(before, added - self.capacity)
        rows = [(k, n) for k in range(len(first)) for n in range(first[k], added[k])]
        return np.array(rows, dtype=np.int64).reshape(-1, 2).T

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what :meth:`since` gave; in the order in which it was saved.

        Raises:
            CheckpointError: it belongs to another replay, or is not what comes next.
        """
        self._require_next(tensors)
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        for name in COUNTERS:
            getattr(self, name)[...] = arrays[name]
        for name in ("observations", "actions", "rewards"):
            getattr(self, name)[arrays["task"], arrays["number"] % self.capacity] = arrays[name]

    def _require_next(self, tensors: Mapping[str, Tensor]) -> None:
        where = "a part of the replay"
        rows = tensors["task"].shape[:1] if "task" in tensors else ()
        nothing = {name: tensor.to("meta") for name, tensor in self.since(self.added).items()}
        expected = {n: t if n in COUNTERS else t.new_empty(rows + t.shape[1:]) for n, t in nothing.items()}
        require_structure(tensors, expected, where)
        added, explored, explorations = (tensors[name].numpy() for name in COUNTERS)
        first = np.maximum(self.added, added - self.capacity)
        if (added < self.added).any() or (added - first).sum() != len(tensors["task"]):
            raise CheckpointError(f"{where} is missing or not where it should be; use another copy of the checkpoint")
        agree = np.array_equal(self._since(self.added, added), [tensors["task"].numpy(), tensors["number"].numpy()])
        explorations_exist = (explorations >= 0) & (explorations < np.maximum(added, 1)[:, None])
        if not (agree and explorations_exist.all() and ((self.explored <= explored) & (explored <= added)).all()):
            raise CheckpointError(f"{where} is damaged: its counters disagree; use another copy of the checkpoint")


def choose(count: int, n: int, rng: np.random.Generator) -> Array:
    """``n`` different ones of ``count`` tasks, or all of them, by their indices."""
    return rng.choice(count, min(n, count), replace=False)


def require_memory(size: int, what: str) -> None:
    """Raise :class:`UsageError` if ``size`` bytes are more than this machine has."""
    try:
        available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return
    if size > available:
        raise UsageError(
            f"{what} needs {size / 1e9:,.1f} GB, and this machine has {available / 1e9:,.1f}; lower replay_size"
        )
