"""What all pictures share: colours, axes, checks of what is to be drawn, and how a notebook shows it."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

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
DASHES = ("-", "--", ":", "-.")
BESIDE = 7.2  # inches: the width of a figure with room for a legend beside the axes
COLOUR_MAP = "cividis"  # for a number: its lightness grows evenly, and it looks alike to nearly all readers


def new_axes(axes: Axes | None, width: float = 6.4) -> Axes:
    """``axes``, or those of a new figure ``width`` inches wide."""
    if axes is None:
        _, axes = plt.subplots(figsize=(width, 4.0), layout="constrained")
        axes.spines[["top", "right"]].set_visible(False)
    return axes


def line_style(i: int) -> dict[str, Any]:
    """Colour, marker and dash of line ``i``; no two of the first 28 lines are alike."""
    colours = list(PALETTE.values())
    dash = DASHES[i // len(colours) % len(DASHES)]
    return {"color": colours[i % len(colours)], "marker": MARKERS[i % len(MARKERS)], "linestyle": dash, "markersize": 7}


def legend(axes: Axes, title: str | None = None, *, beside: bool = False) -> None:
    """A legend without a frame, in the axes or ``beside`` them."""
    place: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.02, 0.5), "fontsize": "small"} if beside else {}
    axes.legend(frameon=False, title=title, title_fontsize="small", alignment="left", **place)


def round_numbers(low: float, high: float, factors: Sequence[int] = (1, 2, 5)) -> list[float]:
    """``factors`` times the powers of ten from ``low`` to ``high``, both above 0."""
    exponents = range(int(np.floor(np.log10(low))), int(np.floor(np.log10(high))) + 1)
    numbers = [float(f"{factor}e{exponent}") for exponent in exponents for factor in factors]
    return [number for number in numbers if low <= number <= high]


def count_axis(axes: Axes, counts: Array, label: str) -> None:
    """Make x fit ``counts``, none below 0: a logarithmic axis that has room for 0, if they span a factor of ten."""
    positive = counts[counts > 0]
    if positive.size and positive.max() >= 10 * positive.min():
        low, high = float(positive.min()), float(positive.max())
        tens = round_numbers(2 * low, high, (1,))
        axes.set_xscale("symlog", linthresh=low, linscale=0.5)
        axes.set_xticks([0.0, low, *tens] if len(tens) > 1 else [0.0, *round_numbers(low, high)])
        axes.set_xticks(round_numbers(low, high, range(1, 10)), minor=True)
        axes.set_xlim(left=-0.25 * low)
        label += "\n(logarithmic after 0)"
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))  # long numbers need room
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel(label)


def number(value: float) -> str:
    """``value`` in words' precision: whole from 10 on, else two digits."""
    return f"{value:.0f}" if abs(value) >= 10 else f"{value + 0.0:.2g}"  # + 0.0 turns -0.0 into 0.0


def episode_steps(result: AdaptationResult) -> int:
    """T, the steps of one episode."""
    return int(result.trajectories.shape[2]) - 1


def return_label(steps: int) -> str:
    """The name of an axis of returns of episodes of ``steps`` steps."""
    return f"return (sum of rewards over {steps} steps)"


def check_finite(what: str, values: Any, shape: str | None = None) -> Array:
    """``values`` as a float array, of as many axes as ``shape`` has letters ("K, Z").

    Raises:
        UsageError: they are no numbers, none, not finite, or have another number of axes.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError(f"cannot plot: the {what} must be an array of numbers") from None
    if array.size == 0:
        raise UsageError(f"there is nothing to plot: no {what} was given")
    if shape is not None and array.ndim != len(shape.split(",")):
        raise UsageError(f"cannot plot: the {what} must have shape [{shape}], not {list(array.shape)}")
    bad = int((~np.isfinite(array)).sum())
    if bad:
        raise UsageError(f"cannot plot: {bad} number{'s are' if bad > 1 else ' is'} not finite in the {what}")
    return array


def save(axes: Axes, path: str | os.PathLike[str]) -> None:
    """Write the figure of ``axes`` to ``path`` and close it."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.savefig(path, dpi=110)
    plt.close(figure)


def picture_and_words(axes: Axes, words: str) -> tuple[Any, Any]:
    """The figure of ``axes`` with ``words`` as its alternative text, and the same as text; closes the figure.

    JupyterLab draws PNG outputs without their alternative text, so a screen reader needs the text as well.
    """
    from mpsearch.view.jupyter import display

    picture, figure = io.BytesIO(), axes.get_figure(root=True)
    assert figure is not None
    figure.savefig(picture, format="png", dpi=100)
    plt.close(figure)
    return display.Image(picture.getvalue(), alt=words), display.Markdown(f"*In words:* {words}")


def show(axes: Axes, words: str) -> None:
    """Show the figure of ``axes`` in a notebook, with ``words`` as its alternative text and as text below it."""
    from mpsearch.view.jupyter import display

    display.display(*picture_and_words(axes, words))
