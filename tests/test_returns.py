"""Returns, baselines and advantages, against sums written out."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from oracles import advantage, discounted_sum

from mpsearch.records import Episodes
from mpsearch.returns import RIDGE, discounted_sums, generalised_advantages, linear_values, standardise, task_advantages

numbers = st.floats(-10, 10, width=32)
unit = st.floats(0, 1)


def episodes_of(rewards: np.ndarray, observations: np.ndarray) -> Episodes:
    shape = rewards.shape
    return Episodes(observations.astype(np.float32), np.zeros((*shape, 1)), rewards.astype(np.float32), np.zeros(shape))


@settings(deadline=None, max_examples=50)
@given(arrays(float, (2, 3, 6), elements=numbers), unit, numbers)
def test_discounted_sums_are_the_sums_written_out(rewards, discount, last) -> None:
    sums = discounted_sums(rewards, discount, last)
    for t in range(6):
        expected = discounted_sum(rewards[1, 2, t:], discount, last)
        np.testing.assert_allclose(sums[1, 2, t], expected, rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=50)
@given(arrays(float, (2, 2, 5), elements=numbers), arrays(float, (2, 2, 6), elements=numbers), unit, unit)
def test_advantages_are_the_weighted_sum_of_k_step_estimates(rewards, values, discount, gae_lambda) -> None:
    found = generalised_advantages(rewards, values, discount, gae_lambda)
    for t in range(5):
        expected = advantage(rewards[0, 1, t:], values[0, 1, t:], discount, gae_lambda)
        np.testing.assert_allclose(found[0, 1, t], expected, rtol=1e-7, atol=1e-7)


def test_a_time_limit_is_not_a_termination() -> None:
    """What the limit cut off is worth its value: the last advantage must bootstrap from it."""
    rewards, values = np.ones((1, 1, 3)), np.array([[[0.0, 0.0, 0.0, 10.0]]])
    found = generalised_advantages(rewards, values, 0.9, 0.5)
    assert found[0, 0, -1] == 1 + 0.9 * 10
    values[..., -1] = 0.0  # a termination
    assert generalised_advantages(rewards, values, 0.9, 0.5)[0, 0, -1] == 1


def test_the_baseline_of_a_constant_reward_is_its_infinite_sum() -> None:
    """Fitted on ten steps, it knows what follows them: 1 / (1 - discount), at the time limit too."""
    rng = np.random.default_rng(0)
    episodes = episodes_of(np.ones((2, 4, 10)), rng.normal(size=(2, 4, 11, 3)))
    values = linear_values(episodes, np.ones(3), 0.9)
    np.testing.assert_allclose(values, 10.0, rtol=1e-2)


def test_the_baseline_finds_a_value_function_that_is_linear_in_its_features() -> None:
    """A deterministic chain: x halves at each step and pays x, so V(x) = x / (1 - discount / 2)."""
    x = np.linspace(-2, 2, 8)[None, :, None] * 0.5 ** np.arange(21)  # [1, 8, 21]
    values = linear_values(episodes_of(x[..., :-1], x[..., None]), np.ones(1), 0.9)
    np.testing.assert_allclose(values, x / (1 - 0.45), atol=2e-3)


def test_the_baseline_of_a_finite_horizon_counts_what_is_left_of_the_time() -> None:
    """A reward of 1 a step and no discount: with t of 20 steps gone, 20 - t are left, whatever is observed."""
    rng = np.random.default_rng(0)
    episodes = episodes_of(np.ones((2, 4, 20)), rng.normal(size=(2, 4, 21, 3)))
    values = linear_values(episodes, np.ones(3), 1.0, finite_horizon=True)
    np.testing.assert_allclose(values, np.broadcast_to(20.0 - np.arange(21), values.shape), atol=0.05)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), unit)
def test_the_baseline_of_a_finite_horizon_is_the_least_squares_fit_with_powers_of_time(seed, discount) -> None:
    rng = np.random.default_rng(seed)
    rewards, x = rng.normal(size=(1, 6, 12)), rng.normal(size=(1, 6, 13, 2))
    time = np.arange(12) / 12
    columns = [(*x[0, e, t], *x[0, e, t] ** 2, 1.0, time[t], time[t] ** 2, time[t] ** 3) for e, t in np.ndindex(6, 12)]
    target = [discounted_sum(rewards[0, e, t:], discount, 0.0) for e, t in np.ndindex(6, 12)]
    gram = np.array(columns).T @ np.array(columns)
    ridge = RIDGE * np.diag(gram).mean() * np.eye(len(gram))
    weights = np.linalg.solve(gram + ridge, np.array(columns).T @ np.array(target))
    values = linear_values(episodes_of(rewards, x), np.ones(2), discount, finite_horizon=True)
    np.testing.assert_allclose(values[0, :, :-1].ravel(), np.array(columns) @ weights, atol=0.02)
    assert (values[..., -1] == 0).all()


def test_where_observations_drift_only_the_baseline_of_a_finite_horizon_stays_within_what_can_be_earned() -> None:
    """The reward falls from 1 to 0, and the observation with it, so the other baseline expects it to fall on."""
    drift = np.linspace(1, 0, 201) * np.ones((1, 20, 1))
    drift += np.random.default_rng(3).normal(scale=0.05, size=drift.shape)
    episodes = episodes_of(drift[..., :-1].clip(0, 1), drift[..., None])
    least = [linear_values(episodes, np.ones(1), 0.99, finite_horizon=finite).min() for finite in (False, True)]
    assert least[0] < -20
    assert least[1] > -1


def test_a_task_is_weighed_as_if_it_were_alone() -> None:
    rng = np.random.default_rng(1)
    rewards, observations = rng.normal(size=(3, 4, 20)), rng.normal(size=(3, 4, 21, 2))
    together = task_advantages(episodes_of(rewards, observations), np.ones(2), 0.99, 0.95)
    alone = task_advantages(episodes_of(rewards[1:2], observations[1:2]), np.ones(2), 0.99, 0.95)
    np.testing.assert_allclose(together[1], alone[0], rtol=1e-4, atol=1e-5)


def test_with_a_shared_scale_tasks_keep_their_weights() -> None:
    advantages = np.random.default_rng(2).normal(3.0, 1.0, (2, 3, 4)) * np.array([1.0, 10.0])[:, None, None]
    found, alone = standardise(advantages, shared_scale=True), standardise(advantages)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), 0.0, atol=1e-12)
    np.testing.assert_allclose(found.std(), 1.0)
    np.testing.assert_allclose(found[1].std() / found[0].std(), advantages[1].std() / advantages[0].std())
    np.testing.assert_allclose(alone.std(axis=(1, 2)), 1.0)


@settings(deadline=None, max_examples=30)
@given(arrays(float, (2, 3, 4), elements=numbers))
def test_standardised_advantages_have_mean_zero_and_spread_one_or_none(advantages) -> None:
    found = standardise(advantages)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), 0, atol=1e-6)
    spread = advantages.std(axis=(1, 2))
    np.testing.assert_allclose(found.std(axis=(1, 2))[spread > 1e-4], 1, rtol=1e-3)
