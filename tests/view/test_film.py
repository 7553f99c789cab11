"""The film: MuJoCo's own pictures of a run where OpenGL works, one sentence where it does not."""

from __future__ import annotations

import gc
import io
import os
import re
import subprocess
import sys

import mujoco
import numpy as np
import pytest
from PIL import Image, ImageSequence
from runs import cheetah, three_speeds, to_a_goal

from mpsearch.errors import UsageError
from mpsearch.tasks.physics import load_gymnasium_model
from mpsearch.view.player import play, runners_of
from mpsearch.view.player.film import film
from mpsearch.view.player.runners import Runner

pytestmark = pytest.mark.slow  # OpenGL in a process of its own

SIZE = {"width": 160, "height": 96}
SENTENCE = "a film needs OpenGL, which does not work here; the player needs none"


def moving(speed=2.0, steps=8, name="r"):
    return Runner(name, cheetah(speed, steps))


@pytest.fixture(autouse=True)
def _undecided(monkeypatch):
    monkeypatch.setattr("mpsearch.tasks.opengl._broken_in", set())  # a process tries OpenGL once


@pytest.fixture(scope="module")
def opengl():
    """Skips where MuJoCo cannot draw, which a process apart tells without the code under test."""
    code = "import mujoco; mujoco.Renderer(mujoco.MjModel.from_xml_string('<mujoco/>'), 64, 64).close()"
    screen = sys.platform != "linux" or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    environment = os.environ if screen else {"MUJOCO_GL": "egl", **os.environ}
    if subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False).returncode:
        pytest.skip("a film needs OpenGL; on Debian without a screen: apt-get install libegl1 libgl1-mesa-dri")


def pictures(webp):
    """[N, H, W, 3] of all pictures, and their durations in ms."""
    shots = [(np.asarray(shot.convert("RGB")), shot.info["duration"]) for shot in ImageSequence.Iterator(webp)]
    return np.array([shot for shot, _ in shots], dtype=float), [duration for _, duration in shots]


def shots_of(*runners, **options):
    return pictures(Image.open(io.BytesIO(film(runners, **SIZE, **options).webp)))[0]


def blue(shots):
    """[N, H, W] where the picture has the colour of a runner alone, and of nothing else in it."""
    return (shots[..., 2] > shots[..., 0] + 40) & (shots[..., 2] > 60)


# Where OpenGL works


@pytest.mark.usefixtures("opengl")
def test_a_film_has_a_picture_a_step_and_they_move() -> None:
    reel = film(moving(steps=8), **SIZE)
    shots, durations = pictures(Image.open(io.BytesIO(reel.webp)))
    assert shots.shape == (9, 96, 160, 3)
    assert durations == [50] * 9
    assert shots.std(axis=(1, 2, 3)).min() > 10  # none is blank
    assert np.abs(np.diff(shots, axis=0)).mean(axis=(1, 2, 3)).min() > 1


@pytest.mark.usefixtures("opengl")
def test_fewer_pictures_a_second_last_as_long() -> None:
    shots, durations = pictures(Image.open(io.BytesIO(film(moving(steps=9), **SIZE, fps=10).webp)))
    assert durations == [100] * len(shots)
    assert len(shots) == 6  # steps 0, 2, 4, 6, 8 and the end


@pytest.mark.usefixtures("opengl")
def test_the_camera_follows_the_cheetah_far_down_the_track() -> None:
    near, far = (shots_of(Runner("r", cheetah(speed, 8))) for speed in (0.0, 500.0))  # 0 and 200 m
    for shots in (near, far):
        body = blue(shots)
        columns = np.array([np.flatnonzero(shot.any(0)).mean() for shot in body])
        assert body.any(axis=(1, 2)).all()
        assert np.abs(columns - 80).max() < 16
    np.testing.assert_array_equal(blue(near[:1]), blue(far[:1]))  # both are at the start
    beside = np.s_[1:, 60:, :30]  # ground, where no cheetah is
    assert np.abs(near[beside] - near[0][beside[1:]]).mean() < 3  # one who stays is over the same ground


@pytest.mark.usefixtures("opengl")
def test_the_ground_runs_under_the_cheetah_by_the_metre() -> None:
    positions = np.zeros((5, 9))
    positions[:, 0] = [0, 0.5, 1, 2, 3]
    ground = shots_of(Runner("r", positions))[:, 60:, :30]
    change = np.abs(ground - ground[0]).mean(axis=(1, 2, 3))
    assert change[2] > change[1] > 5 * change[3]  # the squares of 1 m alternate: after 2 m all is as before
    assert change[4] > 5 * change[3]


@pytest.mark.usefixtures("opengl")
def test_the_ground_runs_backward_under_one_who_runs_forward() -> None:
    start, later = shots_of(Runner("r", [[0.0] * 9, [0.25] + [0.0] * 8]))[:, 72:78]  # in front of the cheetah
    left, right = (np.abs(later - np.roll(start, pixels, axis=1))[:, 20:-20].mean() for pixels in (-10, 10))
    assert left < right / 2


@pytest.mark.usefixtures("opengl")
def test_runners_are_one_above_the_other_and_whoever_is_done_waits() -> None:
    both = shots_of(moving(steps=8, name="one"), moving(steps=4, name="two"))
    assert both.shape == (9, 192, 160, 3)
    upper, lower = both[:, :96], both[:, 96:]
    assert not blue(upper).any()
    assert blue(lower).any(axis=(1, 2)).all()
    still = np.abs(np.diff(lower[4:], axis=0)).mean()
    assert still < 1 < np.abs(np.diff(upper[4:], axis=0)).mean()


@pytest.mark.usefixtures("opengl")
def test_a_film_is_shown_and_saved(tmp_path) -> None:
    reel = film(runners_of(three_speeds(), 1, stages=[-1]), **SIZE, fps=1)
    assert reel.summary.startswith("One HalfCheetah run of 10.0 s (200 steps). after adaptation: 20.0 m")
    shown = reel._repr_mimebundle_()
    assert shown["text/plain"] == reel.summary
    assert f'alt="{reel.summary}"' in shown["text/html"]
    for name, kind in (("a.webp", "WEBP"), ("b.GIF", "GIF")):
        reel.save(tmp_path / name)
        with Image.open(tmp_path / name) as picture:
            assert (picture.format, picture.n_frames, picture.info["loop"]) == (kind, 11, 0)
    with pytest.raises(UsageError, match=re.escape("unknown kind of film '.mp4'; known: .gif, .webp")):
        reel.save(tmp_path / "c.mp4")
    with pytest.raises(UsageError, match="choose another file"):
        reel.save(tmp_path / "no such folder" / "d.gif")


@pytest.mark.usefixtures("opengl")
def test_nothing_of_the_renderer_is_left_and_the_cheetah_of_the_physics_keeps_its_looks() -> None:
    opened, original = [], mujoco.Renderer.__init__

    def watch(self, *args):
        opened.append(self)
        original(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mujoco.Renderer, "__init__", watch)
        patch.setattr(mujoco.Renderer, "render", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            film(moving(), **SIZE)
    assert [renderer._gl_context for renderer in opened] == [None]
    opened.clear()
    gc.collect()  # an exception in a destructor fails the test
    model, fresh = load_gymnasium_model("half_cheetah.xml"), load_gymnasium_model.__wrapped__("half_cheetah.xml")
    np.testing.assert_array_equal(model.geom_rgba, fresh.geom_rgba)
    np.testing.assert_array_equal(model.tex_data, fresh.tex_data)
    assert model.vis.global_.offwidth == fresh.vis.global_.offwidth


# Where it does not


def test_without_opengl_there_is_a_sentence_and_a_player(monkeypatch, no_window) -> None:
    def broken(*args):
        raise mujoco.FatalError("gladLoadGL error")

    monkeypatch.setattr(mujoco, "Renderer", type("Renderer", (), {"__new__": broken, "__module__": __name__}))
    with pytest.raises(UsageError, match=SENTENCE):
        film(moving(), **SIZE)
    monkeypatch.delattr(mujoco, "Renderer")
    with pytest.raises(UsageError, match=SENTENCE):
        film(moving(), **SIZE)
    assert play(three_speeds()).png()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can draw without a screen, with EGL")
def test_an_egl_that_is_missing_is_the_same_sentence(monkeypatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "mujoco.egl", None)
    with pytest.raises(UsageError, match=SENTENCE):
        film(moving(), **SIZE)


def test_all_of_view_is_imported_without_opengl() -> None:
    code = (
        "import sys; sys.modules.update({name: None for name in ('OpenGL', 'glfw')})\n"
        "import mpsearch.view.player.film, mpsearch.view.player"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# Nonsense


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: film(runners_of(to_a_goal())), "only HalfCheetahs can be filmed; show other runners with"),
        (lambda: film([]), "1 to 6 runners, not 0"),
        (lambda: film([moving(), *runners_of(to_a_goal())]), "cannot be on one track"),
        (lambda: film(Runner("r", np.full((5, 9), np.nan))), "are not finite"),
        (lambda: film(Runner("r", [])), "is empty"),
        (lambda: film(moving(), fps=30), "fps must be one of 1, 2, 4, 5, 10, 20, not 30"),
        (lambda: film(moving(), width=0), "width must be a whole number of at least 64, not 0"),
        (lambda: film(moving(), height=4000), "height must be at most 1920 pixels, not 4000"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(make, message) -> None:
    with pytest.raises(UsageError, match=message):
        make()
