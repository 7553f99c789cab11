"""A toy world in which the inner loop can be seen: two parameters, and a bowl-shaped loss for each task.

Let u = R^T (theta - c) be the displacement from the task c along the axes of the bowl. Then::

    loss(theta, c) = sum_i  h_i w^2 log cosh(u_i / w)

It has the curvature h_i at its bottom and becomes linear beyond the width w, so the Hessian depends on where one is.
One axis is steep and one is flat: an inner step that suits the steep one hardly moves along the flat one, and this is
what the second-order meta-gradient knows and the first-order one does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mpsearch.errors import UsageError, check_count
from mpsearch.records import Array
from mpsearch.view.plots.style import AFTER, BEFORE, BESIDE, PALETTE, TARGET, check_finite, legend, new_axes, number

CURVATURE = np.array([2.0, 0.3])  # h: at the bottom, along the steep and the flat axis
WIDTH = 1.0  # w
TILT = np.pi / 6  # of the steep axis against the first parameter, so that the two parameters interact
AXES = np.array([[np.cos(TILT), -np.sin(TILT)], [np.sin(TILT), np.cos(TILT)]])  # R; its columns are the bowl's axes
RATE = 0.7  # inner rate at which one step nearly reaches the bottom of the steep axis, and overshoots when close
EXTENT = 2.5  # half the side of the square that is drawn
ARROW = 0.9  # length of the longest arrow


def loss(theta: Array, task: Array) -> Array:
    """Loss [...] of the parameters ``theta`` [..., 2] on ``task`` [2], 0 at its bottom theta = task."""
    u = _displacement(theta, task)
    return (CURVATURE * WIDTH**2 * (np.logaddexp(u, -u) - np.log(2))).sum(-1)


def gradient(theta: Array, task: Array) -> Array:
    """Gradient [..., 2] of :func:`loss` in ``theta`` [..., 2]: R (h w tanh(u / w))."""
    return (CURVATURE * WIDTH * np.tanh(_displacement(theta, task))) @ AXES.T


def hessian(theta: Array, task: Array) -> Array:
    """Hessian [..., 2, 2] of :func:`loss` in ``theta`` [..., 2]: R diag(h / cosh^2(u / w)) R^T."""
    curvature = CURVATURE * (1 - np.tanh(_displacement(theta, task)) ** 2)  # [..., 2]
    return AXES * curvature[..., None, :] @ AXES.T


def inner_steps(start: Array, task: Array, rate: float = RATE, steps: int = 1) -> Array:
    """The path [N + 1, ..., 2] of N = ``steps`` steps of gradient descent on ``task`` [2] from ``start`` [..., 2].

    Raises:
        UsageError: a number is not finite, a shape is wrong, or ``rate`` or ``steps`` is below 0.
    """
    path = [_points("start", start)]
    _check_rate(rate)
    for _ in range(check_count("steps", steps, 0)):
        path.append(path[-1] - rate * gradient(path[-1], task))
    return np.stack(path)


def meta_gradient(start: Array, task: Array, rate: float = RATE, steps: int = 1, order: int = 2) -> Array:
    """Gradient [..., 2] of the loss after ``steps`` inner steps in the ``start`` [..., 2] they begin from.

    With g the gradient at the end of the path, the second order is (I - rate H_0) ... (I - rate H_{N-1}) g, H_n being
    the Hessian at step n. The first order leaves the Hessians out: it is g alone.

    Raises:
        UsageError: ``order`` is neither 1 nor 2; or as :func:`inner_steps`.
    """
    if order not in (1, 2):
        raise UsageError(f"order must be 1 or 2, not {order!r}")
    path = inner_steps(start, task, rate, steps)
    result = gradient(path[-1], task)
    for theta in path[-2::-1] if order == 2 else ():
        result = result - rate * (hessian(theta, task) @ result[..., None])[..., 0]
    return result


def surface(task: Array, extent: float = EXTENT, n: int = 81) -> tuple[Array, Array]:
    """The loss on a square grid: its coordinates [n] from -extent to extent, and values [n, n], a row for each theta_2.

    Raises:
        UsageError: ``extent`` is not above 0, or ``n`` below 2.
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
    """Contours of a task's loss, the path of the inner steps on it, and where a meta-step would move the start.

    Args:
        task: [2], the bottom of the bowl.
        path: [N + 1, 2] of :func:`inner_steps`.
        meta_gradients: [2] by name, such as "second order". Arrows show the way down, all to the same scale.
        extent: half the side of the square that is drawn; by default it holds everything.
        axes: where to draw; a new figure by default.

    Raises:
        UsageError: a number is not finite, or a shape is wrong.
    """
    task, path, arrows = _check(task, path, meta_gradients)
    if extent is None:
        extent = max(EXTENT, 1.15 * float(np.abs([*path, task]).max()))
    line, values = surface(task, extent)
    axes = new_axes(axes, BESIDE)
    levels = values.max() * np.linspace(0, 1, 13)[1:] ** 2  # closer at the bottom, where the loss is flat
    contours = axes.contour(line, line, values, levels, colors="0.75", linewidths=0.8)
    axes.clabel(contours, levels[1:-1:3], fmt=number, fontsize="x-small", colors="0.45")
    axes.plot(*path.T, color="0.25", linewidth=1.2, marker=".", markersize=6)
    for point, marker, colour, name in (
        (task, "*", TARGET, "bottom: the task"),
        (path[0], "o", BEFORE, "start"),
        (path[-1], "D", AFTER, f"after {_count(path)}"),
    ):
        size = 13 if marker == "*" else 9
        axes.plot(*point, marker, color=colour, markersize=size, markeredgecolor="white", label=name, zorder=3)
    _draw_arrows(axes, path[0], arrows)
    axes.set(xlim=(-extent, extent), ylim=(-extent, extent), aspect="equal")
    axes.set(xlabel=r"first parameter $\theta_1$", ylabel=r"second parameter $\theta_2$")
    legend(axes, beside=True)
    return axes


def describe_landscape(task: Array, path: Array, meta_gradients: Mapping[str, Array] | None = None) -> str:
    """The alternative text of :func:`plot_landscape`, written from the same numbers."""
    task, path, arrows = _check(task, path, meta_gradients)
    before, after = loss(path[[0, -1]], task)
    words = (
        f"Contours of the loss over two parameters; its bottom, the task, is at {_place(task)}. {_count(path)} from"
        f" {_place(path[0])} to {_place(path[-1])}: the loss goes from {number(before)} to {number(after)}."
    )
    for name, arrow in arrows.items():
        length = float(np.hypot(*arrow))
        way = (
            f" towards {np.degrees(np.arctan2(*arrow[::-1])) % 360:.0f} degrees (0 is right, 90 is up)"
            if length > 0
            else ""
        )
        words += f" A meta-step of the {name} would move the start{way}, slope {number(length)}."
    return words


def _draw_arrows(axes: Axes, start: Array, arrows: Mapping[str, Array]) -> None:
    longest = max((float(np.hypot(*arrow)) for arrow in arrows.values()), default=0.0)
    styles = ((PALETTE["vermillion"], "-"), (PALETTE["green"], "--"), (PALETTE["purple"], ":"))
    for i, (name, arrow) in enumerate(arrows.items()):
        colour, dash = styles[i % len(styles)]
        if longest > 0:
            end = start + ARROW * arrow / longest
            style = {
                "arrowstyle": "-|>",
                "color": colour,
                "linestyle": dash,
                "linewidth": 2,
                "shrinkA": 0,
                "shrinkB": 0,
            }
            axes.annotate("", tuple(end), tuple(start), arrowprops=style, zorder=4)
        axes.plot([], [], color=colour, linestyle=dash, linewidth=2, label=f"meta-step, {name}")


def _displacement(theta: Array, task: Array) -> Array:
    """u / w [..., 2]: from the bottom, along the axes of the bowl."""
    return (np.asarray(theta, dtype=float) - _points("task", task, "2")) @ AXES / WIDTH


def _points(what: str, values: Any, shape: str | None = None) -> Array:
    array = check_finite(what, values, shape)
    if array.ndim == 0 or array.shape[-1] != 2:
        raise UsageError(f"the {what} must have shape [{shape or '..., 2'}], not {list(array.shape)}")
    return array


def _check(
    task: Array, path: Array, meta_gradients: Mapping[str, Array] | None
) -> tuple[Array, Array, dict[str, Array]]:
    """Task and path, and the arrows: the ways down."""
    arrows = {name: -_points(f"meta-gradient {name!r}", g, "2") for name, g in (meta_gradients or {}).items()}
    return _points("task", task, "2"), _points("path", path, "N + 1, 2"), arrows


def _check_rate(rate: float) -> None:
    if not (np.isfinite(rate) and rate >= 0):
        raise UsageError(f"rate must be a number of at least 0, not {rate!r}")


def _count(path: Array) -> str:
    steps = len(path) - 1
    return "1 inner step" if steps == 1 else f"{steps} inner steps"


def _place(point: Array) -> str:
    return f"({point[0] + 0.0:.2f}, {point[1] + 0.0:.2f})"
