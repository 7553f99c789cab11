"""Looking into PEARL: the context is that of an adaptation, and a chosen z is what is acted on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mpsearch import PEARL, PEARLConfig, PointNavigation
from mpsearch.errors import UsageError
from mpsearch.pearl.probing import act_on, believe, explored, explored_context, transitions_of
from mpsearch.seeding import Streams

HORIZON, TASKS = 6, np.array([[0.3, 0.1], [-0.2, 0.4]])


@pytest.fixture(name="agent")
def _agent() -> PEARL:
    agent = PEARL(PointNavigation(horizon=HORIZON), PEARLConfig(hidden=(8,), encoder_hidden=(8,)))
    agent._start(Streams(0))
    return agent


def test_the_context_is_what_an_adaptation_sees(agent) -> None:
    context = explored_context(agent, TASKS, seed=3)
    assert context.shape == (2, 2 * HORIZON, 7)
    result = agent.adapt(TASKS, seed=3, steps=2)
    for stage in (0, 1, 2):
        belief = believe(agent, context[:, : stage * HORIZON])
        np.testing.assert_allclose(belief.mean, result.beliefs[0, :, stage], atol=1e-5)
    rewards = torch.cat([transitions_of(e)[..., 4] for e in explored(agent, TASKS, seed=3)], dim=1)
    np.testing.assert_allclose(context[..., 4], rewards)


def test_acting_on_the_mean_of_the_belief_is_the_last_stage_of_an_adaptation(agent) -> None:
    result = agent.adapt(TASKS, seed=3, steps=1)
    z = torch.from_numpy(result.beliefs[0, :, 1])
    episode = act_on(agent, TASKS, z, seed=3)
    for k in range(2):
        action = result.policy(k)(episode.observations[k, 0, :-1])
        np.testing.assert_allclose(episode.actions[k, 0], action, atol=1e-5)
    assert not np.allclose(act_on(agent, TASKS, z.flip(0), seed=3).actions, episode.actions)


def test_nonsense_is_refused(agent) -> None:
    with pytest.raises(UsageError, match="z must have shape"):
        act_on(agent, TASKS, torch.zeros(1, 5), seed=0)
    with pytest.raises(UsageError, match="must lie in"):
        explored_context(agent, np.array([[9.0, 9.0]]), seed=0)
    with pytest.raises(UsageError, match="episodes"):
        explored_context(agent, TASKS, seed=0, episodes=0)
