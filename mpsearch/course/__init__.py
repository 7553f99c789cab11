"""What the lessons need: their exercises, where they are laid out, and how long they take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def lesson_times() -> Any:
    """How many ``seconds`` each lesson took in a run of all tests, two at a time, and on which ``machine``."""
    return json.loads(Path(__file__).with_name("lesson_times.json").read_text(encoding="utf-8"))
