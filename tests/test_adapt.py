"""What adapting promises, whichever the algorithm: progress, a way to stop, and words for bad input."""

from __future__ import annotations

import numpy as np
import pytest

from mpsearch import MAML, PEARL, MAMLConfig, PEARLConfig, PointNavigation
from mpsearch.errors import UsageError


@pytest.fixture(params=["maml", "pearl"])
def agent(request):
    tasks = PointNavigation(horizon=10)
    if request.param == "maml":
        return MAML(tasks, MAMLConfig(tasks_per_iteration=2, episodes=2))
    return PEARL(tasks, PEARLConfig(hidden=(16,), encoder_hidden=(16,)))


@pytest.mark.parametrize(
    ("tasks", "options", "words"),
    [
        ([[9.0, 0.0]], {}, "must lie in"),
        ([[np.nan, 0.0]], {}, "must"),
        ([0.1, 0.1], {}, "shape"),
        ([], {}, "shape"),
        ([[0.1, 0.1]], {"episodes": 0}, "episodes"),
        ([[0.1, 0.1]], {"steps": -1}, "steps"),
        ([[0.1, 0.1]], {"seed": -1}, "seed"),
    ],
)
def test_a_bad_adaptation_gets_a_sentence(agent, tasks, options, words) -> None:
    with pytest.raises(UsageError, match=words):
        agent.adapt(tasks, **{"seed": 0, **options})


def test_each_stage_is_told_as_it_ends_and_telling_changes_nothing(agent) -> None:
    told: list[int] = []
    result = agent.adapt([[0.1, 0.2]], seed=0, steps=3, callback=told.append)
    assert told == [0, 1, 2, 3]
    np.testing.assert_array_equal(result.returns, agent.adapt([[0.1, 0.2]], seed=0, steps=3).returns)


def test_what_the_callback_raises_stops_the_adaptation(agent) -> None:
    told: list[int] = []

    def stop(stage: int) -> None:
        told.append(stage)
        if stage == 1:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        agent.adapt([[0.1, 0.2]], seed=0, steps=3, callback=stop)
    assert told == [0, 1]
