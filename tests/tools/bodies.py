"""The families on gymnasium's robots and gymnasium's own environments, side by side, for tests."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from mpsearch.tasks import AntDirection, AntGoal, HopperBody, HumanoidDirection, WalkerBody

STEPS = 250
QPOS_QVEL = {"include_cfrc_ext_in_observation": False}
SMALL = {f"include_{part}_in_observation": False for part in ("cinert", "cvel", "qfrc_actuator", "cfrc_ext")}
WITH_PLACE = {"exclude_current_positions_from_observation": False, "ctrl_cost_weight": 0.1, "healthy_reward": 0.0}
CASES = {  # family; the task that is gymnasium's own; gymnasium's environment and its options
    AntDirection: ([0.0], "Ant-v5", QPOS_QVEL),
    AntGoal: ([1.0, -2.0], "Ant-v5", QPOS_QVEL | WITH_PLACE),
    HumanoidDirection: ([0.0], "Humanoid-v5", SMALL),
    WalkerBody: ([0.0] * 28, "Walker2d-v5", {}),
    HopperBody: ([0.0] * 16, "Hopper-v5", {}),
}
BODIES = (WalkerBody, HopperBody)
every_family = pytest.mark.parametrize("family", CASES)
random_bodies = pytest.mark.parametrize("family", BODIES)


def rng(seed=0):
    return np.random.default_rng(seed)


def gymnasiums(family, **options):
    _, name, own = CASES[family]
    return gymnasium.make(name, **own, **options).unwrapped


def batch_of(family, tasks, episodes=1, threads=1, **options):
    return family(**options).make_batch(np.array(tasks, dtype=float), episodes, threads=threads)


def controls(family, env, steps=STEPS):
    """Random actions [T, A] in [-1, 1], and the controls that they are for gymnasium's environment."""
    actions = rng(1).uniform(-1, 1, (steps, *env.action_space.shape))
    return zip(actions, family.strength * actions, strict=True)
