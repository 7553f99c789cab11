"""Averages of the encoder and of the actor: what they are, who uses them, and that learning does not."""

from __future__ import annotations

import numpy as np
import pytest
import safetensors.torch
import torch

from mpsearch import PEARL, PEARLConfig, PointNavigation
from mpsearch.errors import UsageError
from mpsearch.pearl import learner
from mpsearch.zoo.export import export

SMALL = {
    "training_tasks": 6, "gradient_steps": 4, "batch": 16, "context": 10, "hidden": (16,), "encoder_hidden": (16,),
    "evaluate_every": 2, "evaluation_tasks": 3, "replay_size": 2_000, "rate": 0.01,
}  # fmt: skip
NETWORKS = ("encoder", "actor")


def trained(average_rate: float, iterations: int = 3, **options) -> PEARL:
    agent = PEARL(PointNavigation(horizon=10), PEARLConfig(**SMALL, average_rate=average_rate))
    agent.train(iterations, seed=0, progress=False, **options)
    return agent


def values(agent: PEARL, prefix: str = "") -> dict[str, torch.Tensor]:
    """Copies of the encoder and the actor: the learned ones, or those whose names begin with ``prefix``."""
    parts = tuple(f"{prefix}{name}." for name in NETWORKS)
    tensors = agent._tensors().items()
    return {name.removeprefix(prefix): x.detach().clone() for name, x in tensors if name.startswith(parts)}


def assert_equal(ours, theirs) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name


def change(networks) -> None:
    with torch.no_grad():
        for network in networks:
            for p in network.parameters():
                p += 1.0


def test_an_average_weighs_older_parameters_less_and_less() -> None:
    agent = PEARL(PointNavigation(horizon=10), PEARLConfig(**SMALL, average_rate=0.3))
    seen, move = [], agent.learning.move

    def remember() -> None:
        seen.append(values(agent))  # what the step before left
        move()

    agent.learning.move = remember
    agent.train(3, seed=0, progress=False)
    seen.append(values(agent))
    count, averages = len(seen) - 1, values(agent, "mean_")
    assert count == 3 * SMALL["gradient_steps"]
    weights = [0.7**count, *(0.3 * 0.7 ** (count - step) for step in range(1, count + 1))]
    assert sum(weights) == pytest.approx(1)
    for name, average in averages.items():
        expected = sum(weight * each[name].double() for weight, each in zip(weights, seen, strict=True))
        torch.testing.assert_close(average.double(), expected, rtol=1e-5, atol=1e-6)
    assert any((average != seen[-1][name]).any() for name, average in averages.items())


def test_what_is_learned_is_the_same_with_and_without_averages() -> None:
    with_averages, without = trained(0.3), trained(0.0)
    assert_equal(values(with_averages), values(without))
    np.testing.assert_array_equal(with_averages.replay.rewards, without.replay.rewards)
    assert not any(name.startswith("mean_") for name in without._tensors())


def test_an_average_that_follows_at_once_adapts_as_what_is_learned() -> None:
    tasks = [[0.2, 0.1], [-0.3, 0.2]]
    at_once, without, slow = (trained(rate).adapt(tasks, seed=1).returns for rate in (1.0, 0.0, 0.1))
    np.testing.assert_array_equal(at_once, without)
    assert (slow != without).any()


def test_adaptation_uses_the_averages_and_training_explores_with_what_is_learned(monkeypatch) -> None:
    agent = trained(0.3)
    learned, averages = (agent.learning.encoder, agent.learning.actor), (agent.encoder, agent.actor)
    before = agent.adapt([[0.2, 0.1]], seed=1).returns
    change(learned)
    np.testing.assert_array_equal(agent.adapt([[0.2, 0.1]], seed=1).returns, before)
    change(averages)
    assert (agent.adapt([[0.2, 0.1]], seed=1).returns != before).any()
    used, explorer = [], learner.Explorer
    monkeypatch.setattr(learner, "Explorer", lambda *args: used.append(args[:4:3]) or explorer(*args))
    agent.train(2, seed=0, progress=False)  # in one of the two iterations it evaluates
    assert used.count((learned[0], False)) == 2
    assert used.count((averages[0], True)) == 1
    assert len(used) == 3


def test_a_policy_of_the_result_acts_with_the_averages() -> None:
    agent, observation = trained(0.3), np.array([0.1, -0.2], dtype=np.float32)
    result = agent.adapt([[0.2, 0.1]], seed=1)
    z = torch.from_numpy(result.beliefs[0, :, -1]).float()
    learned, average = (
        torch.tanh(actor(torch.from_numpy(observation)[None], z)[0])[0].detach().numpy()
        for actor in (agent.learning.actor, agent.actor)
    )
    np.testing.assert_allclose(result.policy(0)(observation), average, rtol=1e-5)
    assert not np.allclose(learned, average)


def test_averages_are_saved_and_a_training_goes_on_with_them_to_the_bit(tmp_path) -> None:
    whole, parts = trained(0.3, 5), trained(0.3, 2, folder=tmp_path)
    parts = PEARL.load(tmp_path)
    assert parts.config.average_rate == 0.3
    parts.train(3, seed=0, progress=False)
    for prefix in ("", "mean_"):
        assert_equal(values(whole, prefix), values(parts, prefix))


def test_a_training_can_begin_to_average_and_leave_off(tmp_path) -> None:
    without, averaged = trained(0.0, 2, folder=tmp_path / "without"), trained(0.3, 2, folder=tmp_path / "averaged")
    begins, leaves_off, goes_on = (
        PEARL(PointNavigation(horizon=10), PEARLConfig(**SMALL, average_rate=rate)) for rate in (0.3, 0.0, 0.1)
    )
    begins.start_from(tmp_path / "without")
    assert_equal(values(begins, "mean_"), values(without))
    assert_equal(values(begins), values(without))
    leaves_off.start_from(tmp_path / "averaged")
    assert_equal(values(leaves_off), values(averaged))
    goes_on.start_from(tmp_path / "averaged")
    assert_equal(values(goes_on, "mean_"), values(averaged, "mean_"))


def test_an_export_has_the_averages_by_the_names_of_what_acts(tmp_path) -> None:
    agent = trained(0.3, folder=tmp_path / "agent")
    export([tmp_path / "agent"], tmp_path)
    assert_equal(safetensors.torch.load_file(tmp_path / "agent.safetensors"), values(agent, "mean_"))


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_rate_that_is_no_fraction_gets_a_sentence(rate) -> None:
    with pytest.raises(UsageError, match="average_rate must be"):
        PEARLConfig(average_rate=rate)
