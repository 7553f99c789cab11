"""Build and execute ``notebooks/NN_name.ipynb`` from ``notebooks/source/NN_name.py``.

If a source has exercises, ``notebooks/solutions/NN_name.ipynb`` is built, too. See
:mod:`mpsearch.course.exercises.source` for how exercises are marked. A cell with the tag "check" must print "Not
attempted yet" in the learner's edition and "Right" in the solutions.

python notebooks/build.py            build the notebooks whose sources have changed
python notebooks/build.py --force    build all notebooks
python notebooks/build.py --check    run nothing, and exit with 1 if a notebook does not agree with its source
python notebooks/build.py --language zh   the same for the lessons whose Chinese catalogue is complete: see translate.py
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import os
import re
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from PIL import Image
from translate import complete, read, translated

from mpsearch.course.exercises.source import SOLUTIONS, blank, exercise_names, solved, subfolder
from mpsearch.course.upgrade import DIGEST, KEY, cells_digest
from mpsearch.language import ENGLISH, catalogue

FOLDER = Path(__file__).resolve().parent
CELL_TIMEOUT = 180  # s
COLOURS = 256  # of a stored picture
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
VERDICTS = {"learner": ("Not attempted yet",), "solutions": ("Right", "Recorded")}
LET_IT_SPEAK = 'from mpsearch import set_language\n\nset_language("{}")'
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|Users|tmp|usr|opt|var|mnt|private)/|\b[A-Z]:\\+\w")


class BuildError(Exception):
    """A lesson cannot be built. The message says why."""


def sources(folder: Path = FOLDER) -> list[Path]:
    """Return the lessons' sources in order."""
    return sorted((folder / "source").glob("*.py"))


def languages(source: Path) -> list[str]:
    """Return the languages in which there are notebooks, if the catalogue of ``source`` is complete."""
    folder = source.parents[1]
    others = [path.name for path in sorted(folder.glob("locale/*")) if (folder / path.name).is_dir()]
    return [ENGLISH, *(language for language in others if complete(read(source, language)))]


def home(folder: Path, language: str) -> Path:
    """Return the folder of the notebooks in this language. English ones have no folder of their own."""
    return folder / subfolder(language)


def built_paths(source: Path, language: str = ENGLISH) -> dict[str, Path]:
    """Return the paths of the notebooks of ``source`` in one language, by edition."""
    folder = home(source.parents[1], language)
    paths = {"learner": folder / f"{source.stem}.ipynb"}
    if exercise_names(source.read_text(encoding="utf-8")):
        paths["solutions"] = folder / SOLUTIONS / f"{source.stem}.ipynb"
    return paths


def read_source(source: Path, edition: str = "learner", language: str = ENGLISH) -> nbformat.NotebookNode:
    """Return the notebook of ``source`` in this edition, not executed. It is the same, to the bit, each time."""
    text = source.read_text(encoding="utf-8")  # this converts line ends, so that the hash is the same on Windows
    if language != ENGLISH:
        text = translated(text, read(source, language))
    notebook = jupytext.reads(text, fmt="py:percent")
    if language != ENGLISH:
        kinds = [cell.cell_type for cell in notebook.cells]
        notebook.cells.insert(kinds.index("code"), nbformat.v4.new_code_cell(LET_IT_SPEAK.format(language)))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:03d}"
        cell.source = (solved if edition == "solutions" else blank)(cell.source)
    mine = {
        "source_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "edition": edition,
        DIGEST: cells_digest(notebook.cells),  # by which mpsearch lab knows whether a learner has changed it
        **({} if language == ENGLISH else {"language": language}),
    }
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, KEY: mine})
    return notebook


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run ``notebook`` in ``folder``."""
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name=KERNEL["name"],
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        coalesce_streams=True,
    )
    client.execute()
    keep_what_lasts(notebook)


def keep_what_lasts(notebook: nbformat.NotebookNode) -> None:
    """Remove what depends on this run or this machine, and views of widgets that have a picture."""
    notebook.metadata.pop("widgets", None)  # JupyterLab does not restore it, and GitHub shows an error if it has gaps
    notebook.metadata["language_info"] = {"name": "python"}  # without the version of this machine
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = smaller(output.data["image/png"])
                output.data.pop(WIDGET_VIEW, None)  # without a kernel, an error would be shown instead of the picture


def smaller(png: str) -> str:
    """Return a picture in base64 with the 256 colours that it needs most, which takes a third of the bytes."""
    picture = Image.open(io.BytesIO(base64.b64decode(png)))
    if picture.mode == "P":  # it has a palette of its own
        return png
    colours = picture.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    file = io.BytesIO()
    colours.save(file, "PNG", optimize=True)
    return min(base64.b64encode(file.getvalue()).decode(), png, key=len)


def complaints(notebook: nbformat.NotebookNode) -> list[str]:
    """Return descriptions of everything in a built notebook that a learner should not see."""
    found = []
    for number, cell in enumerate(notebook.cells):
        outputs = cell.get("outputs", [])
        if any(output.get("name") == "stderr" for output in outputs):
            found.append(f"cell {number} wrote to stderr")
        if any(output["output_type"] == "error" for output in outputs):
            found.append(f"cell {number} failed")
        if match := ABSOLUTE_PATH.search("\n".join([cell.source, *_texts(outputs)])):
            found.append(f"cell {number} holds an absolute path near {match[0]!r}")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        found.append("its cells were not executed in order")
    if notebook.metadata.get("kernelspec") != KERNEL:
        found.append(f"its kernel is not {KERNEL['name']}")
    if "widgets" in notebook.metadata:
        found.append("it holds widget state")
    mine = notebook.metadata.get(KEY, {})
    edition = mine.get("edition", "learner")
    verdicts = spoken_verdicts(edition, mine.get("language", ENGLISH))
    for cell in code:
        printed = "".join(output.get("text", "") for output in cell.outputs)
        if "check" in cell.metadata.get("tags", []) and not printed.startswith(verdicts):
            found.append(f"a check in the {edition} edition printed {printed!r}")
    if any(WIDGET_VIEW in output.get("data", {}) for cell in code for output in cell.outputs):
        found.append("a widget in it has no picture for readers without a kernel")
    return found


def spoken_verdicts(edition: str, language: str) -> tuple[str, ...]:
    """Return what a check may print first."""
    say = catalogue(language).gettext
    pattern = say("{verdict}: {words}")
    return tuple(pattern.format(verdict=say(verdict), words="").rstrip() for verdict in VERDICTS[edition])


def _texts(outputs: list[nbformat.NotebookNode]) -> list[str]:
    bundles = [output.get("data", {"text/plain": output.get("text", "")}) for output in outputs]
    data = [value for bundle in bundles for kind, value in bundle.items() if kind != "image/png"]
    return [value if isinstance(value, str) else json.dumps(value) for value in data]


def build(source: Path, language: str = ENGLISH) -> None:
    """Build and execute the notebooks of one lesson in one language.

    Raises:
        BuildError: a notebook contains something that a learner should not see.
    """
    for edition, path in built_paths(source, language).items():
        notebook = read_source(source, edition, language)
        execute(notebook, source.parents[1])
        if found := complaints(notebook):
            raise BuildError(f"{source.name}: {'; '.join(found)}")
        nbformat.validate(notebook)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
        os.replace(temporary, path)


def disagreement(source: Path, language: str = ENGLISH) -> str | None:
    """Say why a built notebook does not agree with ``source``; ``None`` if all agree."""
    for edition, path in built_paths(source, language).items():
        name = path.relative_to(source.parents[1]).as_posix()
        if not path.exists():
            return f"{name} was never built"
        built, fresh = nbformat.read(path, as_version=4), read_source(source, edition, language)
        if built.metadata.get(KEY) != fresh.metadata[KEY]:
            return f"{name} was built from another version of its source"
        if _written(built) != _written(fresh):
            return f"{name} was edited; its source did not change"
    return None


def _written(notebook: nbformat.NotebookNode) -> list[list[object]]:
    return [[cell[key] for key in ("cell_type", "source", "metadata")] for cell in notebook.cells]


def check(folder: Path = FOLDER) -> list[str]:
    """Return all differences between the built notebooks and their sources; empty if they agree."""
    wanted = [(source, language) for source in sources(folder) for language in languages(source)]
    known = {path for source, language in wanted for path in built_paths(source, language).values()}
    places = [folder, *(home(folder, path.name) for path in sorted(folder.glob("locale/*")))]
    built = [path for place in places for path in [*place.glob("*.ipynb"), *place.glob("solutions/*.ipynb")]]
    strays = [f"{path.relative_to(folder).as_posix()} has no source" for path in sorted(built) if path not in known]
    return [why for source, language in wanted if (why := disagreement(source, language))] + strays


def main() -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--force", action="store_true", help="build everything")
    parser.add_argument("--check", action="store_true", help="only compare")
    parser.add_argument("--language", default=ENGLISH, help="whose notebooks are built")
    arguments = parser.parse_args()
    if not arguments.check:
        home(FOLDER, arguments.language).mkdir(exist_ok=True)
        for source in [source for source in sources() if arguments.language in languages(source)]:
            if arguments.force or disagreement(source, arguments.language):
                start = time.monotonic()
                build(source, arguments.language)
                print(f"built {source.stem} in {time.monotonic() - start:.0f} s")
    found = check()
    print("\n".join(found) or "notebooks and sources agree")
    return 1 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BuildError as error:
        sys.exit(f"build.py: {error}")
