"""The pictures of the application families: one episode, drawn as its field would draw it.

Each module has ``plot(result, task, stage, axes=None)``, which draws the recorded episode of one task at one stage and
returns the axes, and ``describe(result, task, stage)``, which returns the alternative text of this picture.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

PICTURES: dict[str, str] = {  # family id -> the module of its picture
    "dosing": "mpsearch.view.applications.dosing",
    "market": "mpsearch.view.applications.market",
    "penalty-kicks": "mpsearch.view.applications.penalty_kicks",
    "taste": "mpsearch.view.applications.taste",
}


def picture_of(family_id: str) -> ModuleType | None:
    """Return the module that draws episodes of this family, or ``None`` if it has no picture of its own."""
    return import_module(PICTURES[family_id]) if family_id in PICTURES else None
