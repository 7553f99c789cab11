"""What was measured, as data: evaluations with every return, learning curves of every training seed, benchmarks.

``docs/measure.py`` writes the evaluations, each by the command that its record names; ``docs/make_results.py`` makes
RESULTS.md of them, and lessons plot them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mpsearch.errors import unknown
from mpsearch.evaluation import Evaluation

FOLDER = Path(__file__).parent


def names(kind: str = "evaluations") -> list[str]:
    """The names of all records of a kind: "evaluations" or "curves"."""
    return sorted(path.stem for path in (FOLDER / kind).glob("*.json"))


def read(name: str, kind: str = "evaluations") -> Any:
    """The record ``name``, as JSON data.

    Raises:
        UsageError: no such record; the message lists those there are.
    """
    if name not in (known := names(kind)):
        raise unknown(f"record among the {kind}", name, known)
    return json.loads((FOLDER / kind / f"{name}.json").read_text(encoding="utf-8"))


def evaluation(name: str) -> Evaluation:
    """The evaluation ``name``, with every return."""
    return Evaluation.from_record(read(name))


def published() -> Any:
    """What others published, with sources, and whether their physics are ours."""
    return json.loads((FOLDER / "published.json").read_text(encoding="utf-8"))


def ablations() -> Any:
    """Learning curves of trainings with one departure from the papers taken back, see ``docs/ablate.py``."""
    return json.loads((FOLDER / "ablations.json").read_text(encoding="utf-8"))


def benchmark() -> Any:
    """The last benchmark that was kept: ``command``, ``machine``, ``revision`` and the ``result`` it printed."""
    return json.loads((FOLDER / "benchmark.json").read_text(encoding="utf-8"))
