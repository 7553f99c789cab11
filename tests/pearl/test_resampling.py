"""Adaptation within an episode: when z is drawn anew, and what the belief has seen by then."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mpsearch import MAML, PEARL, PEARLConfig, PointNavigation
from mpsearch.errors import UsageError
from mpsearch.evidence.baselines import start
from mpsearch.pearl.exploration import Explorer, beliefs_at
from mpsearch.seeding import Streams

HORIZON, TASKS = 7, np.array([[0.3, 0.1], [-0.2, 0.4]])


def pearl(horizon: int = HORIZON, **config) -> PEARL:
    agent = PEARL(PointNavigation(horizon=horizon), PEARLConfig(hidden=(8,), encoder_hidden=(8,), **config))
    agent._start(Streams(0))
    return agent


def same(a, b) -> bool:
    names = ("returns", "trajectories", "rewards", "env_steps", "beliefs")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


@pytest.mark.parametrize("trained_with", [0, 3])
def test_by_default_z_is_drawn_as_in_training(trained_with) -> None:
    agent = pearl(resample_every=trained_with)
    default = agent.adapt(TASKS, seed=1)
    assert same(default, agent.adapt(TASKS, seed=1, resample_every=trained_with))
    assert not same(default, agent.adapt(TASKS, seed=1, resample_every=2))
    assert agent.config.resample_every == trained_with


@pytest.mark.parametrize("never", [0, HORIZON, 100])
def test_an_episode_that_ends_before_the_next_draw_keeps_its_guess(never) -> None:
    result = pearl().adapt(TASKS, seed=1, resample_every=never)
    assert same(result, pearl().adapt(TASKS, seed=1))
    assert result.belief_steps.tolist() == [0]
    np.testing.assert_array_equal(result.beliefs_within[:, :, :, 0], result.beliefs)


@settings(max_examples=12)
@given(st.integers(1, HORIZON), st.integers(1, 2), st.integers(0, 3))
@pytest.mark.slow
def test_the_belief_at_a_step_is_the_posterior_over_what_was_seen_till_then(every, episodes, seed) -> None:
    """A product of Gaussians, one transition after another."""
    agent = pearl()
    result = agent.adapt(TASKS, seed=seed, episodes=episodes, resample_every=every)
    assert result.belief_steps.tolist() == list(range(0, HORIZON, every))
    exploring = Explorer(agent.encoder, agent.actor, agent.tasks, True, every)
    precision, weighted = np.ones((2, 5)), np.zeros((2, 5))
    for s, stage in enumerate(exploring.explore(TASKS, episodes, 3, Streams(seed))):
        e = stage.episodes
        for t in range(HORIZON):
            if t % every == 0:
                mean, std = result.beliefs_within[:, :, s, t // every]
                np.testing.assert_allclose(mean, weighted / precision, atol=1e-5)
                np.testing.assert_allclose(std, precision**-0.5, rtol=1e-4)
            parts = (e.observations[:, :, t], e.actions[:, :, t], e.rewards[:, :, t, None], e.observations[:, :, t + 1])
            row = torch.from_numpy(np.concatenate(parts, axis=-1))  # [K, E, C]
            with torch.no_grad():
                means, precisions = (x.numpy().astype(float) for x in agent.encoder.factors(row))
            precision, weighted = precision + precisions.sum(1), weighted + (precisions * means).sum(1)


@settings(max_examples=12)
@given(st.integers(1, 3), st.integers(3, 6), st.integers(0, 3))
def test_a_draw_uses_only_what_came_before_it(every, cut, seed) -> None:
    """Whether the episode goes on afterwards changes nothing that was believed or done until then."""
    long = pearl().adapt(TASKS, seed=seed, steps=0, resample_every=every)
    short = pearl(horizon=cut).adapt(TASKS, seed=seed, steps=0, resample_every=every)
    draws = len(short.belief_steps)
    np.testing.assert_array_equal(long.beliefs_within[..., :draws, :], short.beliefs_within)
    np.testing.assert_array_equal(long.rewards[..., :cut], short.rewards)


def test_the_last_stage_goes_on_acting_on_the_mean_of_its_renewed_belief(monkeypatch) -> None:
    agent, received = pearl(), []
    forward = agent.actor.forward
    monkeypatch.setattr(agent.actor, "forward", lambda x, z: received.append(z.clone()) or forward(x, z))
    result = agent.adapt(TASKS, seed=1, steps=1, resample_every=3)
    means, last = result.beliefs_within[0, :, 1], received[HORIZON:]  # [K, D, Z], and a z [K, Z] a step
    for t, z in enumerate(last):
        np.testing.assert_array_equal(z, means[:, t // 3])


def test_a_belief_stands_for_those_after_the_end_of_all_episodes() -> None:
    beliefs = [torch.distributions.Normal(torch.full((2, 3), float(i)), torch.ones(2, 3)) for i in range(2)]
    means, _ = beliefs_at(beliefs, 4)
    assert means[0, :, 0].tolist() == [0, 1, 1, 1]


def test_only_what_guesses_the_task_can_guess_anew() -> None:
    for agent in (MAML(PointNavigation(horizon=5)), start("scratch", PointNavigation(horizon=5))):
        with pytest.raises(UsageError, match=f"{agent.algorithm} draws no z .* leave out resample_every"):
            agent.adapt(TASKS, seed=0, resample_every=1)


@pytest.mark.parametrize("wrong", [-1, 1.5, "1"])
def test_a_number_of_steps_is_whole_and_not_negative(wrong) -> None:
    with pytest.raises(UsageError, match="resample_every"):
        pearl().adapt(TASKS, seed=0, resample_every=wrong)
