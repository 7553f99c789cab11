"""Keep the learning curve of a finished training as data: python docs/keep_curve.py runs/FOLDER ALGO-TASKS-seedN"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ship import rounded

from mpsearch.evidence.results import FOLDER
from mpsearch.training.storage import read_card

COLUMNS = ("env_steps", "before", "after", "held_out")


def main(run: Path, name: str) -> None:
    """Write ``mpsearch/results/curves/NAME.json``."""
    card = read_card(run)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()][: card["iteration"]]
    record = {
        **{key: card[key] for key in ("algorithm", "seed", "iteration", "env_steps", "cpu_seconds", "machine")},
        "tasks": card["tasks"]["id"],
        "commands": [*(past["command"] for past in card["history"]), card["command"]],
        "curve": [{key: rounded(line[key]) for key in COLUMNS if key in line} for line in lines],
    }
    (FOLDER / "curves" / f"{name}.json").write_text(json.dumps(record) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
