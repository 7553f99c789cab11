"""The pictures of the market and of the penalty kicks."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mpsearch import Market, PenaltyKicks
from mpsearch.errors import UsageError
from mpsearch.records import AdaptationResult, Episodes
from mpsearch.view.applications import picture_of


def recorded(family, task):
    """The record of one episode in which the optimal rule acted."""
    batch = family.make_batch(family.check([task]), 1)
    observations, track = [batch.reset(np.random.default_rng(3))], [batch.positions()[:, 0]]
    rewards = []
    for _ in range(family.horizon):
        observation, reward = batch.step(family.optimum(batch))
        rewards.append(reward)
        observations.append(observation)
        track.append(batch.positions()[:, 0])
    episodes = Episodes(
        np.stack(observations, 2),
        np.zeros((1, 1, family.horizon, 1)),
        np.stack(rewards, 2),
        np.zeros((1, 1, family.horizon)),
        np.stack(track, 1),
    )
    return AdaptationResult.of_stages(batch.tasks, [episodes], lambda k, s: np.zeros_like)


CASES = [(Market(), [-0.6, 1.0]), (PenaltyKicks(), [0.1, 0.7, -0.5])]


@pytest.mark.parametrize(("family", "task"), CASES, ids=["market", "penalty-kicks"])
def test_the_picture_shows_the_recorded_episode(family, task):
    result = recorded(family, task)
    axes = picture_of(family.id).plot(result, 0, 0)
    track = result.trajectories[0, 0]
    if family.id == "market":
        price, gain = (line.get_ydata() for line in axes.lines)
        assert np.array_equal(price, track[:, 0])
        assert gain[-1] == pytest.approx(result.returns[0, 0, 0])
    else:
        run_up, shot, dive = (points.get_offsets()[:, 0] / 3.66 for points in axes.collections[1:])
        assert np.allclose(run_up, track[:-1, 0])
        assert np.allclose([shot, dive], track[1:, 1:].T)
        assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first kick is at the top
    plt.close("all")


def test_the_words_give_the_data():
    words = picture_of("market").describe(recorded(*CASES[0]), 0, 0)
    assert "Trading for 100 days in a market with correlation -0.6 and a daily volatility of 1 %" in words
    words = picture_of("penalty-kicks").describe(recorded(*CASES[1]), 0, 0)
    assert "20 penalty kicks of a shooter whose usual place is 0.4 m from the middle" in words


@pytest.mark.parametrize(("family", "task"), CASES, ids=["market", "penalty-kicks"])
def test_an_episode_that_is_not_finite(family, task):
    result = recorded(family, task)
    broken = replace(result, trajectories=np.full_like(result.trajectories, np.nan))
    with pytest.raises(UsageError, match="not finite in the recorded episode"):
        picture_of(family.id).plot(broken, 0, 0)
