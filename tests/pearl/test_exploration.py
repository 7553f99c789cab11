"""Posterior sampling: what is acted on, and what the belief has seen by then."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mpsearch import PEARL, PEARLConfig, PointNavigation
from mpsearch.pearl.exploration import Explorer
from mpsearch.seeding import Streams

HORIZON, TASKS = 7, np.array([[0.3, 0.1], [-0.2, 0.4]])


@pytest.fixture(name="agent")
def _agent() -> PEARL:
    agent = PEARL(PointNavigation(horizon=HORIZON), PEARLConfig(hidden=(8,), encoder_hidden=(8,)))
    agent._start(Streams(0))
    return agent


def explorer(agent: PEARL, **options) -> Explorer:
    return Explorer(agent.encoder, agent.actor, agent.tasks, **options)


def acted_on(monkeypatch, agent: PEARL) -> list[torch.Tensor]:
    """The z of every step, as the actor received them."""
    received, forward = [], agent.actor.forward

    def remember(observations, z):
        received.append(z.clone())
        return forward(observations, z)

    monkeypatch.setattr(agent.actor, "forward", remember)
    return received


def transitions(stage) -> torch.Tensor:
    """[K, T * E, C] rows (s, a, r, s') of a stage, step by step."""
    e = stage.episodes
    parts = (e.observations[:, :, :-1], e.actions, e.rewards[..., None], e.observations[:, :, 1:])
    return torch.from_numpy(np.concatenate(parts, axis=-1)).transpose(1, 2).flatten(1, 2)


def test_the_belief_before_a_stage_has_seen_all_stages_before_it(agent) -> None:
    stages = list(explorer(agent).explore(TASKS, 2, 3, Streams(1)))
    seen = torch.zeros(2, 0, 7)
    for stage in stages:
        expected = agent.encoder(seen)
        torch.testing.assert_close(stage.belief.mean, expected.mean)
        torch.testing.assert_close(stage.belief.stddev, expected.stddev)
        seen = torch.cat([seen, transitions(stage)], dim=1)
    assert (stages[0].belief.mean == 0).all()
    assert not torch.equal(stages[1].belief.mean, stages[2].belief.mean)


def test_a_guess_lasts_an_episode(agent, monkeypatch) -> None:
    received = acted_on(monkeypatch, agent)
    (stage,) = explorer(agent).explore(TASKS, 3, 1, Streams(1))
    assert stage.z.shape == (2, 3, 5)
    assert len(received) == HORIZON
    for z in received:
        assert torch.equal(z, stage.z.flatten(0, 1))
    assert len(torch.unique(stage.z.flatten(0, 1), dim=0)) == 6  # each episode has its own


def test_or_so_many_steps_and_then_the_next_one_knows_more(agent, monkeypatch) -> None:
    received = acted_on(monkeypatch, agent)
    (stage,) = explorer(agent, resample_every=3).explore(TASKS, 1, 1, Streams(1))
    changes = [t for t in range(1, HORIZON) if not torch.equal(received[t], received[t - 1])]
    assert changes == [3, 6]
    assert torch.equal(received[0], stage.z.flatten(0, 1))


def test_only_an_adapted_last_stage_acts_on_the_mean_and_only_adapting_takes_mean_actions(agent, monkeypatch) -> None:
    for adapting in (True, False):
        stages = list(explorer(agent, adapting=adapting).explore(TASKS, 1, 3, Streams(1)))
        settled = [torch.equal(stage.z[:, 0], stage.belief.mean) for stage in stages]
        assert settled == [False, False, adapting]
        observations = torch.from_numpy(stages[0].episodes.observations[:, 0, 0])
        with torch.no_grad():
            mean, _ = agent.actor(observations, stages[0].z[:, 0])
        alike = np.allclose(torch.tanh(mean), stages[0].episodes.actions[:, 0, 0], atol=1e-6)
        assert alike == adapting


def test_a_single_stage_acts_on_the_prior_not_on_its_mean(agent) -> None:
    (stage,) = explorer(agent, adapting=True).explore(TASKS, 1, 1, Streams(1))
    assert (stage.z != 0).all()


def test_exploring_repeats_itself_with_the_same_streams_only(agent) -> None:
    a, b, c = (list(explorer(agent).explore(TASKS, 1, 2, Streams(seed))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a[1].episodes.rewards, b[1].episodes.rewards)
    assert not np.array_equal(a[1].episodes.rewards, c[1].episodes.rewards)
