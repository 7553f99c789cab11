"""Rates of runs that take turns, and their ratios."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from mpsearch.records import Array

Run = Callable[[], int]  # does something, and says how many steps it took
Name = TypeVar("Name", bound=Hashable)


def rates(runs: Mapping[Name, Run], repeats: int, what: str | None = None) -> dict[Name, Array]:
    """Steps a second of each run [repeats], the runs taken in turns after one warm-up each.

    Args:
        what: is measured, for a progress bar; none without it.
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
    """The median over the rounds of their ratios: a machine that grows slower between rounds does not matter."""
    return float(np.median(rates / others))


def middle_half(rates: Array, others: Array) -> list[float]:
    """The quartiles over the rounds of the same ratios, as a sign of how sure their median is."""
    return [float(q) for q in np.quantile(rates / others, [0.25, 0.75])]


def once(run: Callable[[], Any]) -> Run:
    """``run`` counted as one step, whatever it takes: for the time of a whole iteration."""

    def counted() -> int:
        run()
        return 1

    return counted
