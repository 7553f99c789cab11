"""Plots of training on one task: learning curves, and the paths of a point in the plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from mpsearch.errors import UsageError
from mpsearch.language import say
from mpsearch.records import Array
from mpsearch.view.plots.style import (
    DASHES,
    LINES,
    PALETTE,
    SQUARE,
    TARGET,
    check_curve,
    check_finite,
    legend,
    new_axes,
    number,
    show_zero,
)

Curves = Mapping[str, tuple[Sequence[float], Sequence[float]]]


def plot_training(
    curves: Curves, axes: Axes | None = None, ylabel: str | None = None, xlabel: str | None = None
) -> Axes:
    """Plot learning curves. The axis begins at 0 where they vary little.

    Args:
        curves: (environment steps [N], mean returns [N]) of each curve by its name. The curves may show other
            quantities if the labels say so.
        axes: the axes to draw into; a new figure by default.
        ylabel, xlabel: the labels of the axes; by default "mean return" and "environment steps".

    Raises:
        UsageError: there is no curve, a curve is empty, its two parts differ in length, or a number is not finite.
    """
    axes = new_axes(axes)
    for i, (name, (steps, returns)) in enumerate(_check(curves).items()):
        axes.plot(steps, returns, DASHES[i % len(DASHES)], color=LINES[i % len(LINES)], linewidth=1.8, label=name)
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set(xlabel=xlabel or say("environment steps"), ylabel=ylabel or say("mean return"))
    show_zero(axes)
    legend(axes)
    return axes


def describe_training(curves: Curves, ylabel: str | None = None, xlabel: str | None = None) -> str:
    """Return the alternative text of :func:`plot_training`, which says where each curve begins and ends."""
    rows = [
        say(
            "{name}: {first} at first, {last} after {steps:,.0f} {unit}",
            name=name,
            first=number(returns[0]),
            last=number(returns[-1]),
            steps=steps[-1],
            unit=xlabel or say("environment steps"),
        )
        for name, (steps, returns) in _check(curves).items()
    ]
    what = (ylabel or say("mean return")).capitalize()
    return say("{what} while training. {rows}.", what=what, rows=say("; ").join(rows))


def plot_paths(paths: Array, goal: Array, axes: Axes | None = None) -> Axes:
    """Plot the paths of a point in the plane and its goal. A cross marks the end of each path.

    The plot shows a square around the origin that is at least 1 m wide, so that plots of short paths have the same
    scale and can be compared.

    Args:
        paths: [N, T + 1, 2] positions in m.
        goal: [2] position in m.
        axes: the axes to draw into; a new figure by default.

    Raises:
        UsageError: there is no path, or a number is not finite.
    """
    paths = check_finite("paths", paths, "N, T, 2")
    axes = new_axes(axes, SQUARE)
    half = 1.05 * max(0.5, np.abs(paths).max(), np.abs(goal).max())
    for path in paths:
        axes.plot(*path.T, color=PALETTE["blue"], alpha=0.5, linewidth=1)
    axes.plot(*paths[:, -1].T, "x", color=PALETTE["vermillion"], label=say("end of a path"))
    axes.plot(*paths[0, 0], "o", color=PALETTE["black"], label=say("start"))
    axes.plot(*goal, "*", color=TARGET, markersize=16, markerfacecolor="white", label=say("goal"))
    axes.set(xlabel="x (m)", ylabel="y (m)", xlim=(-half, half), ylim=(-half, half), aspect="equal")
    legend(axes, above=3)
    return axes


def describe_paths(paths: Array, goal: Array) -> str:
    """Return the alternative text of :func:`plot_paths`."""
    paths = check_finite("paths", paths, "N, T, 2")
    distance = np.linalg.norm(paths[:, -1] - goal, axis=-1)
    return say(
        "{count} paths of a point, {steps} steps each, with the goal at x {x:g} m, y {y:g} m."
        " They end {mean:.2f} m from it on average; the nearest {nearest:.2f} m, the farthest {farthest:.2f} m.",
        count=len(paths),
        steps=paths.shape[1] - 1,
        x=goal[0],
        y=goal[1],
        mean=distance.mean(),
        nearest=distance.min(),
        farthest=distance.max(),
    )


def _check(curves: Curves) -> dict[str, tuple[Array, Array]]:
    if not curves:
        raise UsageError("there is nothing to plot: no curve was given")
    return {name: check_curve(f"curve {name!r}", *curve) for name, curve in curves.items()}
