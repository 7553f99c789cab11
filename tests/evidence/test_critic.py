"""The learned critic: it finds values that no linear baseline can have, and MAML trains with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mpsearch import MAML, CheetahDirection, MAMLConfig
from mpsearch.evidence.critic import EPISODES, Critic, MAMLWithCritic, explained, shares
from mpsearch.records import Episodes

SCALE = np.ones(1)


def resting(values: np.ndarray, states: np.ndarray) -> Episodes:
    """Episodes [2, E, 10] in which nothing moves: a state pays a tenth of its value at each step."""
    rewards = np.repeat(0.1 * values[..., None], 10, axis=-1)
    observations = np.repeat(states[..., None], 11, axis=-1)[..., None]
    return Episodes(observations.astype(np.float32), np.zeros((*rewards.shape, 1)), rewards, np.zeros(rewards.shape))


class Agent:
    """What :func:`shares` uses of an agent."""

    tasks = type("Family", (), {"observation_dim": 1, "observation_scale": SCALE})
    config = MAMLConfig(discount=0.9)


@pytest.mark.parametrize("crooked", [True, False])
def test_it_explains_values_that_are_not_linear_in_the_features_and_no_more_of_others(crooked) -> None:
    """Tasks have opposite values: only the last layer, which is fitted to each, can tell them apart."""
    rng = np.random.default_rng(0)
    states = rng.uniform(-2, 2, size=(2, 2 * EPISODES))
    values = np.array([[1.0], [-1.0]]) * (np.sin(3 * states) if crooked else states + states**2)
    fitted, others = (resting(values[:, rows], states[:, rows]) for rows in (slice(EPISODES), slice(EPISODES, None)))
    truth = np.repeat(values[:, EPISODES:, None], 10, axis=-1)
    found = shares(fitted, others, truth, Agent())  # type: ignore[arg-type]
    if crooked:
        assert max(found["linear"]) < 0.3
        assert min(found["learned"]) > 0.6
    else:
        assert min(found["linear"]) > 0.99
        assert min(found["learned"]) > 0.95


def test_explained_is_a_share_of_the_variance() -> None:
    truth = np.random.default_rng(0).normal(size=(3, 4, 5))
    np.testing.assert_allclose(explained(truth + 7, truth), 1)  # advantages are shifted anyway
    np.testing.assert_allclose(explained(0 * truth, truth), 0, atol=1e-12)
    np.testing.assert_allclose(explained(-truth, truth), -3)


def test_fitting_lowers_the_error() -> None:
    states = np.random.default_rng(0).uniform(-2, 2, size=(2, 40))
    episodes = resting(np.sin(4 * states), states)
    critic, same = (Critic(1, torch.Generator().manual_seed(3)) for _ in range(2))
    critic.fit(episodes, SCALE, 0.9, rounds=50)
    truth = np.repeat(np.sin(4 * states)[..., None], 10, axis=-1)
    errors = [np.abs(c.values(episodes, SCALE, 0.9).detach().numpy()[..., :-1] - truth).mean() for c in (same, critic)]
    assert errors[1] < 0.8 * errors[0]


def test_maml_trains_with_it_and_differently() -> None:
    config = MAMLConfig(tasks_per_iteration=2, episodes=2, curvature_steps=20)
    family = CheetahDirection(horizon=20)
    agents = [kind(family, config) for kind in (MAML, MAMLWithCritic, MAMLWithCritic)]
    for agent in agents:
        agent.train(2, seed=0, progress=False)
    plain, learned, again = (agent.policy.state_dict()["layers.0.weight"] for agent in agents)
    assert not np.allclose(plain, learned)
    np.testing.assert_array_equal(learned, again)
