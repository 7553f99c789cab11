"""Taste: ratings, boredom and the best lists are those of the docstring."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad

from mpsearch.errors import UsageError
from mpsearch.tasks import Taste
from mpsearch.tasks.applications import rule_returns, taste

USERS = np.array([[0.7, -0.3], [-0.2, 0.9]])
inside = st.tuples(st.floats(-1, 1), st.floats(-1, 1))


def slow_rewards(user, items, boredom=0.4):
    """The rewards of a list without noise, one suggestion at a time."""
    last, rewards = (0.0, 0.0), []
    for x, y in items:
        rating = math.exp(-(math.dist((x, y), user) ** 2) / (2 * 0.6**2))
        rewards.append(rating - boredom * math.exp(-(math.dist((x, y), last) ** 2) / (2 * 0.25**2)))
        last = (x, y)
    return rewards


def test_rewards_equal_the_oracles_but_for_the_noise(monkeypatch) -> None:
    monkeypatch.setattr(taste, "RATING_NOISE", 0.0)
    actions = np.random.default_rng(0).uniform(-1, 1, (7, 2, 3, 2))
    batch = Taste().make_batch(USERS, 3)
    assert (batch.reset(np.random.default_rng(0)) == 0.0).all()
    rewards = np.array([batch.step(action)[1] for action in actions])
    for k, e in np.ndindex(2, 3):
        np.testing.assert_allclose(rewards[:, k, e], slow_rewards(USERS[k], actions[:, k, e]), atol=1e-12)
    assert (batch.observe() == actions[-1]).all()
    assert (batch.positions() == actions[-1]).all()


def test_the_noise_has_the_published_size_and_differs_between_users() -> None:
    batch = Taste().make_batch(np.zeros((1, 2)), 4000)
    batch.reset(np.random.default_rng(0))
    _, rewards = batch.step(np.ones((1, 4000, 2)))
    assert rewards.std() == pytest.approx(0.15, rel=0.05)
    assert rewards.mean() == pytest.approx(slow_rewards((0.0, 0.0), [(1.0, 1.0)])[0], abs=0.01)


def test_rewards_by_hand() -> None:
    zero = np.zeros(2)
    assert Taste().rewards(zero, zero, zero) == 0.6  # liked, but once more
    assert Taste(boredom=0).rewards(zero, zero, zero) == 1.0
    assert Taste().rewards(np.array([0.6, 0.0]), 9 + zero, zero) == pytest.approx(math.exp(-0.5))


@settings(deadline=None, max_examples=10)
@given(user=inside, seed=st.integers(0, 2**32))
def test_no_other_list_is_better_than_the_best_list(user, seed) -> None:
    best = taste.best_list(0.4, 6, user)
    total = sum(slow_rewards(user, best))
    rng = np.random.default_rng(seed)
    others = [rng.uniform(-1, 1, (6, 2)) for _ in range(50)]
    others += [(best + rng.normal(0, 0.1, best.shape)).clip(-1, 1) for _ in range(50)]
    assert total >= max(sum(slow_rewards(user, other)) for other in others) - 1e-6


@pytest.mark.parametrize("user", USERS)
def test_the_best_list_is_that_of_dynamic_programming_on_a_grid(user) -> None:
    grid = np.array(list(itertools.product(np.linspace(-1, 1, 21), repeat=2)))  # 441 items
    gains = Taste().rewards(grid[None], grid[:, None], user)  # [last, item]
    value = np.zeros(len(grid))
    for _ in range(19):
        value = (gains + value).max(axis=1)
    found = (Taste().rewards(grid, np.zeros(2), user) + value).max()
    ours = sum(slow_rewards(user, taste.best_list(0.4, 20, tuple(user))))
    assert found - 1e-9 <= ours <= found + 0.2


@pytest.mark.parametrize("user", [None, (0.4, -0.7)])
def test_the_gradient_of_a_list_equals_finite_differences(user) -> None:
    rating = taste._mean_rating if user is None else taste._rating(np.array(user))
    flat = np.random.default_rng(0).uniform(-1, 1, 14)
    error = check_grad(lambda x: taste._loss(x, rating, 0.4)[0], lambda x: taste._loss(x, rating, 0.4)[1], flat)
    assert error < 1e-6


def test_the_mean_rating_is_the_mean_over_many_users() -> None:
    items = np.array([[0.0, 0.0], [0.5, -0.9]])
    users = Taste().sample(100_000, np.random.default_rng(0))
    expected = [taste.likeness(item, users, 0.6).mean() for item in items]
    np.testing.assert_allclose(taste._mean_rating(items)[0], expected, rtol=1e-3)


def test_the_popular_list_is_worse_than_the_best_one_for_every_user() -> None:
    family = Taste()
    returns = [
        rule_returns(family, rule, USERS, 20, np.random.default_rng(0)) for rule in (family.optimum, family.standard)
    ]
    assert (returns[0].mean(axis=1) > returns[1].mean(axis=1) + 1).all()
    batch = family.make_batch(USERS, 1)
    assert (family.standard(batch)[0] == family.standard(batch)[1]).all()
    assert not (family.optimum(batch)[0] == family.optimum(batch)[1]).any()


def test_one_users_suggestions_do_not_change_anothers_rewards() -> None:
    actions = np.random.default_rng(1).uniform(-1, 1, (4, 2, 1, 2))
    other = actions.copy()
    other[:, 0] = 0.5
    rewards = []
    for each in (actions, other):
        batch = Taste().make_batch(USERS, 1)
        batch.reset(np.random.default_rng(2))
        rewards.append(np.array([batch.step(action)[1] for action in each]))
    assert (rewards[0][:, 1] == rewards[1][:, 1]).all()
    assert not (rewards[0][:, 0] == rewards[1][:, 0]).any()


def test_bad_settings_and_tastes_outside_the_square_are_refused() -> None:
    for boredom in (-0.1, math.inf, math.nan):
        with pytest.raises(UsageError, match="boredom must be a finite number of at least 0"):
            Taste(boredom=boredom)
    with pytest.raises(UsageError, match=r"is not one of taste: x must lie in \[-1, 1\], y must lie in \[-1, 1\]"):
        Taste().check([[0.0, 1.1]])
