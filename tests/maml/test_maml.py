"""MAML as a whole: it learns, resumes to the bit, adapts without touching itself, and refuses bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from mpsearch import MAML, MAMLConfig, PointNavigation
from mpsearch.errors import CheckpointError, NonFiniteError, UsageError
from mpsearch.training.storage import read_card

SMALL = {"tasks_per_iteration": 4, "episodes": 4, "hidden": (8,), "curvature_steps": 20}


def small(**changes) -> MAML:
    return MAML(PointNavigation(horizon=10), MAMLConfig(**{**SMALL, **changes}))


def assert_same(a: MAML, b: MAML) -> None:
    for name, tensor in a._tensors().items():
        assert torch.equal(tensor, b._tensors()[name]), name


@pytest.fixture(scope="module", name="trained")
def _trained() -> dict[float, MAML]:
    """Meta-trained alike but for the inner rate; 0 is the control, which cannot tell one task from another."""
    agents = {}
    for rate in (0.1, 0.0):  # discount 0.9: on 20 steps, a baseline cannot see 100 steps ahead
        config = MAMLConfig(
            tasks_per_iteration=20,
            episodes=10,
            hidden=(32,),
            inner_rate=rate,
            initial_std=0.3,
            max_kl=0.1,
            discount=0.9,
        )
        agents[rate] = MAML(PointNavigation(horizon=20), config)
        agents[rate].train(10, seed=0, progress=False)
    return agents


def gain(agent: MAML) -> float:
    result = agent.adapt(agent.tasks.spread(8), seed=1, steps=1, episodes=20)
    return float(result.after.mean() - result.before.mean())


@pytest.mark.slow
def test_one_gradient_step_finds_the_goal_and_without_inner_steps_nothing_is_learned(trained) -> None:
    assert gain(trained[0.1]) > 4.0
    assert abs(gain(trained[0.0])) < 0.5


@pytest.mark.slow
def test_adapting_changes_nothing_of_the_agent_and_repeats_itself(trained) -> None:
    agent = trained[0.1]
    before = {name: tensor.detach().clone() for name, tensor in agent._tensors().items()}
    first, second = (agent.adapt(agent.tasks.spread(3), seed=5) for _ in range(2))
    np.testing.assert_array_equal(first.returns, second.returns)
    assert not np.array_equal(first.returns, agent.adapt(agent.tasks.spread(3), seed=6).returns)
    assert all(torch.equal(before[name], tensor) for name, tensor in agent._tensors().items())


@pytest.mark.slow
def test_the_result_has_the_shapes_it_promises_and_its_policies_act(trained) -> None:
    agent = trained[0.1]
    result = agent.adapt([[0.3, 0.3], [-0.3, 0.0]], seed=0, episodes=6, steps=2)
    assert result.returns.shape == (2, 3, 6)
    assert result.trajectories.shape == (2, 3, agent.tasks.horizon + 1, 2)
    np.testing.assert_array_equal(result.env_steps, [0, 120, 240])
    np.testing.assert_allclose(result.before, result.returns[:, 0].mean(-1))
    actions = [result.policy(k, stage)(np.zeros((5, 2))) for k in (0, 1) for stage in (0, -1)]
    assert all(action.shape == (5, 2) and np.abs(action).max() <= 1 for action in actions)
    np.testing.assert_array_equal(actions[0], actions[2])  # before adaptation: one policy for every task
    assert actions[1][0] @ actions[3][0] < 0 or not np.allclose(actions[1], actions[3])


def test_the_returns_are_those_of_the_trajectories() -> None:
    """Reward is minus the distance, so a return can be computed again from what the player would draw."""
    agent = small()
    agent.train(1, seed=0, progress=False)
    result = agent.adapt([[0.4, -0.2]], seed=0, steps=1)
    distance = np.linalg.norm(result.trajectories[0, :, 1:] - result.tasks[0], axis=-1)
    np.testing.assert_allclose(-distance, result.rewards[0], rtol=1e-4)
    np.testing.assert_allclose(result.rewards.sum(-1), result.returns[..., 0])


def test_no_more_steps_than_zero_is_allowed_and_is_just_before() -> None:
    result = small().adapt([[0.1, 0.1]], seed=0, steps=0)
    assert result.returns.shape[1] == 1
    np.testing.assert_array_equal(result.before, result.after)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"outer": "clipped"},
        {"inner_steps": 2, "earlier_weight": 0.0},
        {"inner_steps": 2, "learn_rates": True, "context": 2, "rate_decay": 0.5},
        {"outer": "clipped", "learn_rates": True, "minimum_std": 0.1},
        {"order": 1},
        {"inner_steps": 0},
    ],
)
@pytest.mark.slow
def test_a_resumed_training_equals_one_that_never_stopped_to_the_bit(changes, tmp_path) -> None:
    whole = small(**changes)
    whole.train(3, seed=7, folder=tmp_path / "whole", progress=False)
    parts = small(**changes)
    parts.train(1, seed=7, folder=tmp_path / "parts", progress=False)
    parts = MAML.load(tmp_path / "parts")
    parts.train(2, seed=7, folder=tmp_path / "parts", progress=False)
    assert_same(whole, parts)
    logs = [
        [json.loads(line)["returns"] for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("whole", "parts")
    ]
    assert logs[0] == logs[1]
    assert len(logs[0]) == 3


def test_another_seed_gives_another_training() -> None:
    a, b = small(), small()
    a.train(1, seed=0, progress=False)
    b.train(1, seed=1, progress=False)
    with pytest.raises(AssertionError):
        assert_same(a, b)


def test_training_leaves_the_global_generators_alone() -> None:
    state = torch.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002 - the global one is what must not move
    agent = small()
    agent.train(1, seed=0, progress=False)
    agent.adapt([[0.1, 0.1]], seed=0)
    assert torch.equal(state, torch.get_rng_state())
    np.testing.assert_array_equal(numpy_state, np.random.get_state()[1])  # noqa: NPY002


def test_lines_beyond_the_checkpoint_are_dropped_when_a_run_is_resumed(tmp_path) -> None:
    agent = small()
    agent.train(1, seed=0, folder=tmp_path, progress=False)
    with open(tmp_path / "metrics.jsonl", "a") as log:  # the run went on, and was killed before it could save
        log.write('{"iteration": 2}\n{"iteration": 3, "retu')
    MAML.load(tmp_path).train(1, seed=0, folder=tmp_path, progress=False)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["iteration"] for line in lines] == [1, 2]


@pytest.mark.slow
def test_a_start_from_another_training_takes_over_policy_rates_and_cost(tmp_path) -> None:
    first = small(learn_rates=True)
    first.train(2, seed=0, folder=tmp_path / "first", progress=False)
    second = small(learn_rates=True, inner_steps=3, rate_decay=0.5)
    second.start_from(tmp_path / "first")
    torch.testing.assert_close(second.rates[0], first.rates[0])
    torch.testing.assert_close(second.rates[2], 0.25 * first.rates[0])
    second.train(1, seed=0, folder=tmp_path, progress=False)
    card = read_card(tmp_path)
    assert card["iteration"] == 3
    assert card["env_steps"] == 2 * 320 + 640
    assert [past["iteration"] for past in card["history"]] == [2]
    with pytest.raises(CheckpointError, match="architecture"):
        small(hidden=(9,)).start_from(tmp_path / "first")


def test_divergence_stops_with_the_name_of_the_culprit_and_keeps_the_checkpoint(tmp_path) -> None:
    agent = small()
    agent.train(1, seed=0, folder=tmp_path, progress=False)
    with torch.no_grad():
        agent.policy.layers[0].bias[0] = float("nan")
    with pytest.raises(NonFiniteError, match="action is not finite in task 0"):
        agent.train(1, seed=0, folder=tmp_path, progress=False)
    assert MAML.load(tmp_path).iteration == 1


def test_the_callback_sees_each_iteration() -> None:
    seen = []
    small().train(2, seed=0, callback=seen.append, progress=False)
    assert [metrics["iteration"] for metrics in seen] == [1, 2]
    assert seen[1]["env_steps"] == 2 * seen[0]["env_steps"] == 2 * 2 * 4 * 4 * 10


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"episodes": 0}, "episodes must be a whole number of at least 1"),
        ({"tasks_per_iteration": -1}, "tasks_per_iteration"),
        ({"inner_steps": -1}, "inner_steps"),
        ({"inner_rate": -0.1}, "inner_rate"),
        ({"earlier_weight": 1.5}, "earlier_weight must lie in"),
        ({"max_kl": 0.0}, "max_kl"),
        ({"discount": 1.5}, "discount"),
        ({"order": 3}, "order must be 1 or 2"),
        ({"outer": "sgd"}, "'trust-region' or 'clipped'"),
    ],
)
def test_a_bad_hyper_parameter_gets_a_sentence(changes, words) -> None:
    with pytest.raises(UsageError, match=words):
        small(**changes)
