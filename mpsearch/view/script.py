"""The scripts of players and widgets, which run in the page."""

from __future__ import annotations

from pathlib import Path

SHARED = Path(__file__).with_name("shared.js")


def script(*parts: Path) -> str:
    """Return these files and what all scripts share as one ES module."""
    return "\n".join(part.read_text(encoding="utf-8") for part in (SHARED, *parts))
