"""Numbers and tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mpsearch.evaluation import Evaluation


def table(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a Markdown table, or a note that nothing was measured if there are no rows."""
    heads, rows = list(heads), list(rows)
    if not rows:
        return "*Not measured yet.*\n"
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def span(mean: float, interval: Iterable[float] | None = None) -> str:
    """Return a mean with its interval as text."""
    low_high = "" if interval is None else " [{}, {}]".format(*map(round, interval))
    return f"{round(mean)}{low_high}"


def stage(evaluation: Evaluation, number: int = -1) -> str:
    """Return the mean and interval of one stage as text; by default of the last stage."""
    return span(evaluation.mean[number], evaluation.interval()[number])


def stages(evaluation: Evaluation) -> list[str]:
    """Return the mean and interval of every stage as text."""
    return [stage(evaluation, number) for number in range(len(evaluation.mean))]


def failures(evaluation: Evaluation) -> list[str]:
    """Return the lowest return at the end, and the share of adaptations that ended below their return before."""
    return [f"{evaluation.worst[-1]:.0f}", f"{evaluation.fell[-1]:.0%}"]


FAILURES = ("worst at the end", "ended below before")


def training_cost(training: dict[str, Any]) -> tuple[str, str]:
    """Return the environment steps of a training in millions, and its core-minutes, as text."""
    return f"{training['env_steps'] / 1e6:.3g} M", f"{training['core_minutes']:.0f}"
