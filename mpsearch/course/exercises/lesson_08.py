"""The exercises of lesson 08, which one, when?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from mpsearch.course.exercises.exercise import FillIn, FindTheBug, Predict, Trial
from mpsearch.course.exercises.words import Mistake, as_array
from mpsearch.evaluation import Evaluation
from mpsearch.records import Array

LESSON = "08_which_one_when"
RESAMPLES = 2_000
CALLS = 10  # how often a function is called; its intervals are random, so they are averaged
# Averaged intervals whose ends differ by less than this many standard errors count as equal. Chance makes a smaller
# difference; a 90 % interval differs from a 95 % interval by more.
CLOSE = 0.12

Interval = Callable[[Array, np.random.Generator], Any]


def resampled_interval(
    runs: Array, rng: np.random.Generator, cut: tuple[float, float] = (0.025, 0.975), size: int | None = None
) -> Array:
    """Return the bootstrap interval [2] of the mean of ``runs`` [R].

    Args:
        runs: [R] one number for each run.
        rng: the generator that draws the resamples.
        cut: the quantiles at the two ends; by default those of a 95 % interval.
        size: the number of runs in a resample; R by default.
    """
    draws = rng.integers(len(runs), size=(RESAMPLES, size or len(runs)))
    return np.quantile(runs[draws].mean(axis=1), cut)


def one_standard_error(runs: Array, rng: np.random.Generator) -> Array:
    """Return the interval [2] from one standard error below the mean to one standard error above it."""
    return runs.mean() + np.array([-1, 1]) * runs.std() / np.sqrt(len(runs))


def averaged(function: Interval, returns: Array) -> Array:
    """Return the interval that ``function`` computes, averaged over :data:`CALLS` generators.

    Raises:
        Mistake: the shape of the result varies, or the result does not depend on the generator alone.
    """
    found = [as_array(function(returns.copy(), np.random.default_rng(i))) for i in range(CALLS)]
    if any(np.shape(each) != np.shape(found[0]) for each in found):
        raise Mistake("the shape of the result changes from call to call; return the two ends, low and high")
    if not np.array_equal(found[0], as_array(function(returns.copy(), np.random.default_rng(0)))):
        raise Mistake("two generators with the same seed gave two results: draw with `rng`, and with nothing else")
    return np.mean(found, axis=0)


def settled(function: Interval, arguments: tuple[Any, ...], right: Interval, typical: Mapping[str, Interval]) -> Array:
    """Return the averaged interval, or exactly the ``right`` one if the two differ only by chance.

    Raises:
        Mistake: the interval is one of the ``typical`` wrong ones, or its ends are in the wrong order.
    """
    returns = arguments[0]
    found, expected = averaged(function, returns), averaged(right, returns)
    if np.shape(found) != (2,) or not np.isfinite(found).all():
        return found
    close = CLOSE * (expected[1] - expected[0]) / 4  # the width is about four standard errors
    if np.abs(found - expected).max() <= close:
        return expected
    if found[0] > found[1]:
        raise Mistake("the lower end is above the upper one: return the low end first")
    for words, mistaken in typical.items():
        if np.abs(found - averaged(mistaken, returns)).max() <= close:
            raise Mistake(words)
    return found


bootstrap_interval = FillIn(
    lesson=LESSON,
    name="bootstrap_interval",
    reference=resampled_interval,
    trials=lambda: [
        ("five runs", (np.array([600.0, 640.0, 650.0, 660.0, 760.0]), np.random.default_rng(0))),
        ("nine runs", (-np.array([30.0, 31.0, 32.0, 34.0, 37.0, 41.0, 47.0, 58.0, 90.0]), np.random.default_rng(0))),
    ],
    probe=lambda function, arguments: settled(
        function,
        arguments,
        resampled_interval,
        {
            "the interval has next to no width: draw R of the R runs each time, *with* replacement": partial(
                resampled_interval, size=2_000
            ),
            "it is the spread of single runs, not of their mean: take the mean of each resample": partial(
                resampled_interval, size=1
            ),
            "it is the spread of the runs you were given: take the mean of each resample": lambda runs, rng: (
                np.quantile(runs, [0.025, 0.975])
            ),
            "it is a 90 % interval: cut off 2.5 % at *each* end": partial(resampled_interval, cut=(0.05, 0.95)),
            "it is one standard error to each side, which is a 68 % interval": one_standard_error,
            "it is the formula with 1.96 standard errors; use quantiles of the resamples": lambda runs, rng: (
                runs.mean() + np.array([-1.96, 1.96]) * runs.std(ddof=1) / np.sqrt(len(runs))
            ),
        },
    ),
    result="the interval [low, high], a mean over ten generators,",
    hints=(
        "A resample has as many runs as the data, drawn with replacement. Make 2000, and take the mean of each.",
        "rng.integers(R, size=(2000, R)) gives the indices of all draws; runs[indices] has their values, [2000, R].",
        "np.quantile(means, [0.025, 0.975]) cuts off 2.5 % at each end.",
    ),
    moral="the interval says how much the mean changes when the runs are drawn again. No formula was needed: the same"
    " lines work for any number that can be computed from the runs.",
)


def clearly_higher(maml: Evaluation, pearl: Evaluation) -> str:
    """Whose interval at the end lies above the other's."""
    a, b = maml.interval()[-1], pearl.interval()[-1]
    return "maml" if a[0] > b[1] else "pearl" if b[0] > a[1] else "unclear"


beyond = Predict(
    lesson=LESSON,
    name="beyond",
    choices=("maml", "pearl", "unclear"),
    outcome=clearly_higher,
    hints=(
        "There are arguments for both. Which of them do you believe?",
        "Who ends higher depends on more than on how a method adapts: also on how well its policy runs.",
        'Intervals that overlap mean "unclear"; here they are far apart.',
    ),
    moral="Both lose much of their return outside the range. Gradient steps work for any task, but that is not"
    " enough: a few of them must suffice, from a start that was never trained to run so fast.",
)


def recipe_mean_interval(returns: Array, rng: np.random.Generator) -> Array:
    """Return the bootstrap interval [2] of the mean over trainings, from returns [trainings, adaptation seeds]."""
    return resampled_interval(returns.mean(axis=1), rng)


def _trainings() -> list[Trial]:
    trials: list[Trial] = []
    for trainings, seeds in ((8, 10), (12, 20)):
        rng = np.random.default_rng(trainings)
        returns = 700 + rng.normal(0, 40, (trainings, 1)) + rng.normal(0, 10, (trainings, seeds))
        words = f"{trainings} trainings, each with {seeds} adaptation seeds"
        trials.append((words, (returns, np.random.default_rng(0))))
    return trials


recipe_interval = FindTheBug(
    lesson=LESSON,
    name="recipe_interval",
    reference=recipe_mean_interval,
    trials=_trainings,
    probe=lambda function, arguments: settled(
        function,
        arguments,
        recipe_mean_interval,
        {
            "it still counts each adaptation as a training of its own; average them first": lambda returns, rng: (
                resampled_interval(returns.reshape(-1), rng)
            ),
            "it averages trainings and resamples seeds; it should be the other way round": lambda returns, rng: (
                resampled_interval(returns.mean(axis=0), rng)
            ),
            "it is the interval of the best training alone": lambda returns, rng: resampled_interval(
                returns[returns.mean(axis=1).argmax()], rng
            ),
            "it is the interval of the first training alone": lambda returns, rng: resampled_interval(returns[0], rng),
        },
    ),
    result="the interval [low, high], a mean over ten generators,",
    hints=(
        "How many numbers does `runs` hold? How many trainings were there?",
        "All adaptations of one training use the same weights. If that training was lucky, all of them are good.",
        "First give each training one number, its mean over the adaptation seeds. Then draw the resamples.",
    ),
    moral="resample what a repetition of the experiment would repeat. Repeating it means training again, with new"
    " weights, so the trainings are what must be resampled.",
)
