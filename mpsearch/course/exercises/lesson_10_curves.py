"""The trials of lesson 10's larger exercise: curves of trainings with a fault, of which each has its sign."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mpsearch.course.exercises.exercise import FillIn, Trial
from mpsearch.course.exercises.words import Mistake
from mpsearch.language import say

LAST = 5  # records that count
LARGEST_FALL = 0.5  # of MAML's return before adapting since the first record, as a share of its size
LEAST_BELIEF = 0.1  # PEARL's smallest sum of the KL over the dimensions of z
LEAST_GAIN = 0.1  # the smallest gain of adapting, as a share of the return before
FAULTS = ("dead gradient", "exploding ratio", "dead belief", "no gain", "healthy")
Record = dict[str, Any]


def fault_of(records: list[Record]) -> str:
    """Return the fault that the last five ``records`` of a training's metrics show, the first one of the list."""
    last = records[-LAST:]
    if "loss_improvement" in last[0]:
        if not any(record["loss_improvement"] for record in last):
            return "dead gradient"
        start = records[0]["before"]
        if np.mean([record["before"] for record in last]) < start - LARGEST_FALL * abs(start):
            return "exploding ratio"
    elif np.mean([np.sum(record["kl"]) for record in last]) < LEAST_BELIEF:
        return "dead belief"
    gain = np.mean([record["after"] - record["before"] for record in last])
    size = np.mean([abs(record["before"]) for record in last])
    return "no gain" if gain < LEAST_GAIN * size else "healthy"


def maml(count: int = 12, **changes: Any) -> list[Record]:
    """Return ``count`` records as MAML writes them, of a healthy training with these ``changes``."""
    rng = np.random.default_rng(0)
    healthy = {"before": -12.0, "after": -6.0, "kl": 0.02, "loss_improvement": 0.05, "step_fraction": 0.8}
    return _records({**healthy, **changes}, count, rng)


def pearl(count: int = 12, **changes: Any) -> list[Record]:
    """Return ``count`` records as PEARL writes them, of a healthy training with these ``changes``."""
    rng = np.random.default_rng(1)
    healthy = {"before": -14.0, "after": -8.0, "kl": [1.5, 2.5], "critic_loss": 2.0, "entropy": 0.1}
    return _records({**healthy, **changes}, count, rng)


def _records(means: Record, count: int, rng: np.random.Generator) -> list[Record]:
    return [
        {"iteration": i + 1, **{k: (np.array(v) * rng.uniform(0.95, 1.05)).tolist() for k, v in means.items()}}
        for i in range(count)
    ]


def _asked(function: Callable[..., Any], arguments: tuple[list[Record]]) -> int:
    """Return 1 if ``function`` names the fault of the records.

    Raises:
        Mistake: it does not.
    """
    truth, said = fault_of(*arguments), function(*arguments)
    if said is None or said is ...:
        raise Mistake("it returns nothing")
    if said not in FAULTS:
        answers = ", ".join(map(repr, FAULTS))
        raise Mistake(say("it returns {said!r:.60}; the answers are {answers}", said=said, answers=answers))
    if said != truth:
        raise Mistake(say("it says {said!r}, and the sign is that of {truth!r}", said=said, truth=truth))
    return 1


def stage(*trials: Trial) -> FillIn:
    """Return the stage of the exercise that asks for the faults of these trials' records."""
    return FillIn(
        lesson="10_your_own_tasks",
        name="fault",
        reference=fault_of,
        trials=lambda: trials,
        probe=_asked,
        hints=(),
        moral="",
    )


def records(words: str, *parts: list[Record]) -> Trial:
    """Return a trial whose records are those of ``parts``, one after another."""
    return words, ([record for part in parts for record in part],)


SILENT: Record = {"before": 0.0, "after": 0.0, "kl": 0.0, "loss_improvement": 0.0, "step_fraction": 0.0}
STAGES = {
    "a dead gradient": stage(
        records("MAML whose loss never improves", maml(**SILENT)),
        records("MAML that began well, and then stopped", maml(), maml(5, **SILENT)),
    ),
    "an exploding ratio": stage(
        records("MAML whose return falls from -12 to -30", maml(1), maml(before=-30.0, after=-29.0)),
        records("MAML whose return fell, and rose again", maml(1), maml(before=-30.0, after=-29.0), maml()),
    ),
    "a dead belief": stage(
        records("PEARL whose KL is nearly 0", pearl(kl=[0.004, 0.006], after=-14.0)),
        records("PEARL whose KL is small in each dimension, but not in their sum", pearl(kl=[0.08, 0.08])),
        records("PEARL whose KL was nearly 0 early", pearl(kl=[0.004, 0.006]), pearl(kl=[2.0, 3.0])),
    ),
    "no gain, and no false alarm": stage(
        records("MAML that moves, and gains nothing by adapting", maml(after=-12.1)),
        records("PEARL that believes, and gains nothing", pearl(after=-14.1)),
        records("MAML that loses by adapting", maml(after=-15.0)),
        records("healthy MAML", maml()),
        records("healthy PEARL", pearl()),
        records("healthy PEARL with a belief above 1", pearl(kl=[4.0, 9.0])),
        records("healthy MAML with positive returns", maml(before=100.0, after=150.0)),
        records("MAML where one iteration of five found no step", maml(11), maml(1, loss_improvement=0.0, kl=0.0)),
    ),
}
