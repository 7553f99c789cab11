"""What the explorers share: a picture and words for every reader, errors in words, and a view without a kernel."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterator
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
from mpsearch.view.jupyter import anywidget, ipywidgets, traitlets

HEIGHT = 360  # px, of every picture: a layout that does not jump
CACHED = 64  # pictures kept, about 40 kB each
WIDE = ipywidgets.Layout(width="min(100%, 520px)")
EXPLORER = "mpsearch-explorer"  # the class of what a reader uses: see words.js
LABELS = {"description_width": "170px"}


@dataclass(frozen=True)
class Drawn:
    """What an explorer shows of one choice of its controls.

    Attributes:
        png: the picture.
        alt: its alternative text.
        words: one sentence: what is to be seen.
        result: the numbers behind it.
    """

    png: bytes
    alt: str
    words: str
    result: Any


def new_figure(columns: int = 1, **margins: float) -> tuple[Figure, list[Axes]]:
    """A figure with a row of axes. pyplot does not know it, so nothing shows it twice or has to close it.

    Args:
        margins: as of ``Figure.subplots_adjust``; fixed, since finding them costs more than the drawing.
    """
    figure = Figure(figsize=(8.8, HEIGHT / 100))
    figure.subplots_adjust(**{"left": 0.08, "right": 0.99, "bottom": 0.16, "top": 0.92, "wspace": 0.22} | margins)
    axes = [figure.add_subplot(1, columns, column + 1) for column in range(columns)]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    return figure, axes


def to_png(figure: Figure) -> bytes:
    """The figure as a PNG, 100 pixels an inch."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas_png(canvas)


def canvas_png(canvas: FigureCanvasAgg) -> bytes:
    """What is on ``canvas``, as a PNG."""
    picture = io.BytesIO()
    imsave(picture, np.asarray(canvas.buffer_rgba()), format="png")
    return picture.getvalue()


def seed_control(value: int, description: str = "Seed", tooltip: str = "Another seed, another exploration") -> Any:
    """A field for a seed."""
    return ipywidgets.BoundedIntText(
        value=value, min=0, max=2**31 - 1, description=description, tooltip=tooltip, style=LABELS,
        layout=ipywidgets.Layout(width="280px"),
    )  # fmt: skip


class Picture(ipywidgets.HTML):  # type: ignore[misc]
    """A picture with alternative text, in a frame of fixed height."""

    def show(self, png: bytes, alt: str) -> None:
        """Show ``png``, described by ``alt``."""
        source = "data:image/png;base64," + base64.b64encode(png).decode()
        size = f"height:{HEIGHT}px;max-width:100%;object-fit:contain;object-position:left"
        self.value = f'<img alt="{html.escape(alt)}" src="{source}" style="{size}">'


class Words(anywidget.AnyWidget):
    """A line of text that screen readers read out when it changes; an alert also says when Python does not answer."""

    _esm = Path(__file__).with_name("words.js")
    _css = Path(__file__).with_name("words.css")
    value = traitlets.Unicode().tag(sync=True)
    role = traitlets.Enum(["status", "alert"], "status").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_msg(lambda *_: self.send("here"))


class StaticBundle:
    """Puts a picture and words of the present state beside a widget's view: for GitHub, print, a stopped kernel."""

    def snapshot(self) -> tuple[bytes | None, str]:
        """The picture, if there is one, and the words."""
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
    """A :class:`StaticBundle` of what was drawn last, and the sentences beside it."""

    drawn: Drawn | None
    words: Words
    error: Words

    def snapshot(self) -> tuple[bytes | None, str]:
        """The picture, if there is one, and the sentences beside it."""
        words = " ".join(filter(None, (self.words.value, self.error.value)))
        return (self.drawn.png if self.drawn else None), words


def in_words(error: Exception) -> str:
    """What went wrong, as a sentence for the reader; one that nobody foresaw asks to be reported."""
    if isinstance(error, MpsearchError):
        return str(error)
    return f"Unexpected {type(error).__name__}: {error}; please report it"


@contextmanager
def errors_in_words(line: Words) -> Iterator[None]:
    """Write an error of the block into ``line``, instead of raising it; empty ``line`` first."""
    line.value = ""
    try:
        yield
    except Exception as error:  # whatever it is: a traceback below a widget helps no reader
        line.value = in_words(error)


class Shell(DrawnBundle, ipywidgets.VBox):  # type: ignore[misc]
    """Controls, a picture, a sentence and a line for errors; drawn anew when a control changes.

    A subclass implements :meth:`draw`, a function of the controls' values alone, and calls :meth:`use`. After an
    error the picture, the sentence and the result stay as they were.

    Attributes:
        controls: the controls by name; ``controls["seed"].value = 1`` does what the reader's hand does.
        result: the numbers behind the picture; ``None`` before there is one.
        picture, words, error: what is shown.
    """

    def __init__(self) -> None:
        self.controls: dict[str, Any] = {}
        self.drawn: Drawn | None = None
        self.picture, self.words, self.error = Picture(), Words(), Words(role="alert")
        self.picture.layout.height = f"{HEIGHT + 8}px"
        self._cached = lru_cache(CACHED)(self.draw)
        super().__init__([self.picture, self.words, self.error], _dom_classes=[EXPLORER])

    def draw(self, *args: Any, **values: Any) -> Drawn:
        """What to show for these values of the controls.

        Raises:
            MpsearchError: shown in words, like any other error.
        """
        raise NotImplementedError

    def use(self, **controls: Any) -> None:
        """Show ``controls``, listen to them, and draw."""
        self.controls = controls
        self.children = (*controls.values(), self.picture, self.words, self.error)
        for control in controls.values():
            control.observe(lambda _: self.refresh(), "value")
        self.refresh()

    def refresh(self) -> None:
        """Draw for the present values of the controls; what was drawn before comes from a cache."""
        with errors_in_words(self.error):
            self.drawn = self._cached(**{name: control.value for name, control in self.controls.items()})
            self.picture.show(self.drawn.png, self.drawn.alt)
            self.words.value = self.drawn.words

    @property
    def result(self) -> Any:
        return self.drawn.result if self.drawn else None
