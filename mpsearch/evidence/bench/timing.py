"""Measures the rates of runs that take turns, and computes ratios of these rates."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from mpsearch.records import Array

Run = Callable[[], int]  # does some work and returns the number of steps that it did
Name = TypeVar("Name", bound=Hashable)


def rates(runs: Mapping[Name, Run], repeats: int, what: str | None = None) -> dict[Name, Array]:
    """Measure the steps per second [repeats] of each run.

    Each round calls every run once. One more round at the beginning is not counted, as a warm-up.

    Args:
        runs: the runs by name.
        repeats: the number of rounds that count.
        what: the label of the progress bar; without it there is no progress bar.
    """
    measured: dict[Name, list[float]] = {name: [] for name in runs}
    with tqdm(total=(repeats + 1) * len(runs), desc=what, disable=what is None, leave=False, unit="run") as bar:
        for turn in range(repeats + 1):
            for name, run in runs.items():
                gc.collect()
                start = time.perf_counter()
                steps = run()
                if turn:
                    measured[name].append(steps / (time.perf_counter() - start))
                bar.update()
    return {name: np.array(values) for name, values in measured.items()}


def ratio(rates: Array, others: Array) -> float:
    """Return the median of the ratios within the rounds.

    Both rates of a ratio come from the same round, so it does not matter if the machine's speed changes over time.
    """
    return float(np.median(rates / others))


def middle_half(rates: Array, others: Array) -> list[float]:
    """Return the quartiles of the ratios within the rounds, which show how precise their median is."""
    return [float(q) for q in np.quantile(rates / others, [0.25, 0.75])]


def once(run: Callable[[], Any]) -> Run:
    """Return a run that calls ``run`` and counts it as one step, to measure the time of a whole iteration."""

    def counted() -> int:
        run()
        return 1

    return counted
