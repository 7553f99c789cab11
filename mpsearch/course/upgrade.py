"""After an upgrade: find the lessons in a learner's folder that are of another version, and update them.

The metadata of a lesson contains a digest of its text, ``cells_sha256``. Opening a lesson or running its cells does not
change the text. So if the text still has this digest, the learner has not changed the lesson, and the new version may
replace it. A lesson without a digest counts as changed, and the new version is put beside it. It may be an early
version, a file that the learner wrote, or a damaged file.
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
from mpsearch.language import ENGLISH, say

KEY = "mpsearch"  # mpsearch's entry in the metadata of a notebook
DIGEST = "cells_sha256"  # the digest's name in this entry

State = Literal["missing", "current", "untouched", "changed"]


@dataclass(frozen=True)
class Outdated:
    """A lesson in the learner's folder that is not of the installed version.

    Attributes:
        lesson: the path of the installed version.
        path: the path of the learner's version.
        changed: whether the learner has changed it.
        newer: the path of the copy of the installed version: ``path`` itself, or a file beside it.
    """

    lesson: Path
    path: Path
    changed: bool
    newer: Path

    @property
    def done(self) -> bool:
        """Whether the installed version has been copied to ``newer``."""
        return state_of(self.newer, self.lesson) == "current"

    @property
    def words(self) -> str:
        """A description of its state for the learner."""
        if self.changed:
            kept = say("yours is kept; the new version is {name}", name=self.newer.name)
            return kept if self.done else say("changed by you")
        return say("replaced by the new version") if self.done else say("not changed by you")


def cells_digest(cells: Sequence[Any]) -> str:
    """Return the sha256 of the text of a notebook's cells, which does not depend on their outputs.

    Empty cells are left out, because JupyterLab adds one when the last cell is run.
    """
    texts = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    written = [text for text in texts if text[1].strip()]
    return hashlib.sha256(json.dumps(written).encode()).hexdigest()


def state_of(path: Path, lesson: Path) -> State:
    """Compare the learner's file ``path`` with the installed version ``lesson`` of it."""
    if not path.exists():
        return "missing"
    (_, installed), (laid_out, present) = _digests(lesson), _digests(path)
    if installed in (laid_out, present):
        return "current"
    return "untouched" if laid_out is not None and laid_out == present else "changed"


def _digests(path: Path) -> tuple[str | None, str | None]:
    """Return a notebook's digest when it was copied and its digest now; ``None`` if they cannot be known."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        return notebook["metadata"].get(KEY, {}).get(DIGEST), cells_digest(notebook["cells"])
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):  # it may be any file
        return None, None


def outdated(folder: Path, language: str = ENGLISH) -> list[Outdated]:
    """Return the lessons of one language in ``folder`` that are not of the installed version, in order."""
    found = []
    for lesson in lessons(language):
        path = place(lesson, folder)
        if (state := state_of(path, lesson)) in ("untouched", "changed"):
            newer = next(other for other in _places(path) if state_of(other, lesson) != "changed")
            found.append(Outdated(lesson, path, state == "changed", newer))
    return found


def _places(path: Path) -> Iterator[Path]:
    """Yield the paths to try for a new version, one after the other: 03.ipynb, 03.new.ipynb, 03.new2.ipynb, ..."""
    yield path
    for number in count(1):
        yield path.with_suffix(f".new{number if number > 1 else ''}.ipynb")


def update(folder: Path, language: str = ENGLISH) -> list[Outdated]:
    """Update the lessons of one language in ``folder`` to the installed version; returns the outdated ones.

    A lesson that the learner has not changed is replaced atomically. If the learner has changed a lesson, the new
    version is put beside it. If the update is interrupted, the next one does the rest.

    Raises:
        UsageError: the folder cannot be written.
    """
    found = outdated(folder, language)
    try:
        for old in found:
            _bring(old.lesson, old.newer)
    except OSError as error:
        kept = "nothing of yours is lost"
        raise UsageError(f"cannot update the lessons in {folder}: {error.strerror}; {kept}") from error
    return found


def _bring(lesson: Path, target: Path) -> None:
    from mpsearch.training.storage import write_atomically  # imports torch, which takes seconds

    state = state_of(target, lesson)  # checked again, because the learner may have saved it in the meantime
    if state == "missing":
        copy_once(lesson, target)
    elif state == "untouched":
        write_atomically(target, lesson.read_bytes())


def report(found: Sequence[Outdated], folder: Path, options: str = "") -> str:
    """Return a text for the learner that names each outdated lesson and the command that updates them.

    ``options`` are what the command needs besides the folder, such as " --language zh".
    """
    lines = [say("These lessons are of another version than the installed mpsearch:")]
    lines += [f"  {old.path.relative_to(folder).as_posix()}: {old.words}" for old in found]
    if not all(old.done for old in found):
        command = f"mpsearch lab {shlex.quote(str(folder))}{options} --update"
        lines.append(
            say(
                "{command} replaces those that you have not changed, and puts the new version beside the others.",
                command=command,
            )
        )
    return "\n".join(lines)
