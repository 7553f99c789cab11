"""Point navigation: moves, clips and pays as its docstring says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpsearch.errors import UsageError
from mpsearch.tasks import PointNavigation

GOALS = np.array([[0.3, -0.2], [-0.1, 0.1]])


def slow_episode(goal, actions, sparse):
    """Positions and rewards of one point, one number at a time."""
    x = y = 0.0
    track = []
    for a, b in actions:
        x += 0.1 * min(max(a, -1.0), 1.0)
        y += 0.1 * min(max(b, -1.0), 1.0)
        r = math.hypot(x - goal[0], y - goal[1])
        track.append((x, y, -r if not sparse else 1 - r if r <= 0.2 else 0.0))
    return np.array(track)


@pytest.mark.parametrize("sparse", [False, True])
@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32), scale=st.sampled_from([0.5, 3.0]))
def test_positions_and_rewards_equal_the_oracles(sparse, seed, scale) -> None:
    actions = np.random.default_rng(seed).uniform(-scale, scale, (25, 2, 3, 2))
    batch = PointNavigation(sparse=sparse).make_batch(GOALS, 3)
    assert (batch.reset(np.random.default_rng(0)) == 0.0).all()
    steps = [batch.step(action) for action in actions]
    for k, e in np.ndindex(2, 3):
        expected = slow_episode(GOALS[k], actions[:, k, e], sparse)
        ours = np.array([[*observation[k, e], reward[k, e]] for observation, reward in steps])
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)


def test_the_sparse_reward_by_hand() -> None:
    tasks = PointNavigation(sparse=True)
    assert tasks.reward(np.array([0.0, 0.125, 0.2, 0.201, 5.0])).tolist() == [1.0, 0.875, 0.8, 0.0, 0.0]
    assert PointNavigation().reward(np.array([0.0, 5.0])).tolist() == [0.0, -5.0]


def test_a_full_action_moves_a_tenth_and_a_greater_one_no_further() -> None:
    batch = PointNavigation().make_batch(GOALS[:1], 3)
    batch.reset(np.random.default_rng(0))
    observation, _ = batch.step(np.array([[[1.0, -1.0], [7.0, -1e9], [0.5, 0.0]]]))
    assert observation.tolist() == [[[0.1, -0.1], [0.1, -0.1], [0.05, 0.0]]]


def test_an_earlier_observation_is_not_changed_by_a_later_step() -> None:
    batch = PointNavigation().make_batch(GOALS[:1], 1)
    first = batch.reset(np.random.default_rng(0))
    batch.step(np.ones((1, 1, 2)))
    assert (first == 0.0).all()
    assert (batch.reset(np.random.default_rng(0)) == 0.0).all()
    assert batch.time == 0


@pytest.mark.parametrize("size", [0, -1, np.inf, np.nan])
def test_a_square_has_a_size(size) -> None:
    with pytest.raises(UsageError, match="size must be positive and finite"):
        PointNavigation(size=size)


def test_a_goal_outside_the_square_is_refused() -> None:
    assert PointNavigation(size=1.0).check([[0.9, -0.9]]).tolist() == [[0.9, -0.9]]
    with pytest.raises(UsageError, match=r"x must lie in \[-0.5, 0.5\], y must lie in \[-0.5, 0.5\]"):
        PointNavigation().check([[0.9, 0.0]])
