"""Build ``notebooks/NN_name.ipynb``, executed, from ``notebooks/source/NN_name.py``.

python notebooks/build.py            build what changed
python notebooks/build.py --force    build everything
python notebooks/build.py --check    exit 1 if a notebook and its source disagree; runs nothing
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent
CELL_TIMEOUT = 180  # s
KEY = "mpsearch"  # the entry of a notebook's metadata that is ours
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|Users|tmp|usr|opt|var|mnt|private)/|\b[A-Z]:\\+\w")


class BuildError(Exception):
    """A lesson cannot be built; the message says why."""


def sources(folder: Path = FOLDER) -> list[Path]:
    """The lessons' sources, in order."""
    return sorted((folder / "source").glob("*.py"))


def built_path(source: Path) -> Path:
    """Where the notebook of ``source`` lies."""
    return source.parents[1] / f"{source.stem}.ipynb"


def read_source(source: Path) -> nbformat.NotebookNode:
    """The notebook of ``source``, not executed, the same to the bit each time."""
    text = source.read_text(encoding="utf-8")  # universal newlines: a checkout on Windows hashes alike
    notebook = jupytext.reads(text, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, KEY: {"source_sha256": hashlib.sha256(text.encode()).hexdigest()}}
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:03d}"
    return notebook


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run ``notebook`` in ``folder``."""
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name=KERNEL["name"],
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
    )
    client.execute()
    keep_what_lasts(notebook)


def keep_what_lasts(notebook: nbformat.NotebookNode) -> None:
    """Remove what is of this run or this machine, and views of widgets where a picture says the same."""
    notebook.metadata.pop("widgets", None)  # JupyterLab does not restore it, and GitHub refuses half of it
    notebook.metadata["language_info"] = {"name": "python"}  # the version is this machine's business
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data.pop(WIDGET_VIEW, None)  # without a kernel it would be an error in the picture's place


def complaints(notebook: nbformat.NotebookNode) -> list[str]:
    """What a learner should not find in a built notebook."""
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
    if "widgets" in notebook.metadata:
        found.append("it holds widget state")
    if any(WIDGET_VIEW in output.get("data", {}) for cell in code for output in cell.outputs):
        found.append("a widget in it has no picture for readers without a kernel")
    return found


def _texts(outputs: list[nbformat.NotebookNode]) -> list[str]:
    bundles = [output.get("data", {"text/plain": output.get("text", "")}) for output in outputs]
    data = [value for bundle in bundles for kind, value in bundle.items() if kind != "image/png"]
    return [value if isinstance(value, str) else json.dumps(value) for value in data]


def build(source: Path) -> None:
    """Build and execute one lesson.

    Raises:
        BuildError: the result has something that a learner should not find.
    """
    notebook = read_source(source)
    execute(notebook, source.parents[1])
    if found := complaints(notebook):
        raise BuildError(f"{source.name}: {'; '.join(found)}")
    nbformat.validate(notebook)
    temporary = built_path(source).with_suffix(".tmp")
    temporary.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
    os.replace(temporary, built_path(source))


def disagreement(source: Path) -> str | None:
    """Why the built notebook is not the one of ``source``; ``None`` if it is."""
    path = built_path(source)
    if not path.exists():
        return f"{path.name} was never built"
    built, fresh = nbformat.read(path, as_version=4), read_source(source)
    if built.metadata.get(KEY) != fresh.metadata[KEY]:
        return f"{path.name} was built from another version of its source"
    keys = ("cell_type", "source", "metadata")
    if [[cell[key] for key in keys] for cell in built.cells] != [[cell[key] for key in keys] for cell in fresh.cells]:
        return f"{path.name} was edited; its source did not change"
    return None


def check(folder: Path = FOLDER) -> list[str]:
    """Every way in which the built notebooks and their sources disagree; empty if they agree."""
    known = {built_path(source) for source in sources(folder)}
    strays = [f"{path.name} has no source" for path in sorted(folder.glob("*.ipynb")) if path not in known]
    return [why for source in sources(folder) if (why := disagreement(source))] + strays


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--force", action="store_true", help="build everything")
    parser.add_argument("--check", action="store_true", help="only compare")
    arguments = parser.parse_args()
    if not arguments.check:
        for source in sources():
            if arguments.force or disagreement(source):
                start = time.monotonic()
                build(source)
                print(f"built {built_path(source).name} in {time.monotonic() - start:.0f} s")
    found = check()
    print("\n".join(found) or "notebooks and sources agree")
    return 1 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BuildError as error:
        sys.exit(f"build.py: {error}")
