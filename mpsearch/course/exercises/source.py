"""Where the lessons lie, and how a lesson's source holds each exercise once: its solution with the stub beside.

An exercise is a cell with a marked part::

    def double(x):
        # begin solution: double
        return 2 * x
        # stub
        # ...  # your code here
        # end solution

The solutions notebook and ``solution()`` have the lines after ``begin``, the learner's notebook has those after
``stub``, each less its "# ". Without a stub part, the stub is the line above.
"""

from __future__ import annotations

import re
from pathlib import Path

from mpsearch.errors import MpsearchError

STUB = "# ...  # your code here\n"
CELL = re.compile(r"^# %%.*\n", re.MULTILINE)
PART = re.compile(
    r"^(?P<indent> *)# begin solution: (?P<name>\w+)\n(?P<solution>.*?)"
    r"(?:^ *# stub\n(?P<stub>.*?))?^ *# end solution[ ]*(?:\n|\Z)",
    re.MULTILINE | re.DOTALL,
)


def lessons_folder() -> Path:
    """The folder of the lessons that came with this installation: from the wheel, or from the checkout.

    Raises:
        MpsearchError: there is none.
    """
    package = Path(__file__).parents[2]
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if any(folder.glob("*.ipynb")):
            return folder
    raise MpsearchError("this installation of mpsearch has no notebooks; install it again")


def exercise_names(text: str) -> list[str]:
    """The exercises in ``text``, in order."""
    return [match["name"] for match in PART.finditer(text)]


def solved(cell: str) -> str:
    """``cell`` as the solutions notebook has it."""
    return PART.sub(lambda match: match["solution"], cell).rstrip("\n")


def blank(cell: str) -> str:
    """``cell`` as the learner's notebook has it."""
    return PART.sub(_stub, cell).rstrip("\n")


def _stub(match: re.Match[str]) -> str:
    lines = match["stub"] or match["indent"] + STUB
    return re.sub(r"^( *)# ?", r"\1", lines, flags=re.MULTILINE)


def exercise_cell(lesson: str, name: str) -> str:
    """The cell of the exercise ``name`` as the source of ``lesson``, such as "01_policy_gradient", has it.

    Raises:
        MpsearchError: the lesson has no source, or no such exercise.
    """
    path = lessons_folder() / "source" / f"{lesson}.py"
    if path.is_file():
        for cell in CELL.split(path.read_text(encoding="utf-8")):
            if name in exercise_names(cell):
                return cell.strip("\n") + "\n"
    raise MpsearchError(f"the exercise {name} of the lesson {lesson} has no solution here; install mpsearch again")
