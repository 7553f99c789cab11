"""A short name for :mod:`mpsearch.course.exercises`, from which lessons import their exercises."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    if name.startswith("lesson_"):
        try:
            return import_module(f"mpsearch.course.exercises.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"mpsearch.course.exercises.{name}":
                raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
