"""Run lessons with other seeds, and say for which seeds their claims are true.

The ``assert`` statements of a lesson check its claims. A lesson that trains has its seed in one line, ``SEED = 0``.
This takes minutes.

python notebooks/seeds.py                      run every lesson that has a seed, with five seeds
python notebooks/seeds.py 02 04 --seeds 0 7    run these lessons with these seeds
python notebooks/seeds.py 04 --print           also print what their cells printed
python notebooks/seeds.py 06 --keep record     also store the variable `record` of each run, where the lesson reads it
python notebooks/seeds.py 01 --set ITERATIONS=120 --keep record    set another constant, too, such as a longer training
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from build import FOLDER, KERNEL, read_source, sources
from nbclient import NotebookClient

from mpsearch.evidence import results
from mpsearch.evidence.records import rounded, write_record

SEEDS = (0, 10, 20, 30, 40)  # some lessons also train with the four seeds after each of these
KEPT = results.FOLDER / "lessons"
ASSERT = re.compile(r"^\s*assert ", re.MULTILINE)


def line_of(constant: str) -> re.Pattern[str]:
    """Return what finds the line of a lesson that gives this constant its value."""
    return re.compile(rf"^{re.escape(constant)} = [\w.]+", re.MULTILINE)


LINE = line_of("SEED")


def seeded(folder: Path = FOLDER) -> list[Path]:
    """Return the sources that have a seed."""
    return [source for source in sources(folder) if LINE.search(source.read_text(encoding="utf-8"))]


def run(source: Path, seed: int, variable: str | None = None, constants: Sequence[str] = ()) -> nbformat.NotebookNode:
    """Run the learner's notebook of ``source`` with this seed, even after a cell has failed; returns the notebook.

    Args:
        variable: if it is given, a last cell prints the value of this variable as JSON.
        constants: other constants of the lesson, as ``NAME=VALUE``.
    """
    notebook = read_source(source)
    if variable:
        notebook.cells.append(nbformat.v4.new_code_cell(f"import json\nprint(json.dumps({variable}))"))
    for constant in (f"SEED={seed}", *constants):
        name, _, value = constant.partition("=")
        for cell in notebook.cells:
            cell.source = line_of(name).sub(f"{name} = {value}", cell.source)
    folder = {"metadata": {"path": str(source.parents[1])}}
    options = {"timeout": None, "kernel_name": KERNEL["name"], "coalesce_streams": True}
    client = NotebookClient(notebook, allow_errors=True, resources=folder, **options)
    client.execute(stderr=subprocess.DEVNULL)  # the kernel's warnings about its sockets
    return notebook


def failures(notebook: nbformat.NotebookNode) -> Iterator[str]:
    """Yield a description of each failed cell of an executed notebook: number, exception and line of code."""
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                trace = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(output["traceback"]))
                line = re.search(r"^-+> *\d+ (.*)$", trace, re.MULTILINE)
                parts = (f"cell {number}:", output["ename"], output["evalue"], line[1].strip() if line else "")
                yield " ".join(filter(None, parts))


def printed(notebook: nbformat.NotebookNode) -> str:
    """Return what the cells of an executed notebook printed."""
    return "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))


def keep(source: Path, variable: str, seeds: list[int], records: list[object], constants: Sequence[str] = ()) -> None:
    """Write the values that ``variable`` had at the end of each run, with the command that repeats them."""
    options = "".join(f"--set {constant} " for constant in constants)
    command = f"python notebooks/seeds.py {source.name[:2]} {options}--keep {variable}"
    write_record(KEPT / f"{source.stem}.json", {"command": command, "seeds": seeds, "records": records})


def main() -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", metavar="NN", help="by default, all lessons that have a seed")
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--print", action="store_true", help="also print what their cells printed")
    parser.add_argument("--keep", metavar="VARIABLE", help="also store this variable of each run")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="set this constant, too")
    arguments = parser.parse_args()
    chosen = [path for path in seeded() if not arguments.lessons or path.name[:2] in arguments.lessons]
    if not chosen:
        parser.error(f"no such lesson has a seed; these have: {', '.join(path.name[:2] for path in seeded())}")
    for name in (constant.partition("=")[0] for constant in arguments.set):
        if lacking := [path.stem for path in chosen if not line_of(name).search(path.read_text(encoding="utf-8"))]:
            parser.error(
                f"{lacking[0]} has no line '{name} = ...'; give --set a NAME=VALUE that all these lessons have"
            )
    good = 0
    for source in chosen:
        kept = []
        for seed in arguments.seeds:
            notebook = run(source, seed, arguments.keep, arguments.set)
            found = list(failures(notebook))
            good += not found
            asserts = sum(len(ASSERT.findall(cell.source)) for cell in notebook.cells)
            print(f"{source.stem}, seed {seed}: {'; '.join(found) or f'all {asserts} asserts hold'}", flush=True)
            if arguments.print:
                print(printed(notebook), flush=True)
            if arguments.keep:
                kept.append(rounded(json.loads(notebook.cells[-1].outputs[0].text)))
        if arguments.keep:
            keep(source, arguments.keep, list(arguments.seeds), kept, arguments.set)
    print(f"{good} of {len(chosen) * len(arguments.seeds)} runs hold")
    return 0 if good == len(chosen) * len(arguments.seeds) else 1


if __name__ == "__main__":
    sys.exit(main())
