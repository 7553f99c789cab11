"""Look into PEARL: what it has seen of a task, and what it does with a z that you choose."""

from __future__ import annotations

from itertools import islice

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Normal

from mpsearch.errors import UsageError, check_count
from mpsearch.pearl.learner import PEARL
from mpsearch.records import Array, Episodes
from mpsearch.rollouts import collect
from mpsearch.seeding import Streams
from mpsearch.surroundings import own_torch


def explored(agent: PEARL, tasks: Array, *, seed: int, episodes: int = 2) -> list[Episodes]:
    """The exploration of each task, one episode [K, 1, T] after another.

    It is the exploration of ``agent.adapt(tasks, seed=seed, steps=episodes)``, so the first episode acts on a draw
    from the prior, and each later one on a draw from the belief after those before it.

    Args:
        tasks: [K, P].
        seed: of the exploration.
        episodes: how many of them.

    Raises:
        UsageError: a task is not one of the agent's, or a number is not allowed.
    """
    rows = agent.tasks.check(tasks)
    streams, stages = Streams(check_count("seed", seed, 0)), check_count("episodes", episodes)
    with own_torch():
        # The last stage of an adaptation acts on the mean of the belief and does not explore: ask for one more.
        exploring = agent._explorer(adapting=True).explore(rows, 1, stages + 1, streams)
        return [stage.episodes for stage in islice(exploring, stages)]


def explored_context(agent: PEARL, tasks: Array, *, seed: int, episodes: int = 2) -> Tensor:
    """What ``agent`` sees of each task during :func:`explored`: transitions (s, a, r, s') in their order, [K, N, C].

    N is the number of steps of all episodes together.
    """
    return torch.cat([transitions_of(seen) for seen in explored(agent, tasks, seed=seed, episodes=episodes)], dim=1)


def transitions_of(episodes: Episodes) -> Tensor:
    """Return the transitions (s, a, r, s') of each task's first episode, [K, T, C].

    Where episodes end before the time limit, T is the length of the longest one, and the others are padded.
    """
    longest = episodes.rewards.shape[-1] if episodes.lengths is None else int(episodes.lengths[:, 0].max())
    seen = episodes.observations[:, 0]  # [K, T + 1, O]
    parts = (seen[:, :-1], episodes.actions[:, 0], episodes.rewards[:, 0, :, None], seen[:, 1:])
    return torch.from_numpy(np.concatenate(parts, axis=-1)[:, :longest])


def believe(agent: PEARL, context: Tensor) -> Normal:
    """q(z | c), [K, Z], for a context [K, N, C]."""
    with own_torch(), torch.no_grad():
        return agent.encoder(context)


def act_on(agent: PEARL, tasks: Array, z: Tensor, *, seed: int) -> Episodes:
    """One episode [K, 1, T] on each task, with mean actions for a z [K, Z] that stays as it is.

    Args:
        tasks: [K, P].
        seed: of the start states.

    Raises:
        UsageError: a task is not one of the agent's, or z has another shape.
    """
    rows = agent.tasks.check(tasks)
    if z.shape != (shape := (len(rows), agent.config.latent)):
        raise UsageError(f"z must have shape {list(shape)}, a row for each task, not {list(z.shape)}")

    def act(observations: Array) -> tuple[Array, Array]:
        mean, _ = agent.actor(torch.from_numpy(observations[:, 0]), z)
        return torch.tanh(mean).numpy()[:, None], np.zeros((len(rows), 1))

    with own_torch(), torch.no_grad():
        batch = agent.tasks.make_batch(rows, 1)
        return collect(batch, agent.tasks.horizon, act, Streams(seed).numpy("reset"), record=True)
