"""Plots of training on one task: learning curves, and the paths of a point in the plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from mpsearch.errors import UsageError
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
    curves: Curves, axes: Axes | None = None, ylabel: str = "mean return", xlabel: str = "environment steps"
) -> Axes:
    """Plot learning curves. The axis begins at 0 where they vary little.

    Args:
        curves: (environment steps [N], mean returns [N]) of each curve by its name. The curves may show other
            quantities if the labels say so.
        axes: the axes to draw into; a new figure by default.
        ylabel, xlabel: the labels of the axes.

    Raises:
        UsageError: there is no curve, a curve is empty, its two parts differ in length, or a number is not finite.
    """
    axes = new_axes(axes)
    for i, (name, (steps, returns)) in enumerate(_check(curves).items()):
        axes.plot(steps, returns, DASHES[i % len(DASHES)], color=LINES[i % len(LINES)], linewidth=1.8, label=name)
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    show_zero(axes)
    legend(axes)
    return axes


def describe_training(curves: Curves, ylabel: str = "mean return", xlabel: str = "environment steps") -> str:
    """Return the alternative text of :func:`plot_training`, which says where each curve begins and ends."""
    rows = [
        f"{name}: {number(returns[0])} at first, {number(returns[-1])} after {steps[-1]:,.0f} {xlabel}"
        for name, (steps, returns) in _check(curves).items()
    ]
    return f"{ylabel.capitalize()} while training. {'; '.join(rows)}."


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
    axes.plot(*paths[:, -1].T, "x", color=PALETTE["vermillion"], label="end of a path")
    axes.plot(*paths[0, 0], "o", color=PALETTE["black"], label="start")
    axes.plot(*goal, "*", color=TARGET, markersize=16, markerfacecolor="white", label="goal")
    axes.set(xlabel="x (m)", ylabel="y (m)", xlim=(-half, half), ylim=(-half, half), aspect="equal")
    legend(axes, above=3)
    return axes


def describe_paths(paths: Array, goal: Array) -> str:
    """Return the alternative text of :func:`plot_paths`."""
    paths = check_finite("paths", paths, "N, T, 2")
    distance = np.linalg.norm(paths[:, -1] - goal, axis=-1)
    return (
        f"{len(paths)} paths of a point, {paths.shape[1] - 1} steps each, with the goal at x {goal[0]:g} m,"
        f" y {goal[1]:g} m. They end {distance.mean():.2f} m from it on average;"
        f" the nearest {distance.min():.2f} m, the farthest {distance.max():.2f} m."
    )


def _check(curves: Curves) -> dict[str, tuple[Array, Array]]:
    if not curves:
        raise UsageError("there is nothing to plot: no curve was given")
    return {name: check_curve(f"curve {name!r}", *curve) for name, curve in curves.items()}
