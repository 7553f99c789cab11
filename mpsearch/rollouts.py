"""Rollouts: let policies act in a batch of simulations, and keep what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Normal

from mpsearch.policies import log_prob
from mpsearch.records import Episodes
from mpsearch.tasks import Batch

Actor = Callable[[Tensor], tuple[Tensor, Tensor]]  # observations [K, E, O] -> actions [K, E, A], log_probs [K, E]


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """While MuJoCo's threads step the physics, torch's would only take the cores from them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def gaussian_actor(policy: Callable[[Tensor], Normal], generator: torch.Generator) -> Actor:
    """Sample actions from the distribution that ``policy`` gives for the observations."""

    def act(observations: Tensor) -> tuple[Tensor, Tensor]:
        distribution = policy(observations)
        noise = torch.randn(distribution.mean.shape, generator=generator, dtype=observations.dtype)
        actions = distribution.mean + distribution.stddev * noise
        return actions, log_prob(distribution, actions)

    return act


@torch.no_grad()
def collect(batch: Batch, horizon: int, actor: Actor, rng: np.random.Generator, *, record: bool = False) -> Episodes:
    """Roll ``actor`` out for ``horizon`` steps in every simulation of ``batch``.

    Args:
        rng: for the start states.
        record: keep the generalised positions of each task's first episode too.
    """
    shape = (*batch.shape, horizon)
    with one_torch_thread():
        observation = torch.as_tensor(batch.reset(rng), dtype=torch.float32)
        observations = np.empty((*batch.shape, horizon + 1, observation.shape[-1]), dtype=np.float32)
        actions = np.empty((*shape, batch.action_dim), dtype=np.float32)
        rewards, log_probs = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
        positions = [batch.positions()[:, 0]] if record else []
        observations[:, :, 0] = observation
        for t in range(horizon):
            action, log_probability = actor(observation)
            actions[:, :, t], log_probs[:, :, t] = action, log_probability
            following, rewards[:, :, t] = batch.step(actions[:, :, t])
            observations[:, :, t + 1] = following
            observation = torch.from_numpy(observations[:, :, t + 1])
            if record:
                positions.append(batch.positions()[:, 0])
    track = np.stack(positions, axis=1).astype(np.float32) if record else None
    return Episodes(observations, actions, rewards, log_probs, track)
