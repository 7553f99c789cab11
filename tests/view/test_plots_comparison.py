"""Methods on one axis and learning curves: the numbers drawn, the words, and what is refused."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from mpsearch.errors import UsageError
from mpsearch.view import plots

pytestmark = pytest.mark.usefixtures("no_window")

RECORDS = [{"env_steps": n * 1_000_000, "before": 0.0, "after": float(n)} for n in range(1, 21)]


@pytest.fixture
def results(result):
    """Two methods on the same tasks; the second spends a hundred times as many steps and ends 10 lower."""
    slow = replace(result, env_steps=100 * result.env_steps, returns=result.returns - 10)
    return {"PEARL": result, "MAML": slow}


def test_methods_are_drawn_on_one_axis_that_holds_0_and_all_steps(results):
    axes = plots.plot_methods(results)
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[0, 5], [80, 25], [160, 47.5]])
    np.testing.assert_allclose(axes.lines[1].get_xydata(), [[0, -5], [8000, 15], [16000, 37.5]])
    assert axes.get_xscale() == "symlog"
    low, high = axes.get_xlim()
    assert low <= 0
    assert high >= 16_000
    assert {0, 80, 1000, 10_000} <= set(axes.get_xticks())
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["PEARL", "MAML"]
    assert axes.lines[0].get_marker() != axes.lines[1].get_marker()


def test_the_band_is_the_standard_error_over_tasks_not_episodes(results):
    axes = plots.plot_methods(results)
    corners = axes.collections[0].get_paths()[0].vertices
    at_the_end = corners[corners[:, 0] == 160][:, 1]
    error = np.std([100.0, -5.0], ddof=1) / np.sqrt(2)
    assert at_the_end.min() == pytest.approx(47.5 - error)
    assert at_the_end.max() == pytest.approx(47.5 + error)
    assert "standard error over 2 tasks" in axes.get_legend().get_title().get_text()


def test_one_task_has_no_band(result):
    one = replace(result, tasks=result.tasks[:1], returns=result.returns[:1])
    axes = plots.plot_methods({"PEARL": one})
    assert len(axes.collections) == 0
    assert axes.get_legend().get_title().get_text() == "one task"
    assert "standard error" not in plots.describe_methods({"PEARL": one})


def test_methods_in_words(results):
    words = plots.describe_methods(results)
    assert "over 2 tasks, episodes of 20 steps" in words
    assert "PEARL: 5 after 0, 25 after 80, 48 after 160 (standard error at the end 52)" in words
    assert "MAML: -5 after 0, 15 after 8,000, 38 after 16,000" in words
    assert words.endswith("PEARL ends highest.")
    assert "highest" not in plots.describe_methods({"PEARL": results["PEARL"]})


@pytest.mark.parametrize("draw", [plots.plot_methods, plots.describe_methods])
def test_methods_that_cannot_be_compared_are_refused(results, draw):
    maml = results["MAML"]
    for other in (replace(maml, tasks=-maml.tasks), replace(maml, trajectories=maml.trajectories[:, :, :11])):
        with pytest.raises(UsageError, match="MAML adapted to other tasks or horizons than PEARL"):
            draw(results | {"MAML": other})
    with pytest.raises(UsageError, match="no result was given"):
        draw({})
    with pytest.raises(UsageError, match="no returns of MAML was given"):
        draw(results | {"MAML": replace(maml, returns=np.zeros((0, 3, 4)))})
    with pytest.raises(UsageError, match=r"returns of MAML must have shape \[K, S, E\], not \[2, 3\]"):
        draw(results | {"MAML": replace(maml, returns=np.zeros((2, 3)))})
    with pytest.raises(UsageError, match="24 numbers are not finite in the returns of MAML"):
        draw(results | {"MAML": replace(maml, returns=np.full((2, 3, 4), np.nan))})


def test_learning_curve_in_millions_of_steps():
    axes = plots.plot_learning_curve(RECORDS[:3], published={"someone": ([0, 2_000_000], [0.0, 5.0])})
    assert axes.lines[1].get_xdata().tolist() == [1, 2, 3]
    assert axes.lines[2].get_xdata().tolist() == [0, 2]


def test_published_curves_differ_in_colour_and_dash():
    axes = plots.plot_learning_curve(RECORDS, published={name: ([0, 1], [0, 1]) for name in "abc"})
    assert len({line.get_color() for line in axes.lines}) == 5
    assert len({str(line._dash_pattern) for line in axes.lines}) == 5


def test_published_curves_are_read_by_name():
    table = ["task,environment_steps,score", "dir,10,1.5", "vel,10,-3", "dir,20,2.5"]
    curves = plots.published_curves(csv.DictReader(table), "score")
    assert {name: [part.tolist() for part in curve] for name, curve in curves.items()} == {
        "dir": [[10, 20], [1.5, 2.5]],
        "vel": [[10], [-3]],
    }
    assert len(plots.plot_learning_curve(RECORDS, published=curves).lines) == 4


def test_a_table_without_curves_is_refused():
    with pytest.raises(UsageError, match="no column 'return'; it has task, environment_steps, score"):
        plots.published_curves([{"task": "dir", "environment_steps": "1", "score": "2"}], "return")
    with pytest.raises(UsageError, match="no row"):
        plots.published_curves([], "score")
    with pytest.raises(UsageError, match="'dir' must be an array of numbers"):
        plots.published_curves([{"task": "dir", "environment_steps": "1", "score": "high"}], "score")


def test_learning_in_words_averages_the_end():
    words = plots.describe_learning_curve(RECORDS, {"someone": ([0, 2_000_000], [0.0, 5.0])})
    assert "over 20 million environment steps" in words
    assert "Before adaptation: 0 at first, 0 at last; after adaptation: 1 at first, 20 at last" in words
    assert "Published, someone: 5 after 2 million environment steps" in words
    noisy = [*RECORDS[:-1], RECORDS[-1] | {"after": 119.0}]
    assert "after adaptation: 1 at first, 69 at last" in plots.describe_learning_curve(noisy)


@pytest.mark.parametrize("draw", [plots.plot_learning_curve, plots.describe_learning_curve])
def test_learning_curve_of_nothing_is_refused(draw):
    with pytest.raises(UsageError, match="nothing to plot"):
        draw([])
    with pytest.raises(UsageError, match="'after'"):
        draw([{"env_steps": 1, "before": 0.0}])
    with pytest.raises(UsageError, match="not finite"):
        draw([{"env_steps": 1, "before": 0.0, "after": float("nan")}])
    with pytest.raises(UsageError, match="'someone' has 2 environment steps but 1 returns"):
        draw(RECORDS, published={"someone": ([0, 1], [0.0])})
    with pytest.raises(UsageError, match="not finite in the published curve 'someone'"):
        draw(RECORDS, published={"someone": ([0, 1], [0.0, np.nan])})
