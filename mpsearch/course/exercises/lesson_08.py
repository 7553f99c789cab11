"""The exercises of lesson 08, which one, when?"""

from __future__ import annotations

from functools import partial

import numpy as np

from mpsearch.course.exercises.exercise import FillIn, FindTheBug, Predict, Trial
from mpsearch.course.exercises.intervals import RESAMPLES, one_standard_error, resampled_interval, settled
from mpsearch.course.exercises.lesson_08_returns import LESSON
from mpsearch.course.exercises.lesson_08_returns import evaluate_returns as evaluate_returns
from mpsearch.course.exercises.lesson_08_returns import evaluated as evaluated
from mpsearch.evaluation import Evaluation, difference
from mpsearch.records import Array

bootstrap_interval = FillIn(
    lesson=LESSON,
    name="bootstrap_interval",
    reference=resampled_interval,
    trials=lambda: [
        ("nine runs", (-np.array([30.0, 31.0, 32.0, 34.0, 37.0, 41.0, 47.0, 58.0, 90.0]), np.random.default_rng(0))),
        ("six runs", (np.array([603.1, 617.9, 642.3, 655.8, 671.4, 712.6]), np.random.default_rng(0))),
    ],
    probe=lambda function, arguments: settled(
        function,
        arguments,
        resampled_interval,
        {
            "the interval has next to no width at all: draw *with* replacement": lambda runs, rng: np.repeat(
                runs.mean(), 2
            ),
            "the interval has next to no width: draw R of the R runs each time, *with* replacement": partial(
                resampled_interval, size=2_000
            ),
            "it is the spread of single runs, not of their mean: take the mean of each resample": partial(
                resampled_interval, size=1
            ),
            "it is the spread of the runs you were given: take the mean of each resample": lambda runs, rng: (
                np.quantile(runs, [0.025, 0.975])
            ),
            "it is the interval of the median; take the *mean* of each resample": lambda runs, rng: np.quantile(
                np.median(runs[rng.integers(len(runs), size=(RESAMPLES, len(runs)))], axis=1), [0.025, 0.975]
            ),
            "a resample has one run too few: draw as many as there are": lambda runs, rng: resampled_interval(
                runs, rng, size=len(runs) - 1
            ),
            "it is 1.96 standard errors, with ddof=0; use quantiles of the resamples": lambda runs, rng: (
                runs.mean() + np.array([-1.96, 1.96]) * runs.std() / np.sqrt(len(runs))
            ),
            "it is two standard deviations of the resamples to each side; use their quantiles": lambda runs, rng: (
                runs.mean() + np.array([-2, 2]) * runs.std() / np.sqrt(len(runs))
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
        "np.quantile gives the ends; which two shares leave 95 % between them?",
    ),
    moral="the interval says how much the mean changes when the runs are drawn again. No formula was needed: the same"
    " lines work for any number that can be computed from the runs.",
)


def clearly_higher(maml: Evaluation, pearl: Evaluation) -> str:
    """Which of the two ends higher, by the interval of their difference: "unclear" if it holds 0."""
    _, low, high = difference(maml, pearl)
    return "maml" if low > 0 else "pearl" if high < 0 else "unclear"


beyond = Predict(
    lesson=LESSON,
    name="beyond",
    choices=("maml", "pearl", "unclear"),
    outcome=clearly_higher,
    also={"neither": "unclear", "alike": "unclear", "same": "unclear", "no difference": "unclear"},
    hints=(
        "There are arguments for both. Which of them do you believe?",
        "Who ends higher depends on more than on how a method adapts: also on how well its policy runs.",
        "Few gradient steps must turn a start that never ran so fast; a z only has to go a little beyond its range.",
    ),
    moral="Both lose much of their return outside the range. Gradient steps work for any task, but that is not"
    " enough: a few of them must suffice, from a start that was never trained to run so fast.",
)


def recipe_mean_interval(returns: Array, rng: np.random.Generator) -> Array:
    """Return the bootstrap interval [2] of the mean over trainings, from returns [trainings, adaptation seeds]."""
    return resampled_interval(returns.mean(axis=1), rng)


def _trainings() -> list[Trial]:
    trials: list[Trial] = []
    for trainings, seeds, noise in ((8, 10, 10), (12, 20, 10), (10, 20, 40)):
        rng = np.random.default_rng(trainings)
        returns = 700 + rng.normal(0, 40, (trainings, 1)) + rng.normal(0, noise, (trainings, seeds))
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
            "it pools all adaptations, and draws as many as there are trainings; average first": lambda x, rng: (
                resampled_interval(x.reshape(-1), rng, size=len(x))
            ),
            "only the first adaptation seed of each training counts; average over all": lambda returns, rng: (
                resampled_interval(returns[:, 0], rng)
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
