"""``mpsearch bench``: measure speed and memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass
class Bench:
    """Measure speed and memory. Most speeds are ratios to the speed of raw physics, gymnasium or torch."""

    quick: bool = False
    """Use smaller sizes, which takes a minute at most instead of about eight."""
    figure: Path | None = None
    """Draw the result into this .png file."""
    json: bool = False
    """Print one JSON object."""

    def run(self) -> None:
        from mpsearch.evidence.bench import report

        print(report(quick=self.quick, as_json=self.json, figure=self.figure))
