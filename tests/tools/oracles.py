"""Slow, obvious versions of what the library computes quickly."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch.func import functional_call

from mpsearch.maml.inner import Steps
from mpsearch.policies import PolicyNet


def discounted_sum(rewards, discount, last=0.0):
    """The sum written out, for one episode."""
    total = sum(discount**i * reward for i, reward in enumerate(rewards))
    return total + discount ** len(rewards) * last


def advantage(rewards, values, discount, gae_lambda):
    """GAE of the first step of one episode as a weighted sum of k-step estimates (Schulman et al. 2016, eq. 16).

    The time limit cuts the sum, so the last k-step estimate takes all the weight that is left.
    """
    horizon = len(rewards)
    total = 0.0
    for k in range(1, horizon + 1):
        estimate = discounted_sum(rewards[:k], discount, values[k]) - values[0]
        weight = (1 - gae_lambda) * gae_lambda ** (k - 1) if k < horizon else gae_lambda ** (k - 1)
        total += weight * estimate
    return total


def gaussian_log_prob(mean, std, action):
    """Log-density of one action vector, by the formula."""
    return sum(
        -((a - m) ** 2) / (2 * s * s) - math.log(s) - 0.5 * math.log(2 * math.pi)
        for a, m, s in zip(action, mean, std, strict=True)
    )


def loss_of_one_task(policy: PolicyNet, parameters: dict, steps: Steps, k: int) -> torch.Tensor:
    """The surrogate loss of task ``k`` with shared-shape parameters, transition by transition."""
    distribution = functional_call(policy, parameters, (steps.observations[k],))
    log_probs = distribution.log_prob(steps.actions[k]).sum(-1)
    terms = [
        torch.exp(log_prob - old) * advantage
        for log_prob, old, advantage in zip(log_probs, steps.log_probs[k], steps.advantages[k], strict=True)
    ]
    return -torch.stack(terms).mean()


def meta_loss_by_torch_func(policy: PolicyNet, theta: dict, rates, stages: Sequence[Steps]) -> torch.Tensor:
    """MAML's loss by ``torch.func.functional_call`` and ``torch.autograd.grad``, one task after another."""
    losses = []
    for k in range(len(stages[0].log_probs)):
        parameters = dict(theta)
        after_each_step = []
        for alpha, steps, following in zip(rates, stages[:-1], stages[1:], strict=True):
            loss = loss_of_one_task(policy, parameters, steps, k)
            gradients = torch.autograd.grad(loss, list(parameters.values()), create_graph=True)
            moved = zip(parameters.items(), alpha, gradients, strict=True)
            parameters = {name: value - rate * gradient for (name, value), rate, gradient in moved}
            after_each_step.append(loss_of_one_task(policy, parameters, following, k))
        losses.append(sum(after_each_step) / len(after_each_step))
    return torch.stack(losses).mean()


def random_steps(policy: PolicyNet, tasks: int, count: int, seed: int) -> Steps:
    """Transitions that ``policy`` might have made, in float64, with arbitrary advantages."""
    rng = np.random.default_rng(seed)
    observations = torch.from_numpy(rng.normal(size=(tasks, count, policy.config["observation_dim"])))
    with torch.no_grad():
        distribution = policy(observations)
        actions = distribution.mean + distribution.stddev * torch.from_numpy(rng.normal(size=distribution.mean.shape))
        log_probs = distribution.log_prob(actions).sum(-1)
    return Steps(observations, actions, log_probs, torch.from_numpy(rng.normal(size=(tasks, count))))


def product_of_gaussians(factors):
    """Mean and standard deviation of the normalised product of 1-D Gaussians (mean, variance), on a fine grid."""
    grid = np.linspace(-25, 25, 50_001)
    log_density = sum(-((grid - mean) ** 2) / (2 * variance) for mean, variance in factors)
    weights = np.exp(log_density - log_density.max())
    mean = np.average(grid, weights=weights)
    return mean, math.sqrt(np.average((grid - mean) ** 2, weights=weights))


def soft_target(reward, next_observation, z, noise, actor, target, temperature, discount, reward_scale):
    """The critics' target for one transition: the density of tanh(u) by its definition, the minimum by hand."""
    mean, log_std = (x[0].tolist() for x in actor(next_observation[None], z[None]))
    std = [math.exp(x) for x in log_std]
    u = [m + s * n for m, s, n in zip(mean, std, noise.tolist(), strict=True)]
    action = [math.tanh(x) for x in u]
    log_prob = gaussian_log_prob(mean, std, u) - sum(math.log(1 - a * a) for a in action)
    values = target(next_observation[None], torch.tensor([action], dtype=z.dtype), z[None])
    return reward_scale * float(reward) + discount * (min(values[:, 0].tolist()) - float(temperature) * log_prob)


class ReplayLists:
    """What a replay should hold of each task: lists of episode numbers, the oldest first."""

    def __init__(self, tasks: int, capacity: int, recent: int) -> None:
        self.capacity, self.recent = capacity, recent
        self.added = [0] * tasks
        self.kept: list[list[int]] = [[] for _ in range(tasks)]
        self.latest: list[list[int]] = [[] for _ in range(tasks)]

    def add(self, k: int, exploration: bool) -> None:
        """One more episode of task ``k``."""
        for numbers, most in ((self.kept[k], self.capacity), (self.latest[k], self.recent))[: 1 + exploration]:
            numbers.append(self.added[k])
            del numbers[:-most]
        self.added[k] += 1
