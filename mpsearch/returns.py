"""Returns, baselines and advantages.

A state in which the time limit cuts an episode off has a value, because the task would go on. A state in which an
episode terminates has the value 0. With a finite horizon, the state at the time limit has the value 0, too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from mpsearch.records import Array, Episodes

FEATURE_CLIP = 10.0  # scaled observations are clipped here, because a few very large ones would dominate the fit
RIDGE = 1e-5  # the regularisation as a fraction of the mean diagonal; the value of cbfinn/maml_rl


def discounted_sums(rewards: Array, discount: float, last: Array | float = 0.0) -> Array:
    """Return ``G_t = r_t + discount * G_{t+1}`` along the last axis of rewards [..., T], with ``G_T = last``."""
    sums = np.empty(rewards.shape, dtype=np.float64)
    following = np.broadcast_to(np.asarray(last, dtype=np.float64), rewards.shape[:-1])
    for t in reversed(range(rewards.shape[-1])):
        following = rewards[..., t] + discount * following
        sums[..., t] = following
    return sums


def generalised_advantages(
    rewards: Array, values: Array, discount: float, gae_lambda: float, counts: Array | bool = True
) -> Array:
    """Return generalised advantage estimates [..., T] (Schulman et al. 2016, eq. 16).

    Args:
        rewards: [..., T].
        values: [..., T + 1] values of the states; 0 for a state in which an episode terminated.
        discount: gamma.
        gae_lambda: lambda.
        counts: [..., T] which steps belong to an episode, by default all; the others are padding.
    """
    residuals = counts * (rewards + discount * values[..., 1:] - values[..., :-1])
    return discounted_sums(residuals, discount * gae_lambda)


def linear_values(episodes: Episodes, scale: Array, discount: float, *, finite_horizon: bool = False) -> Array:
    """Fit a linear baseline to the episodes of each task, and return its values [K, E, T + 1].

    The features are the scaled observation, its square and 1. They are those of Duan et al. 2016 without the powers
    of time, because a task does not end at the time limit. With ``finite_horizon`` it does: the baseline has three
    powers of time as well, and every episode counts as terminated.

    The target of step t in an episode of L steps is the discounted return up to the end of the episode, plus
    ``discount^(L-t) V(s_L)`` if the episode did not terminate. This target is linear in the weights w, because V is.
    So one linear system per task gives the weights::

        Phi' (Phi - D Phi_L) w = Phi' G

    Each step of an episode has one row: in Phi its features, in Phi_L those of the episode's last state, in D the
    factor ``discount^(L-t)`` (0 if the episode terminated), and in G the discounted return. After a termination the
    values are 0.
    """
    if finite_horizon:
        episodes = replace(episodes, terminated=np.ones(episodes.rewards.shape[:2], dtype=bool))
    features = baseline_features(episodes, scale, powers=4 if finite_horizon else 1)
    values = predicted_values(features, fitted_weights(features, episodes, discount)).numpy()
    return values if episodes.terminated is None else np.where(_nothing_follows(episodes), 0.0, values)


def baseline_features(episodes: Episodes, scale: Array, *, powers: int = 1) -> Tensor:
    """Return the scaled observations, their squares, and ``powers`` powers of time from 0 on, [K, E, T + 1, F]."""
    tasks, count, horizon = episodes.rewards.shape
    x = torch.from_numpy(episodes.observations / scale.astype(np.float32)).clamp(-FEATURE_CLIP, FEATURE_CLIP)
    time = torch.arange(horizon + 1) / horizon
    clock = torch.stack([time**power for power in range(powers)], dim=-1).expand(tasks, count, -1, -1)
    return torch.cat([x, x.square(), clock], dim=-1)


def fitted_weights(features: Tensor, episodes: Episodes, discount: float) -> Tensor:
    """Return the weights [K, F, 1] of a baseline that is linear in ``features`` [K, E, T + 1, F], fitted to each task.

    :func:`linear_values` has the equation. The weights can be differentiated with respect to the features.
    """
    tasks, count, horizon = episodes.rewards.shape
    sums = torch.from_numpy(discounted_sums(episodes.rewards, discount)).float()
    fitted = features[:, :, :-1]
    if episodes.lengths is not None:
        fitted = fitted * torch.from_numpy(episodes.mask[..., None])
    phi = fitted.reshape(tasks, count * horizon, -1)
    gram = (phi.mT @ phi).double()  # [K, F, F]
    carried = _carried(fitted, episodes, discount).double()
    gram = gram - carried.mT @ features[:, :, -1].double()  # the last entry is s_L, because padding repeats it
    ridge = RIDGE * gram.diagonal(dim1=-2, dim2=-1).abs().mean(-1)
    gram = gram + ridge[:, None, None] * torch.eye(gram.shape[-1], dtype=gram.dtype)
    target = (phi.mT @ sums.reshape(tasks, -1, 1)).double()
    return torch.linalg.solve(gram, target).float()


def predicted_values(features: Tensor, weights: Tensor) -> Tensor:
    """Return the values [K, E, T + 1] that the weights [K, F, 1] give to states with ``features`` [K, E, T + 1, F]."""
    return torch.matmul(features, weights[:, None]).squeeze(-1).double()


def _carried(fitted: Tensor, episodes: Episodes, discount: float) -> Tensor:
    """[K, E, F] sums of ``discount^(L-t)`` times the features [K, E, T, F] of step t; 0 for terminated episodes."""
    if episodes.lengths is None and episodes.terminated is None:
        decay = torch.from_numpy(discount ** np.arange(episodes.rewards.shape[-1], 0, -1)).float()  # [T]
        return torch.einsum("ketf,t->kef", fitted, decay)
    left = np.cumsum(episodes.mask[..., ::-1], axis=-1)[..., ::-1]  # [K, E, T] number of steps to the end
    weights = discount**left
    if episodes.terminated is not None:
        weights[episodes.terminated] = 0.0
    return torch.einsum("ketf,ket->kef", fitted, torch.from_numpy(weights).float())


def _nothing_follows(episodes: Episodes) -> Array:
    """[K, E, T + 1] which states come after a termination. The last state of a terminated episode is one of them."""
    after = np.ones((*episodes.rewards.shape[:-1], episodes.rewards.shape[-1] + 1), dtype=bool)
    after[..., :-1] = ~episodes.mask
    return after if episodes.terminated is None else after & episodes.terminated[..., None]


def standardise(advantages: Array, counts: Array | bool = True, *, shared_scale: bool = False) -> Array:
    """Shift and scale advantages [K, E, T] to mean 0 and standard deviation 1 in each task.

    With ``shared_scale``, all tasks are divided by the same standard deviation, that of all shifted advantages.

    Mean and standard deviation are those of the steps in the mask ``counts`` [K, E, T], by default of all steps. The
    other steps get 0.
    """
    mean = advantages.mean(axis=(1, 2), keepdims=True, where=counts)
    if shared_scale:
        spread = (advantages - mean).std(keepdims=True, where=counts)
    else:
        spread = advantages.std(axis=(1, 2), keepdims=True, where=counts)
    return counts * ((advantages - mean) / (spread + 1e-8))


def task_advantages(
    episodes: Episodes,
    scale: Array,
    discount: float,
    gae_lambda: float,
    *,
    shared_scale: bool = False,
    finite_horizon: bool = False,
) -> Array:
    """Return standardised advantages [K, E, T] of ``episodes`` with respect to a linear baseline for each task."""
    values = linear_values(episodes, scale, discount, finite_horizon=finite_horizon)
    counts = True if episodes.lengths is None else episodes.mask
    advantages = generalised_advantages(episodes.rewards, values, discount, gae_lambda, counts)
    return standardise(advantages, counts, shared_scale=shared_scale)
