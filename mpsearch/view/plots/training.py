"""Training on one task: learning curves, and the paths of a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from mpsearch.errors import UsageError
from mpsearch.records import Array
from mpsearch.view.plots.style import DASHES, PALETTE, TARGET, check_finite, legend, new_axes, number

Curves = Mapping[str, tuple[Sequence[float], Sequence[float]]]


def plot_training(
    curves: Curves, axes: Axes | None = None, ylabel: str = "mean return", xlabel: str = "environment steps"
) -> Axes:
    """Learning curves, each (environment steps, mean returns), by name; or what else the labels say.

    Raises:
        UsageError: no curve, an empty one, one whose parts differ in length, or a number that is not finite.
    """
    axes = new_axes(axes)
    colours = list(PALETTE.values())
    for i, (name, (steps, returns)) in enumerate(_check(curves).items()):
        axes.plot(steps, returns, DASHES[i % len(DASHES)], color=colours[i % len(colours)], linewidth=1.8, label=name)
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    legend(axes)
    return axes


def describe_training(curves: Curves, ylabel: str = "mean return", xlabel: str = "environment steps") -> str:
    """The alternative text of :func:`plot_training`: where each curve begins and ends."""
    rows = [
        f"{name}: {number(returns[0])} at first, {number(returns[-1])} after {steps[-1]:,.0f} {xlabel}"
        for name, (steps, returns) in _check(curves).items()
    ]
    return f"{ylabel.capitalize()} while training. {'; '.join(rows)}."


def plot_paths(paths: Array, goal: Array, axes: Axes | None = None) -> Axes:
    """Paths [N, T + 1, 2] of a point in the plane, in m, and the goal [2]; a cross at the end of each.

    The square is at least 1 m wide around the origin, so that pictures of short paths can be compared.

    Raises:
        UsageError: there is no path, or a number is not finite.
    """
    paths = check_finite("paths", paths, "N, T, 2")
    axes = new_axes(axes)
    half = 1.05 * max(0.5, np.abs(paths).max(), np.abs(goal).max())
    for path in paths:
        axes.plot(*path.T, color=PALETTE["blue"], alpha=0.35, linewidth=1)
    axes.plot(*paths[:, -1].T, "x", color=PALETTE["vermillion"], label="end of a path")
    axes.plot(*paths[0, 0], "o", color=PALETTE["black"], label="start")
    axes.plot(*goal, "*", color=TARGET, markersize=16, markerfacecolor="white", label="goal")
    axes.set(xlabel="x (m)", ylabel="y (m)", xlim=(-half, half), ylim=(-half, half), aspect="equal")
    legend(axes, beside=True)
    return axes


def describe_paths(paths: Array, goal: Array) -> str:
    """The alternative text of :func:`plot_paths`."""
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
    checked = {}
    for name, (steps, returns) in curves.items():
        x, y = check_finite(f"steps of {name}", steps, "N"), check_finite(f"returns of {name}", returns, "N")
        if len(x) != len(y):
            raise UsageError(f"cannot plot: {name} has {len(x)} environment steps but {len(y)} returns")
        checked[name] = (x, y)
    return checked
