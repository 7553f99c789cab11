"""A family from recommendation: suggest items to a user whose taste is unknown, without boring her."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from mpsearch.errors import UsageError, check_count
from mpsearch.records import Array
from mpsearch.tasks.applications.application import Application
from mpsearch.tasks.batch import Batch

WIDTH = 0.6  # the distance from the taste at which a rating has fallen to exp(-1/2) = 0.61
RATING_NOISE = 0.15  # standard deviation of a rating between 0 and 1 (Amatriain et al. 2009)
SAMENESS = 0.25  # the distance at which two items bore as one to exp(-1/2)


class Taste(Application):
    """Suggest items to a user, one after another, who rates each of them.

    Items are points in the square [-1, 1] x [-1, 1]; near points are similar items. The task is the user's taste
    ``(x, y)``, the item that she likes best, uniform on the square. The space has no unit.

    Observation (2 numbers): the last suggestion. Ratings are not observed. They are only in the reward, so the taste
    must be found out. Action (2 numbers in [-1, 1], clipped): the suggested item. An episode starts with the most
    popular item, the centre (0, 0), as the last suggestion. It ends at the time limit and never terminates before.

    The reward is ``rating + noise - boredom``. The rating of an item at distance ``d`` from the taste is
    ``exp(-d ** 2 / (2 * 0.6 ** 2))``. The noise is normal with a standard deviation of 0.15. The boredom is
    ``boredom * exp(-s ** 2 / (2 * 0.25 ** 2))`` with the distance ``s`` to the last suggestion. So the same item again
    and again bores most, and the best list goes back and forth between two items on both sides of the taste.

    Sources: items and users as points in one space: Koren, Bell and Volinsky 2009. A response that falls with distance
    in such a space: Shepard 1987, and as a Gaussian: Nosofsky 1986. Satiation by what was recently consumed: McAlister
    1982. The noise: people who rate a film a second time differ from their first rating by 0.56 to 0.82 stars of five
    (root mean square, Amatriain et al. 2009); 0.15 of the range are 0.6 stars.

    What is a toy: two dimensions, uniform tastes, every point is an item, the numbers of the boredom, users who are
    bored by their last suggestion only, and who rate every one.

    Args:
        boredom: the weight of the boredom.
        horizon: the number of suggestions in an episode.

    Raises:
        UsageError: ``boredom`` is negative or not finite.
    """

    id = "taste"
    field = "recommendation"
    standard_name = "popular list"
    observation_dim = 2
    action_dim = 2
    parameter_names = ("x", "y")
    low, high = np.full(2, -1.0), np.full(2, 1.0)

    def __init__(self, boredom: float = 0.4, horizon: int = 20) -> None:
        if not 0 <= boredom < np.inf:
            raise UsageError(f"boredom must be a finite number of at least 0, not {boredom}")
        self.boredom, self.horizon = float(boredom), check_count("horizon", horizon)

    @property
    def config(self) -> dict[str, Any]:
        return {"boredom": self.boredom, "horizon": self.horizon}

    def spread(self, n: int = 4) -> Array:
        """Return ``n`` tastes [n, 2], evenly spaced on a circle inside the square."""
        angles = 2 * np.pi * (np.arange(check_count("the number of tasks", n)) + 0.5) / n
        return 0.75 * np.stack([np.cos(angles), np.sin(angles)], axis=-1)

    def rewards(self, items: Array, last: Array, taste: Array) -> Array:
        """Return the rewards [...] without noise of ``items`` [..., 2] after ``last`` was suggested."""
        return likeness(items, taste, WIDTH) - self.boredom * likeness(items, last, SAMENESS)

    def make_batch(self, tasks: Array, episodes: int, *, threads: int = 0) -> TasteBatch:
        return TasteBatch(self, self.check(tasks), episodes)

    def optimum(self, batch: Batch) -> Array:
        """Follow the best list for each taste, which :func:`best_list` computes. It does not depend on the noise."""
        lists = [best_list(self.boredom, self.horizon, tuple(taste)) for taste in batch.tasks]
        return _repeated(np.stack([items[batch.time] for items in lists]), batch)

    def standard(self, batch: Batch) -> Array:
        """Follow the list that is best for the mean over all users."""
        return _repeated(best_list(self.boredom, self.horizon, None)[batch.time][None], batch)


class TasteBatch(Batch):
    """K x E users who get suggestions. ``last`` [K, E, 2] are the last ones."""

    def __init__(self, family: Taste, tasks: Array, episodes: int) -> None:
        super().__init__(tasks, episodes, family.action_dim)
        self.family = family
        self._reset(np.random.default_rng(0))

    def _reset(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.last = np.zeros((*self.shape, 2))

    def _step(self, actions: Array) -> Array:
        rewards = self.family.rewards(actions, self.last, self.tasks[:, None])
        self.last = actions
        return rewards + RATING_NOISE * self.rng.standard_normal(self.shape)

    def observe(self) -> Array:
        """Return the last suggestion [K, E, 2]."""
        return self.last.copy()

    positions = observe


def likeness(a: Array, b: Array | float, width: float) -> Array:
    """Return ``exp(-d ** 2 / (2 * width ** 2))`` [...] for the distances d between points ``a`` and ``b`` [..., 2]."""
    return np.exp(-((a - b) ** 2).sum(axis=-1) / (2 * width**2))


@lru_cache(maxsize=4096)
def best_list(boredom: float, length: int, taste: tuple[float, float] | None) -> Array:
    """Return the items [length, 2] whose sum of rewards is largest for a user, or for the mean user if it is ``None``.

    The noise does not depend on the suggestions, so the best list can be made in advance. It is the best of several
    local optima (L-BFGS-B), which are found from pairs of items around the taste.
    """
    from scipy.optimize import Bounds, minimize

    rating = _mean_rating if taste is None else _rating(np.array(taste))
    centre = np.zeros(2) if taste is None else np.array(taste)
    results = [
        minimize(_loss, start.ravel(), (rating, boredom), jac=True, method="L-BFGS-B", bounds=Bounds(-1, 1))
        for start in _pairs(centre, length)
    ]
    best = min(results, key=lambda result: float(result.fun))
    items: Array = best.x.reshape(length, 2)
    items.flags.writeable = False  # the cache hands the same array to everyone
    return items


Rating = Callable[[Array], tuple[Array, Array]]  # items [N, 2] -> ratings [N] and their gradients [N, 2]


def _rating(taste: Array) -> Rating:
    def rating(items: Array) -> tuple[Array, Array]:
        values = likeness(items, taste, WIDTH)
        return values, values[:, None] * (taste - items) / WIDTH**2

    return rating


def _mean_rating(items: Array) -> tuple[Array, Array]:
    """Return the mean ratings by users with uniform tastes: a product of two integrals of Gaussians."""
    from scipy.special import erf

    scale = np.sqrt(2.0) * WIDTH
    high, low = (1.0 - items) / scale, (-1.0 - items) / scale
    each = np.sqrt(np.pi) * scale * (erf(high) - erf(low)) / 4.0  # half of the integral from -1 to 1
    slope = (np.exp(-(low**2)) - np.exp(-(high**2))) / 2.0
    return each.prod(axis=1), slope * each[:, ::-1]


def _loss(flat: Array, rating: Rating, boredom: float) -> tuple[float, Array]:
    """Return minus the sum of rewards of a list [2 * length], and its gradient."""
    items = flat.reshape(-1, 2)
    ratings, gradient = rating(items)
    steps = np.diff(items, axis=0, prepend=np.zeros((1, 2)))
    bored = boredom * likeness(steps, 0.0, SAMENESS)
    push = bored[:, None] * steps / SAMENESS**2  # the gradient of minus the boredom for the item after each step
    gradient = gradient + push
    gradient[:-1] -= push[1:]
    return float(bored.sum() - ratings.sum()), -gradient.ravel()


def _pairs(centre: Array, length: int) -> list[Array]:
    """Return lists [length, 2] that go back and forth between two items around ``centre``, in several directions."""
    starts = []
    for angle in np.arange(8) * np.pi / 4:
        away = 0.25 * np.array([np.cos(angle), np.sin(angle)])
        starts.append((centre + (-1.0) ** np.arange(length)[:, None] * away).clip(-1, 1))
    return starts


def _repeated(items: Array, batch: Batch) -> Array:
    """Return ``items`` [K or 1, 2] as the actions [K, E, 2] of all episodes."""
    return np.broadcast_to(items[:, None], (*batch.shape, 2))
