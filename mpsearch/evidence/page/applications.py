"""The part of RESULTS.md about the application families: how much of the gap to the optimum adaptation closes."""

from __future__ import annotations

from typing import Any

import numpy as np

from mpsearch.evidence import results
from mpsearch.evidence.page.markdown import table
from mpsearch.records import Array

ROWS = {"random": "random actions", "standard": "the field's standard", "maml": "MAML", "pearl": "PEARL"}
WANTED = 0.7  # the share of the gap that a meta-policy should close
RESAMPLES = 2_000


def returns(record: dict[str, Any], row: str) -> Array:
    """Return the returns [R, K, S] of one row of a record."""
    return np.array(record["rows"][row]["returns"])


def closed(record: dict[str, Any], row: str, stage: int = -1) -> tuple[float, float, float]:
    """Return the share of the gap between the average policy and the optimum that a row closes, and its 95 % interval.

    It is ``(row - average) / (optimum - average)`` of mean returns. The bootstrap draws the tasks anew, the same ones
    for all three, and for each of the three its seeds.
    """
    rng = np.random.default_rng(0)
    each = [returns(record, name)[..., at] for name, at in ((row, stage), ("average", 0), ("optimum", -1))]  # [R, K]

    def share(x: Array, average: Array, optimum: Array) -> float:
        return float((x.mean() - average.mean()) / (optimum.mean() - average.mean()))

    drawn = []
    for _ in range(RESAMPLES):
        tasks = rng.integers(each[0].shape[1], size=each[0].shape[1])
        drawn.append(share(*(x[rng.integers(len(x), size=len(x))][:, tasks] for x in each)))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return share(*each), float(low), float(high)


def complete(record: dict[str, Any]) -> bool:
    """Return whether a record has the two rows that a gap lies between."""
    return {"average", "optimum"} <= set(record["rows"])


def records() -> list[dict[str, Any]]:
    """Return the records of all application families."""
    return [results.read(name, "applications") for name in results.names("applications")]


def gaps() -> str:
    """Return a table: the returns that the gap lies between, and the share of it that every row closes."""
    lines = []
    for record in filter(complete, records()):
        ends = [f"{returns(record, row).mean():.1f}" for row in ("average", "optimum")]
        cells = []
        for row in ROWS:
            stages = returns(record, row).shape[-1] if row in record["rows"] else 0
            cells.append("<br>".join(_percent(closed(record, row, s)) for s in range(stages)) or "not shipped")
        lines.append([record["tasks_id"], *ends, *cells])
    heads = ["family", "average policy, return", "optimum, return"]
    return table([*heads, *ROWS.values()], lines)


def _percent(share: tuple[float, float, float]) -> str:
    return "{:.0%} [{:.0%}, {:.0%}]".format(*share)


def failures() -> str:
    """Say of every meta-policy that misses the wanted share where it fails, and how often it ends worse than before."""
    sentences = []
    for record in filter(complete, records()):
        for row in ("maml", "pearl"):
            if row in record["rows"] and (share := closed(record, row))[0] < WANTED:
                sentences.append(
                    f"- {ROWS[row]} on {record['tasks_id']} closes {_percent(share)}. {where(record, row)}\n"
                )
    return "".join(sentences) or f"Both meta-policies close at least {WANTED:.0%} of the gap on every family above.\n"


def where(record: dict[str, Any], row: str) -> str:
    """Name the task on which a row stays furthest below the optimum, and how often adaptation made it worse."""
    found = returns(record, row)
    left = returns(record, "optimum")[..., -1].mean(axis=0) - found[..., -1].mean(axis=0)  # [K]
    worst = int(left.argmax())
    task = ", ".join(f"{n} {v:.2g}" for n, v in zip(record["parameters"], record["tasks"][worst], strict=True))
    fell = (found[..., -1] < found[..., 0]).mean()
    best = max(range(found.shape[-1]), key=lambda s: found[..., s].mean())
    early = "" if best == found.shape[-1] - 1 else f" Its best stage is {best}, not the last."
    return (
        f"It stays {left[worst]:.1f} below the optimum on its worst task ({task}), and {left.mean():.1f} on average;"
        f" {fell:.0%} of its adaptations end below their return before.{early}"
    )


def overdoses() -> str:
    """Return a table of the share of hours with a toxic effect: while exploring, after it, and without adapting."""
    lines = []
    for record in records():
        for row, found in record["rows"].items():
            if "overdose" in found:
                name = record["standard"] if row == "standard" else ROWS.get(row, row)
                lines.append([record["tasks_id"], name, ", ".join(f"{share:.1%}" for share in found["overdose"])])
    return table(["family", "who doses", "hours with a toxic effect, at each stage"], lines)
