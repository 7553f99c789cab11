"""What a lesson shows while it trains, and of the library's source."""

import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest

from mpsearch.errors import UsageError, unknown
from mpsearch.returns import discounted_sums
from mpsearch.rollouts import collect
from mpsearch.surroundings import one_torch_thread
from mpsearch.view import live, plots

pytestmark = pytest.mark.usefixtures("no_window")

LESSONS = Path(__file__).parents[2] / "notebooks"
PAGE = 98  # characters of code beside each other in JupyterLab on a laptop, before lines are broken anywhere

CURVES = {"seed 0": ([100, 200, 300], [-15.0, -4.0, -1.25]), "seed 1": ([100, 200], [-14.0, -2.0])}


class Handle:
    def __init__(self, shown):
        self.shown = [shown]

    def update(self, thing):
        self.shown.append(thing)


@pytest.fixture
def handles(monkeypatch):
    made = []

    def display(thing, display_id=False):
        assert display_id
        made.append(Handle(thing))
        return made[-1]

    monkeypatch.setattr("IPython.display.display", display)
    return made


def test_a_curve_grows_in_one_place_and_ends_with_all_points_in_words(handles, monkeypatch):
    monkeypatch.setattr(live, "REDRAW", 1e9)
    open_before = plots.style.plt.get_fignums()
    with live.LiveCurve("the point") as curve:
        for i in range(5):
            curve.add(100 * (i + 1), -10.0 + i)
    picture, text = handles  # one picture and its words, however often they change
    assert len(picture.shown) == len(text.shown) == 2  # the first point, and the end: the others were too soon
    assert picture.shown[-1].alt in text.shown[-1].data
    assert "the point: -10 at first, -6 after 500 environment steps" in text.shown[-1].data
    assert plots.style.plt.get_fignums() == open_before


def test_a_curve_may_show_something_else_than_returns(handles):
    with live.LiveCurve("a network", ylabel="squared error", xlabel="iterations") as curve:
        curve.add(25, 4.0)
    text = handles[1].shown[-1].data
    assert "Squared error while training. a network: 4 at first, 4 after 25 iterations" in text
    axes = plots.plot_training(CURVES, ylabel="squared error", xlabel="iterations")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("iterations", "squared error")


def test_a_curve_is_drawn_again_after_a_while(handles, monkeypatch):
    monkeypatch.setattr(live, "REDRAW", -1.0)
    curve = live.LiveCurve("x")
    curve.add(1, 1.0)
    curve.add(2, 2.0)
    assert len(handles[0].shown) == 2


def test_a_curve_without_points_shows_nothing_and_an_error_is_not_hidden(handles):
    with live.LiveCurve("x"):
        pass
    assert handles == []
    with pytest.raises(UsageError, match="not finite"), live.LiveCurve("x") as curve:
        curve.add(1, np.nan)


def test_the_source_shown_is_the_source(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    live.show_source(discounted_sums, live.LiveCurve.draw)
    first, second = (thing.data for thing in shown)
    assert first.startswith("From `mpsearch/returns.py`:")
    assert "following = rewards[..., t] + discount * following" in first
    assert "```python\ndef draw(self)" in second  # a method, moved to the left
    live.show_source(one_torch_thread, unknown)
    assert "@contextmanager\ndef one_torch_thread" in shown[-2].data
    assert 'map(str, known)))}")\n' in shown[-1].data  # without the type checker's note, which the file has
    assert "  # type: ignore" in inspect.getsource(unknown)


def test_learning_curves_are_what_was_given():
    axes = plots.plot_training(CURVES)
    np.testing.assert_allclose(axes.lines[0].get_xydata()[-1], [300, -1.25])
    assert axes.lines[0].get_linestyle() != axes.lines[1].get_linestyle()
    words = plots.describe_training(CURVES)
    assert "seed 0: -15 at first, -1.2 after 300 environment steps; seed 1: -14 at first" in words


@pytest.mark.parametrize(
    ("curves", "said"),
    [
        ({}, "no curve was given"),
        ({"a": ([1, 2], [1.0])}, "2 environment steps but 1 returns"),
        ({"a": ([1], [np.nan])}, "not finite in the curve 'a'"),
        ({"a": ([], [])}, "no curve 'a' was given"),
    ],
)
def test_a_curve_that_cannot_be_drawn_is_refused(curves, said):
    with pytest.raises(UsageError, match=said):
        plots.plot_training(curves)


def test_paths_end_where_they_end():
    paths = np.zeros((2, 4, 2))
    paths[0, :, 0] = [0, 0.1, 0.2, 0.4]
    goal = np.array([0.4, 0.3])
    axes = plots.plot_paths(paths, goal)
    assert len(axes.lines) == 2 + 3  # paths; their ends, the start, the goal
    assert axes.get_xlim() == axes.get_ylim() == pytest.approx((-0.525, 0.525))
    words = plots.describe_paths(paths, goal)
    assert "2 paths of a point, 3 steps each" in words
    assert "0.40 m from it on average; the nearest 0.30 m, the farthest 0.50 m" in words
    far = plots.plot_paths(paths * 10, goal)
    assert far.get_xlim()[1] > 4
    with pytest.raises(UsageError, match=r"\[N, T, 2\]"):
        plots.plot_paths(paths[0], goal)


@pytest.mark.parametrize("lesson", sorted(LESSONS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_excerpts_of_the_library_fit_the_page(lesson) -> None:
    cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
    shown = [output["data"] for cell in cells for output in cell.get("outputs", []) if "data" in output]
    texts = ["".join(data["text/markdown"]) for data in shown if "text/markdown" in data]
    listings = [listing for text in texts for listing in re.findall("```python\n(.*?)```", text, re.DOTALL)]
    lines = [line for listing in listings for line in listing.splitlines()]
    assert not [line for line in lines if len(line) > PAGE]


def test_a_long_listing_is_folded_away_and_a_short_one_is_not(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda thing: shown.append(thing.data))
    live.show_source(live.LiveCurve.__enter__, collect)
    short, long = shown
    assert "<details>" not in short
    assert long.startswith("<details><summary><code>collect</code>, ")
    assert "from <code>mpsearch/rollouts.py</code></summary>\n\n```python\n@torch.no_grad()\ndef collect(" in long
    assert long.endswith("```\n\n</details>")
