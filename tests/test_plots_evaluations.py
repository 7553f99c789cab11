"""The picture of evaluations draws the data, and its words say the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from mpsearch import Evaluation
from mpsearch.errors import UsageError
from mpsearch.view.plots import describe_evaluations, plot_evaluations


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
    assert "over 2 held-out tasks" in words
    assert "learner: 1 after 0, 13 after 400 (95 % interval at the end 11 to 15)" in words
    assert "oracle: 21 after 0." in words


def test_other_tasks_and_nothing_at_all_are_refused() -> None:
    for function in (plot_evaluations, describe_evaluations):
        with pytest.raises(UsageError, match="no evaluation was given"):
            function({})
        with pytest.raises(UsageError, match="other was evaluated on other tasks than learner"):
            function({"learner": LEARNER, "other": make([[[1.0]]], [0], tasks=1)})
