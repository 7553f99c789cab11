"""Copy a finished training into the zoo: its weights, its card with evaluations, and its learning curve.

python -m mpsearch.evidence.ship runs/FOLDER [NAME]                        NAME is by default ALGO-TASKS
python -m mpsearch.evidence.ship runs/FOLDER NAME --into trainings         not into the zoo

The replay is not copied and, into the zoo, neither are the optimiser's moments nor the target critics. Before,
``mpsearch evaluate ... --into-card`` must have added an evaluation to the card.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from mpsearch.errors import UsageError
from mpsearch.evidence.program import run
from mpsearch.evidence.records import learning_curve, repeatable, without_place
from mpsearch.training.metrics import METRICS_FILE
from mpsearch.training.storage import read_card, read_checkpoint, write_checkpoint
from mpsearch.training.trainable import NOT_SHIPPED, without
from mpsearch.zoo import ZOO, load

COLUMNS = (
    *("iteration", "env_steps", "wall_seconds", "cpu_seconds", "returns", "before", "after", "kl", "std", "rates"),
    *("held_out", "held_out_worst", "q", "temperature", "entropy"),
)


def main(folder: Positional[Path], name: Positional[str | None] = None, into: Path = ZOO) -> None:
    """Copy the training in a folder into the zoo and check that the copy loads.

    Args:
        folder: the training.
        name: of the copy; by default ALGO-TASKS.
        into: the folder for the copy, if it is not the zoo: trainings, for a training that others may go on from.
    """
    card = read_card(folder)
    if not card.get("evaluations"):
        raise UsageError(f"{folder} has no evaluation yet: run mpsearch evaluate --weights {folder} --into-card first")
    default = f"{card['algorithm']}-{card['tasks']['id']}"
    target = into / (name or default)
    if folder.resolve().is_relative_to(target.resolve()):
        raise UsageError(
            f"{folder} lies in {target}, which the copy would replace: give another name, or another --into"
        )
    arrays, curve = read_checkpoint(folder)[0], learning_curve(folder, COLUMNS, card["iteration"])
    card.pop("shards", None)  # the replay is too large to ship; a training that continues collects a new one
    card = of_everyone(card, weights_of(target, default))
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    write_checkpoint(target, without(arrays, NOT_SHIPPED) if is_zoo(into) else arrays, card)
    lines = "".join(json.dumps(line) + "\n" for line in curve)
    (target / METRICS_FILE).write_text(lines, encoding="utf-8", newline="\n")
    agent = load(target)
    print(f"{target.name}: {agent.env_steps:,} environment steps, {agent.wall_seconds / 60:.0f} minutes")


def is_zoo(folder: Path) -> bool:
    """Return whether ``folder`` is that of the shipped meta-policies."""
    return folder.resolve() == ZOO.resolve()


def weights_of(target: Path, default: str) -> str | None:
    """Return what ``--weights`` has to say for the copy in ``target``; ``None`` if a command takes it by default."""
    if not is_zoo(target.parent):
        return f"{target.parent.name}/{target.name}"
    return None if target.name == default else target.name


def of_everyone(card: dict[str, Any], weights: str | None) -> dict[str, Any]:
    """Return ``card`` with commands that others can repeat."""
    return {
        **card,
        "command": repeatable(card["command"], iterations=card["iteration"]),
        "history": [
            {
                **past,
                "folder": without_place(past["folder"]),
                "command": repeatable(past["command"], iterations=past["iteration"]),
            }
            for past in card["history"]
        ],
        "evaluations": [{**e, "command": repeatable(e["command"], weights=weights)} for e in card["evaluations"]],
    }


if __name__ == "__main__":
    run(main)
