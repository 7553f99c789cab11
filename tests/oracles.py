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
