"""The trials of lesson 07's context sampler: transitions that carry their own address, so that each draw can be read.

The observation at step t of exploration n of task k is (k, n, t), and its action is (k, n), so a drawn row says where
it came from. A slot that holds no exploration yet is filled with -1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpsearch.course.exercises.words import Mistake, as_array
from mpsearch.records import Array

Sampler = Callable[..., Any]
CALLS = 200  # contexts drawn of each task, to see whether all that can be drawn is drawn
EMPTY = -1.0


@dataclass(frozen=True)
class Recorded:
    """The explorations of some tasks, as a replay keeps them: number n of a task is in slot ``n % slots``.

    Attributes:
        explored: [K] how many explorations each task ever had.
        slots: how many are kept.
        steps: of each.
    """

    explored: tuple[int, ...]
    slots: int = 4
    steps: int = 5

    def arrays(self) -> tuple[Array, Array, Array, Array]:
        """Observations [K, slots, T + 1, 3], actions [K, slots, T, 2], rewards [K, slots, T], explored [K]."""
        observations = np.full((len(self.explored), self.slots, self.steps + 1, 3), EMPTY)
        for k, count in enumerate(self.explored):
            for n in range(max(0, count - self.slots), count):
                for t in range(self.steps + 1):
                    observations[k, n % self.slots, t] = k, n, t
        rewards = 100 * observations[:, :, :-1, 1] + observations[:, :, :-1, 2]
        return observations, observations[:, :, :-1, :2].copy(), rewards, np.array(self.explored)


def sample_contexts(
    observations: Array, actions: Array, rewards: Array, explored: Array, tasks: Array,
    recent: int, episodes: int, least: int, most: int, rng: np.random.Generator,
) -> Array:  # fmt: skip
    """Contexts [M, N, C] for the M ``tasks``; the lesson says how they are drawn."""
    slots, steps = rewards.shape[1:]
    size = rng.integers(least, most + 1)
    contexts = []
    for k in tasks:
        kept = min(explored[k], slots, recent)
        window = min(kept, episodes)
        first = explored[k] - kept + rng.integers(kept - window + 1)
        slot = (first + rng.integers(window, size=size)) % slots
        step = rng.integers(steps, size=size)
        parts = observations[k, slot, step], actions[k, slot, step], rewards[k, slot, step, None]
        contexts.append(np.hstack([*parts, observations[k, slot, step + 1]]))
    return np.stack(contexts)


@dataclass(frozen=True)
class Draws:
    """Many contexts of the same tasks, by the address of each row.

    Attributes:
        shapes: of each context batch.
        number: for each task, its contexts, each the exploration numbers [N] of its rows.
        step: likewise, the steps.
    """

    sizes: list[int]
    number: list[list[Array]]
    step: list[list[Array]]


def draw_many(function: Sampler, recorded: Recorded, tasks: Array, options: tuple[int, ...]) -> Draws:
    """Call ``function`` again and again, and read every row's address.

    Raises:
        Mistake: a batch of contexts has a wrong shape or holds wrong rows.
    """
    rng, draws = np.random.default_rng(0), Draws([], [[] for _ in tasks], [[] for _ in tasks])
    for _ in range(CALLS):
        x = as_array(function(*recorded.arrays(), tasks, *options, rng))
        _require_rows(x, tasks)
        draws.sizes.append(x.shape[1])
        for m in range(len(tasks)):
            draws.number[m].append(x[m, :, 1])
            draws.step[m].append(x[m, :, 2])
    return draws


def _require_rows(x: Array, tasks: Array) -> None:
    if x.ndim != 3 or len(x) != len(tasks) or x.shape[2] != 9:
        raise Mistake(
            f"the contexts have shape {x.shape}; they must be [M, N, C] = [{len(tasks)}, N, 9]: a context for each"
            " task, with N rows (s, a, r, s'), here of 3 + 2 + 1 + 3 numbers"
        )
    if (x == EMPTY).any():
        raise Mistake("a row comes from a slot that holds no exploration yet: `explored` says how many there are")
    k, n, t = np.moveaxis(x[..., :3], -1, 0)
    if (k != tasks[:, None]).any():
        raise Mistake("a row is of another task than the one its context is for: use `tasks[m]`, not m")
    right = np.stack([k, n, t, k, n, 100 * n + t, k, n, t + 1], axis=-1)
    if (bad := (x != right).any(axis=(0, 1))).any():
        part = ("s", "s", "s", "a", "a", "r", "s'", "s'", "s'")[int(bad.argmax())]
        raise Mistake(f"the rows are not (s, a, r, s') of one step: {part} is of another step or exploration than s")


def require_sizes(draws: Draws, least: int, most: int) -> None:
    """Raise :class:`Mistake` unless all sizes from ``least`` to ``most`` occur, about equally often."""
    _require_even("sizes", np.array(draws.sizes), range(least, most + 1))


def require_latest(draws: Draws, recorded: Recorded, tasks: Array, recent: int) -> None:
    """Raise :class:`Mistake` unless all of the latest ``recent`` explorations are drawn, and no other."""
    for m, k in enumerate(tasks):
        count = recorded.explored[k]
        kept = min(count, recorded.slots, recent)
        _require_even(f"explorations of task {k}", np.concatenate(draws.number[m]), range(count - kept, count))


def require_steps(draws: Draws, steps: int) -> None:
    """Raise :class:`Mistake` unless all steps are drawn, and each task has draws of its own."""
    _require_even("steps", np.concatenate([np.concatenate(rows) for rows in draws.step]), range(steps))
    for first, second in zip(draws.step[0], draws.step[1], strict=True):
        if not np.array_equal(first, second):
            return
    raise Mistake("all tasks get the same steps: draw anew for each task")


def require_windows(draws: Draws, recorded: Recorded, tasks: Array, options: tuple[int, int]) -> None:
    """Raise :class:`Mistake` unless each context comes from a window of successive explorations, each window alike."""
    recent, episodes = options
    for m, k in enumerate(tasks):
        count = recorded.explored[k]
        kept = min(count, recorded.slots, recent)
        window = min(kept, episodes)
        if any(np.ptp(numbers) >= window for numbers in draws.number[m]):
            raise Mistake(
                f"a context mixes explorations that lie farther apart than {window} successive ones: draw where the"
                " window begins once for each context"
            )
        if window > 1 and not any(np.ptp(numbers) == window - 1 for numbers in draws.number[m]):
            raise Mistake(f"a context never holds rows of {window} explorations: draw the exploration for each row")
        firsts = np.array([numbers.min() for numbers in draws.number[m]])
        _require_even(f"windows of task {k}", firsts, range(count - kept, count - window + 1))


def _require_even(what: str, found: Array, allowed: range) -> None:
    values, counts = np.unique(found, return_counts=True)
    if strangers := [int(value) for value in values if value not in allowed]:
        raise Mistake(f"among the {what} is {strangers[0]}; allowed are {allowed[0]} to {allowed[-1]}")
    if missing := [value for value in allowed if value not in values]:
        raise Mistake(f"among the {what} is never {missing[0]}; it must occur like the others")
    if counts.max() > 2.2 * counts.min():
        raise Mistake(
            f"the {what} are not drawn equally often: {int(values[counts.argmin()])} occurs {counts.min()} times,"
            f" {int(values[counts.argmax()])} occurs {counts.max()} times"
        )


def require_seeded(function: Sampler, recorded: Recorded, tasks: Array, options: tuple[int, ...]) -> None:
    """Raise :class:`Mistake` unless ``rng``, and nothing else, decides what is drawn."""
    first, again, other = (
        as_array(function(*recorded.arrays(), tasks, *options, np.random.default_rng(seed))) for seed in (1, 1, 2)
    )
    if not np.array_equal(first, again):
        raise Mistake("two generators with the same seed gave two results: draw with `rng`, and with nothing else")
    if np.array_equal(first, other):
        raise Mistake("two generators with different seeds gave the same contexts: draw with `rng`")
