"""Copy a finished training into the zoo: its weights, its card with evaluations, and its learning curve.

python -m mpsearch.evidence.ship runs/FOLDER [NAME]       NAME is by default ALGO-TASKS

The replay and the optimiser's moments are not copied. Before, ``mpsearch evaluate ... --into-card`` must have added an
evaluation to the card.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tyro.conf import Positional

from mpsearch.errors import UsageError
from mpsearch.evidence.program import run
from mpsearch.evidence.records import learning_curve
from mpsearch.training.metrics import METRICS_FILE
from mpsearch.training.storage import read_card, read_checkpoint, write_checkpoint
from mpsearch.training.trainable import without_optimiser
from mpsearch.zoo import ZOO, load

COLUMNS = (
    *("iteration", "env_steps", "wall_seconds", "cpu_seconds", "returns", "before", "after", "kl", "std", "rates"),
    *("held_out", "held_out_worst", "q", "temperature", "entropy"),
)


def main(folder: Positional[Path], name: Positional[str | None] = None) -> None:
    """Copy the training in a folder into the zoo and check that the copy loads. Its name is by default ALGO-TASKS."""
    card = read_card(folder)
    if not card.get("evaluations"):
        raise UsageError(f"{folder} has no evaluation yet: run mpsearch evaluate --weights {folder} --into-card first")
    target = ZOO / (name or f"{card['algorithm']}-{card['tasks']['id']}")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    card.pop("shards", None)  # the replay is too large to ship; a training that continues collects a new one
    write_checkpoint(target, without_optimiser(read_checkpoint(folder)[0]), card)
    curve = learning_curve(folder, COLUMNS, card["iteration"])
    lines = "".join(json.dumps(line) + "\n" for line in curve)
    (target / METRICS_FILE).write_text(lines, encoding="utf-8", newline="\n")
    agent = load(target)
    print(f"{target.name}: {agent.env_steps:,} environment steps, {agent.wall_seconds / 60:.0f} minutes")


if __name__ == "__main__":
    run(main)
