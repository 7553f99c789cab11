"""Returns, baselines and advantages. Values continue past a time limit, and are 0 after a termination."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mpsearch.records import Array, Episodes

FEATURE_CLIP = 10.0  # observations beyond ten times their usual size would dominate the fit
RIDGE = 1e-5  # a share of the mean diagonal; as in cbfinn/maml_rl


def discounted_sums(rewards: Array, discount: float, last: Array | float = 0.0) -> Array:
    """``G_t = r_t + discount * G_{t+1}`` along the last axis of rewards [..., T], with ``G_T = last``."""
    sums = np.empty(rewards.shape, dtype=np.float64)
    following = np.broadcast_to(np.asarray(last, dtype=np.float64), rewards.shape[:-1])
    for t in reversed(range(rewards.shape[-1])):
        following = rewards[..., t] + discount * following
        sums[..., t] = following
    return sums


def generalised_advantages(
    rewards: Array, values: Array, discount: float, gae_lambda: float, counts: Array | bool = True
) -> Array:
    """Generalised advantage estimates [..., T] (Schulman et al. 2016, eq. 16).

    Args:
        rewards: [..., T].
        values: [..., T + 1]; the one after the last step is that of the state which the time limit cut off, or 0
            where the task was over.
        discount: gamma.
        gae_lambda: lambda.
        counts: [..., T] which steps count, by default all; those after an episode's end do not.
    """
    residuals = counts * (rewards + discount * values[..., 1:] - values[..., :-1])
    return discounted_sums(residuals, discount * gae_lambda)


def linear_values(episodes: Episodes, scale: Array, discount: float) -> Array:
    """A linear baseline for each task, fitted to its own episodes: values [K, E, T + 1].

    Features are the scaled observation, its square and one (Duan et al. 2016, less their powers of time:
    a task does not end at the time limit). The target of step t is the discounted return to the end of the episode,
    after L steps, plus ``discount^(L-t) V(s_L)`` unless it terminated; being linear in the weights, it needs one solve
    and no iteration::

        Phi' (Phi - D Phi_L) w = Phi' G

    with a row for each step that counts. After a termination values are 0.
    """
    tasks, count, horizon = episodes.rewards.shape
    x = torch.from_numpy(episodes.observations / scale.astype(np.float32)).clamp(-FEATURE_CLIP, FEATURE_CLIP)
    features = torch.cat([x, x.square(), torch.ones_like(x[..., :1])], dim=-1)  # [K, E, T + 1, F]
    sums = torch.from_numpy(discounted_sums(episodes.rewards, discount)).float()
    fitted = features[:, :, :-1]
    if episodes.lengths is not None:
        fitted = fitted * torch.from_numpy(episodes.mask[..., None])
    phi = fitted.reshape(tasks, count * horizon, -1)
    gram = (phi.mT @ phi).double()  # [K, F, F]
    carried = _carried(fitted, episodes, discount).double()
    gram -= carried.mT @ features[:, :, -1].double()  # whose padding is s_L
    ridge = RIDGE * gram.diagonal(dim1=-2, dim2=-1).abs().mean(-1)
    gram += ridge[:, None, None] * torch.eye(gram.shape[-1], dtype=gram.dtype)
    target = (phi.mT @ sums.reshape(tasks, -1, 1)).double()
    weights = torch.linalg.solve(gram, target).float()  # [K, F, 1]
    values = torch.matmul(features, weights[:, None]).squeeze(-1).double().numpy()
    return values if episodes.terminated is None else np.where(_nothing_follows(episodes), 0.0, values)


def _carried(fitted: Tensor, episodes: Episodes, discount: float) -> Tensor:
    """[K, E, F] the sum of ``discount^(L-t)`` times the features [K, E, T, F] of steps t, if something follows L."""
    if episodes.lengths is None and episodes.terminated is None:
        decay = torch.from_numpy(discount ** np.arange(episodes.rewards.shape[-1], 0, -1)).float()  # [T]
        return torch.einsum("ketf,t->kef", fitted, decay)
    left = np.cumsum(episodes.mask[..., ::-1], axis=-1)[..., ::-1]  # [K, E, T] steps to the end
    weights = discount**left
    if episodes.terminated is not None:
        weights[episodes.terminated] = 0.0
    return torch.einsum("ketf,ket->kef", fitted, torch.from_numpy(weights).float())


def _nothing_follows(episodes: Episodes) -> Array:
    """[K, E, T + 1] which states come after a termination, the one it ended in among them."""
    after = np.ones((*episodes.rewards.shape[:-1], episodes.rewards.shape[-1] + 1), dtype=bool)
    after[..., :-1] = ~episodes.mask
    return after if episodes.terminated is None else after & episodes.terminated[..., None]


def standardise(advantages: Array, counts: Array | bool = True) -> Array:
    """Advantages [K, E, T] with mean 0 and standard deviation 1 in each task.

    Both are taken over the steps that count [K, E, T], by default all; the others get 0.
    """
    mean = advantages.mean(axis=(1, 2), keepdims=True, where=counts)
    spread = advantages.std(axis=(1, 2), keepdims=True, where=counts)
    return counts * ((advantages - mean) / (spread + 1e-8))


def task_advantages(episodes: Episodes, scale: Array, discount: float, gae_lambda: float) -> Array:
    """Standardised advantages [K, E, T] of ``episodes`` over each task's own linear baseline."""
    values = linear_values(episodes, scale, discount)
    counts = True if episodes.lengths is None else episodes.mask
    return standardise(generalised_advantages(episodes.rewards, values, discount, gae_lambda, counts), counts)
