"""The player: what moves is what MuJoCo says, everywhere; nonsense is refused in words."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace

import anywidget
import matplotlib.pyplot as plt
import mujoco
import numpy as np
import pytest
from PIL import Image
from runs import cheetah, three_speeds, to_a_goal

from mpsearch.errors import UsageError
from mpsearch.tasks.physics import load_gymnasium_model
from mpsearch.view.player import Player, play, runners_of
from mpsearch.view.player.kinematics import capsule_radii, capsules
from mpsearch.view.player.runners import COLOURS, Runner, describe, pack
from mpsearch.view.player.strip import draw_strip

pytestmark = pytest.mark.usefixtures("no_window")


@pytest.fixture
def result():
    return three_speeds()


@pytest.fixture
def navigation():
    return to_a_goal()


def test_faded_parts_reach_the_page_and_lighten_the_still_picture(result) -> None:
    plain, hollow = (Player(runners_of(result, 1, faded=faded)) for faded in ((), (2, 3, 4)))
    assert [runner["faded"] for runner in hollow.meta["runners"]] == [[2, 3, 4]] * 2
    light = [
        np.asarray(Image.open(io.BytesIO(player.png())).convert("L"), dtype=float).mean() for player in (plain, hollow)
    ]
    assert light[1] > light[0]


@pytest.mark.parametrize("faded", [(8,), (-1,)])
def test_faded_parts_that_the_robot_does_not_have_are_refused(result, faded) -> None:
    with pytest.raises(UsageError, match="must be numbers below 8"):
        runners_of(result, faded=faded)


def test_a_point_has_no_parts_to_fade(navigation) -> None:
    with pytest.raises(UsageError, match="must be numbers below 0"):
        runners_of(navigation, faded=(0,))


def mujoco_ends(qpos):
    """[8, 2, 2] ends of the capsules from ``geom_xpos`` and ``geom_xmat`` of a full forward pass."""
    model = load_gymnasium_model("half_cheetah.xml")
    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    mujoco.mj_forward(model, data)
    geoms = [g for g in range(model.ngeom) if model.geom_type[g] == mujoco.mjtGeom.mjGEOM_CAPSULE]
    half = [data.geom_xmat[g].reshape(3, 3) @ [0, 0, model.geom_size[g, 1]] for g in geoms]
    return np.array(
        [[(data.geom_xpos[g] + sign * h)[[0, 2]] for sign in (-1, 1)] for g, h in zip(geoms, half, strict=True)]
    )


def unpack(data, steps):
    """The capsules' ends [T + 1, 8, 2, 2] and the rewards [T] of one runner, as the page reads them."""
    numbers = np.frombuffer(data, "<f4").astype(np.float64)
    frames, rewards = np.split(numbers, [(steps + 1) * 33])
    frames = frames.reshape(steps + 1, 33)
    ends = frames[:, 1:].reshape(-1, 8, 2, 2)
    return ends + np.stack([frames[:, 0], np.zeros(steps + 1)], -1)[:, None, None], rewards


# Kinematics and the message


def test_capsules_are_where_mujoco_has_them() -> None:
    qpos = np.random.default_rng(1).normal(size=(2, 3, 9))
    ends = capsules(qpos)
    assert ends.shape == (2, 3, 8, 2, 2)
    np.testing.assert_allclose(ends[1, 2], mujoco_ends(qpos[1, 2]), atol=1e-6)
    np.testing.assert_allclose(capsules(qpos[0, 0]), mujoco_ends(qpos[0, 0]), atol=1e-6)
    np.testing.assert_array_equal(capsule_radii(), np.full(8, 0.046))
    assert np.abs(ends[0, 0] - mujoco_ends(qpos[0, 1])).max() > 0.01


def test_capsules_need_nine_positions() -> None:
    with pytest.raises(UsageError, match=r"9 generalised positions .* not \(4, 8\)"):
        capsules(np.zeros((4, 8)))


def test_the_message_keeps_a_micrometre_far_down_the_track() -> None:
    positions = np.float32(cheetah(7.3, steps=20)) + np.float32([60] + 8 * [0])
    rewards = np.linspace(-1, 1, 20)
    ends, sent = unpack(pack([Runner("far", positions, rewards)]), 20)
    np.testing.assert_allclose(ends, [mujoco_ends(row) for row in positions], atol=1e-6)
    np.testing.assert_allclose(sent, rewards, atol=1e-7)
    naive = capsules(positions).astype(np.float32)  # what would be lost without the torso's x apart
    assert np.abs(naive - [mujoco_ends(row) for row in positions]).max() > 1e-6


def test_a_pair_of_episodes_is_sent_once_and_under_200_kb(result) -> None:
    player = play(result, 1, target=2.0)
    assert isinstance(player, anywidget.AnyWidget)
    assert len(player.data) == 2 * 4 * (201 * 33 + 200) < 200_000
    assert len(json.dumps(player.meta)) < 10_000
    assert player.trait_metadata("data", "sync")


# What is made of a result


def test_play_shows_before_and_after(result) -> None:
    before, after = play(result, 1, target=2.0).runners
    assert [before.name, after.name] == ["before adaptation", "after adaptation"]
    np.testing.assert_array_equal(after.positions, np.float32(result.trajectories[1, 2]))
    np.testing.assert_array_equal(before.rewards, np.float32(result.rewards[1, 0]))
    assert (before.velocity, after.velocity, after.target) == (0.0, pytest.approx(2.0), 2.0)


def test_play_shows_the_stages_and_names_that_are_asked_for(result) -> None:
    assert [r.name for r in play(result, stages=(1,)).runners] == ["after 4,000 steps"]
    assert [r.name for r in play(result, stages=(2, -1)).runners] == ["after adaptation"]  # the same stage once
    assert [r.name for r in play(result, names=("MAML", "PEARL")).runners] == ["MAML", "PEARL"]


def test_a_points_goal_is_its_task(navigation, result) -> None:
    assert [r.goal for r in play(navigation).runners] == [pytest.approx((0.6, 0.8))] * 2
    assert play(navigation, goal=(0.1, 0.2)).runners[0].goal == pytest.approx((0.1, 0.2))
    assert play(result).runners[0].goal is None


def test_two_methods_race_on_one_track_in_two_colours(result) -> None:
    player = Player([*runners_of(result, stages=[-1], names=["MAML"]), *runners_of(result, 1, names=["a", "b"])])
    assert [r["name"] for r in player.meta["runners"]] == ["MAML", "a", "b"]
    assert len({r["colour"] for r in player.meta["runners"]}) == len({r["glyph"] for r in player.meta["runners"]}) == 3


def test_show_replaces_the_runners_and_every_word_and_number(result) -> None:
    player = play(result, 0)
    before = player.data, player.summary
    player.show(runners_of(result, 1), title="another")
    assert player.data == play(result, 1).data != before[0]
    assert player.meta["summary"] == player.summary != before[1]
    assert player.summary.startswith("another. ")


def test_a_runner_keeps_what_it_was_given_though_the_caller_changes_it() -> None:
    positions = cheetah(1.0)
    runner = Runner("r", positions)
    positions[:] = 0
    assert runner.distance == pytest.approx(10.0)
    assert not runner.positions.flags.writeable


# Words and still pictures


def test_words_are_written_from_the_data(result, navigation) -> None:
    words = play(result, 1, target=2.0, title="Task: 2 m/s").summary
    assert words.startswith("Task: 2 m/s. 2 HalfCheetah runs of 10.0 s (200 steps). before adaptation: 0.0 m")
    after = "after adaptation: 20.0 m along the track, mean velocity 2.00 m/s, target 2.00 m/s, return 400.0."
    assert words.endswith(after)
    assert "-1.00 m/s, return -200.0" in play(result, 0).summary
    assert "after adaptation: 1.00 m from the start at the end, 0.00 m from the goal" in play(navigation).summary
    assert "return" not in describe([Runner("silent", cheetah(1.0))])


@pytest.mark.slow
def test_the_output_holds_the_widget_a_picture_and_the_words(result, navigation) -> None:
    for player in (play(result, 1, target=2.0), play(navigation, layout="side by side")):
        data, metadata = player._repr_mimebundle_()
        assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == player.model_id
        assert data["text/plain"] == metadata["image/png"]["alt"] == player.summary
        picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
        assert picture.width > 600
        assert picture.convert("L").getextrema()[0] < 150  # something is drawn
        assert len(data["image/png"]) < 40_000
    assert plt.get_fignums() == []


def test_the_strip_says_what_it_shows(result) -> None:
    rows = draw_strip(play(result, 1, target=2.0).runners).axes
    assert [axes.get_title(loc="left").split(":")[0] for axes in rows] == ["before adaptation", "after adaptation"]
    assert "distance (m)" in rows[-1].get_xlabel()
    times = [text.get_text() for text in rows[1].texts]
    assert times == ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s", " target "]
    standing = [text.get_text() for text in rows[0].texts]
    assert standing == ["10 s", " target "]  # one who stands still is drawn once, not six times on top of each other


@pytest.mark.parametrize("speeds", [(0.3,), (0.3, 4.0), (-1.0, 2.0)])
def test_pictures_of_one_runner_do_not_cover_each_other(speeds) -> None:
    for axes in draw_strip([Runner("r", cheetah(speed)) for speed in speeds]).axes:
        edges = sorted({(min(line.get_xdata()), max(line.get_xdata())) for line in axes.lines[1:]})
        torsos = sorted(text.get_position()[0] for text in axes.texts)
        length = max(high - low for low, high in edges)  # of a torso, the longest part
        assert (np.diff(torsos) > 1.3 * length).all()
        assert len(torsos) >= 1


@pytest.mark.slow
def test_the_page_needs_nothing_but_itself(result, tmp_path) -> None:
    player = play(result, 1, title="</script><b>")
    player.save_html(tmp_path / "race.html")
    page = (tmp_path / "race.html").read_text(encoding="utf-8")
    assert base64.b64encode(player.data).decode() in page
    assert not re.search(r"https?:|//cdn|\bimport\b[^\n]*from|\bfetch\(|<link(?! rel=\"icon\" href=\"data:,\")", page)
    assert "</script><b>" not in page
    assert page.count("</script>") == 2
    with pytest.raises(UsageError, match="choose another file"):
        player.save_html(tmp_path / "no such folder" / "race.html")


# Nonsense


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Runner("r", np.full((5, 9), np.nan)), "45 numbers of the positions of 'r' are not finite"),
        (lambda: Runner("r", np.full((5, 2), 1e300)), "10 numbers .* not finite"),
        (lambda: Runner("r", []), "trajectory of 'r' is empty"),
        (lambda: Runner("r", np.zeros((0, 9))), "trajectory of 'r' is empty"),
        (lambda: Runner("r", np.zeros((1, 9))), "'r' has fewer than two positions"),
        (lambda: Runner("r", np.zeros((5, 8))), r"\[T \+ 1, 9\] for HalfCheetah .* not \(5, 8\)"),
        (lambda: Runner("r", np.zeros((2, 5, 9))), r"not \(2, 5, 9\)"),
        (lambda: Runner("r", [["a", "b"]]), "must be an array of numbers"),
        (lambda: Runner("r", np.zeros((5, 9)), rewards=np.zeros(5)), r"one reward for each step, 4 in all, not \(5,\)"),
        (lambda: Runner("r", np.zeros((5, 9)), rewards=[0, np.inf, 0, 0]), "1 numbers of the rewards of 'r'"),
        (lambda: Runner("r", np.zeros((5, 9)), target=np.nan), "target velocity are not finite"),
        (lambda: Runner("r", np.zeros((5, 9)), goal=(0, 0)), "target velocity, not a goal"),
        (lambda: Runner("r", np.zeros((5, 2)), target=1.0), "a goal=.*, not a target velocity"),
        (lambda: Runner("r", np.zeros((5, 2)), goal=(0, 0, 0)), r"goal must have shape \(2,\)"),
        (lambda: Runner("r", np.zeros((5, 2)), goal=(0, 0), radius=0), "radius must be positive"),
        (lambda: Player([]), "1 to 6 runners, not 0"),
        (lambda: Player([Runner("r", np.zeros((5, 2)))] * (len(COLOURS) + 1)), "1 to 6 runners, not 7"),
        (lambda: Player([Runner("r", np.zeros((5, q))) for q in (2, 9)]), "cannot be on one track"),
        (
            lambda: Player([Runner("r", np.zeros((5, 2)))], layout="circle"),
            "unknown layout 'circle'; known: race, side",
        ),
    ],
)
def test_nonsense_is_refused_in_a_sentence(make, message) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_a_result_is_played_only_where_it_has_something(result) -> None:
    with pytest.raises(UsageError, match="task must be a whole number from 0 to 1, not 2"):
        play(result, 2)
    with pytest.raises(UsageError, match="stage must be a whole number from -3 to 2, not 3"):
        play(result, stages=(0, 3))
    with pytest.raises(UsageError, match="2 stages, 1 names"):
        play(result, names=["one"])
    with pytest.raises(UsageError, match="1 to 6 runners, not 0"):
        play(result, stages=())
    spoilt = result.trajectories.copy()
    spoilt[0, 2, 7, 3] = np.nan
    with pytest.raises(UsageError, match="1 numbers of the positions of 'after adaptation'"):
        play(replace(result, trajectories=spoilt), 0)
    assert play(replace(result, trajectories=spoilt), 1)
