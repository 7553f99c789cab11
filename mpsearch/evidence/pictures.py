"""The pictures of README.md and RESULTS.md, with their data and their alternative texts.

:mod:`mpsearch.evidence.readme` and :mod:`mpsearch.evidence.page` call these functions to write the files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import mpsearch
from mpsearch.evaluation import Evaluation
from mpsearch.evidence import results
from mpsearch.evidence.measure import CHEETAHS
from mpsearch.evidence.page.scaling import curves, measured
from mpsearch.records import Array
from mpsearch.training.metrics import METRICS_FILE
from mpsearch.training.storage import write_atomically
from mpsearch.view import plots
from mpsearch.zoo import ZOO

METHODS = {
    "maml": "MAML",
    "pearl": "PEARL",
    "oracle": "policy told the task (TRPO)",
    "sac": "SAC on one task alone",
    "average": "average (trained on all tasks)",
    "random": "random start",
    "scratch": "from scratch (TRPO)",
}
CURVE = "mean return after two exploration episodes"
BEFORE_AFTER = "before-after.png"


def on_one_axis(tasks: str) -> dict[str, Evaluation]:
    """Return the evaluations of the methods with the same held-out tasks as the first one, by the methods' names."""
    known = {words: f"{method}-{tasks}" for method, words in METHODS.items()}
    found = {words: results.evaluation(name) for words, name in known.items() if name in results.names()}
    first = next(iter(found.values()))
    return {words: each for words, each in found.items() if np.array_equal(each.tasks, first.tasks)}


def published_curve(tasks: str) -> Array:
    """Return the published learning curve of PEARL: rows [N, 2] of environment steps and return."""
    return np.array(results.published()["pearl"]["curves"][tasks])


def shipped_curve(tasks: str) -> tuple[Array, Array]:
    """Return the learning curve of the shipped PEARL. See :func:`held_out_curve`."""
    lines = (ZOO / f"pearl-{tasks}" / METRICS_FILE).read_text(encoding="utf-8").splitlines()
    return held_out_curve([json.loads(line) for line in lines])


def held_out_curve(metrics: list[dict[str, Any]]) -> tuple[Array, Array]:
    """Return the environment steps [N] of a training of PEARL, and its returns [N] on held-out tasks.

    These are the returns after two exploration episodes, as running means over five evaluations, because each
    evaluation has only a few tasks.
    """
    points = [(line["env_steps"], line["held_out"][2]) for line in metrics if line.get("held_out")]
    steps, returns = np.array(points).T
    return steps, np.array([returns[max(0, i - 2) : i + 3].mean() for i in range(len(returns))])


def learning_curves(tasks: str) -> dict[str, Any]:
    """Return PEARL's learning curves: of the shipped training, of other training seeds, and the published one."""
    found = {"ours, shipped": shipped_curve(tasks)}
    for name in results.names("curves"):
        if name.startswith(f"pearl-{tasks}-seed"):
            words = f"ours, {name.rpartition('-')[2].replace('seed', 'seed ')}"
            found[words] = held_out_curve(results.read(name, "curves")["curve"])
    published = published_curve(tasks)
    longest = max(steps[-1] for steps, _ in found.values())
    return {**found, "published": tuple(published[published[:, 0] <= longest].T)}


def draw_results(folder: Path) -> None:
    """Draw the pictures of RESULTS.md into ``folder``."""
    for tasks in CHEETAHS:
        plots.save(plots.plot_evaluations(on_one_axis(tasks)), folder / f"{tasks}.png")
        plots.save(plots.plot_training(learning_curves(tasks), ylabel=CURVE), folder / f"curves-{tasks}.png")
    if measured("large"):
        plots.save(plots.plot_speedup(curves()), folder / "scaling.png")
    write_atomically(folder / "benchmark.png", plots.benchmark_picture(results.benchmark()["result"]))


def evaluations_words(tasks: str) -> str:
    """Return the picture of the evaluations, with its alternative text, in Markdown."""
    return f"![{plots.describe_evaluations(on_one_axis(tasks))}](docs/{tasks}.png)\n"


def curves_words(tasks: str) -> str:
    """Return the picture of PEARL's learning curves, with its alternative text, in Markdown."""
    return f"![{plots.describe_training(learning_curves(tasks), ylabel=CURVE)}](docs/curves-{tasks}.png)\n"


def draw_before_after(folder: Path) -> str:
    """Adapt to both directions with one gradient step and draw the result; returns the picture's alternative text."""
    import matplotlib.pyplot as plt

    agent = mpsearch.load("maml-cheetah-direction")
    tasks, labels = agent.tasks.spread(2), ["forward", "backward"]
    result = agent.adapt(tasks, seed=0, steps=1)
    _, panels = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    plots.plot_before_after(result, labels, panels[0])
    panels[2].sharey(panels[1])
    for k, label in enumerate(labels):
        plots.plot_velocity(result, k, title=f"wanted: {label}", axes=panels[k + 1])
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
    plots.save(panels[0], folder / BEFORE_AFTER)
    moves = [f"Wanted: {label}. {plots.describe_velocity(result, k)}" for k, label in enumerate(labels)]
    return " ".join([plots.describe_before_after(result, labels), *moves])
