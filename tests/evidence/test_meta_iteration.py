"""The parts of a meta-iteration add up, and a step on all transitions is the step that training makes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from torch.nn.utils import parameters_to_vector

from mpsearch.evidence import meta_iteration, results
from mpsearch.evidence.meta_iteration import GRADIENT, PRODUCTS, SEARCH, Watched
from mpsearch.evidence.page.makings import FAST
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


def test_the_records_show_what_the_page_says_of_fewer_transitions() -> None:
    record = results.meta_iteration()
    of = {n: [step for step in record["steps"] if step["transitions"] == n] for n in meta_iteration.TRANSITIONS}
    kl = {n: np.mean([step["kl"] for step in found]) / record["max_kl"] for n, found in of.items()}
    gain = {n: np.mean([step["gain"] for step in found]) for n, found in of.items()}
    assert all(kl[n] < 0.25 for n in (100, 200, 400))
    assert all(kl[n] > 0.6 for n in (1000, 2000, 4000))
    assert 1.6 < gain[4000] / gain[2000] < 2


def test_the_records_show_what_the_page_says_of_more_episodes_and_steps() -> None:
    name = "maml-cheetah-velocity-long"
    names = (f"{name}-mean-actions", f"{name}-80-episodes", f"{name}-5-steps", "pearl-cheetah-velocity")
    plain, episodes, steps, pearl = map(results.evaluation, names)
    gained = (episodes.returns[0] - plain.returns[0]).mean(0)
    assert all(2 < gain < 3.1 for gain in gained[1:3])
    assert 0 < gained[3] < 1
    fourth, fifth = np.diff(steps.returns[0].mean(0))[3:]
    assert 1.5 < fourth < 2.5
    assert fifth < 0.5
    fast = plain.tasks[:, 0] >= FAST
    told = results.evaluation("oracle-cheetah-velocity").returns[0, fast, -1].mean()
    for evaluation in (episodes, steps):
        end, best = (each.returns[0, fast, -1].mean() for each in (evaluation, pearl))
        assert best - end > 10 > told - end > 0
