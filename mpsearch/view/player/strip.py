"""The still picture of a player. It is shown where nothing can move: in print, on GitHub, or without a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from mpsearch.language import say
from mpsearch.records import Array
from mpsearch.view.player.chart import Chart
from mpsearch.view.player.kinematics import capsule_radii, height, relative_capsules
from mpsearch.view.player.runners import Runner, look
from mpsearch.view.plots import TARGET

WIDTH, SIDE = 8.0, 3.4  # inches: the width of a picture of robots, and the side of a picture of a point
ROOM, MARGIN = 0.8, 0.35  # inches: the height above the floor for a cheetah, and the height of the text above it
CHART = 2.2  # inches; the height of a chart
CHEETAH_HEIGHT = 1.25  # m; ROOM shows this height
MOMENTS = 6  # pictures of the same robot in a row
SHORTEST = 14.0  # m; shorter tracks are extended to this length, because the robot would be drawn too large
APART = 1.4  # m; nearer than this, two pictures of a cheetah would cover each other
POINT_STEP = 0.1  # s that the player takes for a step of a point, whose simulation has no unit of time
GREY = "0.45"


def draw_strip(runners: Sequence[Runner], title: str = "", chart: Chart | None = None) -> Figure:
    """Draw the runners at a few moments: robots along their track, points on their path.

    Args:
        runners: one or more of the same kind.
        title: the text above the picture.
        chart: what is drawn below; nothing by default.
    """
    robot, count = runners[0].robot, len(runners)
    width, tall = (WIDTH, (_room(robot) + MARGIN) * count + 0.6) if robot else (min(SIDE * count, 10.0), SIDE + 0.3)
    shape: dict[str, Any] = {"nrows": count, "sharex": True} if robot else {"ncols": count, "sharey": True}
    below = CHART if chart else 0.0
    figure = plt.figure(figsize=(width, tall + below), layout="constrained", facecolor="white")
    parts = figure.subfigures(2, height_ratios=(tall, below)) if chart else [figure]
    rows = parts[0].subplots(squeeze=False, **shape).ravel()
    for axes, runner, style in zip(rows, runners, look(runners), strict=True):
        if robot:
            _draw_track(axes, runner, style["colour"], _limits(runners))
        else:
            _draw_path(axes, runner, style["colour"], style["marker"])
        _name(axes, runner)
    rows[-1].set_xlabel(_track_label(runners) if robot else "x (m)")
    if chart:
        chart.draw(parts[1].subplots(), runners[0].dt if robot else POINT_STEP)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def _room(robot: str) -> float:
    """Return the inches above the floor in a row of this robot."""
    return ROOM * height(robot) / CHEETAH_HEIGHT


def _limits(runners: Sequence[Runner]) -> tuple[float, float]:
    """Return the part of the track, in m, that shows all runners and ghosts."""
    xs = [float(x) for runner in runners for x in (runner.track.min(), runner.track.max())]
    xs += [_ghost(runner) for runner in runners if runner.target is not None]
    low, high = min(xs), max(xs)
    margin = max(0.06 * (high - low), (SHORTEST - (high - low)) / 2)
    return low - margin, high + margin


def _ghost(runner: Runner) -> float:
    """Return the place in m at which the runner would end if it ran at the target velocity."""
    return float(runner.track[0]) + (runner.target or 0.0) * runner.dt * runner.steps


def _enlarged(limits: tuple[float, float]) -> float:
    return max(1.0, (limits[1] - limits[0]) / SHORTEST)


def _track_label(runners: Sequence[Runner]) -> str:
    factor = _enlarged(_limits(runners))
    larger = say("; the runners are drawn {factor:.0f} times larger", factor=factor) if factor >= 1.5 else ""
    return say("distance (m)") + larger


def _draw_track(axes: Axes, runner: Runner, colour: str, limits: tuple[float, float]) -> None:
    robot, tall = str(runner.robot), height(str(runner.robot))
    factor = _enlarged(limits)
    moments = _moments(runner.track, APART * factor * tall / CHEETAH_HEIGHT)
    points = WIDTH * 0.95 * 72 / (limits[1] - limits[0])  # per metre
    axes.set_xlim(*limits)
    axes.set_ylim(-0.1 * factor, _room(robot) * 72 / points)
    axes.axhline(0, color=GREY, linewidth=1)
    digits = 0 if runner.steps * runner.dt >= MOMENTS - 1 else 1
    for t in moments:
        x = float(runner.track[t])
        ends = relative_capsules(runner.positions[t], robot, runner.heading) * factor + [x, 0]  # [C, 2, 2]
        widths = 2 * capsule_radii(robot) * factor * points
        _draw_robot(axes, ends, widths, colour, 0.45 + 0.55 * t / runner.steps)
        _draw_hollow(axes, ends[list(runner.faded)], widths[list(runner.faded)])
        axes.text(x, tall * factor, f"{t * runner.dt:.{digits}f} s", ha="center", color=GREY, fontsize=8)
    if runner.target is not None:
        axes.axvline(_ghost(runner), color=TARGET, linestyle=":", linewidth=1.2, zorder=0)
        axes.text(_ghost(runner), 1.28 * tall * factor, f" {say('target')} ", ha="right", va="top", fontsize=8)
    axes.tick_params(left=False, labelleft=False, bottom=False)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)


def _moments(track: Array, apart: float) -> list[int]:
    """Return the steps at which a robot is drawn: the last one, and earlier ones that are ``apart`` m from those."""
    chosen: list[int] = []
    for t in np.linspace(len(track) - 1, 0, MOMENTS).round().astype(int):
        if all(abs(track[t] - track[other]) >= apart for other in chosen):
            chosen.append(int(t))
    return chosen[::-1]


def _draw_robot(axes: Axes, ends: Any, widths: Any, colour: str, opacity: float) -> None:
    """Draw capsules with ``ends`` [C, 2, 2] in m and ``widths`` [C] in points."""
    body = 1 - opacity * (1 - np.array(to_rgb(colour)))  # a paler colour, because transparency would show the joints
    for extra, shade in ((2.0, "white"), (0.0, body)):  # a white edge separates robots that overlap
        for (x, z), width in zip(ends.transpose(0, 2, 1), widths, strict=True):
            axes.plot(x, z, color=shade, linewidth=width + extra, solid_capstyle="round", clip_on=False)


def _draw_hollow(axes: Axes, ends: Any, widths: Any) -> None:
    """Draw a white line inside capsules with ``ends`` [C, 2, 2] in m and ``widths`` [C] in points."""
    for (x, z), width in zip(ends.transpose(0, 2, 1), widths, strict=True):
        axes.plot(x, z, color="white", linewidth=0.55 * width, solid_capstyle="round", clip_on=False)


def _draw_path(axes: Axes, runner: Runner, colour: str, marker: str) -> None:
    x, y = runner.positions.T
    axes.plot(x, y, "-", color=colour, linewidth=1.2, marker=".", markersize=4)
    axes.plot(0, 0, "+", color=GREY, markersize=9)
    axes.plot(x[-1], y[-1], marker=marker, color=colour, markersize=9, markeredgecolor="white")
    if runner.goal is not None:
        axes.add_patch(Circle(runner.goal, runner.radius, facecolor="0.9", edgecolor=TARGET, linestyle="--", zorder=0))
        x, y = runner.goal
        axes.text(x, y - 0.6 * runner.radius, say("goal"), ha="center", va="center", color=GREY, fontsize=8, zorder=0)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("x (m)")
    axes.set_ylabel("y (m)")
    axes.spines[["top", "right"]].set_visible(False)


def _name(axes: Axes, runner: Runner) -> None:
    words = runner.describe() if runner.robot else "\n".join([runner.name, *runner.facts()])
    axes.set_title(words, loc="left", fontsize=8.5)
