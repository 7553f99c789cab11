"""What things cost: speed and memory, each departure from the papers, and the machines that all of it ran on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mpsearch.evidence import results
from mpsearch.evidence.ablate import CHANGES
from mpsearch.evidence.bench import benchmark_table
from mpsearch.evidence.page.markdown import table
from mpsearch.training.storage import CARD, read_card
from mpsearch.view import plots
from mpsearch.zoo import ZOO


def benchmark() -> str:
    """The stored benchmark: its picture, and its table."""
    found = results.benchmark()
    words = plots.describe_benchmark(found["result"])
    head = f"`{found['command']}` on {found['machine']}, at revision {found['revision']}."
    return f"{head}\n\n![{words}](docs/benchmark.png)\n\n```\n{benchmark_table(found['result'])}\n```\n"


def ablations(algorithm: str) -> str:
    """One departure from the papers taken back at a time, the first row with none."""
    kept = results.ablations()
    names = [name for name, (_, of, _) in CHANGES.items() if of == algorithm]
    runs = {name: [record for record in kept if record["name"] == name] for name in names}
    base = ends_by_seed(runs[names[0]])
    rows = [ablation_row(CHANGES[name][0], runs[name], base) for name in names if runs[name]]
    rows[0][3] = ""  # the first row is not lower than itself
    heads = ["change", "return after adaptation, by seed", "mean", "seeds in which it is lower than the first row's"]
    return table([*heads, "environment steps", "core-minutes"], rows)


def ablation_row(words: str, runs: Sequence[dict[str, Any]], base: dict[int, float]) -> list[str]:
    """The trainings of one ablation, compared with those of the ``base`` of the same seeds."""
    ends = ends_by_seed(runs)
    below = f"{sum(end < base[seed] for seed, end in ends.items())} of {len(ends)}"
    by_seed = ", ".join(f"{end:.0f}" for end in ends.values())
    minutes = np.mean([run["core_minutes"] for run in runs])
    steps = f"{runs[0]['env_steps'] / 1e6:.3g} M"
    return [words, by_seed, f"{np.mean(list(ends.values())):.0f}", below, steps, f"{minutes:.1f}"]


def ends_by_seed(runs: Sequence[dict[str, Any]]) -> dict[int, float]:
    """The return at the end of each training's curve by its seed: the mean of the last tenth, at least two points."""
    curves = {run["seed"]: [after for _, after in run["curve"]] for run in runs}
    return {seed: float(np.mean(curve[-max(2, len(curve) // 10) :])) for seed, curve in curves.items()}


def machines() -> str:
    """What the evaluations, the trainings of the zoo and the ablations ran on."""
    seen = {results.read(name)["machine"] for name in results.names()}
    seen |= {read_card(card.parent)["machine"] for card in ZOO.glob(f"*/{CARD}")}
    seen |= {record["machine"] for record in results.ablations()}
    return "; ".join(sorted(seen))
