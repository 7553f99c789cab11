"""Put a finished training into the zoo: its weights, its card with evaluations, its curve; not its replay.

python docs/ship.py runs/FOLDER [NAME]       NAME is ALGO-TASKS if not given

The held-out evaluation comes from ``mpsearch evaluate ... --into-card``, run on the folder before.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from mpsearch.training.storage import read_card, write_card
from mpsearch.zoo import ZOO, load

CURVE = ("iteration", "env_steps", "wall_seconds", "cpu_seconds", "returns", "before", "after", "kl", "std", "rates")
CURVE += ("held_out", "held_out_worst", "q", "temperature", "entropy")


def rounded(value: object) -> object:
    """Numbers to five digits: a curve is for plotting."""
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def main(folder: Path, name: str | None = None) -> None:
    """Copy the run in ``folder`` to ``name``, and check that what was copied loads."""
    card = read_card(folder)
    if not card.get("evaluations"):
        raise SystemExit(f"{folder} has no evaluation yet: run mpsearch evaluate --weights {folder} --into-card")
    target = ZOO / (name or f"{card['algorithm']}-{card['tasks']['id']}")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    shutil.copy2(folder / card["weights"]["file"], target)
    card.pop("shards", None)  # the replay is far too large to ship; a training that goes on explores anew
    write_card(target, card)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    curve = [{key: rounded(line[key]) for key in CURVE if key in line} for line in lines[: card["iteration"]]]
    (target / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in curve))
    agent = load(target)
    print(f"{target.name}: {agent.env_steps:,} environment steps, {agent.wall_seconds / 60:.0f} minutes")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
