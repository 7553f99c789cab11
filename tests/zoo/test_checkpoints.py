"""The zoo and loading: what ships can be loaded, is what its card says, and damage is refused."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import mpsearch
from mpsearch import MAML, PointNavigation
from mpsearch.errors import CheckpointError, UsageError
from mpsearch.evaluation import evaluate, held_out
from mpsearch.training.storage import read_card, write_card
from mpsearch.zoo import ZOO

FAMILIES = ["cheetah-direction", "cheetah-velocity", "point-navigation"]
SHIPPED = [f"{algorithm}-{family}" for algorithm in ("maml", "pearl") for family in FAMILIES]
BODIES = ["maml-walker-body", "pearl-walker-body", "maml-ant-direction", "pearl-ant-direction"]
FURTHER = [
    *("maml-cheetah-direction-told", "maml-cheetah-direction-promp", "maml-cheetah-velocity-told"),
    "maml-cheetah-velocity-long",
    "pearl-cheetah-velocity-within",
]


def test_every_promised_meta_policy_ships() -> None:
    assert {*SHIPPED, *BODIES, *FURTHER} <= set(mpsearch.available())


@pytest.mark.parametrize("name", [*SHIPPED, *BODIES, *FURTHER])
def test_a_card_says_where_its_weights_come_from(name) -> None:
    card = read_card(ZOO / name)
    known = f"{card['algorithm']}-{card['tasks']['id']}"
    assert name == known if name not in FURTHER else name.startswith(f"{known}-")
    assert card["command"].startswith("mpsearch train ")
    assert card["env_steps"] > 0
    assert card["wall_seconds"] > 0
    assert card["revision"]
    assert set(card["versions"]) >= {"torch", "mujoco", "higher", "mpsearch"}
    for evaluation in card["evaluations"]:
        assert evaluation["command"].startswith("mpsearch evaluate ")
        low, high = np.transpose(evaluation["interval_95"])
        assert (low <= evaluation["mean"]).all()
        assert (evaluation["mean"] <= high).all()


@pytest.mark.parametrize("name", [*SHIPPED, *BODIES, *FURTHER])
def test_the_training_curve_ships_and_ends_where_the_card_says(name) -> None:
    lines = [json.loads(line) for line in (ZOO / name / "metrics.jsonl").read_text().splitlines()]
    card = read_card(ZOO / name)
    assert [line["iteration"] for line in lines] == list(range(1, card["iteration"] + 1))
    assert lines[-1]["env_steps"] == card["env_steps"]


@pytest.mark.slow
@pytest.mark.parametrize("name", BODIES)
def test_a_robot_that_may_fall_earns_more_than_one_that_stands(name) -> None:
    """Near the card's mean on some held-out tasks; a robot that stands still earns 1 a step."""
    agent = mpsearch.load(name)
    stored = read_card(ZOO / name)["evaluations"][0]
    tasks = held_out(agent.tasks, len(stored["tasks"]))[:6]
    np.testing.assert_allclose(tasks, stored["tasks"][:6], atol=1e-4)
    steps, seeds = (1, 1) if agent.algorithm == "maml" else (2, 5)
    found = np.mean([agent.adapt(tasks, seed=seed, steps=steps).after for seed in range(seeds)])
    assert found > 1.5 * agent.tasks.horizon
    assert found == pytest.approx(np.mean([means[steps] for means in stored["task_means"][:6]]), rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SHIPPED, *FURTHER[:4]])
def test_a_short_evaluation_repeats_the_card(name) -> None:
    """Two seeds instead of ten: near the card's mean, and far from what there was before adaptation."""
    agent = mpsearch.load(name)
    stored = read_card(ZOO / name)["evaluations"][0]
    count = 2 if name.endswith("direction") else 4
    tasks = held_out(agent.tasks, len(stored["tasks"]))[:count]
    np.testing.assert_allclose(tasks, stored["tasks"][:count], atol=1e-4)
    found = evaluate(agent, tasks, range(2), steps=len(stored["mean"]) - 1)
    stored_means = np.mean(stored["task_means"][:count], axis=0)
    rise = stored_means[-1] - stored_means[0]
    assert rise > 0
    np.testing.assert_allclose(found.mean, stored_means, atol=0.3 * rise)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="maml-cheetah-direction, maml-cheetah-direction-promp, maml-"):
        mpsearch.load("maml-cheetah-jump")


@pytest.fixture(name="folder")
def _folder(tmp_path):
    agent = MAML(PointNavigation(horizon=5))
    agent.save(tmp_path / "agent")
    return tmp_path / "agent"


def test_a_saved_agent_comes_back_as_it_was(folder) -> None:
    agent, again = MAML(PointNavigation(horizon=5)), mpsearch.load(folder)
    assert isinstance(again, MAML)
    assert again.config.__class__ is agent.config.__class__
    assert again.tasks.config == agent.tasks.config
    np.testing.assert_array_equal(again.adapt([[0.1, 0.2]], seed=0).returns, agent.adapt([[0.1, 0.2]], seed=0).returns)


def edit(folder, **changes) -> None:
    write_card(folder, {**read_card(folder), **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"algorithm": "sarsa"}, "unknown algorithm 'sarsa'; known: maml"),
        ({"format": 99}, "newer mpsearch"),
        ({"config": {"hidden": [3]}}, "another architecture"),
        ({"config": {"horses": 3}}, "damaged or was edited"),
        ({"config": {"hidden": "x"}}, "damaged or was edited"),
        ({"tasks": {"id": "chess", "config": {}}}, "are intact, but their family 'chess' is not known here"),
        ({"tasks": {"id": "cheetah-velocity", "config": {}}}, "another architecture"),
        ({"iteration": "many"}, "damaged or was edited"),
        ({"tasks": None}, "damaged or was edited"),
    ],
)
def test_an_edited_card_gets_a_sentence(folder, changes, words) -> None:
    edit(folder, **changes)
    with pytest.raises(CheckpointError, match=words):
        mpsearch.load(folder)


def test_a_folder_without_a_checkpoint_says_so(tmp_path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint in"):
        mpsearch.load(tmp_path)


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_is_small(name) -> None:
    assert sum(path.stat().st_size for path in (ZOO / name).iterdir()) < 5e6


def test_the_zoo_is_read_only_in_use(tmp_path) -> None:
    name = SHIPPED[2]
    copy = shutil.copytree(ZOO / name, tmp_path / name)
    agent = mpsearch.load(name)
    agent.adapt(agent.tasks.spread(2), seed=0)
    for path in copy.iterdir():
        assert path.read_bytes() == (ZOO / name / path.name).read_bytes()
