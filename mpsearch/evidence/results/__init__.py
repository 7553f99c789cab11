"""The records of results: evaluations with every return, learning curves of every training seed, and a benchmark.

:mod:`mpsearch.evidence.measure` writes the evaluations. Each record names the command that repeats it.
:mod:`mpsearch.evidence.page` makes RESULTS.md from the records, and the lessons plot them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mpsearch.errors import unknown
from mpsearch.evaluation import Evaluation

FOLDER = Path(__file__).parent


def names(kind: str = "evaluations") -> list[str]:
    """Return the names of all records of a kind: "evaluations", "curves", or "lessons" for lessons' trainings."""
    return sorted(path.stem for path in (FOLDER / kind).glob("*.json"))


def read(name: str, kind: str = "evaluations") -> Any:
    """Return the record ``name`` as JSON data.

    Raises:
        UsageError: there is no such record. The message lists the known ones.
    """
    if name not in (known := names(kind)):
        raise unknown(f"record among the {kind}", name, known)
    return _json(f"{kind}/{name}.json")


def evaluation(name: str) -> Evaluation:
    """Return the evaluation ``name`` with every return."""
    return Evaluation.from_record(read(name))


def published() -> Any:
    """Return published results with their sources, and whether they used the same physics as mpsearch."""
    return _json("published.json")


def ablations() -> Any:
    """Return the learning curves of the ablations. See :mod:`mpsearch.evidence.ablate`."""
    return _json("ablations.json")


def critic() -> Any:
    """Return what two baselines of MAML explain of the rewards to come. See :mod:`mpsearch.evidence.critic`."""
    return _json("critic.json")


def recipe() -> Any:
    """Return the trainings of PEARL on a GPU: an ``ablation`` and the ``final`` ones. See docs/pearl-recipe.md."""
    return _json("pearl_recipe.json")


def benchmark() -> Any:
    """Return the benchmark: its ``command``, ``machine`` and ``revision``, and the ``result`` that it printed."""
    return _json("benchmark.json")


def meta_iteration() -> Any:
    """Return where the time of a meta-iteration goes. See :mod:`mpsearch.evidence.meta_iteration`."""
    return _json("meta_iteration.json")


def averages() -> Any:
    """Return what averages do to PEARL's returns. See :mod:`mpsearch.evidence.averages`."""
    return _json("averages.json")


def scaling() -> Any:
    """Return the parts of the cost model for several ranks that were measured, by name.

    See :mod:`mpsearch.evidence.scaling`.
    """
    return _json("scaling.json") if (FOLDER / "scaling.json").exists() else {}


def _json(path: str) -> Any:
    return json.loads((FOLDER / path).read_text(encoding="utf-8"))
