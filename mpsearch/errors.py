"""The errors that the library raises. Each message says what was wrong, what is allowed and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

MOST_LAYERS = 100


class MpsearchError(Exception):
    """The base class of all errors that mpsearch raises on purpose. The command line exits with 1."""


class UsageError(MpsearchError, ValueError):
    """An argument is wrong. The command line exits with 2, and a notebook shows the message without a traceback."""

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class MissingPackageError(UsageError, ImportError):
    """A package that only a part of mpsearch needs is not installed. The message says what to install."""


class NonFiniteError(MpsearchError, FloatingPointError):
    """A number is NaN or infinite. The message says where."""


class EpisodeError(MpsearchError):
    """An environment failed during an episode. The message names the task, the episode, the step and the reason."""


class CheckpointError(MpsearchError):
    """A checkpoint cannot be read or written."""


class RankError(MpsearchError):
    """Processes that train together have lost one of them, or do not agree. The message says what to do."""


def unknown(kind: str, name: object, known: object) -> UsageError:
    """Return the error for a name that does not exist. It lists the names that do."""
    return UsageError(f"unknown {kind} {name!r}; known: {', '.join(sorted(map(str, known)))}")  # type: ignore[call-overload]


def check_count(name: str, value: int, least: int = 1) -> int:
    """Return ``value`` if it is an integer of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, Real) or value % 1 != 0 or value < least:
        raise UsageError(f"{name} must be a whole number of at least {least}, not {value!r}")
    return int(value)


def check_number(name: str, value: float, least: float | None = None) -> float:
    """Return ``value`` if it is a finite number and, where ``least`` is given, not smaller than that."""
    number = isinstance(value, Real) and not isinstance(value, bool) and abs(value) < float("inf")
    if not number or (least is not None and value < least):
        allowed = "a finite number" if least is None else f"a number of at least {least:g}"
        raise UsageError(f"{name} must be {allowed}, not {value!r}")
    return float(value)


def check_widths(name: str, value: Sequence[int]) -> None:
    """Raise :class:`UsageError` unless ``value`` is a list of layer widths, whole numbers of at least 1."""
    if not isinstance(value, (list, tuple)) or len(value) > MOST_LAYERS:
        raise UsageError(f"{name} must be a list of at most {MOST_LAYERS} widths, such as [64,64], not {value!r:.80}")
    for width in value:
        check_count(f"a width in {name}", width)
