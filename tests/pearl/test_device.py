"""Gradient steps on another device: those that the processor makes from the same draws; in float64, without a GPU."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from oracles import episodes_that_end

from mpsearch import MAML, PEARL, PEARLConfig, PointNavigation
from mpsearch.errors import NonFiniteError, UsageError
from mpsearch.pearl.device import Away, check_device
from mpsearch.pearl.mirror import Mirror
from mpsearch.pearl.replay import Replay
from mpsearch.training.storage import read_card

SMALL = {
    "training_tasks": 6, "meta_batch": 3, "gradient_steps": 5, "batch": 8, "context": 10, "hidden": (16,),
    "encoder_hidden": (16,), "evaluate_every": 100, "evaluation_tasks": 3, "replay_size": 2_000,
    "settle_until": 4, "average_rate": 0.1,
}  # fmt: skip


def trained(**changes) -> PEARL:
    agent = PEARL(PointNavigation(horizon=10), PEARLConfig(**{**SMALL, **changes}))
    agent.train(2, seed=0, progress=False)
    return agent


def double(learning) -> None:
    for module in learning.modules.values():
        module.double()
    learning.log_temperature.data = learning.log_temperature.data.double()
    learning.target_entropy = learning.target_entropy.double()
    for state in learning.optimizer.state.values():
        state |= {name: state[name].double() for name in ("exp_avg", "exp_avg_sq")}


def away_of(agent) -> Away:
    """What trains ``agent`` elsewhere, on the processor and in float64; the agent is float64 too."""
    away = Away(agent.tasks, agent.config, agent.replay, "cpu")
    for learning in (agent.learning, away.learning):
        double(learning)
    away.plan[-1], away.mirror.table, away.history = (
        x.double() for x in (away.plan[-1], away.mirror.table, away.history)
    )
    return away


def draws():
    return np.random.default_rng(5), torch.Generator().manual_seed(5)


@pytest.mark.parametrize(("actor_every", "least_context"), [(1, 1), (2, 1), (2, 10)])
def test_parameters_after_some_steps_are_those_of_the_processor(monkeypatch, actor_every, least_context) -> None:
    here = trained(actor_every=actor_every, least_context=least_context)
    away = away_of(here)
    away.start(here.learning, 2, *draws())
    there = copy.deepcopy(here.learning)
    records = away.finish(there, 2)
    monkeypatch.setattr("mpsearch.pearl.replay.torch.from_numpy", lambda x: torch.tensor(x, dtype=torch.float64))
    here.learning.set_pace(2)
    expected = []
    for step, (context, batch, length, draw) in enumerate(zip(*away.plan, strict=True)):
        monkeypatch.setattr(torch, "randn", lambda *_, draw=draw, **__: draw.unflatten(0, (3, 8)))
        data = here.replay.take(context[:, :length].numpy()), here.replay.take(batch.numpy())
        expected.append(here._learn(step, *data, torch.Generator()))
    for (name, mine), theirs in zip(here.learning.tensors().items(), there.tensors().values(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-12, msg=name)
    for mine, theirs in zip(records, expected, strict=True):
        assert mine.keys() == theirs.keys()
        for name in mine:
            np.testing.assert_allclose(mine[name], theirs[name], rtol=1e-9, err_msg=name)


def test_padding_of_a_context_does_not_matter() -> None:
    encoder = trained().encoder
    context = torch.randn(2, 7, len(encoder.scale), generator=torch.Generator().manual_seed(0))
    counts = torch.tensor([[1, 1, 1, 1, 0, 0, 0], [0.0] * 7])
    belief, short = encoder(context, counts), encoder(context[:, :4])
    torch.testing.assert_close(belief.mean[0], short.mean[0])
    torch.testing.assert_close(belief.stddev[0], short.stddev[0])
    assert (belief.mean[1] == 0).all()
    assert (belief.stddev[1] == 1).all()


def test_a_mirror_follows_the_replay_even_where_old_episodes_are_replaced() -> None:
    agent = trained(replay_size=360, recent=2)
    mirror = Mirror(agent.replay, torch.device("cpu"))
    for _ in range(6):
        agent.train(1, seed=0, progress=False)
        mirror.update()
        _, rows = agent.replay.draw_step(agent.config, np.random.default_rng(1))
        here, there = agent.replay.take(rows), mirror.take(torch.from_numpy(rows))
        assert torch.equal(here.rows(), there.rows())
    assert (agent.replay.added > agent.replay.capacity).any()


def test_a_mirror_knows_which_transitions_ended_an_episode_also_in_slots_that_are_used_again() -> None:
    replay = Replay(2, 6, 4, observation_dim=2, action_dim=1, recent=3)
    mirror = Mirror(replay, torch.device("cpu"))
    for seed in range(4):
        replay.add(np.arange(2), episodes_that_end(np.random.default_rng(seed), (2, 3, 4)))
        mirror.update()
        _, rows = replay.draw_step(PEARLConfig(batch=200), np.random.default_rng(seed))
        here, there = replay.take(rows), mirror.take(torch.from_numpy(rows))
        assert torch.equal(here.rows(), there.rows())
        assert torch.equal(here.terminated, there.terminated)
        assert 0 < there.terminated.mean() < 1


def on_another_device(monkeypatch, **changes) -> PEARL:
    """An agent whose gradient steps are made by :class:`Away`, although on the processor."""
    agent = PEARL(PointNavigation(horizon=10), PEARLConfig(**{**SMALL, **changes}))
    monkeypatch.setattr(PEARL, "_check_device", lambda self, device: device)
    monkeypatch.setattr("mpsearch.pearl.learner.describe_device", lambda device: f"{device}, a test's")
    monkeypatch.setattr("mpsearch.pearl.learner.Away", lambda *given: Away(*given[:3], "cpu"))
    return agent


def test_a_training_there_is_saved_as_usual_and_continued_anywhere(monkeypatch, tmp_path) -> None:
    agent = on_another_device(monkeypatch)
    agent.train(3, seed=1, folder=tmp_path / "a", device="cuda", progress=False)
    assert read_card(tmp_path / "a")["device"] == "cuda, a test's"
    agent.train(2, seed=1, device="cuda", progress=False)
    again = PEARL.load(tmp_path / "a")
    assert again.device == "cpu"
    again.train(2, seed=1, device="cuda", progress=False)
    for (name, a), b in zip(agent._tensors().items(), again._tensors().values(), strict=True):
        assert torch.equal(a, b), name
    again.train(1, seed=1, progress=False)
    assert again.device == "cpu"


def test_an_error_there_says_where_it_happened(monkeypatch) -> None:
    agent = on_another_device(monkeypatch)
    agent.train(1, seed=0, device="cuda", progress=False)
    with torch.no_grad():
        agent.critic.layers.weights[0].fill_(float("nan"))
    with pytest.raises(NonFiniteError, match="critic_loss is not finite in gradient step 0 of iteration 1"):
        agent.train(1, seed=0, device="cuda", progress=False)


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cpu:1", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(device) -> None:
    with pytest.raises(UsageError, match="device"):
        check_device(device)
    with pytest.raises(UsageError, match="device"):
        trained().train(1, seed=0, device=device, progress=False)
    with pytest.raises(UsageError, match="maml trains on the processor"):
        MAML(PointNavigation()).train(1, seed=0, device="cuda", progress=False)


def test_the_pace_moves_evenly_between_two_iterations() -> None:
    config = PEARLConfig(
        rate=1e-3, final_rate=2e-4, target_entropy=-1, final_entropy=-3, settle_from=10, settle_until=20
    )
    assert config.pace(0) == config.pace(10) == (1e-3, -1)
    assert config.pace(15) == pytest.approx((6e-4, -2))
    assert config.pace(20) == config.pace(999) == pytest.approx((2e-4, -3))
    assert PEARLConfig().pace(999) == (PEARLConfig().rate, PEARLConfig().target_entropy)
    with pytest.raises(UsageError, match="settle_until"):
        PEARLConfig(settle_from=5, settle_until=5)


def test_training_starts_with_the_given_temperature_also_elsewhere(monkeypatch) -> None:
    agent = on_another_device(monkeypatch, first_temperature=0.2, gradient_steps=0)
    agent.train(1, seed=0, device="cuda", progress=False)
    for each in (trained(first_temperature=0.2, gradient_steps=0), agent):
        assert each.learning.log_temperature.exp().item() == pytest.approx(0.2)
    assert trained(gradient_steps=0).learning.log_temperature.item() == 0
    with pytest.raises(UsageError, match="first_temperature must be positive"):
        PEARLConfig(first_temperature=0)
