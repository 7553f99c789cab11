"""Slow and simple implementations of what the library computes quickly, to test it against them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch.func import functional_call

from mpsearch.maml.inner import Steps
from mpsearch.policies import PolicyNet


def discounted_sum(rewards, discount, last=0.0):
    """Return the discounted sum of one episode's rewards, by its definition."""
    total = sum(discount**i * reward for i, reward in enumerate(rewards))
    return total + discount ** len(rewards) * last


def advantage(rewards, values, discount, gae_lambda):
    """Return the GAE of an episode's first step as a weighted sum of k-step estimates (Schulman et al. 2016, eq. 16).

    The sum ends at the time limit, so the last k-step estimate has all the remaining weight.
    """
    horizon = len(rewards)
    total = 0.0
    for k in range(1, horizon + 1):
        estimate = discounted_sum(rewards[:k], discount, values[k]) - values[0]
        weight = (1 - gae_lambda) * gae_lambda ** (k - 1) if k < horizon else gae_lambda ** (k - 1)
        total += weight * estimate
    return total


def gaussian_log_prob(mean, std, action):
    """Return the log-density of one action vector, by the formula of the Gaussian."""
    return sum(
        -((a - m) ** 2) / (2 * s * s) - math.log(s) - 0.5 * math.log(2 * math.pi)
        for a, m, s in zip(action, mean, std, strict=True)
    )


def loss_of_one_task(policy: PolicyNet, parameters: dict, steps: Steps, k: int) -> torch.Tensor:
    """Return the surrogate loss of task ``k``, one transition after another, for parameters without a task axis."""
    distribution = functional_call(policy, parameters, (steps.observations[k],))
    log_probs = distribution.log_prob(steps.actions[k]).sum(-1)
    terms = [
        torch.exp(log_prob - old) * advantage
        for log_prob, old, advantage in zip(log_probs, steps.log_probs[k], steps.advantages[k], strict=True)
    ]
    return -torch.stack(terms).mean()


def meta_loss_by_torch_func(policy: PolicyNet, theta: dict, rates, stages: Sequence[Steps]) -> torch.Tensor:
    """Return MAML's loss, one task after another, without ``higher``."""
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
    """Return transitions with actions drawn from ``policy`` and random advantages, in float64."""
    rng = np.random.default_rng(seed)
    observations = torch.from_numpy(rng.normal(size=(tasks, count, policy.config["observation_dim"])))
    with torch.no_grad():
        distribution = policy(observations)
        actions = distribution.mean + distribution.stddev * torch.from_numpy(rng.normal(size=distribution.mean.shape))
        log_probs = distribution.log_prob(actions).sum(-1)
    return Steps(observations, actions, log_probs, torch.from_numpy(rng.normal(size=(tasks, count))))


def product_of_gaussians(factors):
    """Return mean and standard deviation of the normalised product of 1-D Gaussians, computed on a fine grid.

    Args:
        factors: the mean and the variance of each Gaussian.
    """
    grid = np.linspace(-25, 25, 50_001)
    log_density = sum(-((grid - mean) ** 2) / (2 * variance) for mean, variance in factors)
    weights = np.exp(log_density - log_density.max())
    mean = np.average(grid, weights=weights)
    return mean, math.sqrt(np.average((grid - mean) ** 2, weights=weights))


def soft_target(reward, next_observation, z, noise, actor, target, temperature, discount, reward_scale):
    """Return the critics' target for one transition, with the density of tanh(u) by its definition."""
    mean, log_std = (x[0].tolist() for x in actor(next_observation[None], z[None]))
    std = [math.exp(x) for x in log_std]
    u = [m + s * n for m, s, n in zip(mean, std, noise.tolist(), strict=True)]
    action = [math.tanh(x) for x in u]
    log_prob = gaussian_log_prob(mean, std, u) - sum(math.log(1 - a * a) for a in action)
    values = target(next_observation[None], torch.tensor([action], dtype=z.dtype), z[None])
    return reward_scale * float(reward) + discount * (min(values[:, 0].tolist()) - float(temperature) * log_prob)


class ReplayLists:
    """A model of the replay: for each task, lists of the numbers of its episodes, the oldest first."""

    def __init__(self, tasks: int, capacity: int, recent: int) -> None:
        self.capacity, self.recent = capacity, recent
        self.added = [0] * tasks
        self.kept: list[list[int]] = [[] for _ in range(tasks)]
        self.latest: list[list[int]] = [[] for _ in range(tasks)]

    def add(self, k: int, exploration: bool) -> None:
        """Add one more episode of task ``k``."""
        for numbers, most in ((self.kept[k], self.capacity), (self.latest[k], self.recent))[: 1 + exploration]:
            numbers.append(self.added[k])
            del numbers[:-most]
        self.added[k] += 1
