"""Rollouts: let policies act in a batch of simulations, and record the episodes."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import fields, replace

import numpy as np
import torch
from torch import Tensor

from mpsearch.policies import PolicyNet
from mpsearch.records import Array, Episodes
from mpsearch.shares import Share
from mpsearch.surroundings import one_torch_thread
from mpsearch.tasks import Batch

Actor = Callable[[Array], tuple[Array, Array]]  # observations [K, E, O] -> actions [K, E, A], log_probs [K, E]
Watch = Callable[[Array, Array, Array, Array, Array], None]

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
AHEAD = 50  # steps for which noise is drawn at once, because one large draw is cheaper than many small ones


def gaussian_actor(
    policy: PolicyNet, parameters: Iterable[Tensor], generator: torch.Generator, share: Share | None = None
) -> Actor:
    """Return an actor that samples actions from ``policy`` with other parameters.

    Args:
        parameters: in the order of ``policy.parameters()``. Each may have a leading task axis [K, ...].
        share: the tasks that act, if other ranks simulate the others; by default, these are all.
    """
    whose = share or Share()
    own = copy.deepcopy(policy)
    for mine, given in zip(own.parameters(), parameters, strict=True):
        mine.data = given.detach()
    mean, std = own.folded(), own.std().detach().numpy()
    at_mean = -np.log(std).sum(-1) - std.shape[-1] * HALF_LOG_2PI  # the log-density of the mean action
    ahead: list[tuple[Array, Array]] = []  # deviations from the mean and log-densities for the next steps

    def act(observations: Array) -> tuple[Array, Array]:
        actions = mean(observations)
        if not ahead or ahead[-1][0].shape != actions.shape:
            noise = whose.draw(torch.randn, (AHEAD, *actions.shape), generator, axis=1).numpy()
            ahead[:] = zip(std * noise, at_mean - np.square(noise).sum(-1) / 2, strict=True)
        deviations, log_probs = ahead.pop()
        actions += deviations
        return actions, log_probs

    return act


@torch.no_grad()
def collect(
    batch: Batch,
    horizon: int,
    actor: Actor,
    rng: np.random.Generator,
    *,
    record: bool = False,
    watch: Watch | None = None,
) -> Episodes:
    """Let ``actor`` act for ``horizon`` steps in every simulation of ``batch``, or until all have ended.

    Args:
        rng: draws the start states.
        record: also keep the generalised positions of each task's first episode.
        watch: is called after each step with observations, actions, rewards and next observations, [K, E, ...], and
            with a mask [K, E] of the simulations that had not ended before this step.
    """
    with one_torch_thread():
        first = batch.reset(rng)
        observations = np.empty((horizon + 1, *first.shape), dtype=np.float32)  # time first: a step fills one block
        actions = np.empty((horizon, *batch.shape, batch.action_dim), dtype=np.float32)
        rewards, log_probs = np.empty((2, horizon, *batch.shape), dtype=np.float32)
        positions = [batch.positions()[:, 0]] if record else []
        observations[0] = first
        for t in range(horizon):
            ended = batch.ended
            actions[t], log_probs[t] = actor(observations[t])
            observations[t + 1], rewards[t] = batch.step(actions[t])
            if watch:
                watch(observations[t], actions[t], rewards[t], observations[t + 1], ~ended)
            if record:
                positions.append(batch.positions()[:, 0])
            if batch.over:
                break
    track = np.stack(positions, axis=1).astype(np.float32) if record else None

    def by_task(x: Array) -> Array:  # [T, K, E, ...] -> [K, E, T, ...]
        return np.ascontiguousarray(np.moveaxis(x, 0, 2))

    episodes = Episodes(by_task(observations), by_task(actions), by_task(rewards), by_task(log_probs), track)
    return padded(episodes, batch.lengths, batch.terminated) if batch.ended.any() else episodes


def with_same_ends(episodes: Episodes, share: Share) -> Episodes:
    """Return ``episodes`` with lengths and terminations, if the episodes of any rank have them."""
    lengths, terminated = episodes.lengths, episodes.terminated
    any_ended, any_terminated = share.largest(lengths is not None, terminated is not None)
    if any_ended and lengths is None:
        lengths = np.full(episodes.rewards.shape[:2], episodes.rewards.shape[-1])
    if any_terminated and terminated is None:
        terminated = np.zeros(episodes.rewards.shape[:2], dtype=bool)
    return replace(episodes, lengths=lengths, terminated=terminated)


def gathered(episodes: Episodes, share: Share) -> Episodes:
    """Return the episodes of all tasks [K, ...] from those of each rank's share [k, ...]."""
    if share.alone:
        return episodes
    episodes = with_same_ends(episodes, share)
    arrays = {field.name: getattr(episodes, field.name) for field in fields(episodes)}
    found = {name: share.gather(torch.from_numpy(np.multiply(x, 1))) for name, x in arrays.items() if x is not None}
    return replace(episodes, **{name: x.numpy().astype(arrays[name].dtype) for name, x in found.items()})


def placed(episodes: Episodes, share: Share) -> Episodes:
    """Return ``episodes`` [k, ...] in their places among those of all tasks [K, ...], with copies elsewhere."""
    arrays = {field.name: getattr(episodes, field.name) for field in fields(episodes)}
    return replace(episodes, **{name: share.placed(x) for name, x in arrays.items() if x is not None})


def padded(episodes: Episodes, lengths: Array, terminated: Array) -> Episodes:
    """Return ``episodes`` that have ended after ``lengths`` [K, E] steps, with padding after their ends."""
    horizon, track = episodes.rewards.shape[-1], episodes.positions
    counts = np.arange(horizon) < lengths[..., None]
    until = np.minimum(np.arange(horizon + 1), lengths[..., None])[..., None]  # [K, E, T + 1, 1]
    return Episodes(
        np.take_along_axis(episodes.observations, until, axis=2),
        np.where(counts[..., None], episodes.actions, np.float32(0)),
        np.where(counts, episodes.rewards, np.float32(0)),
        np.where(counts, episodes.log_probs, np.float32(0)),
        None if track is None else np.take_along_axis(track, until[:, 0], axis=1),
        None if counts.all() else lengths,
        terminated if terminated.any() else None,
    )
