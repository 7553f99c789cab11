"""MAML scored by its mean actions, and differences with their intervals."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mpsearch import MAML, Evaluation, MAMLConfig, PointNavigation
from mpsearch.cli import main
from mpsearch.errors import UsageError
from mpsearch.evaluation import difference
from mpsearch.evidence import results
from mpsearch.evidence.measure import by_mean_actions, commands, within_episodes
from mpsearch.evidence.page.within import crossing, scored_alike
from mpsearch.evidence.quiet import MeanActions
from mpsearch.seeding import Streams

TASKS = np.array([[0.3, 0.1], [-0.2, 0.4]])


@pytest.fixture(name="agent")
def _agent() -> MAML:
    agent = MAML(PointNavigation(horizon=8), MAMLConfig(episodes=3, hidden=(8,)))
    agent._start(Streams(0))
    return agent


def test_quiet_maml_adapts_as_always_and_scores_its_mean_actions(agent) -> None:
    noisy, quiet = (each.adapt(TASKS, seed=2, steps=2) for each in (agent, MeanActions(agent)))
    assert quiet.returns.shape == noisy.returns.shape
    np.testing.assert_array_equal(quiet.env_steps, noisy.env_steps)
    for stage in (0, 2):  # the same policies, stepped by hand
        env = agent.tasks.make_env(TASKS[1])
        seen, total = env.reset(seed=0)[0], 0.0
        for _ in range(8):
            seen, reward, *_ = env.step(noisy.policy(1, stage)(seen))
            total += float(reward)
        np.testing.assert_allclose(quiet.returns[1, stage], total, rtol=1e-4)  # navigation always starts at the origin
    assert np.ptp(noisy.returns[1, 0]) > 0.01


def ending(returns, tasks=None) -> Evaluation:
    """Returns [R, K] of one stage."""
    values = np.array(returns, dtype=float)[..., None]
    rows = np.arange(values.shape[1], dtype=float)[:, None] if tasks is None else tasks
    return Evaluation(rows, tuple(range(len(values))), values, np.array([0]))


def test_a_difference_may_be_clear_where_intervals_overlap() -> None:
    """Tasks that differ a lot, one method always a little ahead."""
    base = np.array([[0.0, 100.0, 200.0, 300.0, 400.0]])
    a, b = (ending(base + np.array(each)[:, None]) for each in ([4, 5, 6], [0, 1, -1]))
    gap, low, high = difference(a, b)
    assert (gap, low, high) == pytest.approx((5, 5, 5))
    assert difference(b, a)[0] == pytest.approx(-5)
    _, low, high = difference(a, b, over="seeds")
    assert 3 < low < 5 < high < 7


def test_over_tasks_it_is_as_wide_as_the_tasks_disagree() -> None:
    rng = np.random.default_rng(0)
    gaps = rng.normal(3, 10, (1, 200))
    gap, low, high = difference(ending(gaps), ending(np.zeros((1, 200))))
    error = gaps.std() / np.sqrt(200)
    assert gap == pytest.approx(gaps.mean())
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.15)


def test_differences_of_other_tasks_or_over_nothing_are_refused() -> None:
    with pytest.raises(UsageError, match="a difference needs the same tasks"):
        difference(ending([[1.0, 2.0]]), ending([[1.0, 2.0]], tasks=np.ones((2, 1))))
    with pytest.raises(UsageError, match='"tasks" or "seeds"'):
        difference(ending([[1.0]]), ending([[1.0]]), over="runs")


def test_mean_actions_are_for_what_has_noise(capsys) -> None:
    assert main(["evaluate", "pearl", "point-navigation", "--seeds", "1", "--count", "1", "--mean-actions"]) == 2
    assert "has no sampled actions" in capsys.readouterr().err
    words = ["evaluate", "maml", "point-navigation", "--seeds", "1", "--count", "1", "--steps", "0", "--episodes", "2"]
    assert main([*words, "--mean-actions", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["command"].endswith("--episodes 2 --steps 0 --mean-actions")


def test_resampling_is_part_of_the_command_that_repeats_an_evaluation(capsys) -> None:
    words = ["evaluate", "pearl", "point-navigation", "--seeds", "1", "--count", "1", "--steps", "0"]
    assert main([*words, "--resample-every", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["command"].endswith("--steps 0 --resample-every 5")


def test_every_record_of_the_comparison_is_stored_and_says_what_was_asked() -> None:
    for name, words in {**within_episodes(), **by_mean_actions()}.items():
        assert commands()[name] == words
        command = results.read(name)["command"]
        assert words.split(" --")[-1] in command
        assert words.split(" --")[0] in command


def test_the_page_has_the_comparison() -> None:
    assert "cheetah-velocity" in scored_alike()
    assert crossing().count("\n") == 7
