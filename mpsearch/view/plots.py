"""Pictures of adaptation: pure functions from records to matplotlib axes, and the same in words."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from mpsearch.errors import UsageError
from mpsearch.records import AdaptationResult, Array

PALETTE = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "orange": "#E69F00",
    "black": "#000000",
}
"""Okabe and Ito's colours, which readers with any common colour blindness can tell apart.

Their yellow is left out: it is too faint on white. Every use adds a second cue (marker, dash or label).
"""

BEFORE, AFTER, TARGET = PALETTE["orange"], PALETTE["blue"], PALETTE["black"]
MARKERS = "osD^vPX"
CONTROL_STEP = 0.05  # s between two positions of a HalfCheetah trajectory
SMOOTHING = 0.5  # s, about one stride


def plot_before_after(result: AdaptationResult, labels: Sequence[str], axes: Axes | None = None) -> Axes:
    """Mean return of each task before and after adaptation, joined; the episodes behind it as faint dots.

    Args:
        result: of K tasks.
        labels: [K] names of the tasks.
        axes: where to draw; a new figure by default.

    Raises:
        UsageError: the result is empty or not finite, or ``labels`` does not name each task.
    """
    _check_result(result, labels)
    axes = _axes(axes)
    left, right = np.arange(len(labels)) - 0.15, np.arange(len(labels)) + 0.15
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.plot([left, right], [result.before, result.after], color="0.45", linewidth=1.2, zorder=1)
    for x, stage, mean, colour, marker, name in (
        (left, 0, result.before, BEFORE, "o", "before adaptation"),
        (right, -1, result.after, AFTER, "D", "after adaptation"),
    ):
        episodes = result.returns[:, stage]  # [K, E]
        axes.scatter(np.repeat(x, episodes.shape[1]), episodes, s=8, color=colour, alpha=0.25, linewidths=0, zorder=1)
        axes.scatter(x, mean, s=60, color=colour, marker=marker, edgecolors="white", zorder=2, label=name)
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.set_xlabel("task")
    axes.set_ylabel(_return_label(result))
    _legend(axes)
    return axes


def plot_adaptation(result: AdaptationResult, labels: Sequence[str], axes: Axes | None = None) -> Axes:
    """Mean return at each stage against the environment steps spent adapting, one line a task.

    Args, raises: as :func:`plot_before_after`.
    """
    _check_result(result, labels)
    axes = _axes(axes)
    colours = list(PALETTE.values())
    for k, (label, returns) in enumerate(zip(labels, result.returns.mean(-1), strict=True)):  # returns [S]
        colour, marker = colours[k % len(colours)], MARKERS[k % len(MARKERS)]
        axes.plot(result.env_steps, returns, label=label, color=colour, marker=marker, markersize=7)
    axes.set_xlabel("environment steps spent adapting, per task")
    axes.set_ylabel(_return_label(result))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    _legend(axes)
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
    """Forward velocity of the torso over one episode, before and after adaptation, on one task.

    A faint line is the velocity of each control step; the strong one its mean over half a second.

    Args:
        result: with trajectories [K, S, T + 1, Q] whose first position is x in m.
        task: index k of the task.
        target: velocity asked for, in m/s, drawn as a dashed line.
        dt: seconds between two positions.

    Raises:
        UsageError: there is no task ``task``, or its trajectory is empty or not finite.
    """
    velocities = _velocities(result, task, dt)
    axes = _axes(axes)
    for velocity, name, colour, dashes in zip(
        velocities, ("before", "after"), (BEFORE, AFTER), ("--", "-"), strict=True
    ):  # velocity [T]
        width = min(len(velocity), max(1, round(SMOOTHING / dt)))
        times = dt * np.arange(1, len(velocity) + 1)
        axes.plot(times, velocity, color=colour, alpha=0.2, linewidth=0.8)
        smooth = np.convolve(velocity, np.full(width, 1 / width), mode="valid")
        middle = np.convolve(times, np.full(width, 1 / width), mode="valid")
        axes.plot(middle, smooth, dashes, color=colour, linewidth=2, label=f"{name} adaptation")
    if target is not None:
        axes.axhline(target, color=TARGET, linestyle=":", linewidth=1.5, label="target")
    axes.set_xlabel("time (s)")
    axes.set_ylabel("forward velocity of the torso (m/s)")
    if title:
        axes.set_title(title)
    _legend(axes)
    return axes


def plot_learning_curve(
    records: Sequence[Mapping[str, Any]],
    axes: Axes | None = None,
    published: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
) -> Axes:
    """Return before and after adaptation against the environment steps of meta-training.

    Args:
        records: the lines of ``metrics.jsonl``, each with ``env_steps``, ``before`` and ``after``.
        published: other people's curves by name: (environment steps, returns).

    Raises:
        UsageError: no records, a record without one of these keys, or a number that is not finite.
    """
    try:
        columns = [[record[key] for record in records] for key in ("env_steps", "before", "after")]
    except KeyError as error:
        raise UsageError(f"a record of training has no {error}; a line of metrics.jsonl has it") from None
    env_steps, before, after = _check_finite("record of training", np.array(columns, dtype=float))
    axes = _axes(axes)
    axes.plot(env_steps / 1e6, before, "--", color=BEFORE, label="before adaptation")
    axes.plot(env_steps / 1e6, after, "-", color=AFTER, label="after adaptation")
    for name, (steps, returns) in (published or {}).items():
        axes.plot(np.asarray(steps) / 1e6, returns, ":", color=TARGET, linewidth=1.8, label=name)
    axes.set_xlabel("environment steps of meta-training (millions)")
    axes.set_ylabel("mean return (sum of rewards)")
    _legend(axes)
    return axes


def describe_before_after(result: AdaptationResult, labels: Sequence[str]) -> str:
    """The alternative text of :func:`plot_before_after`, written from the same numbers."""
    _check_result(result, labels)
    _, stages, episodes = result.returns.shape
    times = "1 adaptation stage" if stages == 2 else f"{stages - 1} adaptation stages"
    change = [
        f"{label}: {before:.0f} before, {after:.0f} after"
        for label, before, after in zip(labels, result.before, result.after, strict=True)
    ]
    gained = int((result.after > result.before).sum())
    what = "Return of one episode" if episodes == 1 else f"Mean return of {episodes} episodes"
    return (
        f"{what} of {_steps(result)} steps, before and after {times}"
        f" ({result.env_steps[-1]:,} environment steps per task). {'; '.join(change)}."
        f" The return rises on {gained} of {len(labels)} tasks."
    )


def describe_adaptation(result: AdaptationResult, labels: Sequence[str]) -> str:
    """The alternative text of :func:`plot_adaptation`."""
    _check_result(result, labels)
    rows = [
        f"{label}: {', '.join(f'{value:.0f}' for value in returns)}"
        for label, returns in zip(labels, result.returns.mean(-1), strict=True)
    ]
    spent = ", ".join(f"{steps:,}" for steps in result.env_steps)
    return f"Mean return after {spent} environment steps of adapting. {'; '.join(rows)}."


def describe_velocity(
    result: AdaptationResult, task: int, *, target: float | None = None, dt: float = CONTROL_STEP
) -> str:
    """The alternative text of :func:`plot_velocity`: the mean velocity over the second half of the episode."""
    velocities = _velocities(result, task, dt)
    before, after = velocities[:, velocities.shape[1] // 2 :].mean(-1)
    asked = "" if target is None else f" The target is {target:.2f} m/s."
    return (
        f"Forward velocity of the torso, mean over the second half of one episode:"
        f" {before:.2f} m/s before adaptation, {after:.2f} m/s after.{asked}"
    )


def show(axes: Axes, words: str) -> None:
    """Show the figure of ``axes`` in a notebook, with ``words`` as its alternative text and as text below it.

    JupyterLab draws PNG outputs without their alternative text, so a screen reader needs the text as well.
    """
    from IPython.display import Image, Markdown, display

    picture, figure = io.BytesIO(), axes.get_figure(root=True)
    assert figure is not None
    figure.savefig(picture, format="png", dpi=100)
    plt.close(figure)
    display(Image(picture.getvalue(), alt=words), Markdown(f"*In words:* {words}"))


def _axes(axes: Axes | None) -> Axes:
    if axes is None:
        _, axes = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
        axes.spines[["top", "right"]].set_visible(False)
    return axes


def _velocities(result: AdaptationResult, task: int, dt: float) -> Array:
    """[2, T] velocity along x in m/s on ``task``, at the first and the last stage."""
    count = len(result.trajectories)
    if not 0 <= task < count:
        raise UsageError(f"task must be a number from 0 to {count - 1}, not {task}")
    x = _check_finite("trajectory", result.trajectories[task][[0, -1], :, 0])  # [2, T + 1]
    if x.shape[1] < 2:
        raise UsageError("there is no velocity to plot: the trajectory has fewer than two positions")
    return np.diff(x) / dt


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False)


def _steps(result: AdaptationResult) -> int:
    return int(result.trajectories.shape[2]) - 1


def _return_label(result: AdaptationResult) -> str:
    return f"return (sum of rewards over {_steps(result)} steps)"


def _check_result(result: AdaptationResult, labels: Sequence[str]) -> None:
    _check_finite("return", result.returns)
    if len(labels) != len(result.returns):
        raise UsageError(f"there must be one label a task: {len(result.returns)} tasks, {len(labels)} labels")


def _check_finite(what: str, values: Array) -> Array:
    if values.size == 0:
        raise UsageError(f"there is nothing to plot: no {what} was given")
    if not np.isfinite(values).all():
        raise UsageError(f"cannot plot: {int((~np.isfinite(values)).sum())} numbers of the {what} are not finite")
    return values
