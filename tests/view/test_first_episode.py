"""The explorer of PEARL's first episode: what it believes, what it runs, what is said of it, and the chart below."""

from __future__ import annotations

import numpy as np
import pytest

import mpsearch
from mpsearch import PEARL, CheetahVelocity, PEARLConfig, PointNavigation
from mpsearch.seeding import Streams
from mpsearch.view.widgets import FirstEpisodeExplorer
from mpsearch.view.widgets.first_episode import NEAR, FirstEpisode, describe_first_episode, translate, watch

pytestmark = pytest.mark.usefixtures("no_window")


@pytest.fixture(name="shipped", scope="module")
def _shipped() -> PEARL:
    return mpsearch.load("pearl-cheetah-velocity")


@pytest.fixture(name="small", scope="module")
def _small() -> PEARL:
    agent = PEARL(CheetahVelocity(horizon=60), PEARLConfig(hidden=(8,), encoder_hidden=(8,)))
    agent._start(Streams(0))
    return agent


@pytest.fixture(name="explorer")
def _explorer(small) -> FirstEpisodeExplorer:
    return FirstEpisodeExplorer(small, velocity=1.5, every=20, seed=3)


@pytest.mark.slow
def test_belief_and_speed_settle_only_if_it_may_look_again(shipped) -> None:
    speed_of = translate(shipped)
    for wanted in (0.75, 2.25):
        looks = watch(shipped, speed_of, wanted, 20, seed=1)
        assert looks.belief_settled == pytest.approx(1.0)  # at its first look
        assert looks.speed_settled is not None
        assert looks.speed_settled < 3
        blind = watch(shipped, speed_of, wanted, 0, seed=1)
        assert (blind.belief_settled, blind.speed_settled) == (None, None)


@pytest.mark.slow
def test_the_belief_is_that_of_the_adaptation_and_changes_when_it_does(small) -> None:
    speed_of = translate(small)
    episode = watch(small, speed_of, 1.0, 20, seed=2)
    adapted = small.adapt([[1.0]], seed=2, steps=0, resample_every=20)
    mean, std = adapted.beliefs_within[:, 0, 0, :, speed_of.dim]
    np.testing.assert_array_equal(episode.adapted.trajectories, adapted.trajectories)
    np.testing.assert_allclose(episode.believed[[0, 19, 20, 59, 60]], speed_of(mean)[[0, 0, 1, 2, 2]])
    np.testing.assert_allclose(episode.band[:, 25], np.sort([speed_of(mean[1] - std[1]), speed_of(mean[1] + std[1])]))
    assert (episode.band[0] <= episode.believed).all()
    assert (episode.believed <= episode.band[1]).all()


def test_the_speed_is_the_mean_of_the_last_half_second(small) -> None:
    episode = watch(small, translate(small), 1.0, 0, seed=2)
    x = episode.adapted.trajectories[0, 0, :, 0]
    assert episode.ran.shape == x.shape
    for t, back in ((0, 1), (1, 1), (4, 4), (10, 10), (37, 10), (60, 10)):
        end = max(t, 1)
        assert episode.ran[t] == pytest.approx((x[end] - x[end - back]) / (0.05 * back))


@pytest.mark.slow
def test_a_translation_gives_known_speeds_back_and_stays_within_the_family(shipped) -> None:
    speed_of = translate(shipped)
    np.testing.assert_allclose(speed_of(speed_of.sign * speed_of.places), speed_of.speeds)
    assert speed_of(np.array([-1e6, 1e6])).tolist() in ([0.0, 3.0], [3.0, 0.0])


def episode_of(ran, band) -> FirstEpisode:
    class Adapted:
        tasks, renewed_every, after = np.array([[1.0]]), 20, np.array([-12.3])

    return FirstEpisode(Adapted(), np.mean(band, axis=0), np.array(band), np.array(ran))  # type: ignore[arg-type]


def test_settled_means_to_come_near_and_to_stay() -> None:
    steady, wide = np.full(101, 1.0), np.full(101, 2.0)
    late = np.where(np.arange(101) < 40, 2.0, 1.0 + 0.9 * NEAR)
    left = np.where(np.arange(101) < 95, 1.0, 2.0)  # near for a while, but not at the end
    just = np.where(np.arange(101) < 95, 2.0, 1.0)  # near for a moment at the end
    assert episode_of(steady, [steady, steady]).speed_settled == 0.0
    assert episode_of(late, [late, late]).speed_settled == pytest.approx(2.0)
    assert episode_of(left, [steady, steady]).speed_settled is None
    assert episode_of(just, [steady, steady]).speed_settled is None
    assert episode_of(steady, [steady, wide]).belief_settled is None  # the right mean is not enough
    words = describe_first_episode(episode_of(late, [steady, wide]))
    assert "The believed speed does not settle. The speed that it runs settles after 2.0 s." in words
    assert "Return -12." in words


def test_run_starts_it_and_nothing_else_does(explorer, small) -> None:
    assert explorer.error.value == ""
    first = explorer.result
    assert not explorer.player.meta["autoplay"]  # nothing moves before the reader asks for it
    explorer.controls["velocity"].value, explorer.controls["every"].value = 2.0, 0
    assert explorer.result is first
    explorer.run.click()
    assert explorer.result.wanted == 2.0
    assert explorer.player.meta["autoplay"]
    assert "and keeps this belief" in explorer.words.value
    np.testing.assert_array_equal(explorer.result.adapted.rewards, small.adapt([[2.0]], seed=3, steps=0).rewards)
    (runner,) = explorer.player.meta["runners"]
    assert runner["target"] == 2.0
    assert [curve["name"] for curve in explorer.player.meta["chart"]["curves"]] == ["wanted", "believed", "run"]


@pytest.mark.slow
def test_without_a_kernel_there_is_a_picture_and_every_control_has_a_name(explorer) -> None:
    data, metadata = explorer._repr_mimebundle_()
    assert data["text/plain"] == metadata["image/png"]["alt"] == explorer.words.value
    assert "wanted 1.50; believed" in explorer.player.summary
    assert all(control.description and control.tooltip for control in explorer.controls.values())


@pytest.mark.parametrize(
    ("options", "words"),
    [({"velocity": 4}, "velocity"), ({"every": 3}, "every must be one of 0, 20, 10, 5, 1"), ({"seed": -1}, "seed")],
)
def test_a_wrong_start_is_refused_in_a_sentence(small, options, words) -> None:
    explorer = FirstEpisodeExplorer(small, **options)
    assert words in explorer.error.value
    assert explorer.player is None
    assert explorer._repr_mimebundle_()[0]["text/plain"] == explorer.error.value


def test_another_agent_is_named() -> None:
    assert "PEARL on cheetah velocities" in FirstEpisodeExplorer(PEARL(PointNavigation())).error.value
