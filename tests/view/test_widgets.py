"""Explorers, without a browser: what they draw, say and keep is what the pure functions below them give."""

from __future__ import annotations

import base64
import html

import numpy as np
import pytest
import torch

from mpsearch import MAML, PEARL, PEARLConfig, PointNavigation
from mpsearch.errors import UsageError
from mpsearch.pearl.exploration import Explorer
from mpsearch.seeding import Streams
from mpsearch.view.plots import landscape
from mpsearch.view.widgets import AdvantageExplorer, InnerStepExplorer, PosteriorExplorer, walk
from mpsearch.view.widgets.advantage import advantage_errors
from mpsearch.view.widgets.belief_path import BeliefPicture, beliefs_along, explore_beliefs, slider_counts
from mpsearch.view.widgets.inner_step import GRID, take_inner_steps

HORIZON, TASK = 7, np.array([0.3, 0.1])
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(name="agent", params=[0, 3], ids=["a guess an episode", "a guess every 3 steps"])
def _agent(request) -> PEARL:
    config = PEARLConfig(hidden=(8,), encoder_hidden=(8,), resample_every=request.param)
    agent = PEARL(PointNavigation(horizon=HORIZON), config)
    agent._start(Streams(0))
    return agent


@pytest.fixture(name="posterior")
def _posterior(agent) -> PosteriorExplorer:
    return PosteriorExplorer(agent, [TASK, -TASK], seed=4)


def picture_of(explorer) -> bytes:
    """The PNG that a shell shows, having checked that its alternative text is beside it."""
    assert f'alt="{html.escape(explorer.drawn.alt)}"' in explorer.picture.value
    return base64.b64decode(explorer.picture.value.split("base64,")[1].split('"')[0])


def test_beliefs_are_those_of_an_adaptation_wherever_that_has_one(agent) -> None:
    result = agent.adapt(TASK[None], seed=4, steps=2)
    belief = beliefs_along(agent, TASK, 4, [0, HORIZON, 2 * HORIZON])
    np.testing.assert_allclose(belief.mean, result.beliefs[0, 0], atol=1e-6)
    np.testing.assert_allclose(belief.stddev, result.beliefs[1, 0], atol=1e-6)
    assert not np.allclose(beliefs_along(agent, TASK, 5, [HORIZON]).mean, belief.mean[1])


def test_and_between_they_have_seen_so_many_transitions(agent) -> None:
    explorer = Explorer(agent.encoder, agent.actor, agent.tasks, True, agent.config.resample_every)
    e = next(explorer.explore(TASK[None], 1, 3, Streams(4))).episodes
    rows = np.concatenate([e.observations[:, 0, :3], e.actions[:, 0, :3], e.rewards[:, 0, :3, None],
                           e.observations[:, 0, 1:4]], axis=-1)  # fmt: skip
    with torch.no_grad():
        expected = agent.encoder(torch.from_numpy(rows))
    torch.testing.assert_close(beliefs_along(agent, TASK, 4, [3]).mean, expected.mean)


def test_beliefs_of_nonsense_are_refused(agent) -> None:
    for counts in ([], [-1], [2 * HORIZON + 1]):
        with pytest.raises(UsageError, match="from 0 to 14"):
            beliefs_along(agent, TASK, 0, counts)
    with pytest.raises(UsageError, match="must lie in"):
        beliefs_along(agent, np.array([9.0, 9.0]), 0, [1])
    with pytest.raises(UsageError, match="seed"):
        beliefs_along(agent, TASK, -1, [1])


def test_slider_goes_from_nothing_to_everything_and_grows() -> None:
    counts = slider_counts(400)
    assert (counts[:3], counts[-1]) == ([0, 1, 2], 400)
    assert (np.diff(counts) > 0).all()


@pytest.mark.slow
def test_posterior_answers_to_its_controls(posterior) -> None:
    transitions = posterior.controls["transitions"]
    transitions.value = 0
    prior = picture_of(posterior)
    assert "the prior" in posterior.words.value
    assert posterior.result.counts.tolist() == [0]
    transitions.value = 14
    assert picture_of(posterior) != prior
    assert "After 14 transitions" in posterior.words.value
    last = posterior.result
    assert (last.std[-1] < last.std[0]).all()
    assert f"{last.mean[-1, last.dims[0]] + 0.0:.2f}" in posterior.words.value
    posterior.controls["task"].value = 1
    np.testing.assert_array_equal(posterior.result.task, -TASK)
    posterior.controls["seed"].value = 5
    expected = explore_beliefs(posterior.agent, -TASK, 5)
    np.testing.assert_array_equal(posterior.result.mean, expected.mean)


def test_posterior_shows_the_two_dimensions_it_knows_most_about(agent) -> None:
    beliefs = explore_beliefs(agent, TASK, 4)
    mean, std = beliefs.mean[-1], beliefs.std[-1]
    gain = std**2 + mean**2 - 1 - 2 * np.log(std)
    assert list(beliefs.dims) == sorted(np.argsort(gain)[-2:])


@pytest.mark.slow
def test_posterior_explores_once_a_task_and_draws_once_a_choice(posterior) -> None:
    transitions, task = posterior.controls["transitions"], posterior.controls["task"]
    for count in (0, 1, 2, 1, 0):
        transitions.value = count
    assert posterior.explored.cache_info().misses == 1
    drawn = posterior._cached.cache_info()
    assert (drawn.misses, drawn.hits) == (4, 2)  # one of them the first
    task.value = 1
    assert posterior.explored.cache_info().misses == 2


def test_one_belief_leaves_nothing_on_the_background_of_the_next(agent) -> None:
    picture = BeliefPicture(explore_beliefs(agent, TASK, 4))
    first = picture.png(3)
    assert picture.png(9) != first
    assert picture.png(3) == first


def test_explorers_that_cannot_start_say_why(agent) -> None:
    maml = PosteriorExplorer(MAML(PointNavigation()))
    assert "only PEARL has a posterior" in maml.error.value
    assert "not MAML" in maml.error.value
    assert maml.result is None
    assert "must lie in [-0.5, 0.5]" in PosteriorExplorer(agent, [[9.0, 9.0]]).error.value
    assert "seed must be a whole number" in PosteriorExplorer(agent, seed=-1).error.value
    assert "no control 'lambda'; there are discount" in AdvantageExplorer(**{"lambda": 1}).error.value
    assert "discount must be a number from 0 to 0.99, not 2" in AdvantageExplorer(discount=2).error.value
    assert "noise must be a number" in AdvantageExplorer(noise="loud").error.value
    assert "no control 'speed'" in InnerStepExplorer(speed=3).error


def test_python_answers_an_explorer_that_asks_whether_it_is_there(monkeypatch) -> None:
    explorer, said = AdvantageExplorer(), []
    monkeypatch.setattr(type(explorer.error), "send", lambda self, content: said.append((self, content)))
    explorer.error._handle_msg({"content": {"data": {"method": "custom", "content": "are you there?"}}, "buffers": []})
    assert said == [(explorer.error, "here")]
    assert "mpsearch-explorer" in explorer._dom_classes  # where its page looks for what the reader uses


@pytest.mark.slow
def test_a_fault_is_told_in_words_and_leaves_the_last_picture(posterior) -> None:
    before, explored = posterior.drawn, posterior.explored

    def broken(task, seed):
        raise ZeroDivisionError("oh")

    posterior.explored = broken
    posterior.controls["task"].value = 1
    assert posterior.error.value == "Unexpected ZeroDivisionError: oh; please report it"
    assert posterior.drawn is before
    posterior.explored = explored
    posterior.refresh()
    assert posterior.error.value == ""
    assert posterior.drawn is not before


def test_values_satisfy_bellman() -> None:
    v = walk.values(0.9)
    successors = [v[[max(x - 1, 0), min(x + 1, 6)]] for x in range(7)]
    rewards = [0, 0, 0, 0, 0, 0.5, 0.5]
    np.testing.assert_allclose(v, [r + 0.9 * s.mean() for r, s in zip(rewards, successors, strict=True)])
    np.testing.assert_allclose(walk.values(0.9, error=1.0), v.mean())


@pytest.mark.parametrize("gae_lambda", [0.0, 0.8, 1.0])
@pytest.mark.slow
def test_mean_and_deviation_are_those_of_sampled_estimates(gae_lambda) -> None:
    settings = 0.8, gae_lambda, 0.5, 0.5
    draws = np.array([walk.sampled_difference(*settings, seed) for seed in range(200)])  # [200, X]
    exact = walk.estimate(*settings)
    np.testing.assert_allclose(draws.mean(0), exact.mean, atol=4.5 * exact.std.max() / np.sqrt(200))
    np.testing.assert_allclose(draws.std(0), exact.std, rtol=0.25)


def test_lambda_trades_the_bias_of_the_values_for_the_variance_of_the_rewards() -> None:
    true = walk.TRUE_DISCOUNT
    assert walk.estimate(true, 1.0, 0.5, 0.5).bias < 1e-9 < walk.estimate(true, 0.0, 0.5, 0.5).bias
    assert walk.estimate(true, 1.0, 0.5, 0.5).scatter > walk.estimate(true, 0.0, 0.5, 0.5).scatter
    assert walk.estimate(true, 0.0, 0.0, 0.0).error < 1e-9  # exact values, exact rewards
    assert walk.estimate(0.7, 1.0, 0.0, 0.0).bias > 0.5  # a discount that does not see far enough


@pytest.mark.slow
def test_advantage_answers_to_its_controls() -> None:
    explorer = AdvantageExplorer(discount=0.95)
    first, expected = explorer.drawn, advantage_errors(0.95, 0.8, 0.5, 0.5)
    np.testing.assert_array_equal(explorer.result.estimate.mean, expected.estimate.mean)
    explorer.controls["gae_lambda"].value = 1.0
    assert picture_of(explorer) != first.png
    assert "off by 0.00 on average (bias)" in explorer.words.value
    assert f"scatters by {explorer.result.estimate.scatter:.2f}" in explorer.words.value
    explorer.controls["gae_lambda"].value = 0.8
    assert explorer.drawn is first  # from the cache
    explorer.controls["seed"].value = 1
    assert not np.array_equal(explorer.result.sampled, expected.sampled)
    np.testing.assert_array_equal(explorer.result.estimate.std, expected.estimate.std)


@pytest.mark.slow
def test_every_control_has_a_label_and_a_tooltip_and_waits_for_the_hand_to_rest(posterior) -> None:
    for control in [*posterior.controls.values(), *AdvantageExplorer().controls.values()]:
        assert control.description
        assert control.tooltip
        assert getattr(control, "continuous_update", False) is False


def test_inner_steps_are_computed_in_python_and_sent_as_numbers() -> None:
    explorer = InnerStepExplorer(task=[0.5, -0.5], steps=3, rate=0.4)
    task, start = np.array([0.5, -0.5]), np.array(explorer.start)
    path = landscape.inner_steps(start, task, 0.4, 3)
    np.testing.assert_allclose(explorer.scene["path"], path)
    np.testing.assert_allclose(explorer.result.losses, landscape.loss(path, task))
    heights = np.frombuffer(explorer.surface, "<f4").reshape(GRID, GRID)
    np.testing.assert_allclose(heights, landscape.surface(task, landscape.EXTENT, GRID)[1], rtol=1e-6)
    assert "3 inner steps take the loss" in explorer.words
    assert f"from {explorer.result.losses[0]:.2g} to {explorer.result.losses[-1]:.2g}" in explorer.words


def test_arrows_go_down_the_meta_gradients_and_the_second_order_one_only_if_asked() -> None:
    explorer = InnerStepExplorer(steps=2)
    for arrow in explorer.scene["arrows"]:
        g, move = explorer.result.meta_gradients[arrow["name"]], np.array(arrow["move"])
        assert g @ move == pytest.approx(-np.hypot(*g) * np.hypot(*move))  # opposite
        assert 0 < np.hypot(*move) <= landscape.ARROW + 1e-9
    assert "degrees apart" in explorer.words
    explorer.second_order = False
    assert [arrow["name"] for arrow in explorer.scene["arrows"]] == ["first order"]
    assert "first-order" in explorer.words
    at_rest = take_inner_steps([1, 1], [1, 1], 1, 0.5, True)
    assert at_rest.losses[-1] == 0


def test_what_the_page_drags_is_answered_and_the_surface_is_sent_for_a_new_task_only() -> None:
    explorer, surfaces = InnerStepExplorer(), []
    explorer.observe(surfaces.append, "surface")
    number = explorer.scene["number"]
    explorer.set_state({"start": [0.25, 0.5]})
    assert explorer.scene["number"] == number + 1
    assert explorer.scene["path"][0] == [0.25, 0.5]
    assert surfaces == []
    explorer.set_state({"task": [0.0, -1.0]})
    assert len(surfaces) == 1
    np.testing.assert_array_equal(explorer.result.task, [0.0, -1.0])


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("rate", -1, "rate must be a number from 0 to 1.5, not -1"),
        ("rate", float("nan"), "rate must be a number"),
        ("rate", "fast", "rate must be a number"),
        ("rate", [0.1, 0.2], "rate must be a number"),
        ("steps", 1.5, "steps must be a whole number"),
        ("steps", 99, "from 0 to 10, not 99"),
        ("task", [1.0], "the task must be two numbers, each from -2.5 to 2.5"),
        ("task", None, "the task must be two numbers"),
        ("start", [9, 9], "the start must be two numbers"),
        ("start", [0.0, float("inf")], "the start must be two numbers"),
        ("second_order", "yes", "True or False"),
    ],
)
def test_a_value_that_is_not_allowed_is_not_taken_and_the_reason_is_told(name, value, reason) -> None:
    explorer = InnerStepExplorer()
    before, result = getattr(explorer, name), explorer.result
    setattr(explorer, name, value)
    assert reason in explorer.error
    assert getattr(explorer, name) == before
    assert explorer.result is result
    explorer.set_state({name: value})  # nor from the page
    assert getattr(explorer, name) == before
    explorer.steps = 5
    assert explorer.error == ""


def test_a_fault_in_the_inner_steps_is_told_in_words(monkeypatch) -> None:
    explorer = InnerStepExplorer()
    monkeypatch.setattr(landscape, "inner_steps", lambda *_: 1 / 0)
    explorer.steps = 7
    assert explorer.error == "Unexpected ZeroDivisionError: division by zero; please report it"


@pytest.mark.slow
def test_beside_the_view_there_is_a_picture_with_words(posterior) -> None:
    for explorer in (posterior, AdvantageExplorer(), InnerStepExplorer()):
        data, metadata = explorer._repr_mimebundle_()
        assert data[VIEW]["model_id"] == explorer.model_id
        assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
        assert len(data["image/png"]) < 150_000
        assert metadata["image/png"]["alt"] == data["text/plain"]
        words = explorer.words if isinstance(explorer.words, str) else explorer.words.value
        assert words.split(" ")[0] in data["text/plain"]


def test_where_there_is_no_picture_the_reason_stands_in_its_place() -> None:
    data, _ = PosteriorExplorer(MAML(PointNavigation()))._repr_mimebundle_()
    assert "only PEARL" in data["text/plain"]
    assert "image/png" not in data
    assert VIEW in data


def test_the_page_needs_no_network() -> None:
    for text in (str(InnerStepExplorer._esm), str(InnerStepExplorer._css)):
        assert "//" in text or "{" in text  # it was read
        assert not {"http:", "https:", "import "} & set(text.split())
        assert "http" not in text
