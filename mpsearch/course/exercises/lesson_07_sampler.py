"""The larger exercise of lesson 07: a context sampler. Its transitions carry their address, so each draw can be read.

The observation at step t of exploration n of task k is (k, n, t), and its action is (k, n), so a drawn row says where
it came from. A slot that holds no exploration yet is filled with -1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpsearch.course.exercises.exercise import FillIn, Trial
from mpsearch.course.exercises.staged import Staged
from mpsearch.course.exercises.words import Mistake, as_array
from mpsearch.language import say
from mpsearch.records import Array

LESSON, NAME = "07_pearl_on_halfcheetah", "sample_contexts"
Sampler = Callable[..., Any]
Options = tuple[int, int, int, int]  # recent, episodes, least, most
CALLS = 200  # contexts drawn of each task, to see whether all that can be drawn is drawn
EMPTY = -1.0
TASKS = np.array([2, 0])  # those for which contexts are asked


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

    def latest(self, task: int, recent: int) -> range:
        """The numbers of the latest ``recent`` explorations of ``task`` that are kept."""
        count = self.explored[task]
        return range(count - min(count, self.slots, recent), count)


def right_contexts(
    observations: Array,
    actions: Array,
    rewards: Array,
    explored: Array,
    tasks: Array,
    recent: int,
    episodes: int,
    least: int,
    most: int,
    rng: np.random.Generator,
) -> Array:
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
        recorded: what they were drawn from.
        sizes: of each batch of contexts.
        number: for each task, its contexts, each the exploration numbers [N] of its rows.
        step: likewise, the steps.
    """

    recorded: Recorded
    sizes: list[int]
    number: list[list[Array]]
    step: list[list[Array]]


def draw_many(function: Sampler, arguments: tuple[Any, ...]) -> Draws:
    """Call ``function(*arguments)`` again and again, and read every row's address.

    Raises:
        Mistake: a batch of contexts has a wrong shape or holds wrong rows.
    """
    _, _, rewards, explored, *_ = arguments
    recorded = Recorded(tuple(explored), *rewards.shape[1:])
    draws = Draws(recorded, [], [[] for _ in TASKS], [[] for _ in TASKS])
    for _ in range(CALLS):
        x = as_array(function(*arguments))
        _require_rows(x)
        draws.sizes.append(x.shape[1])
        for m in range(len(TASKS)):
            draws.number[m].append(x[m, :, 1])
            draws.step[m].append(x[m, :, 2])
    return draws


def _require_rows(x: Array) -> None:
    if x.ndim != 3 or len(x) != len(TASKS) or x.shape[2] != 9:
        raise Mistake(
            say(
                "the contexts have shape {shape}; they must be [M, N, C] = [{tasks}, N, 9]: a context for each"
                " task, with N rows (s, a, r, s'), here of 3 + 2 + 1 + 3 numbers",
                shape=x.shape,
                tasks=len(TASKS),
            )
        )
    if (x == EMPTY).any():
        raise Mistake("a row comes from a slot that holds no exploration yet: `explored` says how many there are")
    k, n, t = np.moveaxis(x[..., :3], -1, 0)
    if (k != TASKS[:, None]).any():
        raise Mistake("a row is of another task than the one its context is for: use `tasks[m]`, not m")
    right = np.stack([k, n, t, k, n, 100 * n + t, k, n, t + 1], axis=-1)
    if (bad := (x != right).any(axis=(0, 1))).any():
        part = ("s", "s", "s", "a", "a", "r", "s'", "s'", "s'")[int(bad.argmax())]
        raise Mistake(
            say(
                "the rows are not (s, a, r, s') of one step: {part} is of another step or exploration than s", part=part
            )
        )


def require_sizes(draws: Draws, options: Options) -> None:
    """Raise :class:`Mistake` unless all sizes that are allowed occur, about equally often."""
    _, _, least, most = options
    _require_even(say("sizes"), np.array(draws.sizes), range(least, most + 1))


def require_steps(draws: Draws, options: Options) -> None:
    """Raise :class:`Mistake` unless all steps are drawn, and each task has draws of its own."""
    _require_even(
        say("steps"), np.concatenate([np.concatenate(rows) for rows in draws.step]), range(draws.recorded.steps)
    )
    if all(np.array_equal(*rows) for rows in zip(*draws.step, strict=True)):
        raise Mistake("all tasks get the same steps: draw anew for each task")


def require_latest(draws: Draws, options: Options) -> None:
    """Raise :class:`Mistake` unless all of the latest explorations are drawn, and no other."""
    for m, k in enumerate(TASKS):
        latest = draws.recorded.latest(k, options[0])
        _require_even(say("explorations of task {k}", k=k), np.concatenate(draws.number[m]), latest)


def require_windows(draws: Draws, options: Options) -> None:
    """Raise :class:`Mistake` unless each context comes from a window of successive explorations, each window alike."""
    recent, episodes, _, _ = options
    for m, k in enumerate(TASKS):
        latest = draws.recorded.latest(k, recent)
        window = min(len(latest), episodes)
        if any(np.ptp(numbers) >= window for numbers in draws.number[m]):
            raise Mistake(
                say(
                    "a context mixes explorations that lie farther apart than {window} successive ones: draw where the"
                    " window begins once for each context",
                    window=window,
                )
            )
        if window > 1 and not any(np.ptp(numbers) == window - 1 for numbers in draws.number[m]):
            words = say(
                "a context never holds rows of {window} explorations: draw the exploration for each row", window=window
            )
            raise Mistake(words)
        firsts = np.array([numbers.min() for numbers in draws.number[m]])
        _require_even(say("windows of task {k}", k=k), firsts, latest[: len(latest) - window + 1])


def _require_even(what: str, found: Array, allowed: range) -> None:
    values, counts = np.unique(found, return_counts=True)
    if strangers := [int(value) for value in values if value not in allowed]:
        between = {"first": allowed[0], "last": allowed[-1]}
        raise Mistake(
            say("among the {what} is {x}; allowed are {first} to {last}", what=what, x=strangers[0], **between)
        )
    if missing := [value for value in allowed if value not in values]:
        raise Mistake(say("among the {what} is never {x}; it must occur like the others", what=what, x=missing[0]))
    if counts.max() > 2.2 * counts.min():
        raise Mistake(
            say(
                "the {what} are not drawn equally often: {rare} occurs {least} times, {usual} occurs {most} times",
                what=what,
                rare=values[counts.argmin()],
                least=counts.min(),
                usual=values[counts.argmax()],
                most=counts.max(),
            )
        )


def _require_seeded(function: Sampler, arguments: tuple[Any, ...]) -> None:
    """Raise :class:`Mistake` unless ``rng``, the last argument, and nothing else decides what is drawn."""
    first, again, other = (as_array(function(*arguments[:-1], np.random.default_rng(seed))) for seed in (1, 1, 2))
    if not np.array_equal(first, again):
        raise Mistake("two generators with the same seed gave two results: draw with `rng`, and with nothing else")
    if np.array_equal(first, other):
        raise Mistake("two generators with different seeds gave the same contexts: draw with `rng`")


def _stage(require: Callable[[Draws, Options], None] | None, *trials: tuple[str, Recorded, Options]) -> FillIn:
    """A stage that asks for right rows and for what ``require`` asks for; without it, for randomness by ``rng``."""

    def probe(function: Sampler, arguments: tuple[Any, ...]) -> Array:
        if require:
            require(draw_many(function, arguments), arguments[5:9])
        else:
            _require_seeded(function, arguments)
        return np.zeros(1)  # all that is random has been checked

    def made() -> list[Trial]:
        return [
            (words, (*recorded.arrays(), TASKS, *options, np.random.default_rng(0)))
            for words, recorded, options in trials
        ]

    return FillIn(
        lesson=LESSON, name=NAME, hints=(), moral="", reference=right_contexts, trials=made, probe=probe, stops=STOPS
    )


STOPS = {
    "index": "a step or a slot lies beyond the end; s' is one step after s, and observations have one step more",
    "must have same number of dimensions": "rewards have one axis less than the rest; give them one more",
    "inhomogeneous": "the contexts have different sizes; draw one size for all tasks of a call",
    "must be of same": "the contexts have different sizes; draw one size for all tasks of a call",
    "must have the same shape": "the contexts have different sizes; draw one size for all tasks of a call",
    "low >= high": "nothing is left to draw from; rng.integers(n) draws 0 to n - 1",
}
SHORT, LONG = Recorded(explored=(2, 3, 4)), Recorded(explored=(6, 9, 11), slots=5)
sample_contexts = Staged(
    lesson=LESSON,
    name=NAME,
    stages={
        "rows (s, a, r, s') of the right tasks": _stage(lambda draws, options: None, ("size 3", SHORT, (4, 4, 3, 3))),
        "the size of a context": _stage(require_sizes, ("sizes 2 to 5", SHORT, (4, 4, 2, 5))),
        "every step": _stage(require_steps, ("windows of one exploration", SHORT, (4, 1, 3, 3))),
        "the latest explorations": _stage(
            require_latest, ("recent = 3", LONG, (3, 1, 3, 3)), ("recent = 9, more than there are", SHORT, (9, 1, 3, 3))
        ),
        "windows of successive explorations": _stage(require_windows, ("episodes = 2", LONG, (4, 2, 20, 20))),
        "randomness": _stage(None, ("two seeds", LONG, (4, 2, 6, 6))),
    },
    hints=(
        "Build it in the order of the stages: rows of the right tasks, then the size, then which explorations.",
        "The kept explorations of a task have the numbers explored[k] - kept to explored[k] - 1, where kept is the"
        " least of explored[k], the slots and `recent`. Number n is in slot n % slots.",
        "Draw the beginning of the window once for each task; draw which exploration of it, and which step, once for"
        " each row.",
    ),
    moral="whose transitions, how many, how old: none of this is in PEARL's equations, and all of it decides what the"
    " encoder can learn.",
)
