"""Pictures of adaptation: what is drawn is what was given, in words too; nonsense is refused."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mpsearch.errors import UsageError
from mpsearch.view import plots

LABELS = ["forward", "backward"]


pytestmark = pytest.mark.usefixtures("no_window")


def test_before_after_draws_each_mean_and_each_episode(result):
    axes = plots.plot_before_after(result, LABELS)
    heights = {len(c.get_offsets()): np.sort(np.asarray(c.get_offsets())[:, 1]) for c in axes.collections}
    assert heights.keys() == {2, 8}  # K means; K * E episodes
    pairs = [line.get_ydata() for line in axes.lines if len(line.get_ydata()) == 2 and line.get_color() == "0.45"]
    np.testing.assert_allclose(pairs, [[0, 100], [10, -5]])
    assert axes.get_ylabel() == "return (sum of rewards over 20 steps)"
    assert [text.get_text() for text in axes.get_xticklabels()] == LABELS


def test_adaptation_has_one_line_a_task_that_differs_in_more_than_colour(result):
    axes = plots.plot_adaptation(result, LABELS)
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[0, 0], [80, 50], [160, 100]])
    assert len({line.get_marker() for line in axes.lines}) == 2
    assert len({line.get_color() for line in axes.lines}) == 2


def test_many_tasks_have_lines_that_differ_too(result):
    many = replace(result, returns=np.repeat(result.returns, 10, axis=0))
    axes = plots.plot_adaptation(many, [str(k) for k in range(20)])
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in axes.lines}
    assert len(looks) == 20


def test_velocity_is_metres_per_second(result):
    axes = plots.plot_velocity(result, 0, target=2.0)
    before, after = (line.get_ydata() for line in axes.lines if line.get_linewidth() == 2)
    np.testing.assert_allclose(before, 0.0, atol=1e-12)
    np.testing.assert_allclose(after, 2.0)
    assert "m/s" in axes.get_ylabel()
    assert "target" in axes.get_legend_handles_labels()[1]


def test_words_are_written_from_the_numbers(result):
    words = plots.describe_before_after(result, LABELS)
    assert "forward: 0 before, 100 after" in words
    assert "backward: 10 before, -5 after" in words
    assert "4 episodes of 20 steps" in words
    assert "2 adaptation stages (160 environment steps per task)" in words
    assert "rises on 1 of 2 tasks" in words
    assert "forward: 0, 50, 100" in plots.describe_adaptation(result, LABELS)
    assert "0.00 m/s before adaptation, -1.00 m/s after. The target is" in plots.describe_velocity(result, 1, target=-1)


def test_draws_into_the_axes_it_is_given(result):
    _, axes = plt.subplots()
    assert plots.plot_before_after(result, LABELS, axes) is axes
    assert plots.plot_adaptation(result, LABELS, axes) is axes
    assert plots.plot_velocity(result, 0, axes=axes) is axes


@pytest.mark.parametrize("draw", [plots.plot_before_after, plots.plot_adaptation, plots.describe_before_after])
def test_nonsense_is_refused(result, draw):
    with pytest.raises(UsageError, match="2 tasks, 1 labels"):
        draw(result, ["forward"])
    with pytest.raises(UsageError, match="nothing to plot"):
        draw(replace(result, returns=np.zeros((0, 3, 4))), [])
    spoilt = result.returns.copy()
    spoilt[0, 1, 2] = np.nan
    with pytest.raises(UsageError, match="1 number is not finite in the return"):
        draw(replace(result, returns=spoilt), LABELS)


def test_velocity_of_nothing_is_refused(result):
    with pytest.raises(UsageError, match="from 0 to 1, not 2"):
        plots.plot_velocity(result, 2)
    with pytest.raises(UsageError, match="not finite"):
        plots.plot_velocity(replace(result, trajectories=np.full((2, 3, 21, 9), np.inf)), 0)
    with pytest.raises(UsageError, match="fewer than two"):
        plots.plot_velocity(replace(result, trajectories=np.zeros((2, 3, 1, 9))), 0)
