"""The pictures that an environment draws: by MuJoCo where OpenGL works, by ourselves elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import RecordVideo, RenderCollection
from thermostat import Thermostat

from mpsearch.errors import UsageError
from mpsearch.tasks import AntDirection, CheetahVelocity, HumanoidDirection, PointNavigation, WalkerBody, opengl
from mpsearch.tasks.pictures import enough
from mpsearch.tasks.sheet import HEIGHT, WIDTH

FAMILIES = [CheetahVelocity(), WalkerBody(), AntDirection(), HumanoidDirection(), PointNavigation(), Thermostat()]
every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.id)


@pytest.fixture(autouse=True)
def _without_opengl(monkeypatch):
    monkeypatch.setattr(opengl, "_broken_in", {os.getpid()})


def drawn(family, task=None, **options):
    env = family.make_env(family.spread()[0] if task is None else task, render_mode="rgb_array", **options)
    env.reset(seed=0)
    return env


def runs(code, **environment):
    """What a process of its own prints."""
    settings = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, env=settings | environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def centre(picture, colour, near=40):
    """(x, y) in pixels of the middle of what has this colour."""
    rows, columns = np.nonzero(np.abs(picture.astype(int) - colour).max(-1) < near)
    return columns.mean(), rows.mean()


@every_family
def test_every_family_draws_and_what_moves_is_seen_to_move(family) -> None:
    env = drawn(family)
    first = env.render()
    assert first.shape == (HEIGHT, WIDTH, 3)
    assert first.dtype == np.uint8
    assert (env.render() == first).all()
    env.step(env.action_space.high)
    assert (env.render() != first).any()
    env.close()
    env.close()  # may be said twice
    assert (env.render() != first).any()


def test_a_point_and_its_goal_are_where_the_plane_has_them() -> None:
    env = drawn(PointNavigation(), [0.4, 0.2])
    for _ in range(3):
        env.step(np.array([-1.0, 1.0]))
    picture, pixels = env.render(), HEIGHT / 2 / 0.5  # in a metre: all is within half a metre
    middle = np.array([WIDTH, HEIGHT]) / 2
    assert centre(picture, (200, 70, 40)) == pytest.approx(middle + pixels * np.array([0.4, -0.2]), abs=1)
    x, y = np.round(middle + pixels * np.array([-0.3, -0.3])).astype(int)
    assert (picture[y, x] == (40, 90, 160)).all()


@pytest.mark.parametrize(("values", "half"), [([0.4, -0.45], 0.5), ([0.5], 1.0), ([3.0], 4.0)])
def test_the_scale_is_a_power_of_two_that_leaves_room(values, half) -> None:
    assert enough(np.array(values)) == half


def test_the_picture_follows_a_robot() -> None:
    env = drawn(CheetahVelocity())
    brown = (204, 153, 102)
    before = centre(env.render(), brown)
    env._batch.qpos[..., 0] += 50
    env._path.append(env._batch.positions()[0, 0])
    assert centre(env.render(), brown) == pytest.approx(before, abs=1)
    env._batch.qpos[..., 1] += 0.3  # but not upwards
    env._path.append(env._batch.positions()[0, 0])
    assert centre(env.render(), brown)[1] < before[1] - 20


@pytest.mark.parametrize("mode", ["human", "ansi", "rgb_array_list", 3])
def test_another_mode_is_a_sentence(mode) -> None:
    for make in (
        lambda: gymnasium.make("mpsearch/PointNavigation-v0", render_mode=mode),
        lambda: CheetahVelocity().make_env([1.0], render_mode=mode),
    ):
        with pytest.raises(UsageError, match=f'render_mode must be None or "rgb_array", not {mode!r}'):
            make()


def test_without_a_mode_or_an_episode_there_is_nothing_to_draw() -> None:
    env = PointNavigation().make_env([0.1, 0.2])
    env.reset(seed=0)
    with pytest.warns(UserWarning, match='made with render_mode="rgb_array"'):
        assert env.render() is None
    env = PointNavigation().make_env([0.1, 0.2], render_mode="rgb_array")
    with pytest.raises(UsageError, match="call reset"):
        env.render()


def test_gymnasium_collects_the_pictures_of_an_episode() -> None:
    env = RenderCollection(gymnasium.make("mpsearch/CheetahVelocity-v0", horizon=3, render_mode="rgb_array"))
    env.reset(seed=0)
    while not env.step(env.action_space.sample())[3]:
        pass
    assert np.shape(env.render()) == (4, HEIGHT, WIDTH, 3)


def test_gymnasium_records_a_video(tmp_path) -> None:
    pytest.importorskip("moviepy", reason="gymnasium records with moviepy")
    env = gymnasium.make("mpsearch/PointNavigation-v0", horizon=5, render_mode="rgb_array")
    env = RecordVideo(env, str(tmp_path / "videos"), episode_trigger=lambda episode: True)
    env.reset(seed=0)
    while not env.step(env.action_space.sample())[3]:
        pass
    env.close()
    assert [path.name for path in (tmp_path / "videos").iterdir()] == ["rl-video-episode-0.mp4"]


DRAW = (
    "import numpy, mpsearch; from mpsearch.tasks import opengl\n"
    "env = mpsearch.CheetahVelocity().make_env([1.0], render_mode='rgb_array'); env.reset(seed=0)\n"
    "def draw(): return int(len(numpy.unique(env.render().reshape(-1, 3), axis=0)) > 3)\n"
    "print(draw(), len(opengl._broken_in), end=' ')\n"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "broken", [{"MUJOCO_GL": "disable"}, {"DISPLAY": ":99"}, {"__EGL_VENDOR_LIBRARY_FILENAMES": "/none"}]
)
def test_a_broken_opengl_is_not_noticed(broken) -> None:
    assert runs(DRAW, **broken).split()[0] == "1"


@pytest.mark.slow
def test_opengl_is_left_to_the_thread_and_the_process_that_opened_it() -> None:
    code = DRAW + (
        "import threading, os\n"
        "thread = threading.Thread(target=lambda: print(draw(), end=' ', flush=True)); thread.start(); thread.join()\n"
        "if hasattr(os, 'fork'):\n"
        "    if os.fork() == 0:\n"
        "        env.close(); other = mpsearch.CheetahVelocity().make_env([1.0], render_mode='rgb_array')\n"
        "        other.reset(seed=0); other.render(); os._exit(0)\n"
        "    assert os.wait()[1] == 0\n"
    )
    assert runs(code).split()[2:] == ["1"]


@pytest.mark.slow
def test_mujoco_draws_where_opengl_works() -> None:
    code = DRAW + "print(len(numpy.unique(env.render().reshape(-1, 3), axis=0)))"
    _, broken, colours = runs(code).split()
    if int(broken):
        pytest.skip("OpenGL does not work here; on Debian without a screen: apt-get install libegl1 libgl1-mesa-dri")
    assert int(colours) > 1000  # light and shadow
