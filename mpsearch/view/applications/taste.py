"""The picture of an episode of suggestions: a map of the items, with the suggestions in order."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from mpsearch.language import say
from mpsearch.records import AdaptationResult, Array
from mpsearch.tasks.applications.taste import WIDTH, likeness
from mpsearch.view.plots.style import COLOUR_MAP, PALETTE, SQUARE, check_finite, legend, new_axes

LEVELS = (0.2, 0.4, 0.6, 0.8)  # of the rating, for contours


def plot(result: AdaptationResult, task: int, stage: int, axes: Axes | None = None) -> Axes:
    """Plot the items that were suggested to one user, in order, on contours of her rating.

    Args:
        result: an adaptation to users of :class:`~mpsearch.tasks.Taste`.
        task: the index of the user.
        stage: the index of the stage.
        axes: the axes to draw into; a new figure by default.

    Raises:
        UsageError: a recorded suggestion is not finite.
    """
    items, taste = _items(result, task, stage), result.tasks[task]
    axes = new_axes(axes, SQUARE)
    side = np.linspace(-1, 1, 101)
    ratings = likeness(np.stack(np.meshgrid(side, side), axis=-1), taste, WIDTH)
    contours = axes.contour(side, side, ratings, LEVELS, colors="0.7", linewidths=0.8)
    axes.clabel(contours, fmt="%.1f", fontsize=7)
    axes.plot(*items.T, color="0.5", linewidth=0.8, zorder=2)
    order = np.arange(1, len(items) + 1)
    dots = axes.scatter(
        items[:, 0], items[:, 1], c=order, cmap=COLOUR_MAP, s=45, edgecolors="0.3", linewidths=0.6, zorder=3
    )
    dots.set_label(say("suggestion"))
    for number in {1, 2, 3, len(items)} & set(order.tolist()):
        axes.annotate(str(number), items[number - 1], (5, 4), textcoords="offset points", fontsize=9, zorder=4)
    star = axes.scatter(
        taste[0], taste[1], marker="*", s=220, color=PALETTE["vermillion"], edgecolors="white", zorder=5
    )
    star.set_label(say("taste"))
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.colorbar(dots, ax=axes, label=say("number of the suggestion"), shrink=0.8, format="%d")
    axes.set(xlim=(-1.08, 1.08), ylim=(-1.08, 1.08), aspect="equal")
    axes.set_xlabel(say("items: first feature (no unit)"))
    axes.set_ylabel(say("items: second feature (no unit)"))
    value = result.rewards[task, stage].sum()
    legend(axes, say("grey lines: equal rating; return {value:.1f}", value=value), above=2)
    return axes


def describe(result: AdaptationResult, task: int, stage: int) -> str:
    """Return the alternative text of :func:`plot`."""
    items, taste = _items(result, task, stage), result.tasks[task]
    far = np.linalg.norm(items - taste, axis=-1)
    steps = np.linalg.norm(np.diff(items, axis=0), axis=-1)
    return say(
        "A map of items with {count} suggestions to a user whose taste is at ({x:.2f}, {y:.2f}). The mean distance of"
        " the suggestions from the taste is {all:.2f}, of the last five {last:.2f}. Two successive suggestions are"
        " {apart:.2f} apart on average. The return is {value:.1f}.",
        count=len(items),
        x=taste[0],
        y=taste[1],
        all=far.mean(),
        last=far[-5:].mean(),
        apart=steps.mean(),
        value=result.rewards[task, stage].sum(),
    )


def _items(result: AdaptationResult, task: int, stage: int) -> Array:
    """Return the suggestions [T, 2] in order. The trajectory begins with the popular item, which is not one."""
    return check_finite("recorded suggestions", result.trajectories[task, stage], "T, 2")[1:]
