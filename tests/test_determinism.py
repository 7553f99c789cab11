"""The same seed gives the same bits in another process: same machine, same number of threads, another hash seed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest
import torch
from agents import make

from mpsearch import MAML, PEARL, CheetahVelocity, MAMLConfig, PEARLConfig

pytestmark = pytest.mark.slow  # trainings in processes of their own

SHOW = """
import sys
from test_determinism import digests
print(*digests())
"""


def agents():
    cheetah = CheetahVelocity(horizon=10)
    small = {"training_tasks": 3, "random_episodes": 2, "gradient_steps": 3, "replay_size": 600, "recent": 3}
    yield MAML(cheetah, MAMLConfig(tasks_per_iteration=3, episodes=2, hidden=(8,), curvature_steps=10))
    yield PEARL(cheetah, PEARLConfig(**small, hidden=(8,), encoder_hidden=(8,), context=8, batch=8))
    yield make("maml")
    yield make("pearl")


def digests(seed=5):
    """The sha256 of all that each agent holds after two iterations, and of an adaptation."""
    found = []
    for agent in agents():
        agent.train(2, seed=seed, progress=False)
        result = agent.adapt(agent.tasks.spread(2), seed=seed)
        parts = [tensor.detach().numpy().tobytes() for _, tensor in sorted(agent._tensors().items())]
        found.append(hashlib.sha256(b"".join([*parts, result.returns.tobytes()])).hexdigest())
    return found


def test_training_and_adapting_give_the_same_bits_in_a_fresh_process() -> None:
    paths = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    environment = {
        **os.environ,
        "PYTHONPATH": paths,
        "PYTHONHASHSEED": "7",
        "OMP_NUM_THREADS": str(torch.get_num_threads()),
    }
    done = subprocess.run([sys.executable, "-c", SHOW], env=environment, capture_output=True, text=True, check=True)
    ours = digests()
    assert done.stdout.split() == ours
    assert digests(seed=6) != ours
