"""What was measured, as data: evaluations with every return, learning curves of every training seed, benchmarks.

:mod:`mpsearch.evidence.measure` has the evaluations made, each by the command that its record names;
:mod:`mpsearch.evidence.page` makes RESULTS.md of them, and lessons plot them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mpsearch.errors import unknown
from mpsearch.evaluation import Evaluation

FOLDER = Path(__file__).parent


def names(kind: str = "evaluations") -> list[str]:
    """The names of all records of a kind: "evaluations", "curves" or "lessons" (what lessons' trainings came to)."""
    return sorted(path.stem for path in (FOLDER / kind).glob("*.json"))


def read(name: str, kind: str = "evaluations") -> Any:
    """The record ``name``, as JSON data.

    Raises:
        UsageError: no such record; the message lists those there are.
    """
    if name not in (known := names(kind)):
        raise unknown(f"record among the {kind}", name, known)
    return _json(f"{kind}/{name}.json")


def evaluation(name: str) -> Evaluation:
    """The evaluation ``name``, with every return."""
    return Evaluation.from_record(read(name))


def published() -> Any:
    """What others published, with sources, and whether their physics are ours."""
    return _json("published.json")


def ablations() -> Any:
    """Learning curves of trainings with one departure from the papers taken back: :mod:`mpsearch.evidence.ablate`."""
    return _json("ablations.json")


def benchmark() -> Any:
    """The last benchmark that was kept: ``command``, ``machine``, ``revision`` and the ``result`` it printed."""
    return _json("benchmark.json")


def _json(path: str) -> Any:
    return json.loads((FOLDER / path).read_text(encoding="utf-8"))
