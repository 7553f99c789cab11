"""Evaluations with their intervals: over the steps spent on a task, and beside each other in groups."""

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


Groups = Mapping[str, Mapping[str, Evaluation]]


def plot_groups(groups: Groups, axes: Axes | None = None, *, before: bool = True) -> Axes:
    """A row a group, a marker a method: the mean return at the end with its 95 % interval over seeds.

    Args:
        groups: evaluations by group, such as a change of the body, and by method. Groups may differ in their tasks.
        before: draw the mean before adaptation too, as a hollow marker joined to the one at the end.

    Raises:
        UsageError: there are none, or the methods of a group are on different tasks.
    """
    methods = _methods(groups)
    axes = new_axes(axes, width=8.4)
    for i, method in enumerate(methods):
        style = {**line_style(i), "linestyle": "none"}
        rows = [(row, group[method]) for row, group in enumerate(groups.values()) if method in group]
        y = np.array([row for row, _ in rows]) + 0.3 * ((i + 0.5) / len(methods) - 0.5)
        start, end = (np.array([evaluation.mean[stage] for _, evaluation in rows]) for stage in (0, -1))
        if before:
            axes.hlines(y, start, end, color=style["color"], linewidth=0.8)
            axes.plot(start, y, **style, markerfacecolor="white")
        low, high = np.array([_ends(evaluation) for _, evaluation in rows]).T
        axes.errorbar(end, y, xerr=[end - low, high - end], label=method, capsize=3, **style)
    axes.set_yticks(range(len(groups)), list(groups))
    axes.set_ylim(len(groups) - 0.5, -0.5)  # the first group on top
    axes.set_xlabel("mean return (sum of rewards)")
    legend(axes, "bar: 95 % interval over seeds" + ("\nhollow: before adaptation" if before else ""), beside=True)
    return axes


def describe_groups(groups: Groups, *, before: bool = True) -> str:
    """The alternative text of :func:`plot_groups`, written from the same numbers."""
    _methods(groups)
    sentences = []
    for name, group in groups.items():
        points = []
        for method, evaluation in group.items():
            low, high = _ends(evaluation)
            start = f"{number(evaluation.mean[0])} before, " if before else ""
            span = f" (95 % interval {number(low)} to {number(high)})" if low < high else ""
            points.append(f"{method} {start}{number(evaluation.mean[-1])} at the end{span}")
        sentences.append(f"{name}: {'; '.join(points)}")
    return f"Mean return. {'. '.join(sentences)}."


def _methods(groups: Groups) -> list[str]:
    if not groups:
        raise UsageError("there is nothing to plot: no evaluation was given")
    for group in groups.values():
        _require_same_tasks(group)
    return list(dict.fromkeys(method for group in groups.values() for method in group))


def _ends(evaluation: Evaluation) -> tuple[float, float]:
    """The interval of the mean at the end; with a single seed that mean twice."""
    if len(evaluation.seeds) < 2:
        return float(evaluation.mean[-1]), float(evaluation.mean[-1])
    low, high = evaluation.interval()[-1]
    return float(low), float(high)


def _require_same_tasks(evaluations: Mapping[str, Evaluation]) -> None:
    if not evaluations:
        raise UsageError("there is nothing to plot: no evaluation was given")
    first = next(iter(evaluations.values()))
    for name, evaluation in evaluations.items():
        if not np.array_equal(evaluation.tasks, first.tasks):
            raise UsageError(f"{name} was evaluated on other tasks than {next(iter(evaluations))}; use the same ones")
