"""The exercises of lesson 06, PEARL."""

from __future__ import annotations

import torch
from torch import Tensor

from mpsearch.course.exercises.exercise import FillIn, FindTheBug, Predict, Trial
from mpsearch.course.exercises.lesson_06_encoder import LESSON
from mpsearch.course.exercises.lesson_06_encoder import encoder as encoder
from mpsearch.course.exercises.lesson_06_network import load_weights as load_weights
from mpsearch.pearl.networks import squash
from mpsearch.rollouts import HALF_LOG_2PI

ALIKE = 1.2  # distances whose ratio is smaller count as the same


def _posterior_trials() -> list[Trial]:
    generator = torch.Generator().manual_seed(1)
    means, variances = torch.randn(5, 2, generator=generator), torch.rand(5, 2, generator=generator) + 0.1
    return [
        ("means [[2], [5]] and variances [[1], [0.5]]", (torch.tensor([[2.0], [5.0]]), torch.tensor([[1.0], [0.5]]))),
        ("5 factors of 2 dimensions each", (means, variances)),
        ("no factor at all", (torch.zeros(0, 3), torch.ones(0, 3))),
    ]


def _posterior(means: Tensor, variances: Tensor, prior: float = 1.0) -> Tensor:
    """Return the mean and the standard deviation, [2, Z], of the product of N Gaussians and N(0, 1 / ``prior``)."""
    precisions = 1 / variances
    total = prior + precisions.sum(0)
    return torch.stack([(precisions * means).sum(0) / total, total.rsqrt()])


def _prior_in_one(means: Tensor, variances: Tensor, *, in_mean: bool) -> Tensor:
    """Return the posterior whose prior counts in the mean only, or in the standard deviation only."""
    with_prior, without = _posterior(means, variances), _posterior(means, variances, prior=0.0)
    return torch.stack([with_prior[0], without[1]] if in_mean else [without[0], with_prior[1]])


def _plain_mean(means: Tensor, variances: Tensor) -> Tensor:
    return torch.stack([means.mean(0), _posterior(means, variances)[1]])


def _by_variance(means: Tensor, variances: Tensor) -> Tensor:
    mean = (variances * means).sum(0) / (1 + variances.sum(0))
    return torch.stack([mean, _posterior(means, variances)[1]])


def _by_std(means: Tensor, variances: Tensor) -> Tensor:
    return _posterior(means, variances.sqrt())


def _mean_precision(means: Tensor, variances: Tensor) -> Tensor:
    mean, _ = _posterior(means, variances)
    return torch.stack([mean, (1 / variances).mean(0).rsqrt()])


def _squared_width(means: Tensor, variances: Tensor) -> Tensor:
    mean, std = _posterior(means, variances)
    return torch.stack([mean, std.square()])


def _total_precision(means: Tensor, variances: Tensor) -> Tensor:
    mean, std = _posterior(means, variances)
    return torch.stack([mean, std.pow(-2)])


posterior = FillIn(
    lesson=LESSON,
    name="posterior",
    reference=_posterior,
    trials=_posterior_trials,
    result="the pair of mean and standard deviation",
    stops={
        "mat1 and mat2 shapes": "means * variances multiplies number by number; @ is the product of matrices",
        "must match the size": "two arrays have different axes: sum the transitions away, which are axis 0",
        "not a Tensor": "means and variances are torch tensors: use torch, or their own methods such as .sum(0)",
    },
    mistakes={
        "the prior is missing: it is one more factor, with mean 0 and precision 1": lambda m, v: _posterior(
            m, v, prior=0.0
        ),
        "the prior is missing in the mean: divide by the same total as in the standard deviation": (
            lambda m, v: _prior_in_one(m, v, in_mean=False)
        ),
        "the prior is missing in the standard deviation: its precision 1 belongs into the total": (
            lambda m, v: _prior_in_one(m, v, in_mean=True)
        ),
        "the two results are swapped: the mean comes first": lambda m, v: _posterior(m, v).flip(0),
        "all factors have the same weight in the mean; each must weigh by its precision": _plain_mean,
        "the weights are the variances, so the least certain one counts most; use 1 / variance": _by_variance,
        "1 / standard deviation is used as the precision, but it is 1 / variance": _by_std,
        "the precisions are averaged, so more transitions do not narrow the belief; they add up": _mean_precision,
        "the second result is the variance; return its square root": _squared_width,
        "the second result is the total precision; the standard deviation is 1 / sqrt of it": _total_precision,
        "the standard deviations are right, but the means are divided by nothing": lambda m, v: torch.stack(
            [(m / v).sum(0), _posterior(m, v)[1]]
        ),
    },
    hints=(
        "Work with precisions, 1 / variance. What does a product of Gaussians do to them?",
        "They add up, and the prior adds 1: total = 1 + precisions.sum(0). The standard deviation is 1 / sqrt(total).",
        "The mean is (precisions * means).sum(0) / total. The prior's mean is 0, so it adds nothing to the numerator.",
    ),
    moral="the factors may come in any order and number, and without a factor the prior is left. The library's encoder"
    " computes the same.",
)


def _squash_trials() -> list[Trial]:
    generator = torch.Generator().manual_seed(2)
    mean, log_std, noise = (torch.randn(4, 2, generator=generator) for _ in range(3))
    one = (torch.tensor([[0.5]]), torch.tensor([[0.0]]), torch.tensor([[1.0]]))
    return [
        ("mean 0.5, standard deviation 1 and noise 1", one),
        ("4 actions of 2 numbers each", (0.5 * mean, 0.3 * log_std, noise)),
    ]


def _right_density(mean: Tensor, log_std: Tensor, noise: Tensor) -> Tensor:
    return squash(mean, log_std, noise)[1]


def _parts(mean: Tensor, log_std: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return the log-density of u, the action before tanh, and log da/du, [N, A] each."""
    gaussian = -0.5 * noise.square() - log_std - HALF_LOG_2PI
    return gaussian, torch.log(1 - torch.tanh(mean + log_std.exp() * noise).square())


def _added(mean: Tensor, log_std: Tensor, noise: Tensor) -> Tensor:
    gaussian, slope = _parts(mean, log_std, noise)
    return (gaussian + slope).sum(-1)


def _without_std(mean: Tensor, log_std: Tensor, noise: Tensor) -> Tensor:
    return _right_density(mean, log_std, noise) + log_std.sum(-1)


squashed_log_prob = FindTheBug(
    lesson=LESSON,
    name="squashed_log_prob",
    reference=_right_density,
    trials=_squash_trials,
    mistakes={
        "the correction still has the wrong sign: where tanh is flat, many u give nearly the same action,"
        " so the density of the action is larger there": _added,
        "the correction is missing: this is the density of u, not that of the action": lambda m, s, n: _parts(m, s, n)[
            0
        ].sum(-1),
        "the Gaussian's own - log_std is gone; put it back": _without_std,
        "the log-densities of an action's numbers are averaged; they add up": lambda m, s, n: (
            _right_density(m, s, n) / m.shape[-1]
        ),
    },
    hints=(
        "Every line looks like the derivation. Compare them one by one, including the signs.",
        "p(a) is p(u) divided by da/du. What does a division become when you take the logarithm?",
        "It becomes a subtraction. Look at what the last line does with log_slope.",
    ),
    moral="density is probability per unit of width: where tanh is flat, the same probability lies in a smaller width."
    " With the wrong sign, actions near -1 and 1 seem to be rare, and the entropy bonus drives the policy to them.",
)


def contexts_outcome(taught_by_knowing: float, taught_by_exploring: float) -> str:
    """Say how the first encoder's error compares with the second's. Both are tested on exploration data."""
    if taught_by_knowing > ALIKE * taught_by_exploring:
        return "worse"
    return "better" if taught_by_exploring > ALIKE * taught_by_knowing else "same"


contexts = Predict(
    lesson=LESSON,
    name="contexts",
    choices=("better", "same", "worse"),
    outcome=contexts_outcome,
    also={
        "equal": "same",
        "alike": "same",
        "no difference": "same",
        "less accurate": "worse",
        "more accurate": "better",
    },
    hints=(
        "In the first data, what is the easiest way to find out where the goal is? Is the reward needed for it?",
        "It is enough to see where the agent walks. What does an explorer's walk, which may go anywhere, say?",
        "The encoder takes every explorer's walk for one to the goal. Is its guess then close to the goal or far off?",
    ),
    moral="The first encoder learned to read the task from the behaviour. The behaviour of an explorer says nothing"
    " about the task, but the encoder still relies on it.",
)
