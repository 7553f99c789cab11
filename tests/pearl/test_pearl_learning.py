"""PEARL learns to infer: a short training on the cheetah runs both ways, from its own exploration and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.distributions import Normal

import mpsearch
from mpsearch import PEARL, CheetahDirection, PEARLConfig

pytestmark = pytest.mark.slow  # a training that must learn

BOTH = np.array([[1.0]] * 5 + [[-1.0]] * 5)


@pytest.fixture(scope="module", name="runner")
def _runner() -> PEARL:
    config = PEARLConfig(
        explorers=3, gradient_steps=100, batch=64, context=200, least_context=20, hidden=(128, 128),
        encoder_hidden=(64, 64), rate=2e-3, actor_every=2, discount=0.97, kl_weight=0.1, recent=30,
        random_episodes=10, evaluate_every=1000,
    )  # fmt: skip
    agent = PEARL(CheetahDirection(horizon=100), config)
    agent.train(60, seed=0, progress=False)
    return agent


def after(agent: PEARL) -> np.ndarray:
    """Mean return after adaptation, forward and backward."""
    return agent.adapt(BOTH, seed=1).after.reshape(2, 5).mean(axis=1)


def test_it_runs_both_ways_after_exploring(runner) -> None:
    assert (after(runner) > 10).all()


def test_the_context_of_the_other_task_sends_it_the_wrong_way(runner, monkeypatch) -> None:
    infer = runner.encoder.forward
    monkeypatch.setattr(runner.encoder, "forward", lambda context: infer(context.flip(0)))
    assert (after(runner) < 0).all()


def test_without_inference_it_cannot_run_both_ways(runner, monkeypatch) -> None:
    def know_nothing(context):
        return Normal(torch.zeros(len(context), 5), torch.full((len(context), 5), 1e-6))

    monkeypatch.setattr(runner.encoder, "forward", know_nothing)
    assert after(runner).min() < 0


@pytest.mark.parametrize("name", ["pearl-cheetah-direction", "pearl-cheetah-velocity"])
def test_the_shipped_one_needs_the_right_context(name, monkeypatch) -> None:
    agent = mpsearch.load(name)
    tasks = agent.tasks.spread(4)
    right = agent.adapt(tasks, seed=0).after
    infer = agent.encoder.forward
    monkeypatch.setattr(agent.encoder, "forward", lambda context: infer(context.flip(0)))
    wrong = agent.adapt(tasks, seed=0).after
    assert (right > wrong + 50).all()
