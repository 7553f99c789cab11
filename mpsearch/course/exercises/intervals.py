"""Intervals that are drawn at random, compared: which of them differ by more than chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mpsearch.course.exercises.words import Mistake, as_array
from mpsearch.records import Array

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
    wrong = {words: averaged(mistaken, returns) for words, mistaken in typical.items()}
    gaps = {words: np.abs(found - its).max() / max(close, CLOSE * np.ptp(its) / 4) for words, its in wrong.items()}
    nearest = min(gaps, key=lambda words: gaps[words])
    if gaps[nearest] <= 1:
        raise Mistake(nearest)
    return found
