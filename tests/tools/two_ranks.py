"""A program for torchrun: ranks that disagree, or of which one fails.

Each rank writes what it was told into a folder.
"""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from agents import make

from mpsearch import MAML, HopperBody, MAMLConfig, ranks
from mpsearch.errors import MpsearchError, NonFiniteError
from mpsearch.shares import Share


def train(folder=None, **more):
    make("maml").train(2, seed=3, folder=folder, progress=False, **more)


def other_settings(folder):
    agent = make("maml")
    agent.config = replace(agent.config, discount=0.9 if ranks.number() else 0.99)
    agent.train(2, seed=3, progress=False)


def other_versions(folder):
    import mpsearch.training.loop as loop

    versions = loop.package_versions()
    loop.package_versions = lambda: {**versions, "torch": str(ranks.number())}
    try:
        train()
    finally:
        loop.package_versions = lambda: versions


def other_folder(folder):
    place = folder / str(ranks.number())
    place.mkdir()
    with contextlib.chdir(place):
        train(Path("run"))


def other_parameters(folder):
    agent = make("maml")

    def disturb(metrics):
        with torch.no_grad():
            agent.policy.log_std += 1e-6 * ranks.number()

    agent.train(2, seed=3, folder=folder / "disturbed", save_every=0, progress=False, callback=disturb)


def one_simulation_diverges(folder):
    with ranks.together():
        if ranks.number() == 1:
            raise NonFiniteError("the reward is not finite")


SETTINGS = ({}, {"shared_scale": True}, {"inner_steps": 2, "outer": "clipped"})


def parameters_after(**settings):
    """Return the parameters after two iterations on a family of which some episodes end early."""
    agent = MAML(HopperBody(horizon=40), MAMLConfig(tasks_per_iteration=3, episodes=2, hidden=(8,), **settings))
    agent.train(2, seed=5, progress=False)
    return torch.cat([p.detach().flatten() for p in agent.policy.parameters()]).tolist()


def threads():
    """Return the names of this process's threads that belong to a group of ranks, where the system tells them."""
    names = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
    return [name for name in names if "gloo" in name]


def main(folder):
    said = {}
    ranks.SIGHT = 0.5  # seconds; there is no slow file server here
    with ranks.joined(300):
        for act in (other_settings, other_versions, other_folder, other_parameters, one_simulation_diverges):
            try:
                act(folder)
            except MpsearchError as error:
                said[act.__name__] = f"{type(error).__name__}: {error}"
        said["parameters"] = [parameters_after(**each) for each in SETTINGS]
        share = Share.of(3)
        rows = torch.arange(3.0)[share.rows]
        said["gathered"] = share.gather(rows).tolist()
        said["mean"] = ranks.mean(len(rows), rows.mean())[0].item()
        said["largest"] = ranks.largest(ranks.number(), -ranks.number())
        said["drawn"] = share.gather(share.draw(torch.randn, (len(rows), 2), torch.Generator().manual_seed(1))).tolist()
        numbers = share.generator(np.random.default_rng(1)).normal(0.0, 1.0, (len(rows), 2))
        said["generated"] = share.gather(torch.from_numpy(numbers)).tolist()
        number = ranks.number()
    said["threads"] = threads()
    (folder / f"{number}.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
