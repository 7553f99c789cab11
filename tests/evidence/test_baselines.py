"""Baselines: they adapt by the interface of a meta-policy, and each does what its name says."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

import mpsearch
from mpsearch import MAML, CheetahDirection, CheetahVelocity, MAMLConfig, PointNavigation, evaluate
from mpsearch.errors import UsageError
from mpsearch.evidence import results
from mpsearch.evidence.baselines import FromScratch, OneTask, RandomStart, start, with_best_rate
from mpsearch.training.storage import read_card
from mpsearch.zoo import ZOO

FAMILY = PointNavigation(horizon=10)
TASKS = np.array([[0.3, 0.2], [-0.4, 0.1]])
SMALL = MAMLConfig(inner_steps=0, tasks_per_iteration=1, episodes=5, hidden=(8,), discount=0.9, max_kl=0.1)


def test_one_task_is_all_that_is_left_of_its_family() -> None:
    narrow = OneTask(CheetahVelocity(horizon=7), np.array([1.5]))
    np.testing.assert_array_equal(narrow.sample(3, np.random.default_rng(0)), [[1.5]] * 3)
    assert (narrow.horizon, narrow.observation_dim, narrow.parameter_names) == (7, 17, ("velocity",))
    assert narrow.observation_scale[8] == 3.0
    with pytest.raises(UsageError, match="is not one of one-task"):
        narrow.check([[1.4]])
    with pytest.raises(UsageError, match=r"velocity must lie in \[0, 3\]"):
        OneTask(CheetahVelocity(), np.array([4.0]))


def test_from_scratch_counts_its_steps_and_begins_untrained() -> None:
    result = FromScratch(FAMILY, SMALL, (0, 1, 3)).adapt(TASKS, seed=0)
    assert result.returns.shape == (2, 3, 5)
    np.testing.assert_array_equal(result.env_steps, [0, 50, 150])
    fresh = RandomStart(FAMILY, SMALL).adapt(TASKS[:1], seed=0, steps=0)
    np.testing.assert_array_equal(result.returns[0, 0], fresh.returns[0, 0])


@pytest.mark.slow
def test_from_scratch_learns_its_task_and_an_untrained_policy_does_not() -> None:
    careful = replace(SMALL, episodes=20, max_kl=0.01)  # with larger steps some seeds run into the limit of the actions
    result = FromScratch(FAMILY, careful, (0, 80)).adapt(TASKS, seed=1)
    assert (result.after > 0.6 * result.before).all()  # returns are negative distances: at least 40 % nearer
    idle = FromScratch(FAMILY, replace(careful, max_kl=1e-12), (0, 80)).adapt(TASKS, seed=1)
    assert not (idle.after > 0.6 * idle.before).any()


def test_from_scratch_each_task_is_learned_alone() -> None:
    learner = FromScratch(FAMILY, SMALL, (0, 2))
    both, alone = learner.adapt(TASKS, seed=3), learner.adapt(TASKS[1:], seed=3)
    np.testing.assert_array_equal(both.returns[1], alone.returns[0])
    observation = np.zeros(2)
    np.testing.assert_array_equal(both.policy(1)(observation), alone.policy(0)(observation))
    assert (both.policy(0)(observation) != both.policy(1)(observation)).any()


def test_a_callback_is_told_of_each_stage_and_fewer_stages_can_be_asked_for() -> None:
    seen: list[int] = []
    result = FromScratch(FAMILY, SMALL, (0, 1, 2)).adapt(TASKS[:1], seed=0, steps=1, callback=seen.append)
    assert seen == [0, 1]
    assert result.returns.shape[1] == 2


@pytest.mark.parametrize(
    ("config", "iterations", "why"),
    [(MAMLConfig(), (0, 1), "inner_steps=0"), (SMALL, (1, 2), "ascend from 0"), (SMALL, (0, 3, 3), "ascend from 0")],
)
def test_a_schedule_that_makes_no_sense_is_refused(config, iterations, why) -> None:
    with pytest.raises(UsageError, match=why):
        FromScratch(FAMILY, config, iterations)


def test_a_random_start_is_another_one_for_each_seed() -> None:
    agent = RandomStart(FAMILY, SMALL)
    first, again, other = (agent.adapt(TASKS, seed=seed, steps=1).returns for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    weights = {
        seed: agent.adapt(TASKS, seed=seed, steps=0) and agent.policy.layers[0].weight.clone() for seed in (0, 1)
    }
    assert (weights[0] != weights[1]).any()
    assert (first != other).any()


def test_the_best_rate_is_found_and_a_trained_meta_policy_keeps_its_own(monkeypatch) -> None:
    agent, tried = RandomStart(FAMILY, SMALL), []

    def adapt(tasks, *, seed, episodes):
        tried.append(agent.config.inner_rate)
        return type("Result", (), {"after": np.array([-abs(agent.config.inner_rate - 0.28)])})

    monkeypatch.setattr(agent, "adapt", adapt)
    assert with_best_rate(agent, rates=(0.1, 0.3, 1.0)) is agent
    assert tried == [0.1, 0.3, 1.0]
    assert agent.config.inner_rate == 0.3
    with pytest.raises(UsageError, match="trained with its inner rates"):
        with_best_rate(MAML(FAMILY))


def test_a_rate_is_chosen_on_as_many_tasks_of_one_direction_as_of_the_other(monkeypatch) -> None:
    agent = RandomStart(CheetahDirection(), SMALL)

    def adapt(tasks, **_):
        assert tasks.sum() == 0
        return type("Result", (), {"after": np.zeros(len(tasks))})

    monkeypatch.setattr(agent, "adapt", adapt)
    with_best_rate(agent)
    with pytest.raises(AssertionError):
        with_best_rate(agent, count=5)


def test_what_needs_no_training_starts_by_name() -> None:
    assert isinstance(start("random", FAMILY), RandomStart)
    assert isinstance(start("scratch", FAMILY), FromScratch)


CHEETAHS = [name for name in mpsearch.available() if re.match("(average|oracle)-cheetah-", name)]


@pytest.mark.parametrize("name", [name for name in mpsearch.available() if name.startswith(("average", "oracle"))])
def test_a_shipped_baseline_was_trained_on_its_family_without_adapting(name) -> None:
    card = read_card(ZOO / name)
    assert card["config"]["inner_steps"] == 0
    assert card["command"].startswith(f"mpsearch train maml {card['tasks']['id']} ")


@pytest.mark.parametrize("name", CHEETAHS)
def test_only_the_oracle_is_told_its_task_and_returns_what_its_record_says(name) -> None:
    card = read_card(ZOO / name)
    assert card["tasks"]["config"].get("told", False) == name.startswith("oracle")
    agent, told = mpsearch.load(name), results.evaluation(name)
    again = evaluate(agent, told.tasks[:2], [0], steps=0)
    stored = told.task_means[:2, 0].mean()
    assert again.mean[0] == pytest.approx(stored, abs=0.1 * abs(stored) + 15)


@pytest.mark.slow
def test_an_oracle_that_is_told_wrong_is_worse() -> None:
    agent = mpsearch.load("oracle-cheetah-direction")
    right = agent.adapt(np.array([[1.0], [-1.0]]), seed=0, steps=0).after
    with torch.no_grad():
        agent.policy.layers[0].weight[:, -1] *= -1  # it now hears the opposite
    wrong = agent.adapt(np.array([[1.0], [-1.0]]), seed=0, steps=0).after
    assert (right > 500).all()
    assert (wrong < 0).all()
