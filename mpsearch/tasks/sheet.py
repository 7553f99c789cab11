"""A picture to draw on, whose lines have smooth edges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from mpsearch.records import Array

WIDTH, HEIGHT = 480, 320  # pixels; multiples of 16, which video formats require
FINER = 2  # pictures are drawn larger by this factor and then reduced, so that edges are smooth
PAPER = (250, 250, 248)  # red, green, blue


class Sheet:
    """A picture to draw on in any units.

    Args:
        place: converts points [..., 2] to pixels from the upper left corner.
    """

    def __init__(self, place: Callable[[Array], Array]) -> None:
        self._place = place
        self._image = Image.new("RGB", (FINER * WIDTH, FINER * HEIGHT), PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def _at(self, points: Any) -> Array:
        return np.clip(FINER * self._place(np.asarray(points, dtype=np.float64)), -1e5, 1e5)

    def line(self, points: Any, width: float, colour: tuple[int, ...]) -> None:
        """Draw a line through points [N, 2], ``width`` pixels wide."""
        self._draw.line([*map(tuple, self._at(points))], colour, round(FINER * width), joint="curve")

    def disc(self, centre: Any, radius: float, colour: tuple[int, ...]) -> None:
        """Draw a disc around a point [2] with a radius in pixels."""
        x, y = self._at(centre)
        self._draw.ellipse((x - FINER * radius, y - FINER * radius, x + FINER * radius, y + FINER * radius), colour)

    def capsule(self, ends: Array, radius: float, colour: tuple[int, ...]) -> None:
        """Draw a line with round ends between two points [2, 2], with a radius in pixels."""
        self.line(ends, 2 * radius, colour)
        for end in ends:
            self.disc(end, radius, colour)

    def area(self, corners: Any, colour: tuple[int, ...]) -> None:
        """Draw a filled polygon [N, 2]."""
        self._draw.polygon([*map(tuple, self._at(corners))], colour)

    def pixels(self) -> Array:
        """Return the picture [H, W, 3], uint8."""
        return np.asarray(self._image.reduce(FINER)).copy()
