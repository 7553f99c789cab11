"""The exercises of lesson 01, reinforcement learning by policy gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from mpsearch.course.exercises.exercise import FillIn, FindTheBug, Predict, Trial
from mpsearch.course.exercises.words import Mistake
from mpsearch.policies import PolicyNet, log_prob
from mpsearch.records import Array
from mpsearch.returns import discounted_sums

LESSON = "01_policy_gradient"
SPREAD_FACTOR = 1.5  # spreads that differ by less are called alike
ERRORS = 3.0  # means that differ by fewer standard errors are called alike


def _reward_trials() -> list[Trial]:
    rng = np.random.default_rng(1)
    return [
        ("rewards [[1, 0, 2], [0, 4, 1]] and discount 0.5", (np.array([[1.0, 0.0, 2.0], [0.0, 4.0, 1.0]]), 0.5)),
        ("rewards of shape (3, 4) and discount 0.9", (rng.normal(size=(3, 4)), 0.9)),
        ("rewards of shape (2, 5) and discount 1", (rng.normal(size=(2, 5)), 1.0)),
    ]


def _powers(rewards: Array, discount: float) -> Array:
    return discount ** np.arange(rewards.shape[1])  # [T]


def _whole_return(rewards: Array, discount: float) -> Array:
    return np.broadcast_to((rewards * _powers(rewards, discount)).sum(1, keepdims=True), rewards.shape)


def _discounted_from_the_start(rewards: Array, discount: float) -> Array:
    return discounted_sums(rewards * _powers(rewards, discount), 1.0)


def _one_step_ahead(rewards: Array, discount: float) -> Array:
    following = np.zeros_like(rewards)
    following[:, :-1] = rewards[:, 1:]
    return np.asarray(rewards + discount * following)


def _last_left_out(rewards: Array, discount: float) -> Array:
    return discounted_sums(np.concatenate([rewards[:, :-1], np.zeros_like(rewards[:, :1])], axis=1), discount)


def _one_long_episode(rewards: Array, discount: float) -> Array:
    """As if a sum carried over: each episode's last step adds what the episode before it began with."""
    sums, following = np.zeros_like(rewards), 0.0
    for e, t in np.ndindex(rewards.shape):
        following = rewards[e, -1 - t] + discount * following
        sums[e, -1 - t] = following
    return sums


rewards_to_go = FillIn(
    lesson=LESSON,
    name="rewards_to_go",
    reference=discounted_sums,
    trials=_reward_trials,
    mistakes={
        "the reward of step t is discounted too; it counts in full, only what follows is discounted": lambda r, d: (
            d * discounted_sums(r, d)
        ),
        "only one step ahead is looked at; the sum must go on to the end": _one_step_ahead,
        "the last step is left out; begin the loop there": _last_left_out,
        "the sum of one episode goes on into the next; begin each episode with 0": _one_long_episode,
        "the sums are divided by the number of steps; G_t is a sum, not a mean": lambda r, d: (
            discounted_sums(r, d) / r.shape[1]
        ),
        "every step gets the whole return of its episode; what came before step t must not count": _whole_return,
        "the discount is missing": lambda r, d: discounted_sums(r, 1.0),
        "the discount counts from the start of the episode; at step t, r_t counts in full": _discounted_from_the_start,
        "the sum runs the wrong way: it adds up what came before step t, and should add up what follows": lambda r, d: (
            discounted_sums(r[:, ::-1], d)[:, ::-1]
        ),
        "the reward of step t itself is missing from its sum": lambda r, d: discounted_sums(r, d) - r,
        "what follows is not added: each step has its own reward alone": lambda r, d: r,
        "the sum runs over the episodes (axis 0) and should run over time (axis 1)": lambda r, d: (
            discounted_sums(r.T, d).T
        ),
    },
    hints=(
        "The last step is easy: nothing follows it. What about the one before it?",
        "Each step needs only its own reward and the sum of the step after it: G_t = r_t + discount * G_{t+1}.",
        "Loop over t from the last step to the first, and fill sums[:, t] for all episodes at once.",
    ),
    moral="one pass from the end gives all the sums. The library's `discounted_sums` does the same.",
)


def estimates_outcome(estimates: Mapping[str, Array]) -> str:
    """What differs between gradient ``estimates``, [N] for each baseline, from the same episodes."""
    pairs = list(combinations(estimates.values(), 2))
    spreads = any(max(a.std(), b.std()) > SPREAD_FACTOR * min(a.std(), b.std()) for a, b in pairs)
    means = any(abs((a - b).mean()) > ERRORS * (a - b).std() / np.sqrt(len(a)) for a, b in pairs)
    return {(True, True): "both", (True, False): "mean", (False, True): "spread", (False, False): "neither"}[
        (means, spreads)
    ]


baselines = Predict(
    lesson=LESSON,
    name="baselines",
    choices=("mean", "spread", "both", "neither"),
    outcome=estimates_outcome,
    hints=(
        "Look at the derivation above: what did it assume about the number b?",
        "It assumed only that b does not depend on the action. Is 50 such a number?",
        "So the mean cannot change. But each sample is the score times (G - b): what does a large b do to its size?",
    ),
    moral="Any baseline leaves the mean alone, even a silly one. A good one takes noise away; a bad one adds noise.",
)


def _loss_trials() -> list[Trial]:
    generator = torch.Generator().manual_seed(2)
    trials = []
    for count, actions in ((5, 2), (4, 3)):
        policy = PolicyNet(2, actions, hidden=(8,)).initialise(generator)
        data = [torch.randn(count, width, generator=generator) for width in (2, actions, 1)]
        words = f"{count} observations [{count}, 2], actions [{count}, {actions}] and advantages [{count}, 1]"
        trials.append((words, (policy, *data)))
    return trials


def loss_gradient(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Tensor:
    """The gradient, as one vector, of the loss ``function(policy, ...)`` in the policy's parameters."""
    policy = arguments[0]
    loss = function(*arguments)
    if not isinstance(loss, Tensor):
        raise Mistake(f"the loss is of type {type(loss).__name__}; it must be a tensor, or no gradient can flow back")
    if loss.ndim:
        raise Mistake(f"the loss has shape {tuple(loss.shape)}; it must be one number: take the mean over the steps")
    if not loss.requires_grad:
        raise Mistake(
            "the loss carries no gradient: something on the way was detached"
            " (by .detach(), .item(), .data, .numpy() or torch.no_grad())"
        )
    gradients = torch.autograd.grad(loss, list(policy.parameters()), allow_unused=True, materialize_grads=True)
    return parameters_to_vector(gradients)


def _right_loss(policy: PolicyNet, observations: Tensor, actions: Tensor, advantages: Tensor) -> Tensor:
    return -(log_prob(policy(observations), actions) * advantages.squeeze(-1)).mean()


def _every_pair(policy: PolicyNet, observations: Tensor, actions: Tensor, advantages: Tensor) -> Tensor:
    return -(log_prob(policy(observations), actions) * advantages).mean()


def _mean_over_actions(policy: PolicyNet, observations: Tensor, actions: Tensor, advantages: Tensor) -> Tensor:
    return -(policy(observations).log_prob(actions) * advantages).mean()


policy_loss = FindTheBug(
    lesson=LESSON,
    name="policy_loss",
    reference=_right_loss,
    trials=_loss_trials,
    probe=loss_gradient,
    result="the gradient of the loss",
    mistakes={
        "the advantages are moved to mean 0 once more; they come ready, use them as they are": lambda p, o, a, w: (
            _right_loss(p, o, a, w - w.mean())
        ),
        "the advantages are scaled once more; they come ready, use them as they are": lambda p, o, a, w: _right_loss(
            p, o, a, (w - w.mean()) / w.std()
        ),
        "the sign of the advantages is lost, so bad actions are made likelier too": lambda p, o, a, w: _right_loss(
            p, o, a, w.abs()
        ),
        "the probability is weighed and not its logarithm, whose gradient is the score": lambda p, o, a, w: (
            -(log_prob(p(o), a).exp() * w.squeeze(-1)).mean()
        ),
        "every log-probability still meets every advantage: [N] times [N, 1] makes [N, N]": _every_pair,
        "the sum over the numbers of an action is missing: their log-probabilities add up": _mean_over_actions,
        "the advantages have no effect on the gradient": lambda p, o, a, w: -log_prob(p(o), a).mean(),
    },
    hints=(
        "No line fails, and the formula looks right. Print the shape of everything that is multiplied.",
        "log_probs has shape [N], advantages has shape [N, 1]. What does PyTorch make of their product?",
        "It makes [N, N]: each log-probability times each advantage. Bring both to one shape before you multiply.",
    ),
    moral="now each log-probability meets its own advantage. Before, the mean over all pairs was the product of two"
    " means, and the mean advantage is 0: a policy that never learns, and never complains.",
)
