"""Plots of evaluations with their confidence intervals: against the steps spent adapting, and in groups."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from mpsearch.errors import UsageError
from mpsearch.evaluation import Evaluation
from mpsearch.language import say
from mpsearch.view.plots.style import count_axis, legend, line_style, new_axes, number

LONG = 20  # letters; with a longer name, the legend has only two columns


def plot_evaluations(evaluations: Mapping[str, Evaluation], axes: Axes | None = None) -> Axes:
    """Plot the mean return against the environment steps spent adapting to a task, one line for each method.

    The error bars are the 95 % bootstrap intervals over seeds; with a single seed there are none. A method that does
    not adapt has a single point. The axis of steps is logarithmic and also shows 0.

    Args:
        evaluations: the evaluation of each method by its name, all on the same tasks.
        axes: the axes to draw into; a new figure by default.

    Raises:
        UsageError: there are no evaluations, or they are on different tasks.
    """
    _require_same_tasks(evaluations)
    axes = new_axes(axes)
    for i, (name, evaluation) in enumerate(evaluations.items()):
        style = line_style(i) | {"markersize": 5}
        axes.plot(evaluation.env_steps, evaluation.mean, label=name, **style)
        if len(evaluation.seeds) > 1:
            low, high = evaluation.interval().T
            bars = [evaluation.mean - low, high - evaluation.mean]
            axes.errorbar(
                evaluation.env_steps, evaluation.mean, bars, fmt="none", ecolor=style["color"], capsize=5, zorder=3
            )
    steps = np.concatenate([evaluation.env_steps for evaluation in evaluations.values()])
    count_axis(axes, steps, say("environment steps spent adapting, per task"))
    axes.set_ylabel(say("mean return (sum of rewards)"))
    columns = 2 if max(map(len, evaluations)) > LONG else 3
    legend(axes, say("bar: 95 % interval over seeds"), above=columns)
    return axes


def describe_evaluations(evaluations: Mapping[str, Evaluation]) -> str:
    """Return the alternative text of :func:`plot_evaluations`."""
    _require_same_tasks(evaluations)
    rows = []
    for name, evaluation in evaluations.items():
        pairs = zip(evaluation.env_steps, evaluation.mean, strict=True)
        points = [say("{mean} after {steps:,.0f}", mean=number(mean), steps=steps) for steps, mean in pairs]
        low, high = evaluation.interval()[-1] if len(evaluation.seeds) > 1 else (np.nan, np.nan)
        ends = {"low": number(low), "high": number(high)}
        span = say(" (95 % interval at the end {low} to {high})", **ends) if np.isfinite(low) else ""
        rows.append(say("{name}: {what}", name=name, what=say(", ").join(points) + span))
    return say(
        "Mean return over {count} tasks after environment steps spent adapting. {rows}.",
        count=len(next(iter(evaluations.values())).tasks),
        rows=say("; ").join(rows),
    )


Groups = Mapping[str, Mapping[str, Evaluation]]


def plot_groups(groups: Groups, axes: Axes | None = None, *, before: bool = True) -> Axes:
    """Plot the mean return after adaptation with its 95 % interval over seeds.

    Each group of evaluations has a row, and each method has its own marker.

    Args:
        groups: the evaluations by the name of the group, such as a change of the robot's body, and then by the name
            of the method. Different groups may have different tasks.
        axes: the axes to draw into; a new figure by default.
        before: also draw the mean before adaptation, as a hollow marker that a line joins to the other one.

    Raises:
        UsageError: there are no evaluations, or the methods of a group were evaluated on different tasks.
    """
    methods = _methods(groups)
    axes = new_axes(axes)
    for i, method in enumerate(methods):
        style = line_style(i) | {"linestyle": "none", "markersize": 5}
        rows = [(row, group[method]) for row, group in enumerate(groups.values()) if method in group]
        y = np.array([row for row, _ in rows]) + 0.3 * ((i + 0.5) / len(methods) - 0.5)
        start, end = (np.array([evaluation.mean[stage] for _, evaluation in rows]) for stage in (0, -1))
        if before:
            axes.hlines(y, start, end, color=style["color"], linewidth=0.8)
            axes.plot(start, y, **style, markerfacecolor="white")
        low, high = np.array([_ends(evaluation) for _, evaluation in rows]).T
        axes.errorbar(end, y, xerr=[end - low, high - end], label=method, capsize=5, **style)
    axes.set_yticks(range(len(groups)), list(groups))
    axes.set_ylim(len(groups) - 0.5, -0.5)  # the first group on top
    axes.set_xlabel(say("mean return (sum of rewards)"))
    hollow = say("; hollow: before adaptation") if before else ""
    legend(axes, say("bar: 95 % interval over seeds") + hollow, above=3)
    return axes


def describe_groups(groups: Groups, *, before: bool = True) -> str:
    """Return the alternative text of :func:`plot_groups`."""
    _methods(groups)
    sentences = []
    for name, group in groups.items():
        points = []
        for method, evaluation in group.items():
            low, high = _ends(evaluation)
            start = say("{mean} before, ", mean=number(evaluation.mean[0])) if before else ""
            ends = {"low": number(low), "high": number(high)}
            span = say(" (95 % interval {low} to {high})", **ends) if low < high else ""
            end = say("{mean} at the end", mean=number(evaluation.mean[-1]))
            points.append(f"{method} {start}{end}{span}")
        sentences.append(say("{name}: {what}", name=name, what=say("; ").join(points)))
    return say("Mean return. {rows}.", rows=say(". ").join(sentences))


def _methods(groups: Groups) -> list[str]:
    if not groups:
        raise UsageError("there is nothing to plot: no evaluation was given")
    for group in groups.values():
        _require_same_tasks(group)
    return list(dict.fromkeys(method for group in groups.values() for method in group))


def _ends(evaluation: Evaluation) -> tuple[float, float]:
    """Return the interval of the final mean. With a single seed, both ends are the mean itself."""
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
            raise UsageError(
                f"{name} was evaluated on other tasks than {next(iter(evaluations))}; use the same for both"
            )
