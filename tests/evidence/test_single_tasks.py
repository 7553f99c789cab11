"""SAC on single tasks: it starts from PEARL's networks, goes on where it stopped, and has one policy for each task."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from mpsearch import PEARL, PEARLConfig, PointNavigation
from mpsearch.errors import UsageError
from mpsearch.evaluation import Evaluation
from mpsearch.evidence import results, single_tasks
from mpsearch.evidence.single_tasks import SingleTasks, measure, settings, train

FAMILY = PointNavigation(horizon=10)
TASKS = np.array([[0.3, 0.2], [-0.4, 0.1]])
SMALL = PEARLConfig(training_tasks=3, gradient_steps=2, hidden=(8,), encoder_hidden=(8,), batch=16, context=16)


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("start")
    PEARL(FAMILY, SMALL).train(2, seed=0, folder=folder, progress=False)
    return folder


@pytest.fixture(autouse=True)
def few_steps(monkeypatch) -> None:
    few: Mapping[str, object] = {**single_tasks.SETTINGS, "gradient_steps": 2, "batch": 16, "context": 16}
    monkeypatch.setattr(single_tasks, "SETTINGS", few)


def test_a_training_has_one_task_and_follows_the_start(start, tmp_path) -> None:
    agent = train(start, TASKS[0], tmp_path, 2, 0, progress=False)
    np.testing.assert_array_equal(agent.training_tasks, TASKS[:1])
    assert (agent.iteration, agent.history[-1]["folder"]) == (4, str(start))
    assert agent.env_steps > PEARL.load(start).env_steps


def test_a_training_that_was_stopped_ends_as_one_that_was_not(start, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(single_tasks, "settings", lambda first, iterations: settings(first, 3))
    train(start, TASKS[0], tmp_path / "stopped", 1, 0, progress=False)
    stopped = train(start, TASKS[0], tmp_path / "stopped", 3, 0, progress=False)
    whole = train(start, TASKS[0], tmp_path / "whole", 3, 0, progress=False)
    for name, tensor in whole._tensors().items():
        np.testing.assert_array_equal(tensor.detach(), stopped._tensors()[name].detach())


def test_the_learning_rate_falls_in_the_second_half(start) -> None:
    first = PEARL.load(start)
    found = settings(first, 100)
    assert found.pace(2 + 50) == (3e-4, -1.0)
    assert found.pace(2 + 100) == pytest.approx((1e-4, -2.0))


def test_each_task_is_left_to_the_agent_that_was_trained_on_it(start, tmp_path) -> None:
    folders = {tuple(task): tmp_path / str(number) for number, task in enumerate(TASKS)}
    agents = {task: train(start, np.array(task), folder, 1, 0, progress=False) for task, folder in folders.items()}
    both = SingleTasks(FAMILY, agents)
    result = both.adapt(TASKS, seed=0)
    assert result.returns.shape == (2, 1, 1)
    for number, task in enumerate(TASKS):
        alone = agents[tuple(task)].adapt(task[None], seed=0)
        assert result.returns[number, 0] == alone.returns[0, -1]
        observation = np.zeros(2)
        np.testing.assert_array_equal(
            pickle.loads(pickle.dumps(result)).policy(number)(observation), alone.policy(0)(observation)
        )
    with pytest.raises(UsageError, match="does not adapt"):
        both.adapt(TASKS, seed=0, steps=1)
    record = json.loads(json.dumps(measure(folders, FAMILY)))
    assert Evaluation.from_record(record).returns.shape == (10, 2, 1)
    assert record["training"]["env_steps"] > 0
    assert record["training"]["start"] == start.name
    assert record["command"].endswith("single_tasks point-navigation --iterations 1 --seed 0")
    assert set(record["curves"]) == {"0.3", "-0.4"}


def test_a_start_with_many_tasks_has_room_in_the_replay(start) -> None:
    first = PEARL.load(start)
    first.training_tasks = np.repeat(TASKS, 5000, axis=0)
    assert settings(first, 100).replay_size == 2 * 8 * 10_000 * FAMILY.horizon
    assert settings(PEARL.load(start), 100).replay_size == 200_000


def test_on_velocities_sac_alone_earns_most_and_had_stopped_rising() -> None:
    alone = results.evaluation("sac-cheetah-velocity")
    four = [f"{method}-cheetah-velocity-four" for method in ("maml", "pearl", "oracle")]
    for name in (*four, "scratch-cheetah-velocity"):
        other = results.evaluation(name)
        np.testing.assert_array_equal(other.tasks, alone.tasks)
        assert (other.returns[..., -1].mean(0) < alone.returns[..., -1].mean(0)).all()
        assert other.interval()[-1][1] < alone.interval()[-1][0]
    for curve in results.read("sac-cheetah-velocity")["curves"].values():
        ends = np.array([line["held_out"][-1] for line in curve if line.get("held_out")])
        assert abs(ends[-3:].mean() - ends[-6:-3].mean()) < 2
