"""Write what Python computes into ``page/test/fixtures/``, so that the page's tests can compare their own numbers.

Usage: python tests/tools/page_fixtures.py
"""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch

import mpsearch
from mpsearch.maml.inner import inner_step, spread_over_tasks
from mpsearch.pearl.exploration import Explorer
from mpsearch.seeding import Streams
from mpsearch.zoo.export import export

ROOT = Path(__file__).parents[2]
MODELS, FIXTURES = ROOT / "page" / "models", ROOT / "page" / "test" / "fixtures"
STEPS = 20  # control steps over which states are compared
TASKS = {"direction": -1.0, "velocity": 1.5}


def state_of(batch) -> np.ndarray:
    """The positions and velocities of the only simulation of ``batch``, [18]."""
    return np.concatenate([batch.qpos[0, 0], batch.qvel[0, 0]])


def replay(batch, rng, actions) -> np.ndarray:
    """The states [T + 1, 18] of an episode with known ``actions`` [T, A]."""
    batch.reset(rng)
    states = [state_of(batch)]
    for action in actions:
        batch.step(action[None, None])
        states.append(state_of(batch))
    return np.array(states)


def in_double_precision(agent, batch, rng, noise) -> tuple[np.ndarray, np.ndarray]:
    """The states and actions of :data:`STEPS` steps that draw z anew at each, with networks in double precision."""
    encoder, actor = copy.deepcopy(agent.encoder).double(), copy.deepcopy(agent.actor).double()
    observation = batch.reset(rng)
    states, actions, rows = [state_of(batch)], [], []
    for step in range(STEPS):
        context = torch.tensor(np.array(rows)).reshape(1, len(rows), len(encoder.scale))
        with torch.no_grad():
            belief = encoder(context)
            z = belief.mean + belief.stddev * torch.tensor(noise[step], dtype=torch.float64)
            action = torch.tanh(actor(torch.tensor(observation[0]), z)[0]).numpy()[None]
        following, reward = batch.step(action)
        rows.append(np.concatenate([observation[0, 0], action[0, 0], reward[0], following[0, 0]]))
        observation = following
        states.append(state_of(batch))
        actions.append(action[0, 0])
    return np.array(states), np.array(actions)


def pearl_fixture(family: str) -> dict[str, np.ndarray]:
    """One episode of PEARL that draws z anew at every step, with the beliefs and the noise of these draws."""
    agent = mpsearch.load(f"pearl-cheetah-{family}")
    tasks, streams = np.array([[TASKS[family]]]), Streams(7)
    explorer = Explorer(agent.encoder, agent.actor, agent.tasks, adapting=True, resample_every=1)
    explored = next(explorer.explore(tasks, 1, 2, streams))
    generator = streams.torch("explore", 0)
    noise = np.stack([torch.randn((1, 1, agent.config.latent), generator=generator)[0, 0] for _ in explored.beliefs])
    episodes, batch = explored.episodes, agent.tasks.make_batch(tasks, 1)
    double_states, double_actions = in_double_precision(agent, batch, streams.numpy("reset", 0), noise)
    return {
        "task": tasks[0],
        "noise": noise,
        "states": replay(batch, streams.numpy("reset", 0), episodes.actions[0, 0]),
        "double_states": double_states,
        "double_actions": double_actions,
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
