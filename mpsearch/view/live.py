"""Two outputs for lessons: a learning curve that is updated while a cell trains, and the library's source code."""

from __future__ import annotations

import inspect
import re
import textwrap
import time
from collections.abc import Callable
from typing import Any

from mpsearch.language import say
from mpsearch.view import plots

NOTES = re.compile(r" *# (fmt|type|noqa)\b.*")
LONG = 25  # lines of a listing that are shown unfolded
REDRAW = 0.7  # s between two pictures; drawing more often would take more time than the training itself


class LiveCurve:
    """A learning curve in the output of a cell, updated while the cell trains.

    ::

        with LiveCurve("seed 0") as curve:
            for ...:
                curve.add(env_steps, mean_return)

    The notebook keeps the last picture and its description.

    Args:
        name: the name of the curve.
        ylabel, xlabel: the labels of the axes, for a curve of other quantities than returns and environment steps.

    Attributes:
        steps, returns: the points that were added so far.
    """

    def __init__(self, name: str, *, ylabel: str | None = None, xlabel: str | None = None) -> None:
        self.name = name
        self.ylabel, self.xlabel = ylabel, xlabel
        self.steps: list[float] = []
        self.returns: list[float] = []
        self._drawn: float | None = None
        self._handles: list[Any] = []

    def add(self, env_steps: float, mean_return: float) -> None:
        """Append a point, and redraw the curve if the last picture is older than ``REDRAW`` seconds."""
        self.steps.append(env_steps)
        self.returns.append(mean_return)
        if self._drawn is None or time.monotonic() - self._drawn > REDRAW:
            self.draw()

    def draw(self) -> None:
        """Draw all points added so far, in place of the previous picture."""
        from mpsearch.view.jupyter import display

        curves = {self.name: (self.steps, self.returns)}
        words = plots.describe_training(curves, self.ylabel, self.xlabel)
        axes = plots.plot_training(curves, ylabel=self.ylabel, xlabel=self.xlabel)
        parts = plots.picture_and_words(axes, words)
        if self._handles:
            for handle, part in zip(self._handles, parts, strict=True):
                handle.update(part)
        else:
            self._handles = [display.display(part, display_id=True) for part in parts]
        self._drawn = time.monotonic()

    def __enter__(self) -> LiveCurve:
        return self

    def __exit__(self, *error: object) -> None:
        if self.steps:
            self.draw()


def show_source(*functions: Callable[..., Any]) -> None:
    """Show the source code of functions or classes in a notebook, so that lessons always show the present code.

    Comments for the linter and the type checker are left out. A listing longer than ``LONG`` lines is folded away, and
    a click opens it.
    """
    from mpsearch.view.jupyter import display

    for function in functions:
        place = "/".join(function.__module__.split("."))
        source = NOTES.sub("", textwrap.dedent(inspect.getsource(function)))
        listing = f"\n\n```python\n{source}```"
        lines = source.count("\n")
        names = {"name": function.__name__, "file": f"{place}.py", "count": lines}
        title = say("<code>{name}</code>, {count} lines, from <code>{file}</code>", **names)
        words = plots.folded(title, listing) if lines > LONG else say("From `{file}`:", **names) + listing
        display.display(display.Markdown(words))
