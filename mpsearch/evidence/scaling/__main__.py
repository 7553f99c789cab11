"""The program: ``python -m mpsearch.evidence.scaling``."""

from __future__ import annotations

import os
import shlex
import sys

from mpsearch.errors import unknown
from mpsearch.evidence import results
from mpsearch.evidence.program import run
from mpsearch.evidence.records import rounded, write_record
from mpsearch.evidence.scaling.measured import measure_exchange, measure_iterations
from mpsearch.evidence.scaling.parts import Job, measure_ranks
from mpsearch.training.provenance import code_revision, describe_machine, package_versions

SMALL = Job(tasks=20)  # the recipe's iteration, measured with one and two ranks
LARGE = Job(tasks=256)  # enough tasks for 256 ranks
PARTS = {
    "small": lambda: measure_ranks(SMALL, [1, 2, 4, 10, 20], repeats=2),
    "large": lambda: measure_ranks(LARGE, [16, 32, 64, 128, 256], repeats=1),
    "exchange": measure_exchange,
    "iterations": lambda: measure_iterations(SMALL, rounds=3, iterations=2),
}


def load() -> float | None:
    """Return the mean number of programs that have wanted to run in the last minute, where the system says it."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def main(part: str = "") -> None:
    """Measure the parts of the cost model on this machine. Nothing else should run on it.

    Args:
        part: measure only this one of small, large, exchange and iterations; the others stay as they were measured.
    """
    if part and part not in PARTS:
        raise unknown("part", part, PARTS)
    path = results.FOLDER / "scaling.json"
    record = results.scaling()
    for name in [part] if part else PARTS:
        before, found = load(), rounded(PARTS[name]())
        record[name] = {
            "command": shlex.join(["python", "-m", "mpsearch.evidence.scaling", f"--part={name}"]),
            "machine": describe_machine(),
            "revision": code_revision(),
            "versions": package_versions(),
            "loads": [before, load()],
            "result": found,
        }
        write_record(path, record)
        print(name, record[name]["result"], file=sys.stderr)


if __name__ == "__main__":
    run(main)
