"""The larger exercise of lesson 08: an evaluation from raw returns, which is checked part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from mpsearch.course.exercises.exercise import FillIn, Trial
from mpsearch.course.exercises.intervals import RESAMPLES, Interval, resampled_interval, settled
from mpsearch.course.exercises.staged import Staged
from mpsearch.course.exercises.words import Mistake, as_array
from mpsearch.language import say
from mpsearch.records import Array

LESSON, NAME = "08_which_one_when", "evaluate_returns"
PARTS = ("mean", "worst", "fell", "interval", "difference")


def evaluated(ours: Array, theirs: Array, rng: np.random.Generator) -> dict[str, Any]:
    """Evaluate raw returns [seeds, tasks, stages, episodes] of two methods; the lesson says what is asked for."""
    ours, theirs = ours.mean(axis=-1), theirs.mean(axis=-1)  # [R, K, S]
    runs = ours.mean(axis=1)  # [R, S]
    gaps = ours[..., -1].mean(axis=0) - theirs[..., -1].mean(axis=0)  # [K]
    return {
        "mean": runs.mean(axis=0),
        "worst": ours.min(axis=(0, 1)),
        "fell": (ours < ours[..., :1]).mean(axis=(0, 1)),
        "interval": np.stack([resampled_interval(column, rng) for column in runs.T]),
        "difference": np.array([gaps.mean(), *resampled_interval(gaps, rng)]),
    }


def _raw_returns() -> tuple[Array, Array]:
    """Two methods on seven tasks that differ a lot, with a last stage that helps on most."""
    rng = np.random.default_rng(8)
    tasks, gains = rng.normal(0, 60, (1, 7, 1, 1)), np.array([0.0, 20.0, 30.0])[:, None]
    ours = 100 + tasks + gains + rng.normal(0, 25, (9, 1, 3, 1)) + rng.normal(0, 15, (9, 7, 3, 4))
    theirs = 95 + 0.7 * tasks + gains + rng.normal(0, 15, (6, 7, 3, 4))
    return ours.round(1), theirs.round(1)


def _part(function: Callable[..., Any], ours: Array, theirs: Array, rng: Any, part: str) -> Any:
    found = function(ours.copy(), theirs.copy(), rng)
    if not isinstance(found, Mapping):
        raise Mistake(
            say(
                "the result must be a dictionary with {parts}, not a {kind}",
                parts=", ".join(map(repr, PARTS)),
                kind=type(found).__name__,
            )
        )
    if part not in found:
        raise Mistake(say("the dictionary has no {part!r} yet", part=part))
    return found[part]


def _probe(part: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """One part of what ``function`` returns; where it was drawn at random, the right one if it differs by chance only.

    Raises:
        Mistake: the part is missing, or is one of the typical wrong ones.
    """
    ours, theirs, _ = arguments
    if part == "interval":
        return np.stack([_settled_interval(function, ours, theirs, stage) for stage in range(ours.shape[2])])
    if part == "difference":
        return _settled_difference(function, ours, theirs)
    return _part(function, ours, theirs, np.random.default_rng(0), part)


def _settled_interval(function: Callable[..., Any], ours: Array, theirs: Array, stage: int) -> Array:
    def mine(raw: Array, rng: np.random.Generator) -> Any:
        return _row(_part(function, raw, theirs, rng, "interval"), (ours.shape[2], 2), "interval")[stage]

    def right(raw: Array, rng: np.random.Generator) -> Array:
        return resampled_interval(raw.mean(axis=(1, 3))[:, stage], rng)

    typical: dict[str, Interval] = {
        "it draws tasks anew; this interval is over seeds": lambda raw, rng: resampled_interval(
            raw.mean(axis=(0, 3))[:, stage], rng
        ),
        "it pools seeds and tasks, as if each task were another run; average over tasks first": lambda raw, rng: (
            resampled_interval(raw.mean(axis=3)[:, :, stage].reshape(-1), rng)
        ),
        "it pools everything, episodes too; average over episodes and tasks first": lambda raw, rng: resampled_interval(
            raw[:, :, stage].reshape(-1), rng
        ),
        "it is the spread of the runs, not of their mean": lambda raw, rng: np.quantile(
            raw.mean(axis=(1, 3))[:, stage], [0.025, 0.975]
        ),
    }
    return settled(mine, (ours,), right, typical)


def _settled_difference(function: Callable[..., Any], ours: Array, theirs: Array) -> Array:
    def gaps(raw: Array) -> Array:
        return np.asarray(raw[:, :, -1].mean(axis=(0, 2)) - theirs[:, :, -1].mean(axis=(0, 2)))

    def mine(raw: Array, rng: np.random.Generator) -> Any:
        return _row(_part(function, raw, theirs, rng, "difference"), (3,), "difference")[1:]

    first = _row(_part(function, ours, theirs, np.random.default_rng(0), "difference"), (3,), "difference")[0]
    if abs(first - gaps(ours).mean()) > 1e-6 * abs(first) + 1e-9:
        flipped = abs(first + gaps(ours).mean()) < 1e-6
        sign = say("of the opposite sign: take ours minus theirs") if flipped else say("wrong")
        raise Mistake(
            say("the mean difference at the last stage is {first:.4g}, which is {sign}", first=first, sign=sign)
        )

    def independent(raw: Array, rng: np.random.Generator) -> Array:
        def drawn(x: Array) -> Array:
            per_task = x[:, :, -1].mean(axis=(0, 2))
            return np.asarray(per_task[rng.integers(len(per_task), size=(RESAMPLES, len(per_task)))].mean(axis=1))

        return np.quantile(drawn(raw) - drawn(theirs), [0.025, 0.975])

    typical: dict[str, Interval] = {
        "the tasks of ours and theirs are drawn apart; they are the same: subtract first, then draw": independent,
        "it draws seeds anew; the difference is asked over tasks": lambda raw, rng: np.quantile(
            _over_seeds(raw, rng) - _over_seeds(theirs, rng), [0.025, 0.975]
        ),
        "it takes the ends of two intervals; overlap is no interval of a difference": lambda raw, rng: (
            resampled_interval(raw[:, :, -1].mean(axis=(1, 2)), rng)
            - resampled_interval(theirs[:, :, -1].mean(axis=(1, 2)), rng)[::-1]
        ),
    }
    right: Interval = lambda raw, rng: resampled_interval(gaps(raw), rng)  # noqa: E731
    return np.array([gaps(ours).mean(), *settled(mine, (ours,), right, typical)])


def _over_seeds(raw: Array, rng: np.random.Generator) -> Array:
    runs = raw[:, :, -1].mean(axis=(1, 2))
    return np.asarray(runs[rng.integers(len(runs), size=(RESAMPLES, len(runs)))].mean(axis=1))


def _row(value: Any, shape: tuple[int, ...], part: str) -> Array:
    found = as_array(value)
    if found.shape != shape:
        raise Mistake(say("{part!r} has shape {found}; it must be {right}", part=part, found=found.shape, right=shape))
    return found


def _with(part: str, value: Callable[[Array], Any]) -> Callable[..., Any]:
    """A right evaluation, but for one ``part``, which is ``value`` of our returns."""
    return lambda ours, theirs, rng: evaluated(ours, theirs, rng) | {part: value(ours)}


MISTAKES: dict[str, dict[str, Callable[[Array], Any]]] = {
    "mean": {},
    "worst": {
        "the worst single episode counts; average over episodes first": lambda x: x.min((0, 1, 3)),
        "it is the worst seed's mean; a task can hide in it": lambda x: x.mean((1, 3)).min(0),
        "it is the worst task's mean; a seed can hide in it": lambda x: x.mean((0, 3)).min(0),
    },
    "fell": {
        "it counts single episodes; average over episodes first": lambda x: (x < x[:, :, :1]).mean((0, 1, 3)),
        "it compares with the stage before; compare with the first one": lambda x: np.r_[
            0, (np.diff(x.mean(3), axis=-1) < 0).mean((0, 1))
        ],
        "it is the share that rose": lambda x: (x.mean(3) > x.mean(3)[..., :1]).mean((0, 1)),
        "it compares the means of seeds; compare each task of each seed": lambda x: (
            x.mean((1, 3)) < x.mean((1, 3))[:, :1]
        ).mean(0),
    },
    "interval": {},  # what is drawn at random is told apart by _settled_interval and _settled_difference
    "difference": {},
}


def _trials() -> list[Trial]:
    return [("returns of 9 seeds, 7 tasks, 3 stages and 4 episodes", (*_raw_returns(), np.random.default_rng(0)))]


def _stage(part: str) -> FillIn:
    return FillIn(
        lesson=LESSON,
        name=NAME,
        hints=(),
        moral="",
        reference=evaluated,
        trials=_trials,
        probe=partial(_probe, part),
        result="it",
        mistakes={words: _with(part, value) for words, value in MISTAKES[part].items()},
    )


evaluate_returns = Staged(
    lesson=LESSON,
    name=NAME,
    stages={repr(part): _stage(part) for part in PARTS},
    hints=(
        "First take the mean over episodes: what is left is [seeds, tasks, stages], and a run is a mean over tasks.",
        "The interval draws rows of `runs` [R, S] anew; the difference draws of the gaps [K] at the last stage.",
        "In `fell`, each task of each seed is compared with its own first stage, then counted over both axes.",
    ),
    moral="mean, worst, how many fell, an interval that says over what, and a difference with its own: with these five"
    " a result can be judged.",
)
