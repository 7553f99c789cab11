"""The shooter: her aims, the rewards, and the best response to known habits."""

from statistics import NormalDist

import numpy as np
import pytest

from mpsearch import PenaltyKicks, make_distribution
from mpsearch.errors import UsageError
from mpsearch.tasks.applications import rule_returns
from mpsearch.tasks.applications.penalty_kicks import EFFORT, REACH, SCATTER, best_dives


def mean_return(family, rule, tasks, episodes=300):
    return rule_returns(family, rule, np.array(tasks), episodes, np.random.default_rng(5)).mean()


def one_kick(task, run_up, shot, dive, noise, action):
    """A slow and obvious kick: the new shot and the reward."""
    place, tell, reaction = task
    aim = place + tell * run_up + reaction * np.exp(-(((shot - dive) / REACH) ** 2) / 2) * shot
    new = min(1.0, max(-1.0, min(1.0, max(-1.0, aim)) + SCATTER * noise))
    return new, np.exp(-(((new - action) / REACH) ** 2) / 2) - EFFORT * action**2


def test_an_episode_is_that_of_the_slow_oracle():
    task = [0.2, -0.7, 0.8]
    batch = PenaltyKicks().make_batch(np.array([task]), 1)
    run_up, shot, dive = batch.reset(np.random.default_rng(7))[0, 0]
    assert (shot, dive) == (0, 0)
    rng = np.random.default_rng(7)
    assert run_up == rng.uniform(-1, 1, (1, 1))[0, 0]
    for action in np.random.default_rng(8).uniform(-1, 1, 20):
        shot, expected = one_kick(task, run_up, shot, dive, rng.standard_normal((1, 1))[0, 0], action)
        run_up, dive = rng.uniform(-1, 1, (1, 1))[0, 0], action
        observation, reward = batch.step(np.array([[[action]]]))
        assert observation[0, 0] == pytest.approx([run_up, shot, dive])
        assert reward[0, 0] == pytest.approx(expected)
        assert batch.positions()[0, 0] == pytest.approx([run_up, shot, dive])


def test_she_reacts_only_after_she_was_read():
    batch = PenaltyKicks().make_batch(np.array([[0.1, 0.0, -0.8]]), 2)
    batch.reset(np.random.default_rng(0))
    batch.shot, batch.dive = np.array([[0.5, 0.5]]), np.array([[0.5, -1.0]])
    assert batch.aim()[0] == pytest.approx([0.1 - 0.8 * 0.5, 0.1])


def best_of_two_kicks(task, run_up):
    """The best expected return of two kicks, by trying all dives, and many places of the first and the second shot."""
    place, tell, reaction = task
    dives = np.linspace(-1, 1, 41)
    noise = SCATTER * np.array([NormalDist().inv_cdf((i + 0.5) / 100) for i in range(100)])

    def kick(aim):  # the shots, and the expected reward of each dive
        shots = (np.clip(aim, -1, 1) + noise).clip(-1, 1)
        return shots, (np.exp(-(((shots - dives[:, None]) / REACH) ** 2) / 2) - EFFORT * dives[:, None] ** 2).mean(-1)

    aims = np.linspace(-1, 1, 81)
    last = np.array([kick(aim)[1].max() for aim in aims])
    shots, totals = kick(place + tell * run_up)
    np.linspace(-1, 1, 101)[:, None]  # the second run-up
    for i, dive in enumerate(dives):
        pull = reaction * np.exp(-(((shots - dive) / REACH) ** 2) / 2) * shots
        totals[i] += np.mean(
            [np.interp(place + tell * second + pull, aims, last) for second in np.linspace(-1, 1, 101)]
        )
    return totals.max()


@pytest.mark.parametrize("task", [[0.3, 0.8, 0.8], [-0.2, 0.5, -0.8]])
def test_the_optimum_is_that_of_brute_force(task):
    family = PenaltyKicks(horizon=2)
    batch = family.make_batch(np.array([task]), 50_000)
    batch.reset(np.random.default_rng(1))
    batch.run_up[:] = 0.6
    total = sum(batch.step(family.optimum(batch))[1].mean() for _ in range(2))
    assert total == pytest.approx(best_of_two_kicks(task, 0.6), abs=0.02)


def test_looking_ahead_is_not_worse_than_diving_to_the_aim():
    family = PenaltyKicks()
    tasks = family.sample(10, np.random.default_rng(0))
    best = mean_return(family, family.optimum, tasks)
    assert best > mean_return(family, lambda batch: batch.aim()[..., None], tasks)
    assert best > mean_return(family, family.standard, tasks) + 3


def test_the_middle_is_best_for_a_shooter_in_the_middle():
    dives = best_dives(0.0, 0.0, 0.0, 1)
    assert dives[20] == 0
    assert np.allclose(dives, -dives[::-1])


@pytest.mark.parametrize("task", [[0.5, 0, 0], [0, -0.9, 0], [0, 0, 1.5], [0, 0, np.inf]])
def test_a_shooter_outside_the_range(task):
    with pytest.raises(UsageError, match=r"reaction must lie in \[-0.8, 0.8\]") as caught:
        PenaltyKicks().check([task])
    assert str(caught.value).count("\n") == 0


def test_bad_settings():
    with pytest.raises(UsageError, match="horizon"):
        make_distribution("penalty-kicks", horizon=-1)


def test_tasks_are_independent():
    family = PenaltyKicks()
    first, second = (family.make_batch(np.array([[0, 0.5, 0.5], other]), 3) for other in ([0.1] * 3, [-0.2] * 3))
    for batch in (first, second):
        batch.reset(np.random.default_rng(3))
    actions = np.random.default_rng(4).uniform(-1, 1, (2, 3, 1))
    one, two = first.step(actions), second.step(np.stack([actions[0], -actions[1]]))
    assert np.array_equal(one[0][0], two[0][0])
    assert np.array_equal(one[1][0], two[1][0])
