"""Rollouts: the record is what happened, and torch's threads are given back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mpsearch.maml.inner import spread_over_tasks
from mpsearch.policies import PolicyNet, log_prob, with_parameters
from mpsearch.rollouts import AHEAD, collect, gaussian_actor
from mpsearch.seeding import Streams
from mpsearch.surroundings import one_torch_thread
from mpsearch.tasks import PointNavigation


@pytest.fixture(name="policy")
def _policy() -> PolicyNet:
    return PolicyNet(2, 2, hidden=(8,), context=2).initialise(torch.Generator().manual_seed(0))


def roll(policy, parameters, tasks, seed=0, episodes=3, horizon=7):
    streams = Streams(seed)
    batch = PointNavigation(horizon=horizon).make_batch(tasks, episodes)
    actor = gaussian_actor(policy, parameters, streams.torch("actions"))
    return collect(batch, horizon, actor, streams.numpy("reset"), record=True)


def test_the_record_obeys_the_dynamics_step_by_step(policy) -> None:
    tasks = np.array([[0.3, 0.1], [-0.2, 0.4]])
    episodes = roll(policy, list(policy.parameters()), tasks)
    position = np.zeros((2, 3, 2))
    for t in range(7):
        np.testing.assert_allclose(episodes.observations[:, :, t], position, atol=1e-6)
        position = position + 0.1 * episodes.actions[:, :, t].clip(-1, 1)
        reward = -np.linalg.norm(position - tasks[:, None], axis=-1)
        np.testing.assert_allclose(episodes.rewards[:, :, t], reward, atol=1e-6)
    np.testing.assert_allclose(episodes.positions, episodes.observations[:, 0], atol=1e-6)


@pytest.mark.parametrize("horizon", [7, AHEAD + 7])
def test_log_probs_are_those_of_the_policy_that_acted(policy, horizon) -> None:
    generator = torch.Generator().manual_seed(1)
    parameters = [p + 0.3 * torch.randn(p.shape, generator=generator) for p in spread_over_tasks(policy, 2)]
    episodes = roll(policy, parameters, np.array([[0.3, 0.1], [-0.2, 0.4]]), horizon=horizon)
    assert len(np.unique(episodes.log_probs)) > 0.9 * episodes.log_probs.size  # no noise comes back
    observations = torch.from_numpy(episodes.observations[:, :, :-1]).flatten(1, 2)
    expected = log_prob(
        with_parameters(policy, parameters)(observations), torch.from_numpy(episodes.actions).flatten(1, 2)
    )
    torch.testing.assert_close(torch.from_numpy(episodes.log_probs).flatten(1, 2), expected, rtol=1e-4, atol=1e-4)


def test_acting_does_not_touch_the_policy(policy) -> None:
    before = [p.detach().clone() for p in policy.parameters()]
    roll(policy, [2 * p for p in spread_over_tasks(policy, 1)], np.array([[0.3, 0.1]]))
    assert all(torch.equal(a, b) and b.requires_grad for a, b in zip(before, policy.parameters(), strict=True))


def test_an_actor_goes_on_with_another_number_of_episodes(policy) -> None:
    actor = gaussian_actor(policy, policy.parameters(), torch.Generator().manual_seed(0))
    for episodes in (3, 5):
        actions, log_probs = actor(np.zeros((2, episodes, 2), dtype=np.float32))
        assert (actions.shape, log_probs.shape) == ((2, episodes, 2), (2, episodes))


def test_torch_has_one_thread_inside_and_its_own_number_after() -> None:
    threads, inside = torch.get_num_threads(), []

    def fail() -> None:
        with one_torch_thread():
            inside.append(torch.get_num_threads())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert inside == [1]
    assert torch.get_num_threads() == threads
