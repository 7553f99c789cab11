"""Make the README's picture and its alternative text from the shipped meta-policy.

python docs/make_pictures.py
"""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

import mpsearch
from mpsearch.view import plots

DOCS = Path(__file__).resolve().parent
PICTURE = DOCS / "before-after.png"
README = DOCS.parent / "README.md"


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
    README.write_text(changed, encoding="utf-8", newline="\n")
    print(words)


if __name__ == "__main__":
    main()
