"""Starts trainings with torchrun, as two processes or as two machines, for tests and for ``kills.py``."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil

TOOLS = Path(__file__).parent
PATIENT = "--patience=300"  # on a busy machine, one process may begin long after another
SMALL = {
    "maml": ["horizon=8", "--set", "tasks_per_iteration=3", "episodes=2", "hidden=[8]"],
    "pearl": [
        *["horizon=8", "--set", "training_tasks=3", "tasks_per_iteration=3", "gradient_steps=5", "meta_batch=3"],
        *["batch=8", "context=8", "random_episodes=2", "hidden=[8,8]", "encoder_hidden=[8]", "recent=3"],
        *["evaluate_every=5", "evaluation_tasks=2", "replay_size=2000"],
    ],
}


def training(algorithm, folder, iterations, *more):
    """Return the words of the command that trains a small agent."""
    small = ["--family", *SMALL[algorithm], "--folder", str(folder), PATIENT]
    return ["-m", "mpsearch", "train", algorithm, "point-navigation", f"--iterations={iterations}", *small, *more]


def resuming(algorithm, folder, iterations, *more):
    """Return the words of the command that continues the training in ``folder``."""
    start = ["-m", "mpsearch", "train", algorithm, "point-navigation", f"--iterations={iterations}"]
    return [*start, "--resume", str(folder), PATIENT, *more]


def start(command, **environment):
    """Start Python with the words ``command``; returns the process."""
    paths = os.pathsep.join([str(TOOLS), str(TOOLS.parents[1]), os.environ.get("PYTHONPATH", "")])
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths, **environment}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *command], env=surroundings, **pipes)


def torchrun(command, *options, processes=2):
    """Start ``command`` in several processes; returns that of torchrun."""
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return start([*launcher, *options, *command])


def two_machines(command):
    """Start ``command`` as two machines would, with one process each; returns the two agents of torchrun."""
    meeting = f"--rdzv-endpoint=127.0.0.1:{free_port()}"
    launcher = ["-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d", meeting]
    return [start([*launcher, "--rdzv-id=test", *command]) for _ in range(2)]


def end_of(process, seconds=120):
    """Wait until ``process`` ends; returns its exit code and all that it wrote."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        for one in [*psutil.Process(process.pid).children(recursive=True), process]:
            one.kill()
        raise
    return process.returncode, out + err


def ranks_of(process):
    """Return the processes that torchrun has started, in the order of their ranks."""
    return sorted(psutil.Process(process.pid).children(), key=lambda child: child.pid)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def sentences(output):
    """Return what mpsearch says in ``output``; torchrun adds its own report."""
    return [line.removeprefix("mpsearch: ") for line in output.splitlines() if line.startswith("mpsearch: ")]
