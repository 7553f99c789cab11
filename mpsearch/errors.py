"""The library's own errors. Each message says what was wrong, what is allowed and how to go on."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

MOST_LAYERS = 100


class MpsearchError(Exception):
    """Base of every error that mpsearch raises on purpose; the command line exits with 1."""


class UsageError(MpsearchError, ValueError):
    """An argument is wrong; the command line exits with 2, and a notebook shows the sentence alone."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in the traceback's place."""
        return [f"{type(self).__name__}: {self}"]


class MissingPackageError(UsageError, ImportError):
    """A package is not installed that only a part of mpsearch needs; the message says what to install."""


class NonFiniteError(MpsearchError, FloatingPointError):
    """A NaN or an infinity appeared; the message names where."""


class EpisodeError(MpsearchError):
    """An environment failed in the middle of an episode; the message names task, episode and step, and what it said."""


class CheckpointError(MpsearchError):
    """A checkpoint cannot be read or written."""


def unknown(kind: str, name: object, known: object) -> UsageError:
    """The error for a name that does not exist, listing those that do."""
    return UsageError(f"unknown {kind} {name!r}; known: {', '.join(sorted(map(str, known)))}")  # type: ignore[call-overload]


def check_count(name: str, value: int, least: int = 1) -> int:
    """Return ``value`` if it is an integer of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, Real) or value % 1 != 0 or value < least:
        raise UsageError(f"{name} must be a whole number of at least {least}, not {value!r}")
    return int(value)


def check_number(name: str, value: float, least: float | None = None) -> float:
    """Return ``value`` if it is a finite number, of at least ``least`` if that is given."""
    number = isinstance(value, Real) and not isinstance(value, bool) and abs(value) < float("inf")
    if not number or (least is not None and value < least):
        allowed = "a finite number" if least is None else f"a number of at least {least:g}"
        raise UsageError(f"{name} must be {allowed}, not {value!r}")
    return float(value)


def check_widths(name: str, value: Sequence[int]) -> None:
    """Raise unless ``value`` is a list of the widths of layers."""
    if not isinstance(value, (list, tuple)) or len(value) > MOST_LAYERS:
        raise UsageError(f"{name} must be a list of at most {MOST_LAYERS} widths, such as [64,64], not {value!r:.80}")
    for width in value:
        check_count(f"a width in {name}", width)
