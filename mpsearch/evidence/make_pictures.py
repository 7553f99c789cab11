"""Make the README's picture, its alternative text and its table from the shipped meta-policies.

python docs/make_pictures.py
"""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

import mpsearch
from mpsearch.training.storage import read_card
from mpsearch.view import plots
from mpsearch.zoo import ALGORITHMS, ZOO

DOCS = Path(__file__).resolve().parent
PICTURE = DOCS / "before-after.png"
README = DOCS.parent / "README.md"


def is_meta_policy(name: str) -> bool:
    """Whether a shipped checkpoint is more than a baseline."""
    return name.split("-")[0] in ALGORITHMS


def results_table() -> str:
    """The cards' evaluations as a Markdown table."""
    rows = [
        "| meta-policy | horizon | before | after one stage | at the end | steps spent on a task | trained for |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in filter(is_meta_policy, mpsearch.available()):
        card = read_card(ZOO / name)
        cost = f"{card['env_steps'] / 1e6:.2g} M steps, {card['cpu_seconds'] / 60:.0f} core-minutes"
        for evaluation in card["evaluations"]:
            cells = [
                f"{mean:.0f} [{low:.0f}, {high:.0f}]"
                for mean, (low, high) in zip(evaluation["mean"], evaluation["interval_95"], strict=True)
            ]
            spent = f"{evaluation['env_steps'][1]:,} to {evaluation['env_steps'][-1]:,}"
            values = " | ".join([f"`{name}`", str(evaluation["horizon"]), cells[0], cells[1], cells[-1], spent, cost])
            rows.append(f"| {values} |")
    return "\n".join(rows)


def write_between(text: str, table: str) -> str:
    """``text`` with ``table`` between the README's two comments."""
    return re.sub(r"(<!-- results.*?-->\n).*?(<!-- end of results -->)", rf"\1{table}\n\2", text, flags=re.DOTALL)


def main() -> None:
    """Adapt to both directions by one gradient step, draw it, and write the words into the README."""
    agent = mpsearch.load("maml-cheetah-direction")
    tasks, labels = agent.tasks.spread(2), ["forward", "backward"]
    result = agent.adapt(tasks, seed=0, steps=1)
    figure, panels = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    plots.plot_before_after(result, labels, panels[0])
    panels[2].sharey(panels[1])
    for k, label in enumerate(labels):
        plots.plot_velocity(result, k, title=f"wanted: {label}", axes=panels[k + 1])
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURE, dpi=110)
    moves = [f"Wanted: {label}. {plots.describe_velocity(result, k)}" for k, label in enumerate(labels)]
    words = " ".join([plots.describe_before_after(result, labels), *moves])
    text = README.read_text(encoding="utf-8")
    changed = re.sub(r"!\[[^]]*\](?=\(docs/before-after\.png\))", lambda _: f"![{words}]", text)
    changed = write_between(changed, results_table())
    README.write_text(changed, encoding="utf-8", newline="\n")
    print(words)


if __name__ == "__main__":
    main()
