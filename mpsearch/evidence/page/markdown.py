"""Numbers and tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mpsearch.evaluation import Evaluation


def table(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A Markdown table; without rows it says that there are none yet."""
    heads, rows = list(heads), list(rows)
    if not rows:
        return "*Not measured yet.*\n"
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def span(mean: float, interval: Iterable[float] | None = None) -> str:
    """A mean with its interval."""
    low_high = "" if interval is None else " [{}, {}]".format(*map(round, interval))
    return f"{round(mean)}{low_high}"


def stage(evaluation: Evaluation, number: int = -1) -> str:
    """Mean and interval of one stage, the last if none is named."""
    return span(evaluation.mean[number], evaluation.interval()[number])


def stages(evaluation: Evaluation) -> list[str]:
    """Mean and interval of every stage."""
    return [stage(evaluation, number) for number in range(len(evaluation.mean))]


def failures(evaluation: Evaluation) -> list[str]:
    """What a mean hides: the worst task and seed at the end, and the share that ended below its return before."""
    return [f"{evaluation.worst[-1]:.0f}", f"{evaluation.fell[-1]:.0%}"]


FAILURES = ("worst at the end", "ended below before")


def training_cost(training: dict[str, Any]) -> tuple[str, str]:
    """Environment steps in millions, and core-minutes, of a training."""
    return f"{training['env_steps'] / 1e6:.3g} M", f"{training['core_minutes']:.0f}"
