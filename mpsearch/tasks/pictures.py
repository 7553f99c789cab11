"""Pictures of one simulation, for an environment's ``render``: robots from the side, points in their plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from mpsearch.records import Array
from mpsearch.tasks.batch import Batch

WIDTH, HEIGHT = 480, 320  # pixels, multiples of 16 as films want them
FINER = 2  # pictures are drawn larger and shrunk, so that edges are smooth
PAPER, LINE, INK, GOAL = (250, 250, 248), (222, 222, 220), (40, 90, 160), (200, 70, 40)  # red, green, blue


def artist_of(batch: Batch) -> Artist:
    """What draws the first simulation of this batch: a robot, a point in the plane, or numbers over time."""
    if hasattr(batch, "model"):
        from mpsearch.tasks.robot_pictures import RobotArtist

        return RobotArtist(batch.model)
    return Artist(batch.tasks[0])


class Artist:
    """Draws paths of positions: two numbers as a point in the plane, any other number of them over time.

    Args:
        task: [P]; if it is two numbers, it is drawn as the goal of a point in the plane.
    """

    def __init__(self, task: Array) -> None:
        self.task = task

    def draw(self, path: Array) -> Array:
        """The picture [H, W, 3] (uint8) after positions [t + 1, Q] since the start of the episode."""
        return self._draw_plane(path) if path.shape[1] == 2 else self._draw_times(path)

    def close(self) -> None:
        """Give back what drawing needed."""

    def _draw_plane(self, path: Array) -> Array:
        goal = self.task[None] if len(self.task) == 2 else np.empty((0, 2))
        half = enough(np.concatenate([path, goal]))
        sheet = Sheet(lambda xy: np.array([WIDTH, HEIGHT]) / 2 + np.array([1, -1]) * xy * (HEIGHT / 2 / half))
        for at in np.arange(-8, 9) * half / 4:  # four squares from the middle to the edge
            sheet.line([(at, -half), (at, half)], 1 + (at == 0), LINE)
            sheet.line([(-2 * half, at), (2 * half, at)], 1 + (at == 0), LINE)
        for point in goal:
            sheet.disc(point, 11, GOAL)
            sheet.disc(point, 7, PAPER)
        sheet.line(path, 3, INK)
        sheet.disc(path[-1], 7, INK)
        return sheet.pixels()

    def _draw_times(self, path: Array) -> Array:
        half, steps = enough(path), max(len(path), 20)
        sheet = Sheet(lambda ty: np.array([20, HEIGHT / 2]) + ty * [(WIDTH - 40) / steps, -HEIGHT / 2 / half])
        for at in np.arange(-4, 5) * half / 4:
            sheet.line([(0, at), (steps, at)], 1 + (at == 0), LINE)
        for values in path.T:
            sheet.line(np.stack([np.arange(len(values)), values], axis=-1), 3, INK)
            sheet.disc((len(values) - 1, values[-1]), 5, INK)
        return sheet.pixels()


def enough(values: Array) -> float:
    """The power of 2 that leaves room around all values; pictures that follow it change their scale rarely."""
    return float(2.0 ** np.ceil(np.log2(1.1 * np.abs(values).max(initial=1e-3))))


class Sheet:
    """A picture that is drawn on in units of one's own.

    Args:
        place: takes points [..., 2] to pixels from the upper left corner.
    """

    def __init__(self, place: Callable[[Array], Array]) -> None:
        self._place = place
        self._image = Image.new("RGB", (FINER * WIDTH, FINER * HEIGHT), PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def _at(self, points: Any) -> Array:
        return np.clip(FINER * self._place(np.asarray(points, dtype=np.float64)), -1e5, 1e5)

    def line(self, points: Any, width: float, colour: tuple[int, ...]) -> None:
        """A line through points [N, 2], ``width`` pixels wide."""
        self._draw.line([*map(tuple, self._at(points))], colour, round(FINER * width), joint="curve")

    def disc(self, centre: Any, radius: float, colour: tuple[int, ...]) -> None:
        """A disc around [2] with a radius in pixels."""
        x, y = self._at(centre)
        self._draw.ellipse((x - FINER * radius, y - FINER * radius, x + FINER * radius, y + FINER * radius), colour)

    def capsule(self, ends: Array, radius: float, colour: tuple[int, ...]) -> None:
        """A line between [2, 2] with round ends, with a radius in pixels."""
        self.line(ends, 2 * radius, colour)
        for end in ends:
            self.disc(end, radius, colour)

    def area(self, corners: Any, colour: tuple[int, ...]) -> None:
        """A filled polygon [N, 2]."""
        self._draw.polygon([*map(tuple, self._at(corners))], colour)

    def pixels(self) -> Array:
        """The picture [H, W, 3], uint8."""
        return np.asarray(self._image.reduce(FINER)).copy()
