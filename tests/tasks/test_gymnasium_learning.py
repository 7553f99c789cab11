"""MAML learns to adapt on a gymnasium environment of somebody else's; what cannot adapt does not."""

from __future__ import annotations

import pytest
from small_environments import slide

from mpsearch import MAML, GymnasiumTasks, MAMLConfig

pytestmark = pytest.mark.slow  # trainings that must learn


@pytest.mark.parametrize(("inner_rate", "learns"), [(0.1, True), (0.0, False)])  # without inner steps: the control
def test_one_gradient_step_finds_the_goal_on_the_line_and_without_it_nothing_is_gained(inner_rate, learns) -> None:
    tasks = GymnasiumTasks(slide, -1, 1, parameter_names=["goal"], id="slide", horizon=12)
    sizes = {"tasks_per_iteration": 12, "episodes": 8, "hidden": (16,)}
    agent = MAML(tasks, MAMLConfig(**sizes, inner_rate=inner_rate, initial_std=0.3, max_kl=0.1, discount=0.9))
    agent.train(10, seed=0, progress=False)
    result = agent.adapt(tasks.spread(6), seed=1, episodes=20, steps=1)
    gain = (result.after - result.before).mean()
    assert gain > 1.0 if learns else abs(gain) < 0.6
