"""What RESULTS.md says of robots that fall, checked against the records and the shipped meta-policies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mpsearch
from mpsearch.evaluation import held_out, resample
from mpsearch.evidence import averages, results
from mpsearch.evidence.measure import FALLING, on_robots_that_fall
from mpsearch.evidence.page.falling import BASELINES, ends_of_ants, maml_ant, mean_of
from mpsearch.maml.inner import spread_over_tasks
from mpsearch.pearl import PEARL, PEARLConfig
from mpsearch.returns import linear_values
from mpsearch.seeding import Streams
from mpsearch.training.storage import read_card
from mpsearch.zoo import ZOO

TRAININGS = Path(__file__).parents[2] / "trainings"


def test_maml_on_the_walker_learns_with_a_finite_horizon_and_does_not_without() -> None:
    records = [results.read(name, "curves") for name in BASELINES.values()]
    start, default, *finite = (mean_of(record["curve"], "after") for record in records)
    assert default < start < min(finite) - 50
    commands = [record["commands"] for record in records]
    assert commands[1][0] == commands[2][0] == commands[0][0]
    assert ["finite_horizon=true" in of_training[-1] for of_training in commands] == [False, False, True, True]
    assert (len(commands[3]), records[3]["seed"], records[2]["iteration"]) == (1, 1, records[3]["iteration"])


def test_adaptation_is_worth_much_on_the_ant_and_on_the_walker_less_than_two_seeds_differ_by() -> None:
    rises, lower, ends = {}, {}, {}
    for name in on_robots_that_fall():
        evaluation = results.evaluation(name)
        ends[name], lower[name] = evaluation.mean[-1], evaluation.fell[-1]
        rises[name] = evaluation.mean[1:] - evaluation.mean[0]
    ants = [name for name in rises if "ant-direction" in name]
    assert min(rises.pop(name).min() for name in ants) > 200
    assert max(lower.pop(name) for name in ants) < 0.2
    assert min(rise.min() for rise in rises.values()) > 0
    assert max(rise.max() for rise in rises.values()) < ends["pearl-walker-body"] - ends["pearl-walker-body-seed1"]
    assert min(lower.values()) > 0.2


def test_after_further_steps_only_one_training_of_maml_clearly_earns_less_on_the_ant() -> None:
    for name in on_robots_that_fall():
        if "ant-direction" in name:
            returns = results.evaluation(name).returns.mean(1)
            low, high = resample([returns[:, -1] - returns[:, 1]], np.mean, 0.95)
            assert low < 0
            assert (high < 0) == (name.startswith("maml") and "seed1" not in name), name


@pytest.mark.parametrize("seed", ["", "-seed1"])
def test_on_the_ant_maml_by_mean_actions_earns_more_than_pearl(seed: str) -> None:
    names = [f"maml-ant-direction-mean-actions{seed}", f"pearl-ant-direction{seed}"]
    maml, pearl = (results.evaluation(name) for name in names)
    assert maml.interval()[1][0] > pearl.interval()[1][1]
    assert maml.mean[1] > max(maml.mean[2:])
    assert maml.env_steps[1] / pearl.env_steps[1] == pytest.approx(20, rel=0.05)
    costs = [results.read(name)["training"] for name in names]
    assert costs[0]["core_minutes"] == pytest.approx(costs[1]["core_minutes"], rel=0.2)
    assert costs[0]["env_steps"] > 10 * costs[1]["env_steps"]


def test_the_returns_of_maml_on_the_ant_rise_from_one_row_to_the_next() -> None:
    rows = [row.split("|") for row in maml_ant().splitlines() if row.startswith(("| 0 |", "| 1 |"))]
    for seed in (0, 1):
        after = [int(row[4]) for row in rows if int(row[1]) == seed]
        assert len(after) == 7
        assert after == sorted(set(after))


@pytest.mark.parametrize("name", FALLING)
def test_the_other_training_seed_differs_by_the_seed_and_ends_within_a_tenth(name: str) -> None:
    cards = [read_card(folder) for folder in (ZOO / name, TRAININGS / f"{name}-seed1")]
    assert [card["seed"] for card in cards] == [0, 1]
    shipped, other = [{k: v for k, v in card["config"].items() if k != "settle_until"} for card in cards]
    assert shipped == other
    assert cards[0]["tasks"] == cards[1]["tasks"]
    shipped, other = (results.evaluation(n).mean[-1] for n in (name, f"{name}-seed1"))
    assert other == pytest.approx(shipped, rel=0.1)


def test_by_default_some_values_of_the_walker_are_several_times_what_can_be_earned() -> None:
    agent = mpsearch.load("maml-walker-body")
    tasks = held_out(agent.tasks, 12)
    batch = agent.tasks.make_batch(tasks, 20)
    episodes = agent._explore(batch, spread_over_tasks(agent.policy, len(tasks)), Streams(0), 0)
    most = episodes.rewards.max() / (1 - 0.99)
    largest = [
        np.abs(linear_values(episodes, agent.tasks.observation_scale, 0.99, finite_horizon=finite)).max()
        for finite in (False, True)
    ]
    typical = np.abs(episodes.rewards).mean() / (1 - 0.99)  # the mean reward, for ever
    assert largest[0] > 4 * typical
    assert largest[1] < 2 * typical < most


def test_on_the_ant_the_belief_returned_to_the_prior_with_small_rewards_only() -> None:
    _, *ends = ends_of_ants().values()  # of the trainings forward and backward
    divergences = [np.mean([sum(line["kl"]) for line in end]) for end in ends]
    assert divergences[0] < 0.05 < 0.5 < min(divergences[1:])
    returns = [np.mean([line["held_out"][-1] for line in end]) for end in ends]
    assert returns[0] < 200 < 300 < min(returns[1:])


def test_averages_gain_on_the_walker_and_most_in_the_lowest_evaluations() -> None:
    (training,) = results.averages()["trainings"]
    learned, *averaged = training["returns"].values()
    assert (training["tasks"], len(learned)) == ("walker-body", 6)
    for values in averaged:
        mean, least = (statistic(values) / statistic(learned) - 1 for statistic in (np.mean, min))
        assert 0.03 < mean < least / 2


@pytest.mark.slow
def test_averages_are_measured_on_a_training_that_goes_on_as_it_would(monkeypatch, tmp_path) -> None:
    config = PEARLConfig(
        training_tasks=4, gradient_steps=3, batch=8, context=10, hidden=(16,), encoder_hidden=(16,), replay_size=2_000
    )
    agent = PEARL(mpsearch.PointNavigation(horizon=5), config)
    agent.train(2, seed=1, folder=tmp_path / "run", progress=False)
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    averages.main((tmp_path / "run",), iterations=2, count=3)
    (found,) = results.averages()["trainings"]
    assert list(found["returns"]) == ["learned", *map(str, averages.RATES)]
    assert (found["iteration"], found["tasks_seeds"]) == (2, [3, 2])
    agent.train(1, seed=1, progress=False)
    expected = np.mean([agent.adapt(held_out(agent.tasks, 3), seed=seed).after for seed in averages.SEEDS])
    assert found["returns"]["learned"][0] == pytest.approx(expected, rel=1e-4)
    assert PEARL.load(tmp_path / "run").iteration == 2
