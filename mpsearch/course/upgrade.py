"""Lessons in a learner's folder after an upgrade: which are of another version, which of them the learner has changed.

A lesson carries the digest of its own text, ``cells_sha256``, in its metadata. Running its cells, or opening it,
changes outputs and not text. So a lesson whose text still has that digest was not changed by the learner, and a newer
version may take its place. A lesson without a digest (an early version, a file of the learner's own, a damaged one)
counts as changed, and the newer version is laid beside it.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

from mpsearch.course.lab import copy_once, lessons, place
from mpsearch.errors import UsageError

KEY = "mpsearch"  # the entry of a notebook's metadata that is ours
DIGEST = "cells_sha256"  # in that entry

State = Literal["missing", "current", "untouched", "changed"]


@dataclass(frozen=True)
class Outdated:
    """A lesson in the learner's folder of another version than the installed one.

    Attributes:
        lesson: the installed version.
        path: the learner's.
        changed: whether the learner has changed it.
        newer: where the installed version is or will be: in the place of ``path``, or beside it.
    """

    lesson: Path
    path: Path
    changed: bool
    newer: Path

    @property
    def done(self) -> bool:
        """Whether the installed version is at ``newer``."""
        return state_of(self.newer, self.lesson) == "current"

    @property
    def words(self) -> str:
        """What the learner reads about it."""
        if self.changed:
            return f"yours is kept; the new version is {self.newer.name}" if self.done else "changed by you"
        return "replaced by the new version" if self.done else "not changed by you"


def cells_digest(cells: Sequence[Any]) -> str:
    """The sha256 of the text of a notebook's cells, whether they were run or not.

    Empty cells do not count: JupyterLab adds one when the last cell is run.
    """
    texts = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    written = [text for text in texts if text[1].strip()]
    return hashlib.sha256(json.dumps(written).encode()).hexdigest()


def state_of(path: Path, lesson: Path) -> State:
    """What ``path`` is to the learner who has the installed version of it in ``lesson``."""
    if not path.exists():
        return "missing"
    (_, installed), (laid_out, present) = _digests(lesson), _digests(path)
    if installed in (laid_out, present):
        return "current"
    return "untouched" if laid_out is not None and laid_out == present else "changed"


def _digests(path: Path) -> tuple[str | None, str | None]:
    """The digest of a notebook as it was laid out, and as it is now; ``None`` where that cannot be known."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        return notebook["metadata"].get(KEY, {}).get(DIGEST), cells_digest(notebook["cells"])
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):  # it may be any file
        return None, None


def outdated(folder: Path) -> list[Outdated]:
    """The lessons in ``folder`` that are of another version than the installed one, in order."""
    found = []
    for lesson in lessons():
        path = place(lesson, folder)
        if (state := state_of(path, lesson)) in ("untouched", "changed"):
            newer = next(other for other in _places(path) if state_of(other, lesson) != "changed")
            found.append(Outdated(lesson, path, state == "changed", newer))
    return found


def _places(path: Path) -> Iterator[Path]:
    """``path``, and where to go on if what is there was changed: 03.ipynb, 03.new.ipynb, 03.new2.ipynb, ..."""
    yield path
    for number in count(1):
        yield path.with_suffix(f".new{number if number > 1 else ''}.ipynb")


def update(folder: Path) -> list[Outdated]:
    """Bring the installed lessons into ``folder``; returns what was outdated.

    A lesson that the learner has not changed is replaced, all of it or nothing. Beside one that they have changed the
    installed version is laid. If this is interrupted, what was done stays done, and a second time does the rest.

    Raises:
        UsageError: the folder cannot be written.
    """
    found = outdated(folder)
    try:
        for old in found:
            _bring(old.lesson, old.newer)
    except OSError as error:
        kept = "nothing of yours is lost"
        raise UsageError(f"cannot update the lessons in {folder}: {error.strerror}; {kept}") from error
    return found


def _bring(lesson: Path, target: Path) -> None:
    from mpsearch.training.storage import write_atomically  # imports torch, which takes seconds

    state = state_of(target, lesson)  # once more: it may have been saved in the meantime
    if state == "missing":
        copy_once(lesson, target)
    elif state == "untouched":
        write_atomically(target, lesson.read_bytes())


def report(found: Sequence[Outdated], folder: Path) -> str:
    """What the learner reads: each outdated lesson, and what brings the new versions."""
    lines = ["These lessons are of another version than the installed mpsearch:"]
    lines += [f"  {old.path.relative_to(folder).as_posix()}: {old.words}" for old in found]
    if not all(old.done for old in found):
        lines.append(
            f"mpsearch lab {shlex.quote(str(folder))} --update replaces those that you have not changed, "
            "and lays the new version beside the others."
        )
    return "\n".join(lines)
