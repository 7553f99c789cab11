"""Print how many minutes each lesson takes a learner, by a formula, from the built notebooks.

A lesson is read, its formulas are followed, its code is read and run, and its exercises are done. :data:`RATES` says
how long each of these takes. The code of an exercise's own cells is part of the exercise, and imports are not read.
What is folded away (``<details>``, hidden cells, long listings) may wait: of it, only the lines of hidden cells count,
and little. :func:`stated` reads what the lesson itself says.

python notebooks/minutes.py
"""

from __future__ import annotations

import importlib
import re
from collections import Counter
from pathlib import Path

import nbformat
from build import built_paths, sources

from mpsearch.course import lesson_times
from mpsearch.course.exercises.exercise import Exercise, FindTheBug, Predict
from mpsearch.course.exercises.source import exercise_names
from mpsearch.course.exercises.staged import Staged

RATES = {  # minutes for one of each
    "words": 1 / 180,
    "formula lines": 1 / 2,
    "code lines": 1 / 10,
    "hidden lines": 1 / 40,
    "seconds": 1 / 60,
    "to write": 8,
    "bugs": 6,
    "predictions": 2,
    "asked": 1,
    "widgets": 3,
    "larger": 20,
}
FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)
FORMULA = re.compile(r"\$\$.*?\$\$", re.DOTALL)
IN_TEXT = re.compile(r"\$[^$]+\$")  # counts as one word
ASKED = re.compile(r"\*\*(?:Predict|Guess)\b")
WIDGET = re.compile(r"^(?:\w+ = )?\w+Explorer\(", re.MULTILINE)
LISTING = re.compile(r"```python\n(.*?)```", re.DOTALL)
IMPORT = re.compile(r"(?:import|from) ")
IN_EXERCISE = {"exercise", "check"}  # tags of cells
TIME = re.compile(r"\*\*Time:\*\*(.*?)\*\*", re.DOTALL)
NUMBER = re.compile(r"\b\d+(?= minutes| for)")


def words(text: str) -> int:
    """Return the number of words of a Markdown ``text`` that is not folded away."""
    parts = IN_TEXT.sub("x", FORMULA.sub("", FOLDED.sub("", text))).split()
    return sum(bool(re.search(r"\w", part)) for part in parts)  # marks of headings, lists and tables are no words


def formula_lines(text: str) -> int:
    """Return the number of lines of the formulas in ``text`` that are not folded away."""
    return sum(1 + formula.count(r"\\ ") + formula.count("\\\\\n") for formula in FORMULA.findall(FOLDED.sub("", text)))


def code_lines(text: str) -> int:
    """Return the number of lines of code that are not empty and import nothing."""
    return sum(bool(line.strip()) and not IMPORT.match(line) for line in text.splitlines())


def counts(source: Path) -> Counter[str]:
    """Return how much of each of :data:`RATES` the lesson of ``source`` has."""
    found: Counter[str] = Counter(seconds=lesson_times()["seconds"][source.stem])
    for cell in nbformat.read(built_paths(source)["learner"], as_version=4).cells:
        if cell.cell_type == "markdown":
            found["words"] += words(cell.source)
            found["formula lines"] += formula_lines(cell.source)
            found["asked"] += len(ASKED.findall(cell.source))
            continue
        hidden = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        if not IN_EXERCISE.intersection(cell.metadata.get("tags", [])):
            found["hidden lines" if hidden else "code lines"] += code_lines(cell.source)
        found["widgets"] += len(WIDGET.findall(cell.source))
        shown = "".join(output.get("data", {}).get("text/markdown", "") for output in cell.outputs)
        found["code lines"] += sum(code_lines(code) for code in LISTING.findall(FOLDED.sub("", shown)))
    return found + Counter(map(kind, exercises(source)))


def exercises(source: Path) -> list[Exercise]:
    """Return the exercises of the lesson of ``source``."""
    module = importlib.import_module(f"mpsearch.course.exercises.lesson_{source.name[:2]}")
    known = {value.name: value for value in vars(module).values() if isinstance(value, Exercise)}
    return [known[name] for name in exercise_names(source.read_text(encoding="utf-8"))]


def kind(exercise: Exercise) -> str:
    """Return the key of an exercise in :data:`RATES`."""
    for key, its in {"larger": Staged, "predictions": Predict, "bugs": FindTheBug}.items():
        if isinstance(exercise, its):
            return key
    return "to write"


def minutes(found: Counter[str]) -> float:
    """Return the minutes that these counts take."""
    return sum(RATES[key] * count for key, count in found.items())


def stated(source: Path) -> list[int]:
    """Return the minutes of each sitting, as the lesson of ``source`` says them."""
    text = " ".join(line.removeprefix("#").strip() for line in source.read_text(encoding="utf-8").splitlines())
    found = TIME.search(text)
    return [int(number) for number in NUMBER.findall(found[1])] if found else []


def main() -> None:
    """Print a line for each lesson."""
    print(f"{'lesson':<26}" + "".join(f"{key:>14}" for key in RATES) + "       minutes  says")
    for source in sources():
        found = counts(source)
        numbers = "".join(f"{found[key]:14}" for key in RATES)
        print(f"{source.stem:<26}{numbers}{minutes(found):14.0f}  {stated(source)}")


if __name__ == "__main__":
    main()
