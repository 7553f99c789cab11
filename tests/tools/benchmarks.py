"""Tiny sizes for benchmarks, and a result with round numbers for the tests of the benchmark's plot and table."""

from __future__ import annotations

import copy
from typing import Any

from mpsearch.evidence.bench.sizes import Sizes

TINY = Sizes(
    simulations=(1, 4, 8),
    reference=4,
    headline=8,
    environments=(1, 2),
    steps=3,
    repeats=2,
    budget=40,
    gymnasium_steps=4,
    collection_rounds=2,
    episodes=2,
    horizon=5,
    training_tasks=2,
    training_rounds=1,
    base=(2, 2, 1),
    base_horizon=5,
    more_tasks=(3,),
    more_episodes=(),
    more_inner_steps=(2,),
    iteration_rounds=1,
    width=16,
    meta_batch=2,
    batch=8,
    widths=(8,),
    meta_batches=(1,),
    gradient_steps=1,
    gradient_rounds=1,
    import_rounds=1,
    memory=(2, 4),
)
CURVES = {  # for each name, the microseconds of a control step by the number of simulations
    "raw": {1: 40.0, 40: 16.0, 800: 15.0, 2000: 15.0},
    "policies": {1: 100.0, 40: 3.0, 800: 1.5, 2000: 1.5},
    "closed_loop": {1: 160.0, 40: 20.0, 800: 18.0, 2000: 18.0},
    "single": {1: 90.0},
    "SyncVectorEnv": {1: 120.0, 40: 96.0},
    "AsyncVectorEnv": {1: 240.0, 40: 72.0},
}
RESULT: dict[str, Any] = {
    "closed_loop_over_raw": 0.9,
    "speedup_over_gymnasium": 4.0,
    "gymnasium_tasks_over_sync": 0.8,
    "maml_iteration_over_physics": 1.5,
    "pearl_step_over_products": 1.6,
    "steps_per_second": {"raw": 66_667, "closed_loop": 55_556},
    "pearl_steps_per_second": {"gradient_steps": 30.0, "matrix_products": 48.0},
    "peak_memory_mb": 512,
    "sizes": {"tasks": 40, "episodes": 20, "horizon": 200, "repeats": 5, "quick": False},
    "collection": {
        "steps": 50,
        "reference": 40,
        "curves": {
            name: [
                {"simulations": n, "steps_per_second": round(1e6 / us), "microseconds": us, "cost": us / 20}
                for n, us in curve.items()
            ]
            for name, curve in CURVES.items()
        },
        "missing": {},
    },
    "cost_change": {"from": 40, "to": 2000, "closed_loop": -0.1, "middle_half": [-0.12, -0.08], "raw": -0.062},
    "meta_iteration": {
        "base": {"tasks": 10, "episodes": 10, "inner_steps": 1, "horizon": 200},
        "tasks": [{"size": 5, "cost": 0.5}, {"size": 10, "cost": 1.0}, {"size": 20, "cost": 1.9}],
        "episodes": [{"size": 5, "cost": 0.6}, {"size": 10, "cost": 1.0}, {"size": 20, "cost": 1.8}],
        "inner_steps": [{"size": 1, "cost": 1.0}, {"size": 2, "cost": 1.6}, {"size": 3, "cost": 2.3}],
    },
    "gradient_step": {
        "base": {"width": 256, "meta_batch": 4, "batch": 256},
        "width": [{"size": 64, "over_products": 3.0, "cost": 0.2}, {"size": 256, "over_products": 1.6, "cost": 1.0}],
        "meta_batch": [{"size": 4, "over_products": 1.6, "cost": 1.0}, {"size": 16, "over_products": 1.4, "cost": 3.9}],
    },
    "import_time": {"mpsearch_over_torch": 0.2, "everything_over_torch": 1.3, "torch_seconds": 2.1},
    "memory": {
        "simulations": [40, 400, 1000, 2000],
        "peak_mb": [404.0, 440.0, 500.0, 600.0],
        "steps": 200,
        "kb_per_simulation": 100.0,
        "base_mb": 400.0,
        "off_line": 0.0,
        "linear": True,
    },
}


def result(**changes: Any) -> dict[str, Any]:
    """Return a copy of ``RESULT`` with ``changes``."""
    return copy.deepcopy(RESULT) | changes


def without_gymnasium() -> dict[str, Any]:
    """Return the result of a machine on which gymnasium's physics is not installed."""
    collection = copy.deepcopy(RESULT["collection"])
    for name in ("single", "SyncVectorEnv", "AsyncVectorEnv"):
        del collection["curves"][name]
        collection["missing"][name] = "no physics"
    return result(collection=collection, speedup_over_gymnasium=None)
