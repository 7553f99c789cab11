"""Plots of how one method adapts: the return before and after, the return at each stage, and the velocity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from mpsearch.errors import UsageError
from mpsearch.language import say
from mpsearch.records import AdaptationResult, Array
from mpsearch.view.plots.style import (
    AFTER,
    BEFORE,
    TARGET,
    check_finite,
    episode_steps,
    legend,
    line_style,
    new_axes,
    number,
    return_label,
)

CONTROL_STEP = 0.05  # s; the time between two positions of a HalfCheetah trajectory
SMOOTHING = 0.5  # s; the width of the moving average of the velocity, about one stride


def plot_before_after(result: AdaptationResult, labels: Sequence[str], axes: Axes | None = None) -> Axes:
    """Plot the mean return of each task before and after adaptation, joined by a line.

    Short bars beside the means show the returns of the single episodes.

    Args:
        result: the adaptation to K tasks.
        labels: [K] names of the tasks.
        axes: the axes to draw into; a new figure by default.

    Raises:
        UsageError: the result is empty or not finite, or there is not one label for each task.
    """
    _check_result(result, labels)
    axes = new_axes(axes)
    left, right = np.arange(len(labels)) - 0.15, np.arange(len(labels)) + 0.15
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.plot([left, right], [result.before, result.after], color="0.45", linewidth=1.2, zorder=1)
    for x, side, stage, mean, colour, marker, name in (
        (left, -0.12, 0, result.before, BEFORE, "o", say("before adaptation")),
        (right, 0.12, -1, result.after, AFTER, "D", say("after adaptation")),
    ):
        episodes = result.returns[:, stage]  # [K, E]
        axes.scatter(np.repeat(x + side, episodes.shape[1]), episodes, s=70, color=colour, marker="_", zorder=1)
        axes.scatter(x, mean, s=60, color=colour, marker=marker, edgecolors="white", zorder=2, label=name)
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.set_xlabel(say("task"))
    axes.set_ylabel(return_label(episode_steps(result)))
    legend(axes)
    return axes


def plot_adaptation(result: AdaptationResult, labels: Sequence[str], axes: Axes | None = None) -> Axes:
    """Plot the mean return at each stage against the environment steps spent adapting, one line for each task.

    The arguments and the errors are those of :func:`plot_before_after`.
    """
    _check_result(result, labels)
    axes = new_axes(axes)
    for k, (label, returns) in enumerate(zip(labels, result.returns.mean(-1), strict=True)):  # returns [S]
        axes.plot(result.env_steps, returns, label=label, **line_style(k))
    axes.set_xlabel(say("environment steps spent adapting, per task"))
    axes.set_ylabel(return_label(episode_steps(result)))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    legend(axes)
    return axes


def plot_velocity(
    result: AdaptationResult,
    task: int,
    *,
    target: float | None = None,
    title: str | None = None,
    dt: float = CONTROL_STEP,
    axes: Axes | None = None,
) -> Axes:
    """Plot the torso's forward velocity over one episode of one task, before and after adaptation.

    The faint line is the velocity in each control step. The strong line is its moving average over half a second.

    Args:
        result: a result with trajectories [K, S, T + 1, Q], whose first position is x in m.
        task: the index k of the task.
        target: the velocity that the task asks for, in m/s; it is drawn as a dotted line.
        title: the title of the plot; none by default.
        dt: the time between two positions, in s.
        axes: the axes to draw into; a new figure by default.

    Raises:
        UsageError: there is no task with this index, or its trajectory is empty or not finite.
    """
    velocities = _velocities(result, task, dt)
    axes = new_axes(axes)
    names = (say("before adaptation"), say("after adaptation"))
    for velocity, name, colour, dashes in zip(velocities, names, (BEFORE, AFTER), ("--", "-"), strict=True):  # [T]
        width = min(len(velocity), max(1, round(SMOOTHING / dt)))
        times = dt * np.arange(1, len(velocity) + 1)
        axes.plot(times, velocity, color=colour, alpha=0.2, linewidth=0.8)
        smooth = np.convolve(velocity, np.full(width, 1 / width), mode="valid")
        middle = np.convolve(times, np.full(width, 1 / width), mode="valid")
        axes.plot(middle, smooth, dashes, color=colour, linewidth=2, label=name)
    if target is not None:
        axes.axhline(target, color=TARGET, linestyle=":", linewidth=1.5, label=say("target"))
    axes.set_xlabel(say("time (s)"))
    axes.set_ylabel(say("forward velocity of the torso (m/s)"))
    if title:
        axes.set_title(title)
    legend(axes)
    return axes


def describe_before_after(result: AdaptationResult, labels: Sequence[str]) -> str:
    """Return the alternative text of :func:`plot_before_after`."""
    _check_result(result, labels)
    _, stages, episodes = result.returns.shape
    once = say("1 adaptation stage")
    change = [
        say("{task}: {before} before, {after} after", task=label, before=number(before), after=number(after))
        for label, before, after in zip(labels, result.before, result.after, strict=True)
    ]
    return say(
        "{what} of {steps} steps, before and after {times} ({spent:,} environment steps per task). {change}."
        " The return rises on {gained} of {count} tasks.",
        what=say("Return of one episode") if episodes == 1 else say("Mean return of {count} episodes", count=episodes),
        steps=episode_steps(result),
        times=once if stages == 2 else say("{count} adaptation stages", count=stages - 1),
        spent=result.env_steps[-1],
        change=say("; ").join(change),
        gained=int((result.after > result.before).sum()),
        count=len(labels),
    )


def describe_adaptation(result: AdaptationResult, labels: Sequence[str]) -> str:
    """Return the alternative text of :func:`plot_adaptation`."""
    _check_result(result, labels)
    rows = [
        say("{name}: {what}", name=label, what=say(", ").join(map(number, returns)))
        for label, returns in zip(labels, result.returns.mean(-1), strict=True)
    ]
    spent = say(", ").join(f"{steps:,}" for steps in result.env_steps)
    return say(
        "Mean return after {spent} environment steps of adapting. {rows}.", spent=spent, rows=say("; ").join(rows)
    )


def describe_velocity(
    result: AdaptationResult, task: int, *, target: float | None = None, dt: float = CONTROL_STEP
) -> str:
    """Return the alternative text of :func:`plot_velocity`.

    It gives the mean velocity over the second half of the episode, when the cheetah has reached its speed.
    """
    velocities = _velocities(result, task, dt)
    before, after = velocities[:, velocities.shape[1] // 2 :].mean(-1)
    asked = "" if target is None else say(" The target is {target:.2f} m/s.", target=target)
    return say(
        "Forward velocity of the torso, mean over the second half of one episode:"
        " {before:.2f} m/s before adaptation, {after:.2f} m/s after.{asked}",
        before=before,
        after=after,
        asked=asked,
    )


def _velocities(result: AdaptationResult, task: int, dt: float) -> Array:
    """Return the velocity along x in m/s on ``task`` at the first and at the last stage, [2, T]."""
    count = len(result.trajectories)
    if not 0 <= task < count:
        raise UsageError(f"task must be a number from 0 to {count - 1}, not {task}")
    x = check_finite("trajectory", result.trajectories[task][[0, -1], :, 0])  # [2, T + 1]
    if x.shape[1] < 2:
        raise UsageError("there is no velocity to plot: the trajectory has fewer than two positions")
    return np.diff(x) / dt


def _check_result(result: AdaptationResult, labels: Sequence[str]) -> None:
    check_finite("return", result.returns)
    if len(labels) != len(result.returns):
        raise UsageError(f"give one label for each task ({len(result.returns)} tasks, {len(labels)} labels)")
