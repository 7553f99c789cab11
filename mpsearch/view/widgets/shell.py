"""What the explorers share: a picture, a sentence, readable errors, and a static view without a kernel."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave

from mpsearch.errors import MpsearchError
from mpsearch.language import said_in, say
from mpsearch.view.jupyter import anywidget, ipywidgets, traitlets
from mpsearch.view.script import script

HEIGHT = 360  # px; all pictures have this height, so that the page's layout does not change
CACHED = 64  # pictures that the cache holds, about 40 kB each
WIDE = ipywidgets.Layout(width="min(100%, 520px)")
EXPLORER = "mpsearch-explorer"  # the CSS class of an explorer, which words.js looks for
SCRIPT = script(Path(__file__).with_name("words.js"))
LABELS = {"description_width": "170px"}


@dataclass(frozen=True)
class Drawn:
    """What an explorer shows for one setting of its controls.

    Attributes:
        png: the picture.
        alt: the picture's alternative text.
        words: a sentence that says what the picture shows.
        result: the numbers that the picture shows.
    """

    png: bytes
    alt: str
    words: str
    result: Any


def new_figure(columns: int = 1, widths: Sequence[float] | None = None, **margins: float) -> tuple[Figure, list[Axes]]:
    """Return a new figure with ``columns`` axes in a row.

    The figure is not registered with pyplot, so it need not be closed, and a notebook does not show it by itself.

    Args:
        columns: the number of axes.
        widths: the widths of the axes in relation to each other, by default all alike.
        margins: arguments of ``Figure.subplots_adjust``. Fixed margins save time: an automatic layout takes longer
            than the drawing.
    """
    figure = Figure(figsize=(8.8, HEIGHT / 100))
    figure.subplots_adjust(**{"left": 0.08, "right": 0.99, "bottom": 0.16, "top": 0.92, "wspace": 0.22} | margins)
    grid = figure.add_gridspec(1, columns, width_ratios=widths)
    axes = [figure.add_subplot(grid[column]) for column in range(columns)]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    return figure, axes


def to_png(figure: Figure) -> bytes:
    """Draw ``figure`` and return it as a PNG with 100 pixels per inch."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas_png(canvas)


def canvas_png(canvas: FigureCanvasAgg) -> bytes:
    """Return what is drawn on ``canvas`` as a PNG."""
    picture = io.BytesIO()
    imsave(picture, np.asarray(canvas.buffer_rgba()), format="png")
    return picture.getvalue()


def look(label: str, tooltip: str) -> dict[str, Any]:
    """Return the arguments of a control that has this label and tooltip and looks like the other controls."""
    return {"description": label, "tooltip": tooltip, "style": LABELS, "layout": WIDE}


def seed_control(value: int, label: str | None = None, tooltip: str | None = None) -> Any:
    """Return a text field for a seed."""
    how = look(label or say("Seed"), tooltip or say("Another seed gives another exploration"))
    narrow = {"layout": ipywidgets.Layout(width="280px")}
    return ipywidgets.BoundedIntText(value, min=0, max=2**31 - 1, **how | narrow)


class Picture(ipywidgets.HTML):  # type: ignore[misc]
    """A widget that shows a picture with alternative text, in a frame of fixed height."""

    def show(self, png: bytes, alt: str) -> None:
        """Show the picture ``png`` with the alternative text ``alt``."""
        source = "data:image/png;base64," + base64.b64encode(png).decode()
        size = f"height:{HEIGHT}px;max-width:100%;object-fit:contain;object-position:left"
        self.value = f'<img alt="{html.escape(alt)}" src="{source}" style="{size}">'


class Words(anywidget.AnyWidget):
    """A line of text that screen readers read out when it changes.

    A line with the role "alert" also shows a message when Python does not answer; see words.js.
    """

    _esm = SCRIPT
    _css = Path(__file__).with_name("words.css")
    value = traitlets.Unicode().tag(sync=True)
    role = traitlets.Enum(["status", "alert"], "status").tag(sync=True)
    said = traitlets.Dict().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(said=said_in(SCRIPT), **traits)
        self.on_msg(lambda *_: self.send("here"))


class StaticBundle:
    """A mixin that stores a picture and a text of the widget's present state in the notebook.

    They are shown where the widget cannot run: on GitHub, in print, or without a kernel.
    """

    def snapshot(self) -> tuple[bytes | None, str]:
        """Return the picture, or ``None`` if there is none, and the text."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        png, words = self.snapshot()
        data = {**data, "text/plain": words}
        if png is not None:
            data["image/png"] = base64.b64encode(png).decode()
            metadata = {**metadata, "image/png": {"alt": words}}
        return data, metadata


class DrawnBundle(StaticBundle):
    """A :class:`StaticBundle` that stores the last picture drawn and the sentences shown with it."""

    drawn: Drawn | None
    words: Words
    error: Words

    def snapshot(self) -> tuple[bytes | None, str]:
        """Return the last picture, or ``None`` if there is none, and the sentences shown with it."""
        words = " ".join(filter(None, (self.words.value, self.error.value)))
        return (self.drawn.png if self.drawn else None), words


def in_words(error: Exception) -> str:
    """Return the message of ``error`` for the user. For an error that is not ours, it asks the user to report it."""
    if isinstance(error, MpsearchError):
        return str(error)
    return say("Unexpected {kind}: {error}; please report it", kind=type(error).__name__, error=error)


@contextmanager
def errors_in_words(line: Words) -> Iterator[None]:
    """Clear ``line``, run the block, and write an error of the block into ``line`` instead of raising it."""
    line.value = ""
    try:
        yield
    except Exception as error:  # of any kind, because a traceback below a widget does not help its user
        line.value = in_words(error)


class Shell(DrawnBundle, ipywidgets.VBox):  # type: ignore[misc]
    """The base class of explorers: controls, a picture, a sentence and a line for errors.

    The picture is redrawn when a control changes. A subclass implements :meth:`draw`, whose result may depend only on
    the values of the controls, and calls :meth:`use`. After an error the picture, the sentence and the result stay
    unchanged.

    Attributes:
        controls: the controls by name; ``controls["seed"].value = 1`` has the same effect as typing 1 there.
        result: the numbers that the picture shows; ``None`` before the first picture.
        picture, words, error: the parts of the explorer below its controls.
    """

    def __init__(self) -> None:
        self.controls: dict[str, Any] = {}
        self.drawn: Drawn | None = None
        self.picture, self.words, self.error = Picture(), Words(), Words(role="alert")
        self.picture.layout.height = f"{HEIGHT + 8}px"
        self._cached = lru_cache(CACHED)(self.draw)
        super().__init__([self.picture, self.words, self.error], _dom_classes=[EXPLORER])

    def draw(self, *args: Any, **values: Any) -> Drawn:
        """Return what to show for these values of the controls.

        Raises:
            MpsearchError: a value cannot be used. The explorer shows the message of this or any other error.
        """
        raise NotImplementedError

    def use(self, **controls: Any) -> None:
        """Show ``controls``, redraw whenever one of them changes, and draw the first picture."""
        self.controls = controls
        self.children = (*controls.values(), self.picture, self.words, self.error)
        for control in controls.values():
            control.observe(lambda _: self.refresh(), "value")
        self.refresh()

    def refresh(self) -> None:
        """Show the picture for the present values of the controls, from a cache if it was drawn before."""
        with errors_in_words(self.error):
            self.drawn = self._cached(**{name: control.value for name, control in self.controls.items()})
            self.picture.show(self.drawn.png, self.drawn.alt)
            self.words.value = self.drawn.words

    @property
    def result(self) -> Any:
        return self.drawn.result if self.drawn else None
