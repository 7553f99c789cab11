"""Environments that need more than gymnasium: Box2D's, and another package's; tried where those are installed."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from mpsearch import MAML, GymnasiumTasks, MAMLConfig

pytestmark = pytest.mark.slow  # trains on other packages' environments


def lander():
    pytest.importorskip("Box2D")
    names = {"parameter_names": ["gravity", "wind_power"], "id": "lander", "horizon": 60}
    return GymnasiumTasks(
        lambda task: gymnasium.make(
            "LunarLander-v3", continuous=True, enable_wind=True, gravity=task[0], wind_power=task[1]
        ),
        *([-11.0, 0.0], [-5.0, 15.0]),
        **names,
    )


def parking():
    pytest.importorskip("highway_env")

    def make(task):
        return gymnasium.make("parking-v0", config={"steering_range": float(task[0])})

    return GymnasiumTasks(make, 0.3, 0.9, parameter_names=["steering_range"], id="parking", horizon=20)


@pytest.mark.parametrize("family", [lander, parking])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_maml_trains_and_adapts_on_it(family) -> None:
    tasks = family()
    agent = MAML(tasks, MAMLConfig(tasks_per_iteration=2, episodes=2, hidden=(8,)))
    agent.train(1, seed=0, progress=False)
    result = agent.adapt(tasks.spread(2), seed=0, steps=1)
    assert np.isfinite(result.returns).all()
