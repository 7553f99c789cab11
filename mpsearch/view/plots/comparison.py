"""Plots that compare methods: the return that adaptation reaches for its cost, and the progress of meta-training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mpsearch.errors import UsageError
from mpsearch.language import say
from mpsearch.records import AdaptationResult, Array
from mpsearch.view.plots.style import (
    AFTER,
    BEFORE,
    PALETTE,
    TARGET,
    check_curve,
    check_finite,
    count_axis,
    episode_steps,
    legend,
    line_style,
    new_axes,
    number,
    return_label,
)

Curve = tuple[Sequence[float], Sequence[float]]
PUBLISHED_STYLES = ((TARGET, ":"), (PALETTE["purple"], "-."), (PALETTE["green"], (0, (5, 1))))


def plot_methods(results: Mapping[str, AdaptationResult], axes: Axes | None = None) -> Axes:
    """Plot the mean return over the tasks against the environment steps spent adapting, one line for each method.

    The band is the standard error over the tasks; with a single task there is none. The episodes of a task come from
    the same adaptation and are not independent, so their returns are averaged before the error is computed. The axis
    of steps is logarithmic, because methods differ in them by a factor of twenty, and it also shows 0.

    Args:
        results: the result of each method by its name, all on the same K tasks.
        axes: the axes to draw into; a new figure by default.

    Raises:
        UsageError: there are no results, a result is empty or not finite, or the results differ in their tasks or in
            the length of their episodes.
    """
    curves, tasks, steps = _method_curves(results)
    axes = new_axes(axes)
    for i, (name, (env_steps, mean, error)) in enumerate(curves.items()):
        style = line_style(i)
        axes.plot(env_steps, mean, label=name, **style)
        if tasks > 1:
            axes.fill_between(env_steps, mean - error, mean + error, color=style["color"], alpha=0.15, linewidth=0)
    count_axis(
        axes,
        np.concatenate([env_steps for env_steps, _, _ in curves.values()]),
        say("environment steps spent adapting, per task"),
    )
    axes.set_ylabel(say("mean {quantity}", quantity=return_label(steps)))
    legend(axes, say("band: standard error over {count} tasks", count=tasks) if tasks > 1 else say("one task"))
    return axes


def plot_learning_curve(
    records: Sequence[Mapping[str, Any]],
    axes: Axes | None = None,
    published: Mapping[str, Curve] | None = None,
) -> Axes:
    """Plot the return before and after adaptation against the environment steps of meta-training.

    Args:
        records: the lines of ``metrics.jsonl``, each with ``env_steps``, ``before`` and ``after``.
        axes: the axes to draw into; a new figure by default.
        published: published curves to compare with: (environment steps, returns) by name.

    Raises:
        UsageError: there are no records, a record lacks one of the three keys, a number is not finite, or the two
            parts of a published curve differ in length.
    """
    env_steps, before, after = _columns(records)
    others = _check_published(published)
    axes = new_axes(axes)
    axes.plot(env_steps / 1e6, before, "--", color=BEFORE, label=say("before adaptation"))
    axes.plot(env_steps / 1e6, after, "-", color=AFTER, label=say("after adaptation"))
    for i, (name, (steps, returns)) in enumerate(others.items()):
        colour, dashes = PUBLISHED_STYLES[i % len(PUBLISHED_STYLES)]
        axes.plot(steps / 1e6, returns, linestyle=dashes, color=colour, linewidth=1.8, label=name)
    axes.set_xlabel(say("environment steps of meta-training (millions)"))
    axes.set_ylabel(say("mean return (sum of rewards)"))
    legend(axes)
    return axes


def published_curves(
    rows: Iterable[Mapping[str, str]], returns: str, *, name: str = "task", env_steps: str = "environment_steps"
) -> dict[str, tuple[Array, Array]]:
    """Read published curves from the rows of a table, in the form that :func:`plot_learning_curve` takes.

    ::

        with open("pearl_published_curves.csv", newline="") as file:
            curves = published_curves(csv.DictReader(file), "return_after_2_exploration_episodes")

    Args:
        rows: the rows of the table; each maps the names of the columns to text.
        returns: the name of the column with the returns.
        name: the name of the column that says to which curve a row belongs.
        env_steps: the name of the column with the environment steps.

    Returns:
        The environment steps [N] and the returns [N] of each curve, by the curve's name.

    Raises:
        UsageError: there are no rows, a column is missing, or an entry is not a finite number.
    """
    points: dict[str, list[tuple[str, str]]] = {}
    try:
        for row in rows:
            points.setdefault(row[name], []).append((row[env_steps], row[returns]))
    except KeyError as error:
        raise UsageError(f"a row of published curves has no column {error}; it has {', '.join(row)}") from None
    if not points:
        raise UsageError("there are no published curves to read: no row was given")
    return {key: tuple(check_finite(f"published curve {key!r}", pairs).T) for key, pairs in points.items()}


def describe_methods(results: Mapping[str, AdaptationResult]) -> str:
    """Return the alternative text of :func:`plot_methods`."""
    curves, tasks, steps = _method_curves(results)
    rows = []
    for name, (env_steps, mean, error) in curves.items():
        pairs = zip(env_steps, mean, strict=True)
        points = [say("{mean} after {steps:,.0f}", mean=number(value), steps=count) for count, value in pairs]
        spread = say(" (standard error at the end {error})", error=number(error[-1])) if tasks > 1 else ""
        rows.append(say("{name}: {what}", name=name, what=say(", ").join(points) + spread))
    best = max(curves, key=lambda name: curves[name][1][-1])
    return say(
        "Mean return over {tasks}, episodes of {steps} steps, after environment steps spent adapting. {rows}.{last}",
        tasks=say("{count} tasks", count=tasks) if tasks > 1 else say("one task"),
        steps=steps,
        rows=say("; ").join(rows),
        last=say(" {best} ends highest.", best=best) if len(curves) > 1 else "",
    )


def describe_learning_curve(records: Sequence[Mapping[str, Any]], published: Mapping[str, Curve] | None = None) -> str:
    """Return the alternative text of :func:`plot_learning_curve`, which says where each curve begins and ends."""
    env_steps, before, after = _columns(records)
    late = slice(-max(1, len(after) // 10), None)
    ends = [
        say(
            "{name}: {first} at first, {last} at last",
            name=name,
            first=number(curve[0]),
            last=number(curve[late].mean()),
        )
        for name, curve in ((say("Before adaptation"), before), (say("after adaptation"), after))
    ]
    others = [
        say(
            " Published, {name}: {last} after {steps}.", name=name, last=number(returns[-1]), steps=_millions(steps[-1])
        )
        for name, (steps, returns) in _check_published(published).items()
    ]
    return say(
        "Mean return over {steps} of meta-training; 'at last' is the mean of the last tenth. {rows}.{others}",
        steps=_millions(env_steps[-1]),
        rows=say("; ").join(ends),
        others="".join(others),
    )


def _method_curves(
    results: Mapping[str, AdaptationResult],
) -> tuple[dict[str, tuple[Array, Array, Array]], int, int]:
    """Return the environment steps, mean and standard error [S] of each method; then the numbers K and T of all."""
    if not results:
        raise UsageError("there is nothing to plot: no result was given")
    (first, *_), curves = results.values(), {}
    for name, result in results.items():
        by_task = check_finite(f"returns of {name}", result.returns, "K, S, E").mean(-1)  # [K, S]
        if not np.array_equal(result.tasks, first.tasks) or episode_steps(result) != episode_steps(first):
            raise UsageError(
                f"{name} adapted to other tasks or horizons than {next(iter(results))}; use the same for both"
            )
        error = by_task.std(0, ddof=1) / np.sqrt(len(by_task)) if len(by_task) > 1 else np.zeros(by_task.shape[1])
        curves[name] = (np.asarray(result.env_steps, dtype=float), by_task.mean(0), error)
    return curves, len(first.tasks), episode_steps(first)


def _columns(records: Sequence[Mapping[str, Any]]) -> tuple[Array, Array, Array]:
    """Return the environment steps, the returns before and the returns after adaptation, [N] each."""
    try:
        columns = [[record[key] for record in records] for key in ("env_steps", "before", "after")]
    except KeyError as error:
        raise UsageError(f"a record of training has no {error}; give the lines of metrics.jsonl") from None
    env_steps, before, after = check_finite("record of training", columns)
    return env_steps, before, after


def _check_published(published: Mapping[str, Curve] | None) -> dict[str, tuple[Array, Array]]:
    return {name: check_curve(f"published curve {name!r}", *curve) for name, curve in (published or {}).items()}


def _millions(steps: float) -> str:
    return say("{count} million environment steps", count=number(steps / 1e6))
