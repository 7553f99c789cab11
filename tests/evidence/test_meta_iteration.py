"""The parts of a meta-iteration add up, and a step on all transitions is the step that training makes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from torch.nn.utils import parameters_to_vector

from mpsearch.evidence import meta_iteration
from mpsearch.evidence.meta_iteration import GRADIENT, PRODUCTS, SEARCH, Watched
from mpsearch.maml import MAML, MAMLConfig
from mpsearch.seeding import Streams
from mpsearch.tasks import PointNavigation

SMALL = MAMLConfig(tasks_per_iteration=2, episodes=2)


def test_the_parts_of_an_iteration_are_not_more_than_the_whole(monkeypatch) -> None:
    monkeypatch.setattr(meta_iteration, "PAPER", SMALL)
    found = meta_iteration.parts()
    assert set(found) == {"physics", "iteration", GRADIENT, PRODUCTS, SEARCH}
    assert all(value > 0 for value in found.values())
    assert found[GRADIENT] + found[PRODUCTS] + found[SEARCH] < found["iteration"]


def test_watching_changes_nothing() -> None:
    policies = []
    for kind in (MAML, Watched):
        agent = kind(PointNavigation(horizon=5), SMALL)
        agent.train(2, seed=0, progress=False)
        policies.append(parameters_to_vector(agent.learned).detach().numpy())
    np.testing.assert_array_equal(*policies)


def test_every_step_starts_from_the_same_parameters(monkeypatch) -> None:
    class Small(Watched):
        @classmethod
        def load(cls, path, tasks=None):
            agent = cls(PointNavigation(horizon=5), replace(SMALL, max_kl=0.02))
            agent._start(Streams(0))
            return agent

    monkeypatch.setattr(meta_iteration, "Watched", Small)
    monkeypatch.setattr(meta_iteration, "TRANSITIONS", (10, 10, 4))
    monkeypatch.setattr(meta_iteration, "DRAWS", 1)
    first, again, fewer = meta_iteration.steps()
    assert (first["transitions"], fewer["transitions"]) == (10, 4)
    assert first["kl"] == again["kl"] != fewer["kl"]
    assert 0 < first["kl"] <= 0.02
    assert first["gain"] == pytest.approx(again["gain"])
