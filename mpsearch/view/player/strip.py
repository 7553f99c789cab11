"""A player as one still picture, for where nothing moves: print, GitHub, a stopped kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from mpsearch.view.player.kinematics import capsule_radii, relative_capsules
from mpsearch.view.player.runners import Runner, look
from mpsearch.view.plots import CONTROL_STEP, TARGET

WIDTH, ROW, SIDE = 8.0, 1.15, 3.4  # inches: the picture, a cheetah's row, a point's square
MOMENTS = 6  # cheetahs in a row
SHORTEST = 9.0  # m of track shown at least, so that one who stands still is not a giant
GREY = "0.45"


def draw_strip(runners: Sequence[Runner], title: str = "") -> Figure:
    """The runners at a few moments: HalfCheetahs along their track, points on their path.

    Args:
        runners: of one kind, at least one.
        title: above the picture.
    """
    cheetah, count = runners[0].is_cheetah, len(runners)
    size = (WIDTH, ROW * count + 0.6) if cheetah else (min(SIDE * count, 10.0), SIDE + 0.3)
    shape: dict[str, Any] = {"nrows": count, "sharex": True} if cheetah else {"ncols": count, "sharey": True}
    figure = plt.figure(figsize=size, layout="constrained", facecolor="white")
    rows = figure.subplots(squeeze=False, **shape).ravel()
    for axes, runner, style in zip(rows, runners, look(runners), strict=True):
        if cheetah:
            _draw_track(axes, runner, style["colour"], _limits(runners))
        else:
            _draw_path(axes, runner, style["colour"], style["marker"])
        _name(axes, runner)
    rows[-1].set_xlabel(_track_label(runners) if cheetah else "x (m)")
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def _limits(runners: Sequence[Runner]) -> tuple[float, float]:
    """The stretch of track, in m, on which all runners and ghosts are."""
    xs = [float(x) for runner in runners for x in (runner.positions[:, 0].min(), runner.positions[:, 0].max())]
    xs += [_ghost(runner) for runner in runners if runner.target is not None]
    low, high = min(xs), max(xs)
    margin = max(0.06 * (high - low), (SHORTEST - (high - low)) / 2)
    return low - margin, high + margin


def _ghost(runner: Runner) -> float:
    """Where the commanded velocity would have taken it at the end, in m."""
    return float(runner.positions[0, 0]) + (runner.target or 0.0) * CONTROL_STEP * runner.steps


def _enlarged(limits: tuple[float, float]) -> float:
    return max(1.0, (limits[1] - limits[0]) / 14)


def _track_label(runners: Sequence[Runner]) -> str:
    factor = _enlarged(_limits(runners))
    return "distance (m)" + (f"; the cheetahs are drawn {factor:.0f} times larger" if factor >= 1.5 else "")


def _draw_track(axes: Axes, runner: Runner, colour: str, limits: tuple[float, float]) -> None:
    moments = np.linspace(0, runner.steps, MOMENTS).round().astype(int)
    factor = _enlarged(limits)
    points = WIDTH * 0.95 * 72 / (limits[1] - limits[0])  # in a metre
    axes.set_xlim(*limits)
    axes.set_ylim(-0.1 * factor, (ROW - 0.35) * 72 / points)
    axes.axhline(0, color=GREY, linewidth=1)
    labelled = -np.inf
    for n, t in enumerate(moments):
        x = float(runner.positions[t, 0])
        ends = relative_capsules(runner.positions[t]) * factor  # [8, 2, 2]
        _draw_cheetah(axes, np.add(ends, [x, 0]), factor * points, colour, 0.35 + 0.65 * (n + 1) / MOMENTS)
        if abs(x - labelled) * points > 30:  # else the labels of one who hardly moves would cover each other
            axes.text(x, 1.25 * factor, f"{t * CONTROL_STEP:.0f} s", ha="center", color=GREY, fontsize=8)
            labelled = x
    if runner.target is not None:
        axes.axvline(_ghost(runner), color=TARGET, linestyle=":", linewidth=1.2, zorder=0)
        axes.text(_ghost(runner), 1.6 * factor, " target ", ha="right", va="top", fontsize=8)
    axes.tick_params(left=False, labelleft=False, bottom=False)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)


def _draw_cheetah(axes: Axes, ends: Any, scale: float, colour: str, opacity: float) -> None:
    body = 1 - opacity * (1 - np.array(to_rgb(colour)))  # on white; true opacity would show every joint
    for extra, shade in ((2.0, "white"), (0.0, body)):  # a pale edge parts those who overlap
        for (x, z), radius in zip(ends.transpose(0, 2, 1), capsule_radii(), strict=True):
            width = 2 * radius * scale + extra
            axes.plot(x, z, color=shade, linewidth=width, solid_capstyle="round", clip_on=False)


def _draw_path(axes: Axes, runner: Runner, colour: str, marker: str) -> None:
    x, y = runner.positions.T
    axes.plot(x, y, "-", color=colour, linewidth=1.2, marker=".", markersize=4)
    axes.plot(0, 0, "+", color=GREY, markersize=9)
    axes.plot(x[-1], y[-1], marker=marker, color=colour, markersize=9, markeredgecolor="white")
    if runner.goal is not None:
        axes.add_patch(Circle(runner.goal, runner.radius, facecolor="0.9", edgecolor=TARGET, linestyle="--", zorder=0))
        x, y = runner.goal
        axes.text(x, y - 0.6 * runner.radius, "goal", ha="center", va="center", color=GREY, fontsize=8, zorder=0)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("x (m)")
    axes.set_ylabel("y (m)")
    axes.spines[["top", "right"]].set_visible(False)


def _name(axes: Axes, runner: Runner) -> None:
    words = runner.describe()
    if not runner.is_cheetah:
        words = words.replace(": ", "\n", 1).replace(", ", "\n")
    axes.set_title(words, loc="left", fontsize=8.5)
