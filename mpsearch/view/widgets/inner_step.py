"""An explorer of inner steps on a loss surface: drag the task and the start, and see what a meta-step would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mpsearch.errors import UsageError, check_count
from mpsearch.language import said_in, say
from mpsearch.records import Array
from mpsearch.view.jupyter import anywidget, traitlets
from mpsearch.view.plots import describe_landscape, landscape, plot_landscape
from mpsearch.view.plots.style import SQUARE
from mpsearch.view.script import script
from mpsearch.view.widgets.shell import StaticBundle, in_words, to_png

MOST_STEPS = 10
HIGHEST_RATE = 1.5
GRID = 51  # grid points along each side of the surface that is sent to the page, 10 kB in all
LEVELS = np.linspace(0, 1, 13)[1:-1] ** 2  # contour levels as fractions of the highest loss; denser near the bottom
FIRST, SECOND = "first order", "second order"
SCRIPT = script(Path(__file__).with_name("inner_step.js"))
CONTROLS = ("task", "start", "steps", "rate", "second_order")


@dataclass(frozen=True)
class InnerSteps:
    """The result of N inner steps from one start on one task.

    Attributes:
        task, start: [2] the bottom of the loss, and the parameters before the first step.
        rate: the learning rate of the steps.
        path: [N + 1, 2] the parameters, from the start to those after the last step.
        losses: [N + 1] the loss at each point of the path.
        meta_gradients: [2] by name: "first order", and "second order" if it was requested.
    """

    task: Array
    start: Array
    rate: float
    path: Array
    losses: Array
    meta_gradients: dict[str, Array]


def take_inner_steps(
    task: Sequence[float], start: Sequence[float], steps: int, rate: float, second_order: bool
) -> InnerSteps:
    """Take inner steps, and compute the losses along their path and the meta-gradients at the start.

    Args:
        task, start: [2] the bottom of the loss, and the parameters before the first step.
        steps: the number of inner steps.
        rate: their learning rate.
        second_order: also compute the second-order meta-gradient.

    Raises:
        UsageError: a number is not finite, or ``steps`` or ``rate`` is below 0.
    """
    theta, goal = np.asarray(start, dtype=float), np.asarray(task, dtype=float)
    path = landscape.inner_steps(theta, goal, rate, steps)
    orders = {FIRST: 1, SECOND: 2} if second_order else {FIRST: 1}
    gradients = {name: landscape.meta_gradient(theta, goal, rate, steps, order) for name, order in orders.items()}
    return InnerSteps(goal, theta, rate, path, landscape.loss(path, goal), gradients)


def describe_inner_steps(result: InnerSteps) -> str:
    """Return the sentences that say how far the loss falls, and what the second-order term changes."""
    steps, first = len(result.path) - 1, result.meta_gradients[FIRST]
    words = say(
        "{steps} the loss on this task from {before:.2g} to {after:.2g}.",
        steps=say("1 inner step takes") if steps == 1 else say("{count} inner steps take", count=steps),
        before=result.losses[0],
        after=result.losses[-1],
    )
    if SECOND not in result.meta_gradients:
        return words + say(" The first-order meta-gradient at the start has slope {slope:.2g}.", slope=_length(first))
    second = result.meta_gradients[SECOND]
    words += say(
        " The meta-gradient has slope {second:.2g} with the second-order term, {first:.2g} without",
        second=_length(second),
        first=_length(first),
    )
    if _length(first) * _length(second) < 1e-9:
        return words + say(".")
    cosine = float(first @ second) / (_length(first) * _length(second))
    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return words + say("; the two point {angle:.0f} degrees apart.", angle=angle)


class Checked(traitlets.Any):
    """A trait that accepts values of any type, so that our own validator handles a wrong type without a traceback."""

    allow_none = False


class InnerStepExplorer(StaticBundle, anywidget.AnyWidget):
    """An explorer that shows a loss surface and the path of the inner steps on it.

    The task, which is the bottom of the loss, and the start of the path can be dragged. Every control can also be set
    from Python. A value that is not allowed leaves the control unchanged; the reason appears in the widget and in
    :attr:`error`. Result: :class:`InnerSteps`.

    Args:
        task, start: [2] two numbers from -2.5 to 2.5, the range of the picture.
        steps: the number of inner steps, 0 to 10.
        rate: the learning rate of the inner steps, 0 to 1.5.
        second_order: also show the meta-gradient with the second-order term.
    """

    _esm = SCRIPT
    _css = Path(__file__).with_name("inner_step.css")

    task, start = Checked().tag(sync=True), Checked().tag(sync=True)
    steps, rate = Checked(1).tag(sync=True), Checked(landscape.RATE).tag(sync=True)
    second_order = Checked(True).tag(sync=True)
    limits = traitlets.Dict(
        {"extent": landscape.EXTENT, "steps": MOST_STEPS, "rate": HIGHEST_RATE, "levels": LEVELS.tolist()}
    ).tag(sync=True)
    surface = traitlets.Bytes().tag(sync=True)
    scene = traitlets.Dict().tag(sync=True)
    words = traitlets.Unicode().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)
    said = traitlets.Dict().tag(sync=True)

    def __init__(self, **values: Any) -> None:
        self.result: InnerSteps | None = None
        self._taken = {name: getattr(self, name) for name in CONTROLS}
        self._drawn_task: Any = None
        super().__init__(said=said_in(SCRIPT))
        self._draw()
        for name, value in values.items():
            if name in CONTROLS:
                setattr(self, name, value)
            else:
                self.error = f"there is no control {name!r}; there are {', '.join(CONTROLS)}"

    @traitlets.default("task")
    def _first_task(self) -> list[float]:
        return [1.0, 0.6]

    @traitlets.default("start")
    def _first_start(self) -> list[float]:
        return [-1.4, -1.0]

    @traitlets.validate(*CONTROLS)
    def _take(self, proposal: Any) -> Any:
        """Return the new value if it is allowed. Otherwise show the reason and return the previous value."""
        name = proposal["trait"].name
        try:
            self._taken[name] = _allowed(name, proposal["value"])
            self.error = ""
        except Exception as error:
            self.error = in_words(error)
        return self._taken[name]

    @traitlets.observe(*CONTROLS)
    def _changed(self, _: Any) -> None:
        self._draw()

    def _draw(self) -> None:
        try:
            self.result = take_inner_steps(**self._taken)
        except Exception as error:
            self.error = in_words(error)
            return
        with self.hold_sync():
            if self._drawn_task != self._taken["task"]:
                self._drawn_task = self._taken["task"]
                _, heights = landscape.surface(self.result.task, landscape.EXTENT, GRID)
                self.surface = heights.astype("<f4").tobytes()
            self.words = describe_inner_steps(self.result)
            # The page waits for the scene to change. The number makes each scene differ from the previous one.
            self.scene = {"number": self.scene.get("number", 0) + 1, **_to_draw(self.result)}

    def snapshot(self) -> tuple[bytes | None, str]:
        """Return the picture of :func:`mpsearch.view.plots.plot_landscape`, and its alternative text."""
        if self.result is None:
            return None, self.error
        r = self.result
        figure = Figure(figsize=SQUARE, layout="constrained")
        names = {FIRST: say("first order"), SECOND: say("second order")}
        arrows = {names[name]: arrow for name, arrow in r.meta_gradients.items()}
        plot_landscape(r.task, r.path, arrows, axes=figure.add_subplot())
        words = describe_landscape(r.task, r.path, arrows)
        return to_png(figure), " ".join(filter(None, (words, self.error)))


def _allowed(name: str, value: Any) -> Any:
    """Return ``value`` in the form that is sent to the page.

    Raises:
        UsageError: the control ``name`` does not allow this value.
    """
    if name == "second_order":
        if not isinstance(value, bool | np.bool_):
            raise UsageError(f"second_order must be True or False, not {value!r}")
        return bool(value)
    if name == "steps":
        if check_count("steps", value, 0) > MOST_STEPS:
            raise UsageError(f"steps must be a whole number from 0 to {MOST_STEPS}, not {value!r}")
        return int(value)
    return _numbers(name, value)


def _numbers(name: str, value: Any) -> Any:
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        array = np.full(0, np.nan)
    if name == "rate":
        if array.ndim or not 0 <= array <= HIGHEST_RATE:
            raise UsageError(f"rate must be a number from 0 to {HIGHEST_RATE}, not {value!r}")
    elif array.shape != (2,) or not (np.abs(array) <= landscape.EXTENT).all():
        limit = landscape.EXTENT
        raise UsageError(f"the {name} must be two numbers, each from {-limit} to {limit}, not {value!r}")
    return array.tolist()


def _to_draw(result: InnerSteps) -> dict[str, Any]:
    """Return the path and the arrows of the meta-steps, which begin at the start.

    The longest arrow has a fixed length. The other lengths are proportional to the square root of the gradient's
    length, because arrows proportional to the gradient itself would often be too short to be seen.
    """
    longest = max(_length(g) for g in result.meta_gradients.values())
    arrows = []
    for name, g in result.meta_gradients.items():
        scale = landscape.ARROW / np.sqrt(longest * _length(g)) if _length(g) > 1e-9 else 0.0
        arrows.append({"name": name, "move": (-scale * g).tolist()})
    return {"path": result.path.tolist(), "arrows": arrows}


def _length(vector: Array) -> float:
    return float(np.hypot(*vector))
