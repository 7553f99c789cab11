"""The parts of RESULTS.md about speed and memory, about the ablations, and about the machines that were used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mpsearch.evidence import results
from mpsearch.evidence.ablate import CHANGES
from mpsearch.evidence.bench import benchmark_table
from mpsearch.evidence.meta_iteration import PARTS as UPDATE
from mpsearch.evidence.page.markdown import table
from mpsearch.training.storage import CARD, read_card
from mpsearch.view import plots
from mpsearch.zoo import ZOO


def benchmark() -> str:
    """Return the picture and the table of the benchmark."""
    found = results.benchmark()
    words = plots.describe_benchmark(found["result"])
    head = f"`{found['command']}` on {found['machine']}, at revision {found['revision']}."
    return f"{head}\n\n![{words}](docs/benchmark.png)\n\n```\n{benchmark_table(found['result'])}\n```\n"


def meta_iteration() -> str:
    """Return a table of the parts of a meta-iteration, by the share of the physics that each of them costs."""
    seconds = results.meta_iteration()["parts"]
    physics, whole = seconds["physics"], seconds["iteration"]
    named = {"physics": physics, **{name: seconds[name] for name in UPDATE}}
    named |= {"the rest": whole - sum(named.values()), "all of it": whole}
    rows = [[name, f"{value:.2f}", f"{value / physics:.2f}"] for name, value in named.items()]
    return table(["part of a meta-iteration", "core-seconds", "relative to the physics"], rows)


def fewer_transitions() -> str:
    """Return a table of what updates do whose Hessian products see fewer transitions."""
    record = results.meta_iteration()
    rows = []
    for count in dict.fromkeys(step["transitions"] for step in record["steps"]):
        found = [step for step in record["steps"] if step["transitions"] == count]
        keys = ("products", "second_derivatives", "gain")
        mean = {key: float(np.mean([step[key] for step in found])) for key in keys}
        divergences = ", ".join(f"{step['kl']:.4f}" for step in found)
        seconds = [f"{mean['products']:.1f}", f"{mean['second_derivatives']:.1f}"]
        rows.append([count, *seconds, divergences, f"{mean['gain']:.4f}"])
    divergence = f"KL of the step, at most {record['max_kl']}"
    heads = ["transitions of each task", "core-seconds", "by second derivatives", divergence, "what the loss falls by"]
    return table(heads, rows)


def ablations(algorithm: str) -> str:
    """Return the table of an algorithm's ablations. The first row is the recipe without a change."""
    kept = results.ablations()
    names = [name for name, (_, of, _) in CHANGES.items() if of == algorithm]
    runs = {name: [record for record in kept if record["name"] == name] for name in names}
    base = ends_by_seed(runs[names[0]])
    rows = [ablation_row(CHANGES[name][0], runs[name], base) for name in names if runs[name]]
    rows[0][3] = ""  # the first row is not compared with itself
    heads = ["change", "return after adaptation, by seed", "mean", "seeds in which it is lower than the first row's"]
    return table([*heads, "environment steps", "core-minutes"], rows)


def ablation_row(words: str, runs: Sequence[dict[str, Any]], base: dict[int, float]) -> list[str]:
    """Return the row of one ablation. Its returns are compared with those in ``base`` of the same seeds."""
    ends = ends_by_seed(runs)
    below = f"{sum(end < base[seed] for seed, end in ends.items())} of {len(ends)}"
    by_seed = ", ".join(f"{end:.0f}" for end in ends.values())
    minutes = np.mean([run["core_minutes"] for run in runs])
    steps = f"{runs[0]['env_steps'] / 1e6:.3g} M"
    return [words, by_seed, f"{np.mean(list(ends.values())):.0f}", below, steps, f"{minutes:.1f}"]


def ends_by_seed(runs: Sequence[dict[str, Any]]) -> dict[int, float]:
    """Return for each seed the return at the end of its curve: the mean of the last tenth, at least two points."""
    curves = {run["seed"]: [after for _, after in run["curve"]] for run in runs}
    return {seed: float(np.mean(curve[-max(2, len(curve) // 10) :])) for seed, curve in curves.items()}


def machines() -> str:
    """Return the machines of the evaluations, of the trainings of the zoo, and of the ablations."""
    seen = {results.read(name)["machine"] for name in results.names()}
    seen |= {read_card(card.parent)["machine"] for card in ZOO.glob(f"*/{CARD}")}
    seen |= {record["machine"] for record in results.ablations()}
    return "; ".join(sorted(seen))
