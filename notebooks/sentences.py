"""The catalogue of what the library says to learners, ``mpsearch/locale/LANGUAGE/LC_MESSAGES/mpsearch.po``.

Its messages are the sentences that the code gives to :func:`mpsearch.language.say`, also in scripts for the page, the
names of tasks' parameters, the texts of the exercises, and their words for mistakes.

python notebooks/sentences.py zh   take changes of the code over into the Chinese catalogue, and compile it
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import polib
from translate import merge, read_catalogue

from mpsearch.course import exercises
from mpsearch.course.exercises.exercise import LABELS, Exercise, FillIn
from mpsearch.course.exercises.staged import Staged
from mpsearch.language import FOLDER, SAID
from mpsearch.tasks.registry import BUILT_IN, make_distribution


def catalogue_path(language: str) -> Path:
    """Return the path of the library's catalogue."""
    return FOLDER / language / "LC_MESSAGES" / "mpsearch.po"


def sentences() -> dict[str, str]:
    """Return all that the library can say, each with the module that says it first."""
    found = dict.fromkeys(LABELS.values(), "string of exercise")
    for path in sorted(FOLDER.parent.rglob("*.py")):
        for sentence in _said(path.read_text(encoding="utf-8")):
            found.setdefault(sentence, f"string of {path.stem}")
    for path in sorted(FOLDER.parent.glob("view/**/*.js")):
        for sentence in SAID.findall(path.read_text(encoding="utf-8")):
            found.setdefault(sentence, f"string of {path.name}")
    for family in BUILT_IN:
        names = make_distribution(family).parameter_names
        for name in (name for name in names if "_" not in name):  # a word, and not a name from code
            found.setdefault(name, "string of tasks")
    for path in sorted(Path(exercises.__path__[0]).glob("lesson_*.py")):
        module = import_module(f"{exercises.__name__}.{path.stem}")
        for exercise in (value for value in vars(module).values() if isinstance(value, Exercise)):
            for sentence in filter(None, _texts(exercise)):
                found.setdefault(sentence, f"string of {path.stem}")
    return found


def _said(text: str) -> Iterator[str]:
    """Find what the code of a module says: by ``say``, by a ``Mistake``, or as the key of a typical mistake."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Name(id="say" | "Mistake"), args=[ast.Constant(value=str() as sentence)]):
                yield sentence
            case (
                ast.Call(func=ast.Name(id="settled"), args=[*_, ast.Dict(keys=keys)])
                | ast.AnnAssign(target=ast.Name(id="typical"), value=ast.Dict(keys=keys))
            ):
                yield from (key.value for key in keys if isinstance(key, ast.Constant))


def _texts(exercise: Exercise) -> Iterator[str]:
    yield from (*exercise.hints, exercise.moral)
    if isinstance(exercise, FillIn):
        yield from (exercise.result, *exercise.mistakes, *exercise.stops.values())
        yield from (arguments for arguments, _ in exercise.trials())
    if isinstance(exercise, Staged):
        for about, stage in exercise.stages.items():
            yield from (about, *_texts(stage))


def compiled(catalogue: polib.POFile) -> bytes:
    """Return the catalogue as gettext reads it, with what is translated."""
    return catalogue.to_binary()


def update(language: str) -> polib.POFile:
    """Take changes of the code over into the catalogue of this language, and compile it."""
    path = catalogue_path(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    catalogue = merge(sentences(), read_catalogue(path, language))
    catalogue.save(str(path), newline="\n")
    path.with_suffix(".mo").write_bytes(compiled(catalogue))
    return catalogue


if __name__ == "__main__":
    (chosen,) = sys.argv[1:]
    updated = update(chosen)
    print(f"{len(updated.untranslated_entries()) + len(updated.fuzzy_entries())} of {len(updated)} sentences left")
