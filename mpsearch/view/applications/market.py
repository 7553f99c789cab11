"""The picture of trading: the price, the position, and the gain over time."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from mpsearch.language import say
from mpsearch.records import AdaptationResult, Array
from mpsearch.view.plots.style import AFTER, PALETTE, check_finite, legend, new_axes, number


def plot(result: AdaptationResult, task: int, stage: int, axes: Axes | None = None) -> Axes:
    """Plot the price and the gain (left axis) and the position (right axis) of the recorded episode of one market.

    Args:
        result: an adaptation to markets of :class:`~mpsearch.tasks.Market`.
        task: the index of the market.
        stage: the index of the stage.
        axes: the axes to draw into; a new figure by default.

    Raises:
        UsageError: the recorded episode is not finite.
    """
    price, position, gain = _episode(result, task, stage)
    days = np.arange(len(price))
    axes = new_axes(axes)
    held = axes.twinx()
    held.fill_between(days, [*position[1:], position[-1]], step="post", color="0.8", linewidth=0)
    held.axhline(0, color="0.6", linewidth=0.5)
    held.set_ylim(-1.1, 5)  # the positions stay in the lower part
    held.set_yticks([-1, 0, 1])
    held.set_ylabel(say("position (grey area)"), loc="bottom")
    held.spines["top"].set_visible(False)
    axes.set_zorder(held.get_zorder() + 1)
    axes.patch.set_visible(False)
    axes.plot(days, price, color=PALETTE["orange"], linewidth=1.5, linestyle="--", label=say("price"))
    axes.plot(days, gain, color=AFTER, linewidth=2, label=say("gain after costs and price of risk"))
    low, high = min(price.min(), gain.min()), max(price.max(), gain.max(), 1.0)
    axes.set_ylim(low - 0.5 * (high - low), high + 0.05 * (high - low))
    axes.set_xlim(0, days[-1])
    axes.set_xlabel(say("time (days)"))
    axes.set_ylabel(say("price and gain (%, 0 at the start)"))
    correlation, volatility = result.tasks[task]
    title = say(
        "correlation {correlation:.2g}, volatility {volatility:.2g} %, return {value} %",
        correlation=correlation,
        volatility=volatility,
        value=number(gain[-1]),
    )
    legend(axes, title, above=2)
    return axes


def describe(result: AdaptationResult, task: int, stage: int) -> str:
    """Return the alternative text of :func:`plot`."""
    price, position, gain = _episode(result, task, stage)
    correlation, volatility = result.tasks[task]
    held = position[1:]
    agree = np.mean(np.sign(held[1:]) == np.sign(np.diff(price)[:-1]))
    return say(
        "Trading for {days} days in a market with correlation {correlation:.2g} and a daily volatility of"
        " {volatility:.2g} %. The price changes by {change} %. The positions lie between {low:.2f} and {high:.2f}; on"
        " {agree:.0%} of the days they have the sign of the last return. After costs and the price of risk, the gain is"
        " {gain} %.",
        days=len(held),
        correlation=correlation,
        volatility=volatility,
        change=number(price[-1]),
        low=held.min(),
        high=held.max(),
        agree=agree,
        gain=number(gain[-1]),
    )


def _episode(result: AdaptationResult, task: int, stage: int) -> Array:
    """Return price, position and gain [3, T + 1]."""
    return check_finite("recorded episode", result.trajectories[task, stage], "T, 3").T
