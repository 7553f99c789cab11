"""``mpsearch bench``: measure speed and memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass
class Bench:
    """Measure speed and memory, mostly as ratios to what runs beside it: raw physics, gymnasium, torch."""

    quick: bool = False
    """A minute at most, at smaller sizes; about eight without."""
    figure: Path | None = None
    """Draw the result into this .png file."""
    json: bool = False
    """Print one JSON object."""

    def run(self) -> None:
        from mpsearch.evidence.bench import report

        print(report(quick=self.quick, as_json=self.json, figure=self.figure))
