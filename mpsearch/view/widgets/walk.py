"""A walk small enough to know the truth of: exact values, advantages, and the bias and variance of their estimates.

Seven positions in a row. Each step goes right or left with equal chance and stays at the ends; it is rewarded with 1
if it arrives at the right end, and every reward is read with noise. The question is how much better a step to the
right is than one to the left: Q(s, right) - Q(s, left), which equals the difference of their advantages. A policy
gradient needs no more than that, and a shift of both advantages by a wrong baseline cancels.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np

from mpsearch.errors import UsageError, check_count
from mpsearch.records import Array
from mpsearch.returns import generalised_advantages
from mpsearch.seeding import Streams

POSITIONS = 7  # X
TRUE_DISCOUNT = 0.95  # what is to be estimated looks about 20 steps ahead
EPISODES = 20  # an estimate is a mean over so many, as many as MAML collects
HORIZON = 100  # steps of each; what is left beyond is below 1 % of a value
HERE = np.arange(POSITIONS)
ARRIVAL = np.stack([np.maximum(HERE - 1, 0), np.minimum(HERE + 1, POSITIONS - 1)])  # [2, X] after a step left, right
REWARD = (ARRIVAL == POSITIONS - 1).astype(float)  # [2, X]
TRANSITION = np.eye(POSITIONS)[ARRIVAL].mean(0)  # P [X, X]


@dataclass(frozen=True)
class Estimate:
    """The estimated advantage of a step right over one left, at each of X positions.

    Attributes:
        truth: [X].
        mean, std: [X] expectation and standard deviation of the estimate.
    """

    truth: Array
    mean: Array
    std: Array

    @property
    def bias(self) -> float:
        """Root mean square over the positions of mean - truth."""
        return float(np.sqrt(np.square(self.mean - self.truth).mean()))

    @property
    def scatter(self) -> float:
        """Root mean square over the positions of the standard deviation."""
        return float(np.sqrt(np.square(self.std).mean()))

    @property
    def error(self) -> float:
        """Root mean square error: bias and scatter together."""
        return float(np.hypot(self.bias, self.scatter))


def values(discount: float, error: float = 0.0) -> Array:
    """The values [X] with ``discount``, moved by the share ``error`` of the way to their mean.

    ``V = (I - discount P)^-1 r``. An error of 1 is a critic that has not learned to tell the positions apart.
    """
    _check("discount", discount, 0, 0.99)
    _check("the error of the values", error, 0, 1)
    exact = np.linalg.solve(np.eye(POSITIONS) - discount * TRANSITION, REWARD.mean(0))
    return exact + error * (exact.mean() - exact)


def true_difference() -> Array:
    """Q(s, right) - Q(s, left), [X], at the discount that counts."""
    q = REWARD + TRUE_DISCOUNT * values(TRUE_DISCOUNT)[ARRIVAL]  # [2, X]
    return q[1] - q[0]


def estimate(discount: float, gae_lambda: float, noise: float, error: float) -> Estimate:
    """Expectation and standard deviation of the estimate from ``EPISODES`` endless episodes with either first step.

    With c = discount * lambda and delta the temporal difference, the advantage estimate of a step is
    ``A = delta + c A'``; so its mean solves ``m = E[delta] + c P m`` and its second moment
    ``M = E[delta^2 + 2 c delta m'] + noise^2 + c^2 P M``.

    Args:
        discount: gamma of the estimate and of its values, 0 to 0.99.
        gae_lambda: lambda, 0 to 1.
        noise: standard deviation of the noise of each reward, 0 to 100.
        error: of the values, 0 to 1; see :func:`values`.

    Raises:
        UsageError: a number is out of range.
    """
    _check("lambda", gae_lambda, 0, 1)
    _check("noise", noise, 0, 100)
    v, c, identity = values(discount, error), discount * gae_lambda, np.eye(POSITIONS)
    delta = REWARD + discount * v[ARRIVAL] - v  # [2, X]
    first = np.linalg.solve(identity - c * TRANSITION, delta.mean(0))
    squares = delta**2 + 2 * c * delta * first[ARRIVAL] + noise**2
    second = np.linalg.solve(identity - c**2 * TRANSITION, squares.mean(0))
    mean = delta + c * first[ARRIVAL]  # [2, X], now of the two first steps
    variance = noise**2 + c**2 * (second - first**2)[ARRIVAL]
    return Estimate(true_difference(), mean[1] - mean[0], np.sqrt(variance.sum(0).clip(0) / EPISODES))


def sampled_difference(discount: float, gae_lambda: float, noise: float, error: float, seed: int) -> Array:
    """The same estimate [X] from episodes that were walked, by :func:`mpsearch.returns.generalised_advantages`."""
    rng = Streams(check_count("seed", seed, 0)).numpy("walk")
    shape = (2, POSITIONS, EPISODES, HORIZON)
    moves = rng.integers(0, 2, shape)
    moves[..., 0] = np.arange(2)[:, None, None]  # the first step is the one in question
    path = np.broadcast_to(HERE[:, None, None], (*shape[:-1], HORIZON + 1)).copy()
    for t in range(HORIZON):
        path[..., t + 1] = ARRIVAL[moves[..., t], path[..., t]]
    rewards = REWARD[moves, path[..., :-1]] + noise * rng.standard_normal(shape)
    advantages = generalised_advantages(rewards, values(discount, error)[path], discount, gae_lambda)
    left, right = advantages[..., 0].mean(-1)
    return right - left


def _check(name: str, value: float, low: float, high: float) -> None:
    if not isinstance(value, Real) or not low <= value <= high:
        raise UsageError(f"{name} must be a number from {low:g} to {high:g}, not {value!r}")
