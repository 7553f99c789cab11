"""The replay: it stores the episodes of each training task, from which transitions are drawn."""

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
    """Episodes of at most T steps on each of K tasks; when a task has ``capacity``, a new one replaces its oldest.

    Contexts are drawn from the latest ``recent`` explorations of each task only. At test time, too, a context comes
    from the present agent's exploration. Other episodes in the replay may come from agents that knew the task already.
    Their actions reveal the task, and an encoder that is trained on them learns to rely on such actions.

    Attributes:
        added: [K] the number of episodes that were ever added to each task; the n-th is in slot ``n % capacity``.
        explored: [K] how many of them were explorations.
        explorations: [K, recent] the numbers of the latest explorations.
        observations: [K, capacity, T + 1, O].
        actions: [K, capacity, T, A].
        rewards: [K, capacity, T].
        lengths: [K, capacity] the number of steps of each episode; 0 for slots that are still empty.
        terminated: [K, capacity] whether the episode terminated.
        whole: whether all episodes have T steps.

    Raises:
        UsageError: the replay is too small for the explorations, or too large for this machine's memory.
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
        self.lengths = np.zeros((tasks, capacity), dtype=np.int64)
        self.terminated = np.zeros((tasks, capacity), dtype=bool)
        self.whole = True

    def add(self, tasks: Array, episodes: Episodes, *, exploration: bool = True) -> None:
        """Add E episodes of each of the tasks with indices ``tasks`` [M]; episodes [M, E, ...]."""
        for row, k in enumerate(tasks):
            for e in range(episodes.rewards.shape[1]):
                number = self.added[k]
                slot = number % self.capacity
                self.observations[k, slot] = episodes.observations[row, e]
                self.actions[k, slot] = episodes.actions[row, e]
                self.rewards[k, slot] = episodes.rewards[row, e]
                self.lengths[k, slot] = self.horizon if episodes.lengths is None else episodes.lengths[row, e]
                self.terminated[k, slot] = episodes.terminated is not None and episodes.terminated[row, e]
                self.added[k] += 1
                if exploration:
                    self.explorations[k, self.explored[k] % self.recent] = number
                    self.explored[k] += 1
        self._compare_lengths()

    def _compare_lengths(self) -> None:
        self.whole = bool(((self.lengths == 0) | (self.lengths == self.horizon)).all())

    def sample(self, tasks: Array, n: int, rng: np.random.Generator) -> Transitions:
        """Draw ``n`` transitions [M, n, ...] of each of ``tasks`` [M], uniformly and with replacement."""
        return self.take(self._draw_all(tasks, n, rng))

    def sample_recent(self, tasks: Array, n: int, rng: np.random.Generator, episodes: int = 1) -> Transitions:
        """Draw a context for each of ``tasks`` [M]: ``n`` transitions from ``episodes`` successive explorations.

        These are chosen at random among the latest explorations. If there are fewer, all of them are used.
        """
        return self.take(self._draw_recent(tasks, n, rng, episodes))

    def draw_step(self, config: PEARLConfig, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw the data of a gradient step: the numbers of transitions [M, N] for contexts and [M, B] for losses.

        Transition t of the episode in slot s of task k has the number ``(k * capacity + s) * T + t``.
        """
        c = config
        tasks = choose(len(self.added), c.meta_batch, rng)
        length = int(rng.integers(min(c.least_context, c.context), c.context + 1))
        context = self._draw_recent(tasks, length, rng, c.context_episodes)
        return context, self._draw_all(tasks, c.batch, rng)

    def draw_steps(self, config: PEARLConfig, steps: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Draw the data of S = ``steps`` gradient steps at once, which is faster than one step after the other.

        Returns:
            The numbers of transitions [S, M, context] for contexts and [S, M, B] for losses, and how many transitions
            of each context count [S].
        """
        c, m = config, min(config.meta_batch, len(self.added))
        tasks = np.array([choose(len(self.added), m, rng) for _ in range(steps)], dtype=np.int64).reshape(-1)
        lengths = rng.integers(min(c.least_context, c.context), c.context + 1, size=steps)
        context = self._draw_recent(tasks, c.context, rng, c.context_episodes).reshape(steps, m, c.context)
        return context, self._draw_all(tasks, c.batch, rng).reshape(steps, m, c.batch), lengths

    def _draw_all(self, tasks: Array, n: int, rng: np.random.Generator) -> Array:
        kept = self._kept(tasks, self.added, self.capacity)
        slots = np.broadcast_to(np.arange(self.capacity), (len(tasks), self.capacity))
        return self._draw(tasks[:, None], slots, kept, n, rng)

    def _draw_recent(self, tasks: Array, n: int, rng: np.random.Generator, episodes: int) -> Array:
        kept = self._kept(tasks, self.explored, self.recent)
        k = tasks[:, None]
        length = np.minimum(kept, episodes)
        first, nth = rng.integers(kept - length + 1), np.arange(episodes)
        place = self.explored[k] - kept + first + nth  # where nth < length
        number = self.explorations[k, place % self.recent]
        if ((number < self.added[k] - self.capacity) & (nth < length)).any():
            raise UsageError(
                "the replay is so small that other episodes replace recent explorations; raise replay_size"
            )
        return self._draw(k, number % self.capacity, length, n, rng)

    def _kept(self, tasks: Array, count: Array, most: int) -> Array:
        kept = np.minimum(count[tasks], most)[:, None]
        if not kept.all():
            raise UsageError(f"task {tasks[kept[:, 0] == 0][0]} has no such episodes yet")
        return kept

    def _draw(self, k: Array, slots: Array, count: Array, n: int, rng: np.random.Generator) -> Array:
        """Draw the numbers [M, n] of transitions of each task ``k`` [M, 1].

        They are from the first ``count`` [M, 1] of ``slots`` [M, W].
        """
        if self.whole:
            which = rng.integers(count, size=(len(k), n))
            time = rng.integers(self.horizon, size=which.shape)
        else:
            lengths = np.where(np.arange(slots.shape[1]) < count, self.lengths[k, slots], 0)
            which, time = uniform_steps(lengths, n, rng)
        return (k * self.capacity + np.take_along_axis(slots, which, axis=1)) * self.horizon + time

    def take(self, rows: Array) -> Transitions:
        """Return the transitions with the numbers ``rows`` [M, n], which :meth:`draw_step` explains.

        They are taken from flat arrays, because ``take`` is twice as fast as indexing.
        """
        episode = rows // self.horizon
        observation = rows + episode  # an episode has one observation more than it has steps
        last = None
        if self.terminated.any():
            ends = rows % self.horizon == self.lengths.reshape(-1)[episode] - 1
            last = ends & self.terminated.reshape(-1)[episode]

        def take(array: Array, index: Array) -> Tensor:
            return torch.from_numpy(array.reshape(-1, *array.shape[3:]).take(index, axis=0))

        return Transitions(
            take(self.observations, observation),
            take(self.actions, rows),
            take(self.rewards, rows),
            take(self.observations, observation + 1),
            0.0 if last is None else torch.from_numpy(last).float(),
        )

    def since(self, added: Array) -> dict[str, Tensor]:
        """Return what is to be saved: all counters, and the episodes that came after each task had ``added`` [K].

        The lengths and terminations are left out if all these episodes have T steps and none terminated.
        """
        task, number = self._since(added, self.added)
        slot = number % self.capacity
        arrays = {
            "task": task,
            "number": number,
            "added": self.added.copy(),
            "explored": self.explored.copy(),
            "explorations": self.explorations.copy(),
            "observations": self.observations[task, slot],
            "actions": self.actions[task, slot],
            "rewards": self.rewards[task, slot],
        }
        lengths, terminated = self.lengths[task, slot], self.terminated[task, slot]
        if (lengths < self.horizon).any() or terminated.any():
            arrays |= {"lengths": lengths, "terminated": terminated}
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}

    def _since(self, before: Array, added: Array) -> Array:
        """Return the tasks and numbers [2, N] of the stored episodes from ``before`` [K] up to ``added`` [K]."""
        first = np.maximum(before, added - self.capacity)
        rows = [(k, n) for k in range(len(first)) for n in range(first[k], added[k])]
        return np.array(rows, dtype=np.int64).reshape(-1, 2).T

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Add the episodes that :meth:`since` returned. Several of them must be restored in the order of saving.

        Raises:
            CheckpointError: they belong to another replay, or are not the next ones.
        """
        self._require_next(tensors)
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        for name in COUNTERS:
            getattr(self, name)[...] = arrays[name]
        place = arrays["task"], arrays["number"] % self.capacity
        for name in ("observations", "actions", "rewards"):
            getattr(self, name)[place] = arrays[name]
        self.lengths[place] = arrays.get("lengths", self.horizon)
        self.terminated[place] = arrays.get("terminated", False)
        self._compare_lengths()

    def _require_next(self, tensors: Mapping[str, Tensor]) -> None:
        where = "a part of the replay"
        rows = tensors["task"].shape[:1] if "task" in tensors else ()
        nothing = {name: tensor.to("meta") for name, tensor in self.since(self.added).items()}
        if "lengths" in tensors or "terminated" in tensors:
            nothing |= {"lengths": nothing["number"], "terminated": nothing["number"].bool()}
        expected = {n: t if n in COUNTERS else t.new_empty(rows + t.shape[1:]) for n, t in nothing.items()}
        require_structure(tensors, expected, where)
        added, explored, explorations = (tensors[name].numpy() for name in COUNTERS)
        first = np.maximum(self.added, added - self.capacity)
        if (added < self.added).any() or (added - first).sum() != len(tensors["task"]):
            raise CheckpointError(f"{where} is missing or not where it should be; use another copy of the checkpoint")
        agree = np.array_equal(self._since(self.added, added), [tensors["task"].numpy(), tensors["number"].numpy()])
        explorations_exist = (explorations >= 0) & (explorations < np.maximum(added, 1)[:, None])
        lengths = tensors.get("lengths", torch.ones(()))
        agree = agree and bool(((lengths >= 1) & (lengths <= self.horizon)).all())
        if not (agree and explorations_exist.all() and ((self.explored <= explored) & (explored <= added)).all()):
            raise CheckpointError(f"{where} is damaged: its counters disagree; use another copy of the checkpoint")


def choose(count: int, n: int, rng: np.random.Generator) -> Array:
    """Return the indices of ``n`` different tasks out of ``count``, or of all."""
    return rng.choice(count, min(n, count), replace=False)


def uniform_steps(lengths: Array, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw ``n`` steps uniformly from each row of episodes with ``lengths`` [M, W].

    Returns:
        The episode of each step, and the time of the step in it, both [M, n].
    """
    ends = lengths.cumsum()  # of all rows, one after the other
    total = lengths.sum(1, keepdims=True)
    step = ends[lengths.shape[1] - 1 :: lengths.shape[1], None] - total + rng.integers(total, size=(len(lengths), n))
    episode = np.searchsorted(ends, step, side="right")
    return episode % lengths.shape[1], step - ends[episode] + lengths.reshape(-1)[episode]


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
