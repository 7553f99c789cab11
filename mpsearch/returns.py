"""Returns, baselines and advantages. A time limit is not a termination: values continue past it."""

from __future__ import annotations

import numpy as np
import torch

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
    rewards: Array, values: Array, discount: float, gae_lambda: float
) -> Array:  # fmt: skip
    """Generalised advantage estimates [..., T] (Schulman et al. 2016, eq. 16).

    Args:
        rewards: [..., T].
        values: [..., T + 1]; the last one is the value of the state that the time limit cut off.
        discount: gamma.
        gae_lambda: lambda.
    """
    residuals = rewards + discount * values[..., 1:] - values[..., :-1]
    return discounted_sums(residuals, discount * gae_lambda)


def linear_values(episodes: Episodes, scale: Array, discount: float) -> Array:
    """A linear baseline for each task, fitted to its own episodes: values [K, E, T + 1].

    Features are the scaled observation, its square and one (Duan et al. 2016, less their powers of time:
    a task does not end at the time limit). The target of step t is the discounted return to the limit plus
    ``discount^(T-t) V(s_T)``; being linear in the weights, it needs one solve and no iteration::

        Phi' (Phi - D Phi_T) w = Phi' G
    """
    tasks, count, horizon = episodes.rewards.shape
    x = torch.from_numpy(episodes.observations / scale.astype(np.float32)).clamp(-FEATURE_CLIP, FEATURE_CLIP)
    features = torch.cat([x, x.square(), torch.ones_like(x[..., :1])], dim=-1)  # [K, E, T + 1, F]
    decay = torch.from_numpy(discount ** np.arange(horizon, 0, -1)).float()  # [T]
    sums = torch.from_numpy(discounted_sums(episodes.rewards, discount)).float()
    phi = features[:, :, :-1].reshape(tasks, count * horizon, -1)
    gram = (phi.mT @ phi).double()  # [K, F, F]
    carried = torch.einsum("ketf,t->kef", features[:, :, :-1], decay).double()
    gram -= carried.mT @ features[:, :, -1].double()
    ridge = RIDGE * gram.diagonal(dim1=-2, dim2=-1).abs().mean(-1)
    gram += ridge[:, None, None] * torch.eye(gram.shape[-1], dtype=gram.dtype)
    target = (phi.mT @ sums.reshape(tasks, -1, 1)).double()
    weights = torch.linalg.solve(gram, target).float()  # [K, F, 1]
    return torch.matmul(features, weights[:, None]).squeeze(-1).double().numpy()


def standardise(advantages: Array) -> Array:
    """Advantages [K, E, T] with mean 0 and standard deviation 1 in each task."""
    mean = advantages.mean(axis=(1, 2), keepdims=True)
    return (advantages - mean) / (advantages.std(axis=(1, 2), keepdims=True) + 1e-8)


def task_advantages(episodes: Episodes, scale: Array, discount: float, gae_lambda: float) -> Array:
    """Standardised advantages [K, E, T] of ``episodes`` over each task's own linear baseline."""
    values = linear_values(episodes, scale, discount)
    return standardise(generalised_advantages(episodes.rewards, values, discount, gae_lambda))
