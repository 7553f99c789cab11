"""Keep the learning curve of a finished training as a record.

python -m mpsearch.evidence.keep runs/FOLDER ALGO-TASKS-seedN
"""

from __future__ import annotations

from pathlib import Path

from tyro.conf import Positional

from mpsearch.evidence.program import run
from mpsearch.evidence.records import learning_curve, repeatable, write_record
from mpsearch.evidence.results import FOLDER
from mpsearch.training.storage import read_card

COLUMNS = ("env_steps", "cpu_seconds", "before", "after", "held_out", "kl")


def main(folder: Positional[Path], name: Positional[str]) -> None:
    """Write the learning curve of the training in a folder to mpsearch/evidence/results/curves/NAME.json."""
    card = read_card(folder)
    record = {
        **{key: card[key] for key in ("algorithm", "seed", "iteration", "env_steps", "cpu_seconds", "machine")},
        "tasks": card["tasks"]["id"],
        "commands": [repeatable(past["command"], iterations=past["iteration"]) for past in (*card["history"], card)],
        "curve": learning_curve(folder, COLUMNS, card["iteration"]),
    }
    write_record(FOLDER / "curves" / f"{name}.json", record)


if __name__ == "__main__":
    run(main)
