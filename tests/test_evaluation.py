"""Evaluation: means, intervals and held-out tasks."""

from __future__ import annotations

import numpy as np
import pytest

from mpsearch import MAML, CheetahDirection, CheetahVelocity, Evaluation, PointNavigation, evaluate
from mpsearch.errors import UsageError
from mpsearch.evaluation import held_out


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


def test_one_seed_has_no_interval() -> None:
    with pytest.raises(UsageError, match="two seeds"):
        make([[[1.0]]]).interval()
    assert make([[[1.0]]]).to_json()["interval_95"] is None


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
