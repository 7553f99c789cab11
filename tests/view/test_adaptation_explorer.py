"""The explorer of adaptation, driven from Python: what it draws, says, remembers, refuses and survives."""

from __future__ import annotations

import copy
import sys
import threading
from types import ModuleType

import numpy as np
import pytest
import torch

from mpsearch import (
    MAML,
    PEARL,
    AntDirection,
    CheetahDirection,
    MAMLConfig,
    PEARLConfig,
    PointNavigation,
    WalkerBody,
    WeakLeg,
    make_distribution,
)
from mpsearch.errors import UsageError
from mpsearch.evaluation import held_out
from mpsearch.view.applications import PICTURES
from mpsearch.view.widgets import AdaptationExplorer
from mpsearch.view.widgets.adaptation import Choice, describe, race

pytestmark = pytest.mark.usefixtures("no_window")


def make_maml(tasks=None) -> MAML:
    return MAML(tasks or PointNavigation(horizon=10), MAMLConfig(tasks_per_iteration=2, episodes=3))


def make_pearl(tasks=None) -> PEARL:
    return PEARL(tasks or PointNavigation(horizon=10), PEARLConfig(hidden=(16,), encoder_hidden=(16,)))


@pytest.fixture
def explorer():
    return AdaptationExplorer(make_maml(), make_pearl())


def count_adaptations(explorer, monkeypatch) -> list[str]:
    """The methods of the adaptations that are really run from now on."""
    run: list[str] = []
    for name, agent in explorer.agents.items():
        adapt = agent.adapt
        monkeypatch.setattr(agent, "adapt", lambda *a, _n=name, _f=adapt, **k: run.append(_n) or _f(*a, **k))
    return run


def test_tasks_of_many_parameters_are_chosen_by_number_and_described_in_short() -> None:
    family = WalkerBody(horizon=5)
    explorer = AdaptationExplorer(make_pearl(family), steps=1)
    assert list(explorer.controls) == ["number", "steps", "seed"]
    assert explorer.error.value == ""
    assert explorer.words.value.count("mass") == 1
    for number in (1, 20):
        explorer.controls["number"].value = number
        press_run(explorer)
        (result,) = explorer.result.values()
        np.testing.assert_array_equal(result.tasks[0], held_out(family, 20)[number - 1])
        assert family.describe_task(result.tasks[0]) in explorer.words.value
    assert explorer.player.runners[0].robot == "Walker2d"


@pytest.mark.parametrize(
    ("family", "labels"),
    [(CheetahDirection(horizon=5), ("+1", "-1")), (AntDirection(horizon=5, forward_backward=True), ("+3.14", "+0"))],
)
def test_a_family_of_two_tasks_has_a_button_for_each(family, labels) -> None:
    explorer = AdaptationExplorer(make_pearl(family), steps=1)
    assert explorer.error.value == ""
    (control,) = (explorer.controls[name] for name in family.parameter_names)
    assert tuple(label for label, _ in control.options) == labels
    (result,) = explorer.result.values()
    assert result.tasks[0] in family.spread(2)


def press_run(explorer) -> None:
    explorer.run.click()
    explorer.wait(60)


def test_it_shows_an_adaptation_of_every_method_at_once(explorer) -> None:
    assert list(explorer.result) == ["MAML", "PEARL"]
    assert explorer.error.value == ""
    assert explorer.words.value in explorer.picture.value
    assert len(explorer.player.runners) == 4


@pytest.mark.slow
def test_what_it_shows_is_what_adapt_gives(explorer) -> None:
    explorer.controls["x"].value, explorer.controls["seed"].value = -0.2, 5
    explorer.controls["steps"].value = 3
    press_run(explorer)
    task = [[control.value for control in (explorer.controls["x"], explorer.controls["y"])]]
    for name, agent in explorer.agents.items():
        expected = agent.adapt(task, seed=5, steps=3)
        np.testing.assert_array_equal(explorer.result[name].returns, expected.returns)
        assert f"{expected.after[0]:.0f} with {expected.env_steps[-1]:,} steps" in explorer.words.value
    drawn = explorer.player.runners[-1].positions
    np.testing.assert_array_equal(drawn, explorer.result["PEARL"].trajectories[0, -1].astype(np.float32))


@pytest.mark.slow
def test_one_method_alone_can_be_chosen(explorer, monkeypatch) -> None:
    run = count_adaptations(explorer, monkeypatch)
    explorer.controls["method"].value, explorer.controls["seed"].value = "PEARL", 9
    press_run(explorer)
    assert run == ["PEARL"]
    assert list(explorer.result) == ["PEARL"]
    assert [runner.name for runner in explorer.player.runners] == ["before adaptation", "after adaptation"]


@pytest.mark.slow
def test_it_leaves_the_meta_policies_as_they_were(explorer) -> None:
    before = {name: copy.deepcopy(agent._tensors()) for name, agent in explorer.agents.items()}
    explorer.controls["x"].value = 0.1
    press_run(explorer)
    for name, agent in explorer.agents.items():
        after = agent._tensors()
        assert before[name].keys() == after.keys()
        assert all(torch.equal(before[name][key], after[key]) for key in after)


def test_nothing_happens_until_run_is_pressed(explorer, monkeypatch) -> None:
    run, words = count_adaptations(explorer, monkeypatch), explorer.words.value
    explorer.controls["x"].value = -0.4
    assert run == []
    assert explorer.words.value == words


@pytest.mark.slow
def test_the_same_choice_again_comes_from_the_cache_and_another_does_not(explorer, monkeypatch) -> None:
    run = count_adaptations(explorer, monkeypatch)
    press_run(explorer)
    assert run == []
    explorer.controls["seed"].value = 1
    press_run(explorer)
    assert run == ["MAML", "PEARL"]


@pytest.fixture
def held(explorer, monkeypatch):
    """The explorer at work on an adaptation that does not go on before ``held.go`` is set."""
    explorer.go, begun = threading.Event(), threading.Event()
    agent = explorer.agents["PEARL"]
    adapt = agent.adapt

    def slowly(tasks, *, callback, **options):
        def wait(stage: int) -> None:
            begun.set()
            explorer.go.wait(60)
            callback(stage)

        return adapt(tasks, callback=wait, **options)

    monkeypatch.setattr(agent, "adapt", slowly)
    explorer.controls["method"].value, explorer.controls["seed"].value = "PEARL", 7
    explorer.run.click()
    assert begun.wait(60)
    return explorer


@pytest.mark.slow
def test_a_second_press_while_it_works_does_no_harm(held) -> None:
    worker = held._worker
    assert held.run.disabled
    assert not held.stop.disabled
    held.start()
    assert held._worker is worker
    held.go.set()
    held.wait(60)
    assert list(held.result) == ["PEARL"]
    assert not held.run.disabled
    assert held.stop.disabled


@pytest.mark.slow
def test_stop_ends_the_work_and_leaves_what_was_shown(held) -> None:
    words, result = held.words.value, held.result
    held.stop.click()
    held.go.set()
    held.wait(60)
    assert held.progress.description == "Stopped"
    assert held.words.value == words
    assert held.result.keys() == result.keys()
    assert held.error.value == ""
    press_run(held)  # what was stopped is not taken for done
    assert list(held.result) == ["PEARL"]


@pytest.mark.parametrize(
    ("error", "words"),
    [(UsageError("choose another goal"), "choose another goal"), (KeyError("z"), "Unexpected KeyError")],
)
@pytest.mark.slow
def test_an_error_appears_in_words_and_the_next_run_works(explorer, monkeypatch, error, words) -> None:
    before = explorer.words.value

    def fail(*args, **options):
        raise error

    with monkeypatch.context() as context:
        context.setattr(explorer.agents["MAML"], "adapt", fail)
        explorer.controls["seed"].value = 3
        press_run(explorer)
        assert words in explorer.error.value
        assert explorer.words.value == before
        assert not explorer.run.disabled
    press_run(explorer)
    assert explorer.error.value == ""


@pytest.mark.slow
def test_after_a_first_adaptation_that_failed_the_next_one_still_brings_the_player(monkeypatch) -> None:
    agent = make_pearl()
    with monkeypatch.context() as context:
        context.setattr(agent, "adapt", lambda *args, **options: 1 / 0)
        explorer = AdaptationExplorer(agent)
    assert "Unexpected ZeroDivisionError" in explorer.error.value
    assert explorer.player is None
    press_run(explorer)
    assert explorer.error.value == ""
    assert explorer.player in explorer.children


@pytest.mark.parametrize(
    ("agents", "words"),
    [
        ((), "give one or more meta-policies"),
        (("maml-cheetah-velocity",), "give one or more meta-policies"),
        ((make_maml(), make_maml()), "at most one meta-policy of each algorithm"),
        ((make_maml(), make_pearl(PointNavigation(horizon=20))), "must share their tasks"),
    ],
)
def test_agents_that_do_not_go_together_get_a_sentence(agents, words) -> None:
    explorer = AdaptationExplorer(*agents)
    assert words in explorer.error.value
    assert explorer.result == {}
    assert explorer._repr_mimebundle_()[0]["text/plain"] == explorer.error.value


def test_directions_are_buttons_since_nothing_lies_between_them() -> None:
    explorer = AdaptationExplorer(make_pearl(CheetahDirection(horizon=10)))
    assert dict(explorer.controls["direction"].options) == {"+1": 1.0, "-1": -1.0}
    assert "method" not in explorer.controls


def test_a_reader_without_a_kernel_sees_a_picture_and_the_words(explorer) -> None:
    data, metadata = explorer._repr_mimebundle_()
    assert data["text/plain"] == explorer.words.value
    assert metadata["image/png"]["alt"] == explorer.words.value
    assert len(data["image/png"]) < 150_000


def test_only_velocity_tasks_have_a_ghost(explorer) -> None:
    choice = Choice(("MAML",), (0.1, 0.2), 1, 0)
    result = {"MAML": explorer.result["MAML"]}
    assert all(runner.target is None for runner in race(explorer.family, choice, result))
    assert describe(explorer.family, choice, result).startswith("Task: x 0.10, y 0.20. MAML goes from a return of")


@pytest.fixture
def painted(monkeypatch):
    """A picture for navigation's episodes that says which stage it shows; also as an application of its own."""
    drawer = ModuleType("painted")
    drawer.plot = lambda result, task, stage, axes: axes.plot(*result.trajectories[task, stage].T)
    drawer.describe = lambda result, task, stage: f"A path to {result.trajectories[task, stage, -1].round(4)}."
    monkeypatch.setitem(sys.modules, "painted", drawer)
    monkeypatch.setitem(PICTURES, PointNavigation.id, "painted")


@pytest.mark.usefixtures("painted")
def test_a_family_with_a_picture_shows_it_before_and_after_instead_of_the_player() -> None:
    explorer = AdaptationExplorer(make_maml(), make_pearl())
    assert explorer.error.value == ""
    assert explorer.player is None
    for picture, (name, result) in zip(explorer.episodes.children, explorer.result.items(), strict=True):
        for when, stage in (("before", 0), ("after", -1)):
            end = result.trajectories[0, stage, -1].round(4)
            assert f"{name} {when} adaptation: A path to {end}." in picture.value
    before = [picture.value for picture in explorer.episodes.children]
    explorer.controls["seed"].value = 1
    press_run(explorer)
    assert [picture.value for picture in explorer.episodes.children] != before


def test_a_family_in_which_nothing_runs_has_neither_a_player_nor_an_error(monkeypatch) -> None:
    monkeypatch.delitem(PICTURES, "market")
    explorer = AdaptationExplorer(make_maml(make_distribution("market")))
    assert explorer.error.value == ""
    assert explorer.player is None
    assert explorer.result["MAML"].returns.shape[1] == 3


def test_a_weak_leg_is_named_and_drawn_hollow_and_no_other_robot_has_one() -> None:
    explorer = AdaptationExplorer(make_pearl(WeakLeg(horizon=10)))
    explorer.controls["weakness"].value = -0.4
    press_run(explorer)
    assert "the back leg has 60% of its strength" in explorer.words.value
    assert [runner.faded for runner in explorer.player.runners] == [(2, 3, 4)] * 2
    plain = AdaptationExplorer(make_pearl(CheetahDirection(horizon=10)))
    assert [runner.faded for runner in plain.player.runners] == [()] * 2
