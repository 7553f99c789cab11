"""A chart below the player: quantities over time, drawn as far as the runners have come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mpsearch.errors import UsageError
from mpsearch.language import say
from mpsearch.records import Array
from mpsearch.view.plots import PALETTE
from mpsearch.view.plots.style import check_finite, legend

INK = "ink"  # the colour of the page's text, which is readable in a light and in a dark theme
DIGITS = 4  # decimals of the numbers that are sent to the page


@dataclass(frozen=True, eq=False)
class Curve:
    """A quantity over the time of an episode.

    Args:
        name: the text of its label.
        values: [T + 1] its value before each step and after the last one.
        band: [2, T + 1] the lower and the upper edge of its uncertainty; none by default.
        colour: a name in :data:`mpsearch.view.plots.PALETTE`, or "ink" for the colour of the page's text.
        dashed: draw a dashed line, so that curves can be told apart without colours.
    """

    name: str
    values: Array
    band: Array | None = None
    colour: str = INK
    dashed: bool = False

    def at(self, step: int) -> str:
        """Return the value after ``step`` steps and its band, as text."""
        if self.band is None:
            return f"{self.values[step] + 0.0:.2f}"
        low, high = self.band[:, step] + 0.0
        value = f"{self.values[step] + 0.0:.2f}"
        return say("{value} ({low} to {high})", value=value, low=f"{low:.2f}", high=f"{high:.2f}")


@dataclass(frozen=True, eq=False)
class Chart:
    """Curves with one axis.

    Args:
        label: the label of the axis, with the unit.
        curves: one or more of the same length T + 1.

    Raises:
        UsageError: there are no curves, a number is not finite, or the lengths differ.
    """

    label: str
    curves: Sequence[Curve]

    def __post_init__(self) -> None:
        if not self.curves:
            raise UsageError("a chart needs at least one curve")
        shape = np.shape(self.curves[0].values)
        for curve in self.curves:
            check_finite(f"curve {curve.name!r}", curve.values, "T + 1")
            if curve.values.shape != shape or (curve.band is not None and curve.band.shape != (2, *shape)):
                raise UsageError(f"all curves of a chart need {shape[0]} values; {curve.name!r} has other ones")
        check_finite("bands of a chart", self._numbers())

    def _numbers(self) -> Array:
        parts = [part for curve in self.curves for part in (curve.values, curve.band) if part is not None]
        return np.concatenate([np.ravel(part) for part in parts])

    def limits(self) -> tuple[float, float]:
        """Return the ends of the axis, which shows all curves and 0, with some room above and below."""
        numbers = np.append(self._numbers(), 0.0)
        room = 0.05 * float(np.ptp(numbers)) or 1.0
        return float(numbers.min()) - room, float(numbers.max()) + room

    def describe(self) -> str:
        """Say in words what each curve is at first and at the end."""
        each = []
        for curve in self.curves:
            later = say(" at first, {end} at the end", end=curve.at(-1)) if np.ptp(curve.values) else ""
            each.append(f"{curve.name} {curve.at(0)}{later}")
        return say("Over time, {label}: {rows}.", label=self.label, rows=say("; ").join(each))

    def to_page(self) -> dict[str, Any]:
        """Return what the page needs to draw the chart."""
        curves = [
            {
                "name": curve.name,
                "values": np.round(curve.values, DIGITS).tolist(),
                "band": None if curve.band is None else np.round(curve.band, DIGITS).tolist(),
                "colour": PALETTE.get(curve.colour),
                "dashed": curve.dashed,
            }
            for curve in self.curves
        ]
        return {"label": self.label, "limits": self.limits(), "curves": curves}

    def draw(self, axes: Axes, dt: float) -> None:
        """Draw the whole chart into matplotlib's ``axes``; ``dt`` is the time of a step in s."""
        times = dt * np.arange(len(self.curves[0].values))
        for curve in self.curves:
            colour = PALETTE.get(curve.colour, "black")
            if curve.band is not None:
                axes.fill_between(times, *curve.band, color=colour, alpha=0.2, linewidth=0)
            axes.plot(times, curve.values, "--" if curve.dashed else "-", color=colour, linewidth=1.8, label=curve.name)
        axes.set(xlabel=say("time (s)"), ylabel=self.label, xlim=(0, times[-1]), ylim=self.limits())
        axes.spines[["top", "right"]].set_visible(False)
        legend(axes)
