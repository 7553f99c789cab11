"""Evaluations with their intervals: what each method brings after the same environment steps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from mpsearch.errors import UsageError
from mpsearch.evaluation import Evaluation
from mpsearch.view.plots.style import count_axis, legend, line_style, new_axes, number


def plot_evaluations(evaluations: Mapping[str, Evaluation], axes: Axes | None = None) -> Axes:
    """Mean return against the environment steps spent on a task, one line a method, on a logarithmic axis from 0.

    The band is the 95 % bootstrap interval over seeds; with a single seed there is none. A method that needs no
    adaptation has one point.

    Args:
        evaluations: on the same tasks, by the name of the method.

    Raises:
        UsageError: there are none, or they are on different tasks.
    """
    _require_same_tasks(evaluations)
    axes = new_axes(axes, width=8.4)
    for i, (name, evaluation) in enumerate(evaluations.items()):
        style = line_style(i)
        axes.plot(evaluation.env_steps, evaluation.mean, label=name, **style)
        if len(evaluation.seeds) > 1:
            low, high = evaluation.interval().T
            axes.errorbar(
                evaluation.env_steps, evaluation.mean, [evaluation.mean - low, high - evaluation.mean],
                fmt="none", ecolor=style["color"], capsize=3,
            )  # fmt: skip
    steps = np.concatenate([evaluation.env_steps for evaluation in evaluations.values()])
    count_axis(axes, steps, "environment steps spent adapting, per task")
    axes.set_ylabel("mean return (sum of rewards)")
    legend(axes, "bar: 95 % interval over seeds", beside=True)
    return axes


def describe_evaluations(evaluations: Mapping[str, Evaluation]) -> str:
    """The alternative text of :func:`plot_evaluations`, written from the same numbers."""
    _require_same_tasks(evaluations)
    rows = []
    for name, evaluation in evaluations.items():
        pairs = zip(evaluation.env_steps, evaluation.mean, strict=True)
        points = ", ".join(f"{number(mean)} after {steps:,.0f}" for steps, mean in pairs)
        low, high = evaluation.interval()[-1] if len(evaluation.seeds) > 1 else (np.nan, np.nan)
        span = f" (95 % interval at the end {number(low)} to {number(high)})" if np.isfinite(low) else ""
        rows.append(f"{name}: {points}{span}")
    tasks = len(next(iter(evaluations.values())).tasks)
    return f"Mean return over {tasks} held-out tasks after environment steps spent adapting. {'; '.join(rows)}."


def _require_same_tasks(evaluations: Mapping[str, Evaluation]) -> None:
    if not evaluations:
        raise UsageError("there is nothing to plot: no evaluation was given")
    first = next(iter(evaluations.values()))
    for name, evaluation in evaluations.items():
        if not np.array_equal(evaluation.tasks, first.tasks):
            raise UsageError(f"{name} was evaluated on other tasks than {next(iter(evaluations))}; use the same ones")
