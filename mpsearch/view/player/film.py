"""Films of cheetahs, drawn by MuJoCo's renderer. They need OpenGL, which does not work on every machine.

The player needs no OpenGL.
"""

from __future__ import annotations

import base64
import copy
import html
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.font_manager import FontProperties, findfont
from PIL import Image, ImageDraw, ImageFont

from mpsearch.errors import UsageError, check_count, unknown
from mpsearch.records import Array
from mpsearch.tasks.opengl import open_renderer
from mpsearch.tasks.physics import load_gymnasium_model
from mpsearch.view.player.runners import CHEETAH, Runner, check_runners, describe, look
from mpsearch.view.plots import CONTROL_STEP

RATE = round(1 / CONTROL_STEP)  # positions a second
RATES = tuple(fps for fps in range(1, RATE + 1) if RATE % fps == 0)  # the rates that need no interpolation
SIDE_VIEW = (90, -14, 3.4, (0, 0, 0.55))  # the camera's azimuth and elevation in degrees, distance and target in m
LARGEST = 1920  # the largest width or height in pixels
FORMATS = (".gif", ".webp")
NO_OPENGL = (
    "a film needs OpenGL, which does not work here; the player needs none: use mpsearch.view.player.play instead"
)


@dataclass(frozen=True)
class Film:
    """An animated picture that a notebook shows.

    Attributes:
        webp: the picture as a WebP file.
        summary: a description of the film.
        fps: pictures per second.
    """

    webp: bytes
    summary: str
    fps: int

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a .webp file, or a .gif file, which is larger.

        Raises:
            UsageError: the name has another ending, or the file cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() not in FORMATS:
            raise unknown("kind of film", path.suffix, FORMATS)
        try:
            path.write_bytes(self.webp if path.suffix.lower() == ".webp" else self._gif())
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}; choose another file") from error

    def _gif(self) -> bytes:
        file = io.BytesIO()
        Image.open(io.BytesIO(self.webp)).save(file, "GIF", save_all=True, loop=0, duration=1000 // self.fps)
        return file.getvalue()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        picture = base64.b64encode(self.webp).decode()
        shown = f'<img alt="{html.escape(self.summary)}" src="data:image/webp;base64,{picture}">'
        return {"text/plain": self.summary, "text/html": shown}


def film(runners: Runner | Sequence[Runner], *, width: int = 480, height: int = 270, fps: int = RATE) -> Film:
    """Film HalfCheetahs from the side, one above the other. A camera follows each. A square of the ground is 1 m.

    Each picture of a runner takes about 5 kB, and 0.1 s without a graphics card. Therefore use a low ``fps`` in a
    notebook, or the player.

    Args:
        runners: 1 to 6 runners, such as those of a player, ``player.runners``.
        width, height: the size of each runner's picture in pixels.
        fps: pictures per second: 20, 10, 5, 4, 2 or 1.

    Raises:
        UsageError: OpenGL does not work here, a runner is not a HalfCheetah, or a number is out of range.
    """
    runners = check_runners([runners] if isinstance(runners, Runner) else runners)
    if runners[0].robot != CHEETAH:
        raise UsageError("only HalfCheetahs can be filmed; show other runners with mpsearch.view.player.play")
    if fps not in RATES:
        raise UsageError(f"fps must be one of {', '.join(map(str, RATES))}, not {fps!r}")
    size, stride = (_pixels("width", width), _pixels("height", height)), RATE // int(fps)
    moments = np.arange(0, max(runner.steps for runner in runners) + stride, stride)
    sheets = [Image.new("RGB", (size[0], size[1] * len(runners))) for _ in moments]
    for row, (runner, style) in enumerate(zip(runners, look(runners), strict=True)):
        for sheet, picture in zip(sheets, _pictures(runner, style, moments, size), strict=True):
            sheet.paste(picture, (0, row * size[1]))
    file = io.BytesIO()
    sheets[0].save(file, "WEBP", save_all=True, append_images=sheets[1:], duration=1000 // fps, quality=60, method=2)
    return Film(file.getvalue(), describe(runners), int(fps))


def _pixels(name: str, value: int) -> int:
    if check_count(name, value, least=64) > LARGEST:
        raise UsageError(f"{name} must be at most {LARGEST} pixels, not {value}")
    return int(value)


def _pictures(runner: Runner, style: dict[str, str], moments: Array, size: tuple[int, int]) -> Iterator[Image.Image]:
    """Yield pictures of the runner at the steps ``moments`` [N], with its name and its distance so far."""
    positions = runner.positions[np.minimum(moments, runner.steps)]  # [N, 9]; after its last step it stands still
    model = _model(style["colour"], size)
    data, camera = mujoco.MjData(model), mujoco.MjvCamera()
    camera.azimuth, camera.elevation, camera.distance, camera.lookat[:] = SIDE_VIEW
    font = ImageFont.truetype(findfont(FontProperties()), max(9, size[1] // 18))
    with _renderer(model, size) as renderer:
        for x, *pose in positions:
            data.qpos[:] = 0, *pose
            mujoco.mj_forward(model, data)
            data.geom("floor").xpos[0] = -x % 2  # the ground moves, so that light and camera need not
            renderer.update_scene(data, camera)
            picture = Image.fromarray(renderer.render())
            label = f"{style['glyph']} {runner.name}: {x - positions[0, 0]:z.1f} m"
            ImageDraw.Draw(picture).text((8, 6), label, "black", font)
            yield picture


def _model(colour: str, size: tuple[int, int]) -> mujoco.MjModel:
    """Return a copy of the cheetah's model with colours, light and ground for a film."""
    model = copy.copy(load_gymnasium_model("half_cheetah.xml"))
    model.vis.quality.shadowsize = 1024  # without a graphics card, this saves a third of the time
    model.geom_rgba[model.geom_type == mujoco.mjtGeom.mjGEOM_CAPSULE, :3] = to_rgb(colour)
    floor = model.geom("floor").id
    material = model.geom_matid[floor]
    model.geom_rgba[floor] = 1
    model.tex_data[:] = 175 + model.tex_data // 5  # a pale ground and sky, so that the cheetah and its shadow are clear
    model.mat_texuniform[material], model.mat_texrepeat[material] = True, 1  # the pattern is two squares of 1 m
    model.mat_reflectance[material] = model.mat_specular[material] = 0
    return model


def _renderer(model: mujoco.MjModel, size: tuple[int, int]) -> mujoco.Renderer:
    """Return MuJoCo's renderer.

    Raises:
        UsageError: OpenGL does not work here.
    """
    renderer = open_renderer(model, *size)
    if renderer is None:
        raise UsageError(NO_OPENGL)
    return renderer
