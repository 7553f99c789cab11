"""Pictures of a robot from the side. MuJoCo's renderer draws them if OpenGL works, otherwise this module does."""

from __future__ import annotations

import copy
import os
import threading

import mujoco
import numpy as np

from mpsearch.records import Array
from mpsearch.tasks.opengl import open_renderer
from mpsearch.tasks.sheet import HEIGHT, WIDTH, Sheet

SHOWN = 2.6  # m from the lower to the upper edge of the picture
ELEVATION = np.deg2rad(14)  # the angle at which the camera looks down
LOOK_AT = 0.75  # m; the height of the point at the centre of the picture
NEAR, FAR = -3, 5  # m; the part of the ground that is drawn, in front of and behind the robot
GROUND = ((214, 218, 222), (232, 235, 237))
SHADOW = (188, 192, 197)
EDGE = 0.55  # the brightness of a limb's edge relative to the limb
ALONG, UP = np.array([1, 0, 0]), np.array([0, np.sin(ELEVATION), np.cos(ELEVATION)])  # the axes of the picture in space
PIXELS = HEIGHT / SHOWN  # per metre
DRAWN = (mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_SPHERE)


class RobotArtist:
    """Draws a robot at the centre of the picture. A square of the ground is 1 m.

    Args:
        model: the robot.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model, self._data = copy.copy(model), mujoco.MjData(model)
        self._parts = np.flatnonzero(np.isin(model.geom_type, DRAWN))
        self._renderer = open_renderer(self._model, WIDTH, HEIGHT)
        self._opened_in = os.getpid(), threading.get_ident()

    def draw(self, path: Array) -> Array:
        self._data.qpos[:] = path[-1]
        mujoco.mj_forward(self._model, self._data)
        renderer = self._usable_renderer()
        return self._photograph(renderer) if renderer else self._draw()

    def close(self) -> None:
        if renderer := self._usable_renderer():
            renderer.close()

    def _usable_renderer(self) -> mujoco.Renderer | None:
        """Return the renderer, or ``None`` outside the thread and the process in which it was created.

        OpenGL works only there.
        """
        return self._renderer if self._opened_in == (os.getpid(), threading.get_ident()) else None

    def _middle(self) -> Array:
        """Return the point [3] at the centre of the picture."""
        x, y, _ = self._data.xpos[1]
        return np.array([x, y, LOOK_AT])

    def _photograph(self, renderer: mujoco.Renderer) -> Array:
        camera = mujoco.MjvCamera()
        camera.azimuth, camera.elevation, camera.distance = 90, -np.rad2deg(ELEVATION), 1.35 * SHOWN
        camera.lookat[:] = self._middle()
        renderer.update_scene(self._data, camera)
        return renderer.render()

    def _draw(self) -> Array:
        middle = self._middle()

        def place(points: Array) -> Array:
            return np.array([WIDTH, HEIGHT]) / 2 + (points - middle) @ np.stack([ALONG, -UP], axis=-1) * PIXELS

        sheet = Sheet(place)
        self._draw_ground(sheet, middle)
        ends, radii, colours = self._capsules()
        for pair, radius in zip(ends, radii, strict=True):
            sheet.capsule(pair * [1, 1, 0], 0.6 * PIXELS * radius, SHADOW)
        for n in np.argsort(-ends[..., 1].mean(-1), kind="stable"):  # from back to front
            sheet.capsule(ends[n], PIXELS * radii[n], tuple((EDGE * colours[n]).astype(int)))
            sheet.capsule(ends[n], PIXELS * radii[n] - 1.5, tuple(colours[n]))
        return sheet.pixels()

    def _draw_ground(self, sheet: Sheet, middle: Array) -> None:
        reach = np.ceil(WIDTH / 2 / PIXELS) + 1
        left, front = np.floor(middle[:2])
        for x in np.arange(left - reach, left + reach):
            for y in np.arange(front + NEAR, front + FAR + 1):
                low, high = np.clip([y, y + 1], None, middle[1] + FAR)  # so that the horizon does not move
                sheet.area([(x, low, 0), (x + 1, low, 0), (x + 1, high, 0), (x, high, 0)], GROUND[int(x + y) % 2])

    def _capsules(self) -> tuple[Array, Array, Array]:
        """Return the ends [C, 2, 3] and radii [C] of the capsules in m, and their colours [C, 3].

        Both ends of a ball are its centre.
        """
        model, data, parts = self._model, self._data, self._parts
        axes = data.geom_xmat[parts][:, [2, 5, 8]]  # the capsules' own z axes
        balls = model.geom_type[parts] == mujoco.mjtGeom.mjGEOM_SPHERE
        reach = axes * np.where(balls, 0, model.geom_size[parts, 1])[:, None]
        ends = np.stack([data.geom_xpos[parts] - reach, data.geom_xpos[parts] + reach], axis=1)
        return ends, model.geom_size[parts, 0], (255 * model.geom_rgba[parts, :3]).astype(int)
