"""MAML from a policy that is told its task: what it was told becomes what an adaptation changes."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from mpsearch import MAML
from mpsearch.errors import CheckpointError, UsageError
from mpsearch.maml import MAMLConfig
from mpsearch.maml.told import told_as_context
from mpsearch.policies import PolicyNet
from mpsearch.tasks.cheetah import CheetahVelocity
from mpsearch.training.storage import read_card, write_card

SMALL = {"tasks_per_iteration": 2, "episodes": 2, "hidden": (8,), "curvature_steps": 20}


def learner(told=False, **settings) -> MAML:
    return MAML(CheetahVelocity(horizon=20, told=told), MAMLConfig(**{**SMALL, **settings}))


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    """A folder with a policy that was told the task in training, and that has not become deaf to it."""
    folder, agent = tmp_path_factory.mktemp("oracle"), learner(told=True, inner_steps=0)
    agent.train(1, seed=0, folder=folder, progress=False)
    return folder


def test_a_context_acts_as_the_told_task_does() -> None:
    told = PolicyNet(5, 2, hidden=(8,), observation_scale=[1.0, 2, 3, 4, 5]).initialise(torch.Generator())
    silent = PolicyNet(3, 2, hidden=(8,), observation_scale=[1.0, 2, 3], context=2)
    parameters = told_as_context(told, 2, np.array([0.5, -1.0]))
    silent.load_state_dict({**parameters, "observation_scale": silent.observation_scale})
    assert silent.context.tolist() == [0.5, -1.0]
    observations = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    for task in ([0.5, -1.0], [3.0, 2.0]):
        with torch.no_grad():
            silent.context.copy_(torch.tensor(task))
        informed = torch.cat([observations, torch.tensor(task).expand(4, -1)], dim=-1)
        torch.testing.assert_close(silent(observations).mean, told(informed).mean)


def test_maml_starts_from_the_told_policy_in_the_middle_of_the_tasks_and_with_its_own_rates(oracle) -> None:
    agent = learner(inner_steps=2, inner_rate=0.0, context=1, context_rate=2.0, rate_decay=0.5)
    before = agent.rates.tolist()
    agent.start_from(oracle)
    assert agent.rates.tolist() == before
    assert agent.policy.context.item() == 1.5  # of the velocities from 0 to 3 m/s
    assert [past["iteration"] for past in agent.history] == [1]


def test_with_an_inner_rate_of_0_an_adaptation_changes_the_context_and_nothing_else(oracle) -> None:
    def adapted(**rates) -> list[bool]:
        agent = learner(context=1, **rates)
        agent.start_from(oracle)
        first, last = agent.adapt(agent.tasks.spread(2), seed=0, steps=1).policies.stages
        return [torch.equal(a, b) for a, b in zip(first, last, strict=True)]

    context, *others = adapted(inner_rate=0.0, context_rate=2.0)
    assert not context
    assert all(others)
    assert not any(adapted(inner_rate=0.1))


@pytest.mark.parametrize("context", [0, 2])
def test_a_context_of_another_size_than_the_task_is_refused(context, oracle) -> None:
    with pytest.raises(UsageError, match="takes the place of the task: use context=1"):
        learner(context=context).start_from(oracle)


def test_a_card_without_a_family_is_damaged(oracle, tmp_path) -> None:
    shutil.copytree(oracle, tmp_path / "copy")
    write_card(tmp_path / "copy", {**read_card(oracle), "tasks": None})
    with pytest.raises(CheckpointError):
        learner(context=1).start_from(tmp_path / "copy")


@pytest.mark.parametrize("wrong", [{"context_rate": 1.0}, {"context": 1, "context_rate": -1.0}])
def test_a_context_rate_needs_a_context_and_must_not_be_negative(wrong) -> None:
    with pytest.raises(UsageError, match="context_rate must not be negative, and needs a context"):
        MAMLConfig(**wrong)
