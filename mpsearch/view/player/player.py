"""The player: robots or points that move in the page. The same output has a still picture and a description."""

from __future__ import annotations

import base64
import html
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import matplotlib.pyplot as plt
from PIL import Image

from mpsearch.errors import UsageError, unknown
from mpsearch.language import said_in, say, spoken
from mpsearch.records import AdaptationResult
from mpsearch.tasks.robots import find_robot
from mpsearch.view.jupyter import anywidget, traitlets
from mpsearch.view.player.chart import Chart
from mpsearch.view.player.kinematics import capsule_radii, height, standing
from mpsearch.view.player.runners import CHEETAH, Runner, check_runners, describe, look, pack
from mpsearch.view.player.stages import runners_of
from mpsearch.view.player.strip import POINT_STEP, draw_strip
from mpsearch.view.script import script

HERE = Path(__file__).parent
PARTS = ("scene.js", "track.js", "plane.js", "chart.js", "player.js")
SCRIPT = script(*(HERE / part for part in PARTS))
STYLE = (HERE / "player.css").read_text(encoding="utf-8")
LAYOUTS = ("race", "side by side")
INKS = 64  # colours in the PNG, which halves its size

Layout = Literal["race", "side by side"]


class Player(anywidget.AnyWidget):
    """A widget that shows moving runners. The browser draws them from data that is sent once.

    It needs no OpenGL, no network and, once it is shown, no kernel. The same output has :meth:`png` and
    :attr:`summary`, for readers where nothing can move.

    Args:
        runners: 1 to 6, all the same robot or all points.
        layout: "race" for one track, or "side by side" for one panel each.
        title: the text above the picture.
        autoplay: start as soon as the player is visible, unless the reader's system is set to reduced motion.
        chart: quantities over the time of the longest episode, drawn below as far as the runners have come.

    Raises:
        UsageError: there are no runners, too many, or different kinds of them, the layout is unknown, or the chart
            is of another length.
    """

    _esm = SCRIPT
    _css = STYLE
    data = traitlets.Bytes().tag(sync=True)
    meta = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        runners: Sequence[Runner],
        *,
        layout: Layout = "race",
        title: str = "",
        autoplay: bool = False,
        chart: Chart | None = None,
    ) -> None:
        self.runners, self.chart = check_runners(runners), chart
        _check_length(self.runners, chart)
        if layout not in LAYOUTS:
            raise unknown("layout", layout, LAYOUTS)
        self.layout_name, self.title, self.autoplay = layout, title, autoplay
        super().__init__(data=pack(self.runners), meta=self._describe())

    def show(self, runners: Sequence[Runner], *, title: str | None = None, chart: Chart | None = None) -> None:
        """Play other runners with another chart or none. It raises the same errors as the constructor."""
        checked = check_runners(runners)
        _check_length(checked, chart)
        self.runners, self.chart = checked, chart
        self.title = self.title if title is None else title
        with self.hold_sync():
            self.data, self.meta = pack(self.runners), self._describe()

    @property
    def summary(self) -> str:
        """A description: the distance, mean velocity and return of each runner."""
        words = describe(self.runners)
        if self.title:
            words = say("{title}. {words}", title=self.title, words=words)
        return say("{first} {second}", first=words, second=self.chart.describe()) if self.chart else words

    def png(self) -> bytes:
        """Return a PNG picture of the runners at a few moments."""
        figure, picture, small = draw_strip(self.runners, self.title, self.chart), io.BytesIO(), io.BytesIO()
        figure.savefig(picture, format="png", dpi=100)
        plt.close(figure)
        Image.open(picture).convert("RGB").quantize(INKS).save(small, format="png", optimize=True)
        return small.getvalue()

    def to_html(self) -> str:
        """Return a self-contained HTML page with the player, which needs no network and no Python."""
        return PAGE.format(
            language=spoken(), title=html.escape(self.title or say("Player")), player=self.to_fragment("player")
        )

    def to_fragment(self, name: str) -> str:
        """Return the player as a part of an HTML page; ``name`` is the id of its element, used once in the page."""
        state = json.dumps({"meta": self.meta, "data": base64.b64encode(self.data).decode()}).replace("<", "\\u003c")
        picture = base64.b64encode(self.png()).decode()
        words = {"name": name, "summary": html.escape(self.summary)}
        return FRAGMENT.format(**words, style=STYLE, script=SCRIPT, state=state, picture=picture)

    def save_html(self, path: str | os.PathLike[str]) -> None:
        """Write :meth:`to_html` to ``path``.

        Raises:
            UsageError: the file cannot be written.
        """
        try:
            Path(path).write_text(self.to_html(), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}; choose another file") from error

    def _describe(self) -> dict[str, Any]:
        robot = self.runners[0].robot
        return {
            **(_describe_robot(robot) if robot else {"robot": None, "dt": POINT_STEP, "width": 2}),
            "said": said_in(SCRIPT),
            "layout": "race" if self.layout_name == "race" else "panels",
            "title": self.title,
            "summary": self.summary,
            "autoplay": self.autoplay,
            "chart": self.chart and self.chart.to_page(),
            "runners": [
                {
                    "name": runner.name,
                    "steps": runner.steps,
                    "rewards": runner.rewards is not None,
                    "target": runner.target,
                    "goal": runner.goal,
                    "radius": runner.radius,
                    "faded": list(runner.faded),
                    **style,
                }
                for runner, style in zip(self.runners, look(self.runners), strict=True)
            ],
        }

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        still = {"text/plain": self.summary, "image/png": base64.b64encode(self.png()).decode()}
        return {**data, **still}, {**metadata, "image/png": {"alt": self.summary}}


def _check_length(runners: Sequence[Runner], chart: Chart | None) -> None:
    steps = max(runner.steps for runner in runners)
    if chart is not None and len(chart.curves[0].values) != steps + 1:
        raise UsageError(f"the chart needs {steps + 1} values, as many as the longest episode has positions")


def _describe_robot(robot: str) -> dict[str, Any]:
    """Return the data that the page needs to draw this robot."""
    radii, ghost = capsule_radii(robot), standing(robot)
    return {
        "robot": robot,
        "dt": find_robot(robot).dt,
        "width": 1 + ghost.size,  # numbers in a frame
        "radii": radii.tolist(),
        "standing": ghost.ravel().tolist(),
        "height": height(robot),
        "head": 1 if robot == CHEETAH else None,  # the number of the capsule with the eye
    }


def play(
    result: AdaptationResult,
    task: int = 0,
    *,
    stages: Sequence[int] = (0, -1),
    target: float | None = None,
    goal: Sequence[float] | None = None,
    names: Sequence[str] | None = None,
    faded: Sequence[int] = (),
    layout: Layout = "race",
    title: str = "",
    autoplay: bool = False,
) -> Player:
    """Return a player that shows one episode of each stage of an adaptation to one task.

    Args:
        result: of K tasks and S stages.
        task: the index k of the task.
        stages: the stages to show; -1 is the last.
        target: the target velocity in m/s. A ghost runs at this velocity. Robots only.
        goal: (x, y) in m. For points, it is by default the task itself.
        names: the names of the runners, one for each stage.
        faded: the numbers of the robot's capsules that are drawn hollow, such as ``family.weak_parts(task)``.
        layout, title, autoplay: as in :class:`Player`.

    Raises:
        UsageError: there is no such task or stage, or the trajectories cannot be played.
    """
    runners = runners_of(result, task, stages=stages, target=target, goal=goal, names=names, faded=faded)
    return Player(runners, layout=layout, title=title, autoplay=autoplay)


FRAGMENT = """<style>
{style}</style>
<div id="{name}"></div>
<noscript><img alt="{summary}" src="data:image/png;base64,{picture}"></noscript>
<script type="application/json" id="{name}-state">{state}</script>
<script type="module">
{script}
const state = JSON.parse(document.getElementById("{name}-state").textContent);
const bytes = Uint8Array.from(atob(state.data), (letter) => letter.charCodeAt(0));
const content = {{ meta: state.meta, data: new DataView(bytes.buffer) }};
render({{ model: {{ get: (name) => content[name], on() {{}}, off() {{}} }}, el: document.getElementById("{name}") }});
</script>
"""

PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{title}</title>
</head>
<body>
{player}</body>
</html>
"""
