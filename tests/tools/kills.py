"""Kills a random process of a training again and again: ``python tests/tools/kills.py [KILLS] [FILE]``, by default 20.

After each kill, the checkpoint must load, and the training goes on with one, two or three processes. At the end, the
parameters must equal those of a training that nobody disturbed, to the bit. FILE gets a report as JSON.
"""

from __future__ import annotations

import json
import random
import shlex
import sys
import tempfile
import time
from pathlib import Path

import torch
from torchrun import end_of, ranks_of, resuming, torchrun, training

from mpsearch import load
from mpsearch.cli import main as mpsearch


def iteration_of(folder):
    card = folder / "card.json"
    return json.loads(card.read_text())["iteration"] if card.exists() else 0


def disturb(folder, chance, iterations):
    """Train with a random number of processes, kill one of them, and return what happened."""
    count = chance.choice([1, 2, 3])
    before = iteration_of(folder)
    words = resuming if before else training
    process = torchrun(words("maml", folder, iterations, "--save-every=0"), processes=count)
    while iteration_of(folder) == before:
        time.sleep(0.01)
    time.sleep(chance.uniform(0, 1))
    started = time.monotonic()
    rank = chance.randrange(count)
    ranks_of(process)[rank].kill()
    end_of(process, 60)
    seconds = round(time.monotonic() - started, 1)
    found = {"processes": count, "killed": rank, "seconds": seconds, "iteration": load(folder).iteration}
    print(found, flush=True)
    return found


def main(kills, report):
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as place:
        disturbed, whole = Path(place) / "disturbed", Path(place) / "whole"
        found = [disturb(disturbed, chance, 100_000) for _ in range(kills)]
        end = load(disturbed).iteration + 1
        assert mpsearch(resuming("maml", disturbed, end)[2:]) == 0
        assert mpsearch(training("maml", whole, end)[2:]) == 0
        ours, theirs = load(whole)._tensors(), load(disturbed)._tensors()
        assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())
    longest = max(each["seconds"] for each in found)
    print(f"{kills} kills: every checkpoint loaded, all ended within {longest} s, the result is the same")
    if report:
        facts = {"command": shlex.join(["python", *sys.argv]), "iterations": end, "same_to_the_bit": True}
        report.write_text(json.dumps({**facts, "longest_seconds": longest, "kills": found}, indent=1) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, Path(sys.argv[2]) if len(sys.argv) > 2 else None)
