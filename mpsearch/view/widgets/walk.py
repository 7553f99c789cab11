"""A random walk so small that its values and advantages, and the bias and variance of estimates, are known exactly.

The walk has seven positions in a row. Each step goes right or left with equal probability. A step beyond an end of
the row stays there. A step that arrives at the right end has reward 1, every other step has reward 0, and noise is
added to each observed reward. The quantity to estimate is how much better a step to the right is than a step to the
left: Q(s, right) - Q(s, left), which equals the difference of their advantages. A policy gradient depends on this
difference only. A wrong baseline shifts both advantages by the same amount, which cancels in the difference.
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
TRUE_DISCOUNT = 0.95  # the discount of the quantity to estimate, which therefore depends on about 20 steps
EPISODES = 20  # an estimate is the mean over this many episodes, as many as MAML collects
HORIZON = 100  # the steps of a sampled episode; later rewards are less than 1 % of a value
HERE = np.arange(POSITIONS)
ARRIVAL = np.stack([np.maximum(HERE - 1, 0), np.minimum(HERE + 1, POSITIONS - 1)])  # [2, X]: left, then right
REWARD = (ARRIVAL == POSITIONS - 1).astype(float)  # [2, X]
TRANSITION = np.eye(POSITIONS)[ARRIVAL].mean(0)  # P [X, X]


@dataclass(frozen=True)
class Estimate:
    """An estimate of the advantage of a step to the right over a step to the left, at each of X positions.

    Attributes:
        truth: [X] the true value.
        mean, std: [X] expectation and standard deviation of the estimate.
    """

    truth: Array
    mean: Array
    std: Array

    @property
    def bias(self) -> float:
        """The root mean square of ``mean - truth`` over the positions."""
        return float(np.sqrt(np.square(self.mean - self.truth).mean()))

    @property
    def scatter(self) -> float:
        """The root mean square of the standard deviation over the positions."""
        return float(np.sqrt(np.square(self.std).mean()))

    @property
    def error(self) -> float:
        """The root mean square error, which combines bias and scatter."""
        return float(np.hypot(self.bias, self.scatter))


def values(discount: float, error: float = 0.0) -> Array:
    """Return the values [X] of a critic with the given ``discount`` and ``error``.

    The exact values are ``V = (I - discount P)^-1 r``. The error, from 0 to 1, moves each value by this fraction of
    the way to the mean of all values. An error of 1 stands for a critic that gives every position the same value.

    Raises:
        UsageError: ``discount`` is not in [0, 0.99], or ``error`` is not in [0, 1].
    """
    _check("discount", discount, 0, 0.99)
    _check("the error of the values", error, 0, 1)
    exact = np.linalg.solve(np.eye(POSITIONS) - discount * TRANSITION, REWARD.mean(0))
    return exact + error * (exact.mean() - exact)


def true_difference() -> Array:
    """Return Q(s, right) - Q(s, left), [X], with the true discount."""
    q = REWARD + TRUE_DISCOUNT * values(TRUE_DISCOUNT)[ARRIVAL]  # [2, X]
    return q[1] - q[0]


def estimate(discount: float, gae_lambda: float, noise: float, error: float) -> Estimate:
    """Compute the expectation and the standard deviation of the advantage estimate.

    The estimate is a mean over ``EPISODES`` infinitely long episodes whose first step goes right, minus the mean over
    as many whose first step goes left. Let c = discount * lambda, and let delta be the temporal difference. The
    advantage estimate of a step is ``A = delta + c A'``, where a prime marks the next step. Its mean therefore solves
    ``m = E[delta] + c P m``, and its second moment solves ``M = E[delta^2 + 2 c delta m'] + noise^2 + c^2 P M``.

    Args:
        discount: the discount gamma of the estimate and of its values, 0 to 0.99.
        gae_lambda: the parameter lambda of the estimate, 0 to 1.
        noise: the standard deviation of the noise of each reward, 0 to 100.
        error: the error of the values, 0 to 1; see :func:`values`.

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
    mean = delta + c * first[ARRIVAL]  # [2, X], for each of the two possible first steps
    variance = noise**2 + c**2 * (second - first**2)[ARRIVAL]
    return Estimate(true_difference(), mean[1] - mean[0], np.sqrt(variance.sum(0).clip(0) / EPISODES))


def sampled_difference(discount: float, gae_lambda: float, noise: float, error: float, seed: int) -> Array:
    """Compute one estimate [X] from sampled episodes, with :func:`mpsearch.returns.generalised_advantages`."""
    rng = Streams(check_count("seed", seed, 0)).numpy("walk")
    shape = (2, POSITIONS, EPISODES, HORIZON)
    moves = rng.integers(0, 2, shape)
    moves[..., 0] = np.arange(2)[:, None, None]  # the first step goes left in one half and right in the other
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
