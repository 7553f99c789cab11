"""Plots of how much faster training becomes with several ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from mpsearch.language import say
from mpsearch.view.plots.style import TARGET, check_finite, legend, line_style, new_axes

Curves = Mapping[str, tuple[Sequence[int], Sequence[float]]]  # numbers of ranks, and the speed-up with each


def plot_speedup(curves: Curves, axes: Axes | None = None) -> Axes:
    """Plot speed-ups against the number of ranks, on logarithmic axes, beside the ideal line.

    Args:
        curves: by name, the numbers of ranks and the speed-ups over one rank.
        axes: the axes to draw into; a new figure by default.

    Raises:
        UsageError: a number is not finite.
    """
    axes, most = new_axes(axes), 1.0
    for i, (name, points) in enumerate(curves.items()):
        ranks, speedups = check_finite(name, points, "2, N")
        axes.plot(ranks, speedups, label=name, **line_style(i))
        most = max(most, ranks.max())
    axes.plot([1, most], [1, most], ":", color=TARGET, label=say("in proportion"))
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,g}")
    axes.set_xlabel(say("ranks (logarithmic)"))
    axes.set_ylabel(say("times as fast as one rank (logarithmic)"))
    axes.set_title(say("Several ranks share the tasks of an iteration"))
    legend(axes)
    return axes


def describe_speedup(curves: Curves) -> str:
    """Return the alternative text of :func:`plot_speedup`."""
    lines = []
    for name, points in curves.items():
        speeds = [
            say("{speed:.1f} with {count}", speed=speed, count=count) for count, speed in zip(*points, strict=True)
        ]
        lines.append(say("{name}: {what}", name=name, what=say(", ").join(speeds)))
    return say("Times as fast as one rank. {rows}.", rows=say("; ").join(lines))
