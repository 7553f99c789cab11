"""Trading: a market whose returns trend or revert to the mean, by an amount that the trader is not told."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from mpsearch.errors import check_count
from mpsearch.records import Array
from mpsearch.tasks.applications.application import Application
from mpsearch.tasks.batch import Batch

COST = 0.1  # % for a change of the position by 1, and a quarter of that for a change by 0.5
RISK_AVERSION = 0.3  # per %; how much expected return in % the trader gives up for a variance of 1 %^2, times two


class Market(Application):
    """Trade in a market whose regime is not told.

    The task is the regime, ``(correlation, volatility)``. The correlation of successive returns is drawn from
    U(-0.8, 0.8): below 0 the price reverts to the mean, above 0 it trends. The volatility, which is the standard
    deviation of a day's return, is drawn from U(0.5, 2) %.

    Observation (3 numbers): the last return in %, the return before it in %, and the present position.
    Action (1 number in [-1, 1], clipped): the new position, as a share of the largest position that is allowed. It is
    negative for a short position.

    Let ``x`` be the last return, ``c`` the correlation and ``v`` the volatility. The next return is
    ``x' = c x + e``, where ``e`` is normal with mean 0 and variance ``s^2 = (1 - c^2) v^2``, so that all returns have
    the standard deviation ``v``. The reward for changing the position from ``p`` to ``a`` is, in %,
    ``a x' - COST (a - p)^2 - RISK_AVERSION / 2 (a s)^2``: the gain minus the trading costs and the price of risk.
    An episode starts with the position 0 and with two returns from the regime. It ends after ``horizon`` days.

    In the middle of an episode, ``batch.tasks[:] = other`` changes the regime of a running batch. The next return
    already comes from the new one.

    Sources: Garleanu and Pedersen 2013 (Dynamic trading with predictable returns and transaction costs) have this
    reward, and the optimal trading rule. A daily volatility of about 1 % is common for shares. What is a toy: a single
    share, no interest, and no growth of the price in the long run, so that holding earns nothing on average. Above
    all, real correlations are much closer to 0: Lo and MacKinlay 1988 found 0.3 for weekly returns of an index, and
    that was one of the largest.

    Args:
        horizon: the number of days in an episode.
    """

    id = "market"
    field = "trading"
    standard_name = "buy and hold"
    observation_dim = 3
    action_dim = 1
    parameter_names = ("correlation", "volatility")
    low, high = np.array([-0.8, 0.5]), np.array([0.8, 2.0])

    def __init__(self, horizon: int = 100) -> None:
        self.horizon = check_count("horizon", horizon)

    @property
    def observation_scale(self) -> Array:
        return np.array([1.0, 1.0, 0.5])

    @property
    def config(self) -> dict[str, Any]:
        return {"horizon": self.horizon}

    def describe_range(self) -> str:
        return f"{super().describe_range()} %; a correlation of returns lies between -1 and 1"

    def make_batch(self, tasks: Array, episodes: int, *, threads: int = 0) -> MarketBatch:
        return MarketBatch(self.check(tasks), episodes, self.action_dim)

    def optimum(self, batch: Batch) -> Array:
        """Return the positions of the optimal linear rule for the true regime, clipped to [-1, 1].

        The rule is optimal if positions are not limited. The limit makes the clipped rule slightly worse than the
        best one, by less than 1 % of the return on average.
        """
        assert isinstance(batch, MarketBatch)
        left = max(1, self.horizon - batch.time)
        rules = np.array([linear_rule(*task, self.horizon)[-left] for task in batch.tasks.tolist()])  # [K, 2]
        positions = rules[:, :1] * batch.returns[0] + rules[:, 1:] * batch.position
        return positions.clip(-1, 1)[..., None]

    def standard(self, batch: Batch) -> Array:
        """Return the position 1: buy on the first day, and hold."""
        return np.ones((*batch.shape, 1))


class MarketBatch(Batch):
    """K x E markets in which someone trades.

    Attributes:
        returns: [2, K, E] the last return and the return before it, in %.
        position: [K, E] the share of the largest position.
        price: [K, E] the sum of the returns since the start, in %.
        gain: [K, E] the sum of the rewards since the start, in %.
    """

    def __init__(self, tasks: Array, episodes: int, action_dim: int) -> None:
        super().__init__(tasks, episodes, action_dim)
        self._reset(np.random.default_rng(0))

    def _reset(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.position, self.price, self.gain = np.zeros((3, *self.shape))
        before = self.tasks[:, 1:] * rng.standard_normal(self.shape)
        self.returns = np.stack([self._next_return(before), before])

    def _next_return(self, last: Array) -> Array:
        correlation, risk = self.tasks[:, :1], innovation(*self.tasks.T)[:, None]
        return correlation * last + risk * self.rng.standard_normal(self.shape)

    def _step(self, actions: Array) -> Array:
        position = actions[..., 0]
        new = self._next_return(self.returns[0])
        risk = innovation(*self.tasks.T)[:, None] * position
        rewards = position * new - COST * (position - self.position) ** 2 - RISK_AVERSION / 2 * risk**2
        self.returns = np.stack([new, self.returns[0]])
        self.position, self.price, self.gain = position, self.price + new, self.gain + rewards
        return np.asarray(rewards)

    def observe(self) -> Array:
        return np.stack([*self.returns, self.position], axis=-1)

    def positions(self) -> Array:
        """Return the price in % of the first one, the position, and the gain in %, [K, E, 3]."""
        return np.stack([self.price, self.position, self.gain], axis=-1)


def innovation(correlation: Any, volatility: Any) -> Any:
    """Return the standard deviation of a return in % if the return before it is known. Any shape is allowed."""
    return np.sqrt(1 - np.square(correlation)) * volatility


@cache
def linear_rule(correlation: float, volatility: float, horizon: int) -> Array:
    """Return the coefficients [horizon, 2] of the best positions ``A x + B p``, where positions are not limited.

    The value of a last return ``x`` and a position ``p`` is ``J p x - L / 2 p^2`` and a part that does not depend on
    ``p``. The recursion runs backwards from the end of the episode, where J and L are 0. In the limit of many steps it
    is the rule of Garleanu and Pedersen 2013, proposition 1.
    """
    risk = RISK_AVERSION * innovation(correlation, volatility) ** 2
    j = curvature = 0.0
    rules = []
    for _ in range(horizon):
        width = risk + 2 * COST + curvature
        slope, keep = correlation * (1 + j) / width, 2 * COST / width
        rules.append((slope, keep))
        j, curvature = 2 * COST * slope, 2 * COST * (1 - keep)
    return np.array(rules[::-1])
