"""Pictures of one simulation, for an environment's ``render``: robots from the side, points in their plane."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from mpsearch.records import Array
from mpsearch.tasks.batch import Batch
from mpsearch.tasks.sheet import HEIGHT, PAPER, WIDTH, Sheet

LINE, INK, GOAL = (222, 222, 220), (40, 90, 160), (200, 70, 40)  # red, green, blue


class Artist(Protocol):
    """Draws one simulation."""

    def draw(self, path: Array) -> Array:
        """Return a picture [H, W, 3], uint8, given the positions [t + 1, Q] since the start of the episode."""

    def close(self) -> None:
        """Release the resources that drawing needed."""


def artist_of(batch: Batch) -> Artist:
    """Return the artist for the first simulation of a batch: a robot, a point in the plane, or numbers over time."""
    from mpsearch.tasks.physics import MujocoBatch  # a slow import

    if isinstance(batch, MujocoBatch):
        from mpsearch.tasks.robot_pictures import RobotArtist

        return RobotArtist(batch.model)
    return PathArtist(batch.tasks[0])


class PathArtist:
    """Draws positions. Two numbers are a point in the plane; any other number of them is drawn over time.

    Args:
        task: [P]. If it consists of two numbers, it is drawn as the goal of a point in the plane.
    """

    def __init__(self, task: Array) -> None:
        self.task = task

    def draw(self, path: Array) -> Array:
        return self._draw_plane(path) if path.shape[1] == 2 else self._draw_times(path)

    def close(self) -> None:
        pass

    def _draw_plane(self, path: Array) -> Array:
        goal = self.task[None] if len(self.task) == 2 else np.empty((0, 2))
        half = enough(np.concatenate([path, goal]))
        sheet = Sheet(lambda xy: np.array([WIDTH, HEIGHT]) / 2 + np.array([1, -1]) * xy * (HEIGHT / 2 / half))
        for at in np.arange(-8, 9) * half / 4:  # there are four squares from the middle to the edge
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
    """Return a power of 2 that is larger than all values. It changes rarely, and with it the scale of pictures."""
    return float(2.0 ** np.ceil(np.log2(1.1 * np.abs(values).max(initial=1e-3))))
