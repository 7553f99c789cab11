"""The exercises of lesson 01, reinforcement learning by policy gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mpsearch.course.exercises.exercise import FillIn, FindTheBug, Predict, Trial
from mpsearch.course.exercises.losses import check_loss, gradient_vector
from mpsearch.course.exercises.words import Mistake
from mpsearch.language import say
from mpsearch.policies import PolicyNet, log_prob
from mpsearch.records import Array
from mpsearch.returns import discounted_sums

LESSON = "01_policy_gradient"
SPREAD_FACTOR = 1.5  # spreads whose ratio is smaller count as alike
ERRORS = 3.0  # means that differ by fewer standard errors count as alike


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
        "every step gets the whole return of its episode; rewards before step t must not count": _whole_return,
        "the discount is missing": lambda r, d: discounted_sums(r, 1.0),
        "the discount counts from the start of the episode; it must count from step t": _discounted_from_the_start,
        "the sum runs the wrong way: it adds the rewards before step t; add those after it": lambda r, d: (
            discounted_sums(r[:, ::-1], d)[:, ::-1]
        ),
        "the reward of step t itself is missing from its sum": lambda r, d: discounted_sums(r, d) - r,
        "later rewards are not added: each step has its own reward alone": lambda r, d: r,
        "the sum runs over the episodes (axis 0); it must run over time (axis 1)": lambda r, d: (
            discounted_sums(r.T, d).T
        ),
    },
    hints=(
        "The last step is easy: nothing follows it. What about the one before it?",
        "Each step needs only its own reward and the sum of the step after it: G_t = r_t + discount * G_{t+1}.",
        "Loop over t from the last step to the first, and fill sums[:, t] for all episodes at once.",
    ),
    stops={
        "for axis 0": "the first axis of rewards [E, T] is the episode; step t of all episodes is rewards[:, t]",
        "for axis 1": "step t + 1 does not exist after the last step; begin there with 0, and keep what follows in a"
        " variable",
        "too many indices": "the sums need both axes of rewards, [E, T]: np.zeros(rewards.shape)",
        "array element with a sequence": "the sums need both axes of rewards, [E, T]: np.zeros(rewards.shape)",
        "broadcast": "an array has another number of steps: rewards are [E, T], so T is rewards.shape[1]",
    },
    moral="one loop from the last step to the first computes all sums. The library's `discounted_sums` does the same.",
)


def estimates_outcome(estimates: Mapping[str, Array]) -> str:
    """Say whether the mean or the spread differs between gradient ``estimates``.

    There are N estimates for each baseline, computed from the same episodes.
    """
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
    also={"variance": "spread", "noise": "spread", "nothing": "neither", "none": "neither", "mean and spread": "both"},
    hints=(
        "Look at the derivation above. What does it assume about the number b?",
        "It assumes only that b does not depend on the action. Is this true of the number 50?",
        "So the mean does not change. But each sample is the score times (G - b). How large is it if b is large?",
    ),
    moral="Any baseline leaves the mean alone, even a bad one. A good baseline reduces the noise; a bad one"
    " increases it.",
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
    """Return the gradient of the loss ``function(policy, ...)`` with respect to the policy's parameters, as a vector.

    Raises:
        Mistake: the loss is not a number in a tensor, or it has no gradient.
    """
    loss = check_loss(function(*arguments), say("take the mean over the steps"))
    if not loss.requires_grad:
        raise Mistake(
            "the loss carries no gradient: something on the way to it was detached"
            " (by .detach(), .item(), .data, .numpy() or torch.no_grad())"
        )
    return gradient_vector(loss, arguments[0])


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
        "every log-probability still meets every advantage: the product of [N] and [N, 1] is [N, N]": _every_pair,
        "the sum over the numbers of an action is missing: their log-probabilities add up": _mean_over_actions,
        "the advantages have no effect on the gradient": lambda p, o, a, w: -log_prob(p(o), a).mean(),
    },
    hints=(
        "No line raises an error, and the formula looks right. Print the shapes of the two factors.",
        "log_probs has shape [N], advantages has shape [N, 1]. Which shape does PyTorch give their product?",
        "It makes [N, N]: each log-probability times each advantage. Bring both to one shape before you multiply.",
    ),
    stops={
        "Dimension out of range": "there is no such axis: log-probabilities are [N], and a loss is one number, a mean"
        " over all of them",
        "cannot be multiplied": "a product of matrices was asked for; multiply number by number, with *",
        "must match the size": "the log-probability of an action is one number, [N]: that is log_prob(...), and not"
        " .log_prob(...) of each part of an action",
        "out of bounds for dimension": "advantages are [N, 1]: the second axis holds one number",
    },
    moral="now each log-probability is multiplied by its own advantage. Before, the mean over all pairs was the"
    " product of the two means. As the mean advantage is 0, the policy learned nothing, and no error said so.",
)
