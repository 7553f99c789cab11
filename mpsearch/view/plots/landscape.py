"""A toy problem that makes the inner loop visible: two parameters, and a bowl-shaped loss for each task.

Let u = R^T (theta - c) be the displacement from the task c along the axes of the bowl. Then::

    loss(theta, c) = sum_i  h_i w^2 log cosh(u_i / w)

The loss has the curvature h_i at its bottom and becomes linear at distances greater than the width w. The Hessian
therefore depends on theta. One axis of the bowl is steep and the other is flat. An inner step whose rate suits the
steep axis hardly moves along the flat axis. The second-order meta-gradient takes this into account; the first-order
meta-gradient does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mpsearch.errors import UsageError, check_count
from mpsearch.language import say
from mpsearch.records import Array
from mpsearch.view.plots.style import AFTER, BEFORE, PALETTE, SQUARE, TARGET, check_finite, legend, new_axes, number

CURVATURE = np.array([2.0, 0.3])  # h, the curvature at the bottom along the steep and the flat axis
WIDTH = 1.0  # w
TILT = np.pi / 6  # the angle from the first parameter to the steep axis, so that the two parameters interact
AXES = np.array([[np.cos(TILT), -np.sin(TILT)], [np.sin(TILT), np.cos(TILT)]])  # R; its columns are the bowl's axes
RATE = 0.7  # an inner rate with which one step along the steep axis nearly reaches the bottom; near it, it overshoots
EXTENT = 2.5  # half the side of the square that is drawn
ARROW = 0.9  # the length of the longest arrow


def loss(theta: Array, task: Array) -> Array:
    """Return the loss [...] of the parameters ``theta`` [..., 2] on ``task`` [2]. It is 0 where theta = task."""
    u = _displacement(theta, task)
    return (CURVATURE * WIDTH**2 * (np.logaddexp(u, -u) - np.log(2))).sum(-1)


def gradient(theta: Array, task: Array) -> Array:
    """Return the gradient [..., 2] of :func:`loss` with respect to ``theta`` [..., 2]: R (h w tanh(u / w))."""
    return (CURVATURE * WIDTH * np.tanh(_displacement(theta, task))) @ AXES.T


def hessian(theta: Array, task: Array) -> Array:
    """Return the Hessian [..., 2, 2] of :func:`loss` at ``theta`` [..., 2]: R diag(h / cosh^2(u / w)) R^T."""
    curvature = CURVATURE * (1 - np.tanh(_displacement(theta, task)) ** 2)  # [..., 2]
    return AXES * curvature[..., None, :] @ AXES.T


def inner_steps(start: Array, task: Array, rate: float = RATE, steps: int = 1) -> Array:
    """Take N = ``steps`` steps of gradient descent on ``task`` [2] from ``start`` [..., 2].

    Returns:
        The path [N + 1, ..., 2], from the start to the parameters after the last step.

    Raises:
        UsageError: a number is not finite, a shape is wrong, or ``rate`` or ``steps`` is below 0.
    """
    path = [_points("start", start)]
    _check_rate(rate)
    for _ in range(check_count("steps", steps, 0)):
        path.append(path[-1] - rate * gradient(path[-1], task))
    return np.stack(path)


def meta_gradient(start: Array, task: Array, rate: float = RATE, steps: int = 1, order: int = 2) -> Array:
    """Return the gradient [..., 2] of the loss after ``steps`` inner steps with respect to their ``start`` [..., 2].

    Let g be the gradient of the loss at the end of the path, and H_n the Hessian at step n. The second-order
    meta-gradient is (I - rate H_0) ... (I - rate H_{N-1}) g. The first-order meta-gradient leaves out the Hessians,
    so it is g itself.

    Raises:
        UsageError: ``order`` is neither 1 nor 2, or another argument is one that :func:`inner_steps` does not allow.
    """
    if order not in (1, 2):
        raise UsageError(f"order must be 1 or 2, not {order!r}")
    path = inner_steps(start, task, rate, steps)
    result = gradient(path[-1], task)
    for theta in path[-2::-1] if order == 2 else ():
        result = result - rate * (hessian(theta, task) @ result[..., None])[..., 0]
    return result


def surface(task: Array, extent: float = EXTENT, n: int = 81) -> tuple[Array, Array]:
    """Compute the loss on a square grid of n x n points.

    Returns:
        The coordinates [n] of the grid, from -extent to extent, and the losses [n, n] with one row for each theta_2.

    Raises:
        UsageError: ``extent`` is not above 0, or ``n`` is below 2.
    """
    if not (np.isfinite(extent) and extent > 0):
        raise UsageError(f"extent must be a number above 0, not {extent!r}")
    line = np.linspace(-extent, extent, check_count("n", n, 2))
    return line, loss(np.stack(np.meshgrid(line, line), axis=-1), task)


def plot_landscape(
    task: Array,
    path: Array,
    meta_gradients: Mapping[str, Array] | None = None,
    extent: float | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Plot the contours of a task's loss, the path of the inner steps, and the direction of the meta-step.

    Args:
        task: [2] the bottom of the bowl.
        path: [N + 1, 2] the path that :func:`inner_steps` returned.
        meta_gradients: [2] each meta-gradient by its name, such as "second order". An arrow of the negative
            meta-gradient is drawn from the start; all arrows have the same scale.
        extent: half the side of the square that is drawn; by default the square contains the task and the path.
        axes: the axes to draw into; a new figure by default.

    Raises:
        UsageError: a number is not finite, or a shape is wrong.
    """
    task, path, arrows = _check(task, path, meta_gradients)
    if extent is None:
        extent = max(EXTENT, 1.15 * float(np.abs([*path, task]).max()))
    line, values = surface(task, extent)
    axes = new_axes(axes, SQUARE)
    levels = values.max() * np.linspace(0, 1, 13)[1:] ** 2  # denser near the bottom, where the loss changes little
    contours = axes.contour(line, line, values, levels, colors="0.75", linewidths=0.8)
    axes.clabel(contours, levels[1:-1:3], fmt=number, fontsize="x-small", colors="0.45")
    axes.plot(*path.T, color="0.25", linewidth=1.2, marker=".", markersize=6)
    for point, marker, colour, name in (
        (task, "*", TARGET, say("bottom: the task")),
        (path[0], "o", BEFORE, say("start")),
        (path[-1], "D", AFTER, say("after {steps}", steps=_count(path))),
    ):
        size = 13 if marker == "*" else 9
        axes.plot(*point, marker, color=colour, markersize=size, markeredgecolor="white", label=name, zorder=3)
    _draw_arrows(axes, path[0], arrows)
    axes.set(xlim=(-extent, extent), ylim=(-extent, extent), aspect="equal")
    axes.set(xlabel=say(r"first parameter $\theta_1$"), ylabel=say(r"second parameter $\theta_2$"))
    legend(axes, above=2)
    return axes


def describe_landscape(task: Array, path: Array, meta_gradients: Mapping[str, Array] | None = None) -> str:
    """Return the alternative text of :func:`plot_landscape`."""
    task, path, arrows = _check(task, path, meta_gradients)
    before, after = loss(path[[0, -1]], task)
    words = say(
        "Contours of the loss over two parameters; its bottom, the task, is at {task}. {steps} from {start} to {end}:"
        " the loss goes from {before} to {after}.",
        task=_place(task),
        steps=_count(path),
        start=_place(path[0]),
        end=_place(path[-1]),
        before=number(before),
        after=number(after),
    )
    for name, arrow in arrows.items():
        length = float(np.hypot(*arrow))
        angle = np.degrees(np.arctan2(*arrow[::-1])) % 360
        words += say(
            " A meta-step of the {name} would move the start{way}, slope {slope}.",
            name=name,
            way=say(" towards {angle:.0f} degrees (0 is right, 90 is up)", angle=angle) if length > 0 else "",
            slope=number(length),
        )
    return words


def _draw_arrows(axes: Axes, start: Array, arrows: Mapping[str, Array]) -> None:
    longest = max((float(np.hypot(*arrow)) for arrow in arrows.values()), default=0.0)
    styles = ((PALETTE["vermillion"], "-", 4), (PALETTE["green"], "--", 2), (PALETTE["purple"], ":", 2))
    for i, (name, arrow) in enumerate(arrows.items()):
        colour, dash, width = styles[i % len(styles)]
        if longest > 0:
            end = start + ARROW * arrow / longest
            style = {
                "arrowstyle": "-|>",
                "color": colour,
                "linestyle": dash,
                "linewidth": width,
                "mutation_scale": 18,
                "shrinkA": 0,
                "shrinkB": 0,
            }
            axes.annotate("", tuple(end), tuple(start), arrowprops=style, zorder=4)
        axes.plot([], [], color=colour, linestyle=dash, linewidth=width, label=say("meta-step, {name}", name=name))


def _displacement(theta: Array, task: Array) -> Array:
    """Return u / w [..., 2], the displacement from the bottom along the axes of the bowl, in units of the width."""
    return (np.asarray(theta, dtype=float) - _points("task", task, "2")) @ AXES / WIDTH


def _points(what: str, values: Any, shape: str | None = None) -> Array:
    array = check_finite(what, values, shape)
    if array.ndim == 0 or array.shape[-1] != 2:
        raise UsageError(f"the {what} must have shape [{shape or '..., 2'}], not {list(array.shape)}")
    return array


def _check(
    task: Array, path: Array, meta_gradients: Mapping[str, Array] | None
) -> tuple[Array, Array, dict[str, Array]]:
    """Return the task, the path and the arrows, which are the negative meta-gradients."""
    arrows = {name: -_points(f"meta-gradient {name!r}", g, "2") for name, g in (meta_gradients or {}).items()}
    return _points("task", task, "2"), _points("path", path, "N + 1, 2"), arrows


def _check_rate(rate: float) -> None:
    if not (np.isfinite(rate) and rate >= 0):
        raise UsageError(f"rate must be a number of at least 0, not {rate!r}")


def _count(path: Array) -> str:
    steps = len(path) - 1
    return say("1 inner step") if steps == 1 else say("{count} inner steps", count=steps)


def _place(point: Array) -> str:
    return f"({point[0] + 0.0:.2f}, {point[1] + 0.0:.2f})"
