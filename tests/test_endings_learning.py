"""MAML and PEARL learn to stay alive and to end early; an agent for which reward goes on behind the end does not."""

from __future__ import annotations

import numpy as np
import pytest
from endings import Door, StayAlive

from mpsearch import MAML, PEARL, MAMLConfig, PEARLConfig, rollouts

pytestmark = pytest.mark.slow  # trainings that must learn

BOTH = np.array([[1.0]] * 4 + [[-1.0]] * 4)


@pytest.fixture(name="blind")
def _blind(monkeypatch):
    """Take each termination for a time limit, so that values bootstrap through it."""

    def blind() -> None:
        padded = rollouts.padded
        monkeypatch.setattr(rollouts, "padded", lambda episodes, lengths, over: padded(episodes, lengths, over & False))

    return blind


def worse_task(agent, **options) -> float:
    """Return the mean return after adaptation on that of the two tasks where it is lower."""
    return float(agent.adapt(BOTH, seed=1, **options).after.reshape(2, 4).mean(axis=1).min())


def trained_maml(family, inner_rate=1.0) -> MAML:
    config = MAMLConfig(
        tasks_per_iteration=10, episodes=20, hidden=(16,), discount=0.9, inner_rate=inner_rate, max_kl=0.1
    )
    agent = MAML(family, config)
    agent.train(6, seed=0, progress=False)
    return agent


def test_maml_stays_alive_after_one_step_and_without_a_step_it_cannot() -> None:
    assert worse_task(trained_maml(StayAlive()), steps=1) > 19
    assert worse_task(trained_maml(StayAlive(), inner_rate=0.0), steps=1) < 15


def test_maml_finds_the_door_and_not_if_values_go_on_behind_it(blind) -> None:
    assert worse_task(trained_maml(Door()), steps=1) > -11
    blind()
    assert worse_task(trained_maml(Door()), steps=1) < -14


def trained_pearl() -> PEARL:
    config = PEARLConfig(
        discount=0.9, gradient_steps=100, random_episodes=40, explorers=2, batch=128, context=30, least_context=5,
        hidden=(32, 32), encoder_hidden=(32,), latent=1, kl_weight=0.1, target_rate=0.05, rate=5e-3, recent=40,
        actor_every=1, evaluate_every=1000,
    )  # fmt: skip
    agent = PEARL(StayAlive(), config)
    agent.train(10, seed=0, progress=False)
    return agent


def test_pearl_stays_alive_and_not_if_values_go_on_behind_the_end(blind) -> None:
    assert worse_task(trained_pearl()) > 15
    blind()
    assert worse_task(trained_pearl()) < 10
