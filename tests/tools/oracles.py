"""Slow and simple implementations of what the library computes quickly, to test it against them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch.func import functional_call

from mpsearch.maml.inner import Steps
from mpsearch.policies import PolicyNet
from mpsearch.records import Episodes
from mpsearch.rollouts import padded


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


def episodes_that_end(rng, shape, observation_dim=2, share=0.7):
    """Random padded episodes [K, E, T], of which about ``share`` end early, half of those by a termination."""
    horizon = shape[-1]
    lengths = np.where(rng.random(shape[:-1]) < share, rng.integers(1, horizon + 1, shape[:-1]), horizon)
    observations = rng.normal(size=(*shape[:-1], horizon + 1, observation_dim)).astype(np.float32)
    rewards, log_probs = rng.normal(size=(2, *shape)).astype(np.float32)
    actions = rng.normal(size=(*shape, 1)).astype(np.float32)
    return padded(Episodes(observations, actions, rewards, log_probs), lengths, rng.random(shape[:-1]) < share / 2)


def one_by_one(episodes, k):
    """The episodes of task ``k`` cut to their own lengths: dicts of observations, rewards and so on, no padding."""
    found = []
    for e in range(episodes.rewards.shape[1]):
        n = episodes.rewards.shape[2] if episodes.lengths is None else int(episodes.lengths[k, e])
        over = episodes.terminated is not None and bool(episodes.terminated[k, e])
        whole = {"observations": episodes.observations[k, e, : n + 1], "terminated": over, "length": n}
        for name in ("rewards", "actions", "log_probs"):
            whole[name] = getattr(episodes, name)[k, e, :n]
        found.append(whole)
    return found


def linear_baseline(episodes, scale, discount, clip, ridge):
    """The weights [F] of one task's linear baseline: ``Phi' (Phi - D Phi_L) w = Phi' G``, a row for each real step.

    ``episodes`` are those of :func:`one_by_one`.
    """
    rows, carried, targets = [], [], []
    for episode in episodes:
        x = (episode["observations"] / scale).clip(-clip, clip)
        phi = np.concatenate([x, x**2, np.ones((len(x), 1))], axis=1)
        for t in range(episode["length"]):
            left = episode["length"] - t
            rows.append(phi[t])
            carried.append(0 * phi[-1] if episode["terminated"] else discount**left * phi[-1])
            targets.append(discounted_sum(episode["rewards"][t:], discount))
    rows, carried, targets = (np.array(x, dtype=float) for x in (rows, carried, targets))
    gram = rows.T @ (rows - carried)
    gram += ridge * np.abs(np.diagonal(gram)).mean() * np.eye(len(gram))
    return np.linalg.solve(gram, rows.T @ targets)


def advantages_of_one(episode, values, discount, gae_lambda):
    """GAE of each step of one episode of :func:`one_by_one`, whose states have ``values`` [L + 1]."""
    values = [*values[:-1], 0.0 if episode["terminated"] else values[-1]]
    rewards = episode["rewards"].tolist()
    return [advantage(rewards[t:], values[t:], discount, gae_lambda) for t in range(episode["length"])]


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
        torch.exp(log_probs[n] - steps.log_probs[k, n]) * steps.advantages[k, n]
        for n in range(len(log_probs))
        if steps.weights is None or steps.weights[k, n]
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


def random_steps(policy: PolicyNet, tasks: int, count: int, seed: int, ended: bool = False) -> Steps:
    """Return transitions with actions drawn from ``policy`` and random advantages; if ``ended``, some do not count."""
    rng = np.random.default_rng(seed)
    observations = torch.from_numpy(rng.normal(size=(tasks, count, policy.config["observation_dim"])))
    with torch.no_grad():
        distribution = policy(observations)
        actions = distribution.mean + distribution.stddev * torch.from_numpy(rng.normal(size=distribution.mean.shape))
        log_probs = distribution.log_prob(actions).sum(-1)
    advantages = torch.from_numpy(rng.normal(size=(tasks, count)))
    counting = torch.arange(count) < torch.from_numpy(rng.integers(1, count, (tasks, 1)))
    return Steps(observations, actions, log_probs, advantages, counting.double() if ended else None)


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


def soft_target(reward, next_observation, z, noise, actor, target, temperature, discount, reward_scale, over=False):
    """Return the critics' target for one transition, with the density of tanh(u) by its definition."""
    if over:
        return reward_scale * float(reward)
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
