"""Finds the folder of the lessons, and reads an exercise's solution and stub from the source of its lesson.

An exercise is a cell with a marked part, which contains both the solution and the stub::

    def double(x):
        # begin solution: double
        return 2 * x
        # stub
        # ...  # your code here
        # end solution

The notebook of solutions and ``solution()`` show the lines after ``begin``. The learner's notebook shows the lines
after ``stub`` without their leading "# ". If there are no lines for the stub, it is the line ``...  # your code here``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from mpsearch.errors import MpsearchError
from mpsearch.language import ENGLISH, spoken

SOLUTIONS = "solutions"  # the folder of the notebooks of solutions
STUB = "# ...  # your code here\n"
CELL = re.compile(r"^# %%.*\n", re.MULTILINE)
PART = re.compile(
    r"^(?P<indent> *)# begin solution: (?P<name>\w+)\n(?P<solution>.*?)"
    r"(?:^ *# stub\n(?P<stub>.*?))?^ *# end solution[ ]*(?:\n|\Z)",
    re.MULTILINE | re.DOTALL,
)


def lessons_folder() -> Path:
    """Return the folder of this installation's lessons, which is in the installed package or in the git checkout.

    Raises:
        MpsearchError: there are no lessons.
    """
    package = Path(__file__).parents[2]
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if any(folder.glob("*.ipynb")):
            return folder
    raise MpsearchError("this installation of mpsearch has no notebooks; install it again")


def subfolder(language: str) -> str:
    """Return the folder of a language's lessons in the folder of all lessons, so that two languages do not mix."""
    return "" if language == ENGLISH else language


def exercise_names(text: str) -> list[str]:
    """Return the names of the exercises in ``text``, in their order."""
    return [match["name"] for match in PART.finditer(text)]


def solved(cell: str) -> str:
    """Return ``cell`` with its solutions and without its stubs."""
    return PART.sub(lambda match: match["solution"], cell).rstrip("\n")


def blank(cell: str) -> str:
    """Return ``cell`` with its stubs and without its solutions."""
    return PART.sub(_stub, cell).rstrip("\n")


def _stub(match: re.Match[str]) -> str:
    lines = match["stub"] or match["indent"] + STUB
    return re.sub(r"^( *)# ?", r"\1", lines, flags=re.MULTILINE)


def exercise_cell(lesson: str, name: str) -> str:
    """Return the cell of the exercise ``name`` from the source of ``lesson``, such as "01_policy_gradient".

    Raises:
        MpsearchError: the lesson has no source, or its source does not have this exercise.
    """
    for cell in _exercise_cells(lesson):
        if name in exercise_names(cell):
            return cell.strip("\n") + "\n"
    raise MpsearchError(f"the exercise {name} of the lesson {lesson} has no solution here; install mpsearch again")


def solution(lesson: str, name: str) -> str:
    """Return the code of the exercise ``name``, in the chosen language if the lesson exists in it.

    Raises:
        MpsearchError: the lesson has no source, or its source does not have this exercise.
    """
    english = solved(exercise_cell(lesson, name))
    path = lessons_folder() / subfolder(spoken()) / SOLUTIONS / f"{lesson}.ipynb"
    if spoken() == ENGLISH or not path.is_file():
        return english
    number = next(n for n, cell in enumerate(_exercise_cells(lesson)) if name in exercise_names(cell))
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    translated = [cell for cell in cells if "exercise" in cell["metadata"].get("tags", [])]
    return "".join(translated[number]["source"])


def _exercise_cells(lesson: str) -> list[str]:
    """Return the cells with exercises from the source of ``lesson``; none if it has no source."""
    path = lessons_folder() / "source" / f"{lesson}.py"
    cells = CELL.split(path.read_text(encoding="utf-8")) if path.is_file() else []
    return [cell for cell in cells if exercise_names(cell)]
