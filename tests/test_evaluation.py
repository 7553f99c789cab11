"""Evaluation: means, intervals and held-out tasks."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mpsearch import MAML, CheetahDirection, CheetahVelocity, Evaluation, PointNavigation, evaluate
from mpsearch.errors import UsageError
from mpsearch.evaluation import held_out, probability_of_improvement


def make(returns) -> Evaluation:
    returns = np.asarray(returns, dtype=float)
    return Evaluation(np.zeros((returns.shape[1], 1)), tuple(range(len(returns))), returns, np.arange(returns.shape[2]))


def test_means_are_over_seeds_and_tasks() -> None:
    evaluation = make([[[0, 2], [4, 6]], [[1, 3], [5, 7]]])
    np.testing.assert_allclose(evaluation.mean, [2.5, 4.5])
    np.testing.assert_allclose(evaluation.task_means, [[0.5, 2.5], [4.5, 6.5]])


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(100):
        low, high = make(rng.normal(3.0, 1.0, (20, 2, 1))).interval(0.9)[0]
        covered += low <= 3.0 <= high
    assert 78 <= covered <= 97


def test_a_goal_stays_reached_once_it_was() -> None:
    returns = np.array([[[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]], [[1.0, 0.0, 0.0], [0.0, 0.0, 3.0]]])  # [R, K, S]
    evaluation = Evaluation(np.zeros((2, 1)), (0, 1), returns, np.arange(3), sparse=True)
    np.testing.assert_allclose(evaluation.reached, [0.25, 0.5, 0.75])
    assert evaluation.to_json()["reached"] == [0.25, 0.5, 0.75]
    assert "reached" not in make(returns).to_json()
    sparse, dense = MAML(PointNavigation(sparse=True, horizon=3)), MAML(PointNavigation(horizon=3))
    assert "reached" in evaluate(sparse, sparse.tasks.spread(2), [0], episodes=1).to_json()
    assert "reached" not in evaluate(dense, dense.tasks.spread(2), [0], episodes=1).to_json()


def test_the_interquartile_mean_is_that_of_the_middle_half() -> None:
    values = np.array([9.0, 1, 2, 3, 4, 5, 6, -1000]).reshape(4, 2, 1)
    assert make(values).iqm == pytest.approx((2 + 3 + 4 + 5) / 4)
    assert make(values).mean[0] < -100  # which one outlier decides


@pytest.mark.slow
def test_the_stratified_interval_covers_and_ignores_what_differs_between_tasks() -> None:
    rng, covered, widths = np.random.default_rng(1), 0, []
    shifts = np.array([[0.0], [100.0]])
    for _ in range(60):
        evaluation = make(shifts + rng.normal(0.0, 1.0, (20, 2, 1)))
        low, high = evaluation.iqm_interval(0.9)[0]
        truth = 50.0
        covered += low <= truth <= high
        widths.append(high - low)
    assert 45 <= covered <= 60
    assert np.mean(widths) < 2.0  # drawing tasks anew too would give about 100


def test_a_gain_is_paired_by_task_and_seed() -> None:
    before = np.random.default_rng(0).normal(0.0, 50.0, (6, 3, 1))
    gain, low, high = make(np.concatenate([before, before + 2], axis=-1)).gain()
    assert gain == pytest.approx(2)
    assert (low, high) == pytest.approx((2, 2))


@pytest.mark.slow
def test_the_probability_of_improvement_is_the_share_of_pairs() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 4, (5, 3, 1)).astype(float), rng.integers(0, 4, (4, 3, 1)).astype(float)
    slow = np.mean([(a > b) + 0.5 * (a == b) for k in range(3) for a in x[:, k, 0] for b in y[:, k, 0]])
    chance, low, high = probability_of_improvement(make(x), make(y))
    assert chance == pytest.approx(slow)
    assert low < chance < high
    assert probability_of_improvement(make(y), make(x))[0] == pytest.approx(1 - slow)
    assert probability_of_improvement(make(x + 9), make(x)) == (1.0, 1.0, 1.0)
    with pytest.raises(UsageError, match="the same tasks"):
        probability_of_improvement(make(x), make(y[:, :2]))


def test_a_record_makes_the_evaluation_again() -> None:
    evaluation = make(np.random.default_rng(0).normal(0, 9, (3, 2, 2)).round(1))
    again = Evaluation.from_record(json.loads(json.dumps(evaluation.to_record())))
    np.testing.assert_array_equal(again.returns, evaluation.returns)
    np.testing.assert_array_equal(again.interval(), evaluation.interval())
    assert again.seeds == evaluation.seeds


def test_one_seed_has_no_interval() -> None:
    with pytest.raises(UsageError, match="two seeds"):
        make([[[1.0]]]).interval()
    assert make([[[1.0]]]).to_json()["interval_95"] is None
    with pytest.raises(UsageError, match="two seeds"):
        make([[[1.0]]]).iqm_interval()
    with pytest.raises(UsageError, match="two seeds"):
        make([[[1.0]]]).gain()


def test_held_out_tasks_are_the_same_for_everyone_and_in_range() -> None:
    family = CheetahVelocity()
    np.testing.assert_array_equal(held_out(family), held_out(CheetahVelocity()))
    assert len(np.unique(family.check(held_out(family)))) == 40
    np.testing.assert_array_equal(held_out(CheetahDirection()), [[1.0], [-1.0]])


def test_evaluating_is_adapting_once_a_seed() -> None:
    agent = MAML(PointNavigation(horizon=5))
    tasks = agent.tasks.spread(2)
    evaluation = evaluate(agent, tasks, [3, 4], episodes=2, steps=1)
    expected = [agent.adapt(tasks, seed=seed, episodes=2, steps=1).returns.mean(-1) for seed in (3, 4)]
    np.testing.assert_array_equal(evaluation.returns, expected)
    with pytest.raises(UsageError, match="number of seeds"):
        evaluate(agent, tasks, [])
