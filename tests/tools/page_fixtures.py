"""Write what Python computes into ``page/test/fixtures/``, so that the page's tests can compare their own numbers.

Usage: python tests/tools/page_fixtures.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import safetensors.numpy
import torch

import mpsearch
from mpsearch.maml.inner import inner_step, spread_over_tasks
from mpsearch.pearl.exploration import Explorer
from mpsearch.rollouts import collect
from mpsearch.seeding import Streams
from mpsearch.zoo.export import export

ROOT = Path(__file__).parents[2]
MODELS, FIXTURES = ROOT / "page" / "models", ROOT / "page" / "test" / "fixtures"
STEPS = 20  # control steps over which states are compared
TASKS = {"direction": -1.0, "velocity": 1.5}


class Recorder:
    """Keeps the states of the only simulation of a batch, and the noise that an exploration used."""

    def __init__(self, batch) -> None:
        self.batch, self.states = batch, []

    def __call__(self, *transition) -> None:
        self.keep()

    def keep(self) -> None:
        self.states.append(np.concatenate([self.batch.qpos[0, 0], self.batch.qvel[0, 0]]))


def pearl_fixture(family: str) -> dict[str, np.ndarray]:
    """One episode of PEARL that draws z anew at every step, with the beliefs and the noise of these draws."""
    agent = mpsearch.load(f"pearl-cheetah-{family}")
    tasks, streams = np.array([[TASKS[family]]]), Streams(7)
    explorer = Explorer(agent.encoder, agent.actor, agent.tasks, adapting=True, resample_every=1)
    explored = next(explorer.explore(tasks, 1, 2, streams))
    generator = streams.torch("explore", 0)
    noise = np.concatenate([torch.randn((1, 1, agent.config.latent), generator=generator).numpy()[0] for _ in explored.beliefs])
    episodes = explored.episodes
    batch = agent.tasks.make_batch(tasks, 1)
    recorder = Recorder(batch)
    batch.reset(streams.numpy("reset", 0))
    recorder.keep()
    for action in episodes.actions[0, 0]:
        batch.step(action[None, None])
        recorder.keep()
    return {
        "task": tasks[0],
        "noise": noise,
        "states": np.array(recorder.states),
        "observations": episodes.observations[0, 0],
        "actions": episodes.actions[0, 0],
        "rewards": episodes.rewards[0, 0],
        "means": np.stack([belief.mean[0].numpy() for belief in explored.beliefs]),
        "stds": np.stack([belief.stddev[0].numpy() for belief in explored.beliefs]),
    }


def maml_fixture(family: str, step: int) -> dict[str, np.ndarray]:
    """One stage of an adaptation of MAML: its episodes, the advantages, and the parameters after the inner step."""
    agent = mpsearch.load(f"maml-cheetah-{family}")
    tasks, streams = np.array([[TASKS[family]]]), Streams(7)
    batch = agent.tasks.make_batch(tasks, agent.config.episodes)
    parameters = [p.detach() for p in spread_over_tasks(agent.policy, 1)]
    for stage in range(step + 1):
        before = parameters
        episodes = agent._explore(batch, before, streams, stage)
        steps = agent._weigh(episodes)
        parameters, _ = inner_step(agent.policy, before, agent._alpha(stage), steps, order=0)
    names = [name for name, _ in agent.policy.named_parameters()]
    generator = streams.torch("actions", step)
    return {
        **{f"before.{name}": p[0].detach().numpy() for name, p in zip(names, before, strict=True)},
        **{f"after.{name}": p[0].detach().numpy() for name, p in zip(names, parameters, strict=True)},
        "observations": episodes.observations[0],
        "actions": episodes.actions[0],
        "rewards": episodes.rewards[0],
        "advantages": steps.advantages[0].numpy().reshape(episodes.rewards[0].shape),
    }


def main() -> None:
    """Export the models, and write a fixture for each family and algorithm."""
    export(folder=MODELS)
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for family in TASKS:
        write(f"pearl-{family}", pearl_fixture(family))
        for step in (0, 1):
            write(f"maml-{family}-{step}", maml_fixture(family, step))


def write(name: str, arrays: dict[str, np.ndarray]) -> None:
    whole = {key: np.ascontiguousarray(value) for key, value in arrays.items()}
    safetensors.numpy.save_file(whole, FIXTURES / f"{name}.safetensors")


if __name__ == "__main__":
    main()
