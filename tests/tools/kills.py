"""Kills a random process of a training again and again: ``python tests/tools/kills.py [KILLS]``, by default 20.

After each kill, the checkpoint must load, and the training goes on with one, two or three processes. At the end, the
parameters must equal those of a training that nobody disturbed, to the bit.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

import torch
from torchrun import end_of, ranks_of, resuming, torchrun, training

from mpsearch import load
from mpsearch.cli import main as mpsearch


def disturb(folder, chance, iterations):
    """Train with a random number of processes, kill one of them, and return the seconds until all had ended."""
    count = chance.choice([1, 2, 3])
    words = resuming if (folder / "card.json").exists() else training
    process = torchrun(words("maml", folder, iterations, "--save-every=0"), processes=count)
    before = (folder / "metrics.jsonl").stat().st_mtime if (folder / "metrics.jsonl").exists() else 0
    while not (folder / "card.json").exists() or (folder / "metrics.jsonl").stat().st_mtime == before:
        time.sleep(0.01)
    time.sleep(chance.uniform(0, 1))
    started = time.monotonic()
    chance.choice(ranks_of(process)).kill()
    end_of(process, 60)
    seconds = time.monotonic() - started
    print(f"{count} processes: ended after {seconds:.1f} s, iteration {load(folder).iteration}", flush=True)
    return seconds


def main(kills):
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as place:
        disturbed, whole = Path(place) / "disturbed", Path(place) / "whole"
        longest = max(disturb(disturbed, chance, 100_000) for _ in range(kills))
        end = load(disturbed).iteration + 1
        assert mpsearch(resuming("maml", disturbed, end)[2:]) == 0
        assert mpsearch(training("maml", whole, end)[2:]) == 0
        ours, theirs = load(whole)._tensors(), load(disturbed)._tensors()
        assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())
        print(f"{kills} kills: every checkpoint loaded, all ended within {longest:.1f} s, the result is the same")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
