"""The picture of evaluations draws the data, and its words say the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from mpsearch import Evaluation
from mpsearch.errors import UsageError
from mpsearch.view.plots import describe_evaluations, describe_groups, plot_evaluations, plot_groups


def make(returns, env_steps, tasks=2) -> Evaluation:
    returns = np.asarray(returns, dtype=float)
    return Evaluation(np.arange(tasks, dtype=float)[:, None], tuple(range(len(returns))), returns, np.array(env_steps))


LEARNER = make([[[0, 10], [2, 12]], [[0, 14], [2, 16]]], [0, 400])
ORACLE = make([[[20], [22]]], [0])


def test_each_method_is_a_line_with_its_interval() -> None:
    axes = plot_evaluations({"learner": LEARNER, "oracle": ORACLE})
    line, point = axes.get_lines()[0], next(line for line in axes.get_lines() if line.get_label() == "oracle")
    np.testing.assert_allclose(line.get_xydata(), [[0, 1], [400, 13]])
    np.testing.assert_allclose(point.get_xydata(), [[0, 21]])
    (bars,) = axes.containers  # the oracle has one seed, so no interval
    low, high = LEARNER.interval().T
    np.testing.assert_allclose([segment[:, 1] for segment in bars[2][0].get_segments()], np.stack([low, high], -1))


def test_the_words_say_the_numbers() -> None:
    words = describe_evaluations({"learner": LEARNER, "oracle": ORACLE})
    assert "over 2 tasks" in words
    assert "learner: 1 after 0, 13 after 400 (95 % interval at the end 11 to 15)" in words
    assert "oracle: 21 after 0." in words


def test_other_tasks_and_nothing_at_all_are_refused() -> None:
    for function in (plot_evaluations, describe_evaluations):
        with pytest.raises(UsageError, match="no evaluation was given"):
            function({})
        with pytest.raises(UsageError, match="other was evaluated on other tasks than learner"):
            function({"learner": LEARNER, "other": make([[[1.0]]], [0], tasks=1)})


GROUPS = {
    "as trained": {"learner": LEARNER, "oracle": ORACLE},
    "weak leg": {"learner": make([[[3, 4], [5, 6]]], [0, 9])},
}


def test_each_group_is_a_row_with_what_came_before_and_after() -> None:
    axes = plot_groups(GROUPS)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["as trained", "weak leg"]
    hollow = [line for line in axes.get_lines() if line.get_markerfacecolor() == "white"]
    np.testing.assert_allclose(hollow[0].get_xdata(), [1, 4])
    ends = [bars.lines[0] for bars in axes.containers]
    np.testing.assert_allclose(ends[0].get_xdata(), [13, 5])
    np.testing.assert_allclose(ends[1].get_xdata(), [21])
    assert ends[0].get_ydata()[0] < ends[1].get_ydata()[0] < ends[0].get_ydata()[1]  # two methods in the first row
    spans = [segment[:, 0] for segment in axes.containers[0].lines[2][0].get_segments()]
    np.testing.assert_allclose(spans, [LEARNER.interval()[-1], [5, 5]])
    assert not [line for line in plot_groups(GROUPS, before=False).get_lines() if line.get_markerfacecolor() == "white"]


def test_the_words_of_groups_say_the_numbers() -> None:
    words = describe_groups(GROUPS)
    assert "as trained: learner 1 before, 13 at the end (95 % interval 11 to 15); oracle 21 before" in words
    assert words.endswith("weak leg: learner 4 before, 5 at the end.")
    assert "before" not in describe_groups(GROUPS, before=False)


def test_groups_may_differ_in_tasks_but_not_within_one() -> None:
    other = make([[[1.0, 2.0]]], [0, 9], tasks=1)
    assert "slow" in describe_groups({"fast": {"learner": LEARNER}, "slow": {"learner": other}})
    for function in (plot_groups, describe_groups):
        with pytest.raises(UsageError, match="no evaluation was given"):
            function({})
        with pytest.raises(UsageError, match="other was evaluated on other tasks than learner"):
            function({"fast": {"learner": LEARNER, "other": other}})
