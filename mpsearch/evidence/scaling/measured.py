"""Measures what needs processes: the time of an all-reduce by size, and of whole iterations.

``torchrun --nproc-per-node=2 -m mpsearch.evidence.scaling.measured`` prints the times of all-reduces.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mpsearch import ranks
from mpsearch.errors import MpsearchError
from mpsearch.evidence.scaling.parts import Job
from mpsearch.training.metrics import METRICS_FILE

SIZES = [4, 1_000, 10_000, 100_000, 1_000_000, 4_000_000]  # bytes
REPEATS = 40
CONFIGURATIONS = {  # processes, and the threads of each
    "one rank, one thread": (1, 1),
    "one rank, two threads": (1, 2),
    "two ranks, one thread each": (2, 1),
}


def time_all_reduces() -> list[dict[str, float]]:
    """Return the median seconds of all-reduces of ``SIZES`` bytes among the ranks."""
    found = []
    for size in SIZES:
        values, seconds = torch.ones(size // 4), []
        for _ in range(REPEATS):
            ranks.largest(0)  # all begin at the same time
            start = time.perf_counter()
            ranks.total(values)
            seconds.append(time.perf_counter() - start)
        found.append({"bytes": size, "seconds": float(np.median(seconds))})
    return found


def start(processes: int, threads: int, command: list[str]) -> str:
    """Run ``command`` with Python in so many processes; returns what they print.

    Raises:
        MpsearchError: a process failed.
    """
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    surroundings = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    words = [sys.executable, *(launcher if processes > 1 else []), *command]
    done = subprocess.run(words, env=surroundings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MpsearchError(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
    return done.stdout


def measure_exchange() -> list[dict[str, float]]:
    """Measure all-reduces between two processes of this machine."""
    found: list[dict[str, float]] = json.loads(start(2, 1, ["-m", "mpsearch.evidence.scaling.measured"]))
    return found


def seconds_of(job: Job, processes: int, threads: int, iterations: int) -> float:
    """Return the median seconds of an iteration of ``mpsearch train``. The first one is not counted."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        settings = ["--family", f"horizon={job.horizon}", "--set"]
        settings += [f"tasks_per_iteration={job.tasks}", f"episodes={job.episodes}", "--folder", str(folder)]
        command = ["-m", "mpsearch", "train", "maml", "cheetah-direction", f"--iterations={iterations + 1}", *settings]
        start(processes, threads, command)
        lines = (folder / METRICS_FILE).read_text(encoding="utf-8").splitlines()
    return float(np.median(np.diff([json.loads(line)["wall_seconds"] for line in lines])))


def measure_iterations(job: Job, rounds: int, iterations: int) -> dict[str, list[float]]:
    """Measure whole iterations in each of ``CONFIGURATIONS``, which take turns; returns the seconds in each round."""
    found: dict[str, list[float]] = {name: [] for name in CONFIGURATIONS}
    for _ in range(rounds):
        for name, (processes, threads) in CONFIGURATIONS.items():
            found[name].append(seconds_of(job, processes, threads, iterations))
    return found


def main() -> None:
    with ranks.joined():
        found: Any = time_all_reduces()
        if ranks.number() == 0:
            print(json.dumps(found))


if __name__ == "__main__":
    main()
