"""What all plots share: colours, axes, checks of the data, and display in a notebook."""

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
from mpsearch.language import say
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
"""The palette of Okabe and Ito, whose colours readers with a common colour blindness can tell apart.

Its yellow is left out because it is hard to see on white. No plot relies on colour alone: lines also differ in their
marker, dash or label.
"""

BEFORE, AFTER, TARGET = PALETTE["orange"], PALETTE["blue"], PALETTE["black"]
MARKERS = "osD^vPX"
DASHES = ("-", "--", ":", "-.")
LINES = [PALETTE[name] for name in ("blue", "vermillion", "green", "purple", "sky", "black", "orange")]
"""The colours of lines in their order. The two that look alike are far apart, so that few plots have both."""

SQUARE = (4.8, 5.0)  # inches; the size of a figure whose axes are a square below a legend
COLOUR_MAP = "cividis"  # its lightness increases evenly, and it looks similar to readers with colour blindness


def new_axes(axes: Axes | None, size: tuple[float, float] = (6.4, 4.0)) -> Axes:
    """Return ``axes``, or the axes of a new figure of ``size`` (width and height in inches) if they are ``None``."""
    if axes is None:
        _, axes = plt.subplots(figsize=size, layout="constrained")
        axes.spines[["top", "right"]].set_visible(False)
    return axes


def line_style(i: int) -> dict[str, Any]:
    """Return the colour, the marker and the dash of line ``i``. The first 28 lines all look different."""
    colour, marker, dash = (looks[i % len(looks)] for looks in (LINES, MARKERS, DASHES))
    return {"color": colour, "marker": marker, "linestyle": dash, "markersize": 7}


def legend(axes: Axes, title: str | None = None, *, above: int = 0) -> None:
    """Draw a legend without a frame: inside the axes, or above them in ``above`` columns where the axes are full."""
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": above, "fontsize": "small"}
    look = {"frameon": False, "title_fontsize": "small", "alignment": "left"}
    axes.legend(title=title, **look, **(place if above else {}))


def show_zero(axes: Axes) -> None:
    """Show 0 on the vertical axis if the plotted lines vary by less than their distance from it.

    Otherwise the picture would show little but noise.
    """
    numbers = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.lines])
    nearest = float(np.abs(numbers).min())
    if (numbers > 0).all() and np.ptp(numbers) < nearest:
        axes.set_ylim(bottom=0)
    if (numbers < 0).all() and np.ptp(numbers) < nearest:
        axes.set_ylim(top=0)


def round_numbers(low: float, high: float, factors: Sequence[int] = (1, 2, 5)) -> list[float]:
    """Return the products of ``factors`` and powers of ten that lie between ``low`` and ``high``, both above 0."""
    exponents = range(int(np.floor(np.log10(low))), int(np.floor(np.log10(high))) + 1)
    numbers = [float(f"{factor}e{exponent}") for exponent in exponents for factor in factors]
    return [number for number in numbers if low <= number <= high]


def count_axis(axes: Axes, counts: Array, label: str) -> None:
    """Set up the horizontal axis for ``counts``, which are 0 or more.

    If the positive counts span a factor of ten or more, the axis is logarithmic and also shows 0. Otherwise it is
    linear.
    """
    positive = counts[counts > 0]
    if positive.size and positive.max() >= 10 * positive.min():
        low, high = float(positive.min()), float(positive.max())
        tens = round_numbers(2 * low, high, (1,))
        axes.set_xscale("symlog", linthresh=low, linscale=0.5)
        axes.set_xticks([0.0, low, *tens] if len(tens) > 1 else [0.0, *round_numbers(low, high)])
        axes.set_xticks(round_numbers(low, high, range(1, 10)), minor=True)
        axes.set_xlim(left=-0.25 * low)
        label += "\n" + say("(logarithmic after 0)")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))  # long numbers need room
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel(label)


def number(value: float) -> str:
    """Return ``value`` as text: without decimals from 10 on, and with two significant digits below."""
    return f"{value:.0f}" if abs(value) >= 10 else f"{value + 0.0:.2g}"  # + 0.0 turns -0.0 into 0.0


def episode_steps(result: AdaptationResult) -> int:
    """Return T, the number of steps of an episode."""
    return int(result.trajectories.shape[2]) - 1


def return_label(steps: int) -> str:
    """Return the label of an axis that shows returns of episodes with ``steps`` steps."""
    return say("return (sum of rewards over {steps} steps)", steps=steps)


def check_finite(what: str, values: Any, shape: str | None = None) -> Array:
    """Return ``values`` as an array of floats, after checking that they can be plotted.

    Args:
        what: the name of the values in an error.
        values: an array, or anything that NumPy converts to one.
        shape: the names of the axes, such as "K, Z"; their number is checked. ``None`` allows any shape.

    Raises:
        UsageError: the values are not numbers, there are none, one is not finite, or the number of axes is wrong.
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


def check_curve(what: str, steps: Any, returns: Any) -> tuple[Array, Array]:
    """Return the environment steps [N] and the returns [N] of a curve as arrays, after checking them.

    Raises:
        UsageError: one of the two is empty or not finite, or their lengths differ.
    """
    x, y = check_finite(what, steps, "N"), check_finite(what, returns, "N")
    if len(x) != len(y):
        raise UsageError(f"cannot plot: the {what} has {len(x)} environment steps but {len(y)} returns")
    return x, y


def save(axes: Axes, path: str | os.PathLike[str]) -> None:
    """Write the figure that contains ``axes`` to the file ``path``, and close it."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.savefig(path, dpi=110)
    plt.close(figure)


def picture_and_words(axes: Axes, words: str) -> tuple[Any, Any]:
    """Return two notebook outputs: the figure with ``words`` as its alternative text, and ``words`` as a paragraph.

    JupyterLab drops the alternative text of PNG outputs, so screen readers need the paragraph. For other readers it
    is folded away. The figure is closed.
    """
    from mpsearch.view.jupyter import display

    picture, figure = io.BytesIO(), axes.get_figure(root=True)
    assert figure is not None
    figure.savefig(picture, format="png", dpi=100)
    plt.close(figure)
    folded_words = display.Markdown(folded(say("In words"), f"\n\n{words}"))
    return display.Image(picture.getvalue(), alt=words), folded_words


def folded(title: str, text: str) -> str:
    """Return Markdown that shows ``title``, in HTML, and opens ``text`` when it is clicked."""
    return f"<details><summary>{title}</summary>{text}\n\n</details>"


def show(axes: Axes, words: str) -> None:
    """Show the figure of ``axes`` in a notebook, with ``words`` as its alternative text and as text below it."""
    from mpsearch.view.jupyter import display

    display.display(*picture_and_words(axes, words))
