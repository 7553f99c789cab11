"""Ant, Humanoid, Walker2d and Hopper: equal to gymnasium's own environments to the bit, and ended where they end."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from bodies import BODIES, CASES, batch_of, controls, every_family, gymnasiums, rng

from mpsearch.tasks import AntDirection, AntGoal, HopperBody, HumanoidDirection, WalkerBody
from mpsearch.tasks.physics import quiet_mujoco
from mpsearch.tasks.spatial_bodies import Ant


@pytest.fixture(autouse=True)
def _mujoco_is_quiet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes MUJOCO_LOG.TXT where it stands
    quiet_mujoco()


# Against gymnasium


@every_family
@pytest.mark.slow
def test_an_episode_equals_gymnasiums_to_the_bit(family) -> None:
    task, *_ = CASES[family]
    env, batch = gymnasiums(family), batch_of(family, [task], terminate_when_unhealthy=False)
    seen = {"first": (env.reset(seed=3)[0], batch.reset(gymnasium.utils.seeding.np_random(3)[0])[0, 0])}
    healthy, touching = [], 0
    for t, (action, control) in enumerate(controls(family, env)):
        observation, reward, *_, info = env.step(control)
        observations, rewards = batch.step(action[None, None])
        seen |= {"observation": (observation, observations[0, 0])}
        seen |= {"qpos": (env.data.qpos, batch.qpos[0, 0]), "qvel": (env.data.qvel, batch.qvel[0, 0])}
        if family is not AntGoal:
            seen |= {"reward": (reward, rewards[0, 0])}
        healthy.append(family().healthy(batch.qpos, batch.qvel)[0, 0])
        seen |= {"healthy": (env.is_healthy, healthy[-1])}
        seen |= {"costs": (-info["reward_ctrl"] - info.get("reward_contact", 0.0), batch.costs()[0, 0])}
        for name, (theirs, ours) in seen.items():
            assert np.array_equal(theirs, ours), (name, t)
        touching += env.data.ncon > 0
    assert touching > 50
    assert {True, False} <= set(healthy) or family in (AntDirection, AntGoal)
    env.close()


@pytest.mark.parametrize("family", [AntDirection, HumanoidDirection])
def test_the_reward_of_a_direction_is_made_of_gymnasiums_parts(family) -> None:
    angle = 2.1
    env, batch = gymnasiums(family), batch_of(family, [[angle]], terminate_when_unhealthy=False)
    env.reset(seed=3)
    batch.reset(gymnasium.utils.seeding.np_random(3)[0])
    for action, control in controls(family, env, 60):
        *_, info = env.step(control)
        _, rewards = batch.step(action[None, None])
        progress = np.cos(angle) * info["x_velocity"] + np.sin(angle) * info["y_velocity"]
        costs = -info["reward_ctrl"] - info["reward_contact"]
        assert rewards[0, 0] == family.forward_weight * progress + info["reward_survive"] - costs
    env.close()


def test_the_reward_of_a_goal_is_computed_by_hand() -> None:
    env, batch = gymnasiums(AntGoal), batch_of(AntGoal, [[1.0, -2.0]])
    env.reset(seed=3)
    batch.reset(gymnasium.utils.seeding.np_random(3)[0])
    for action, control in controls(AntGoal, env, 60):
        *_, info = env.step(control)
        _, rewards = batch.step(action[None, None])
        away = abs(info["x_position"] - 1.0) + abs(info["y_position"] + 2.0)
        assert rewards[0, 0] == pytest.approx(-away - 0.1 * np.square(action).sum() + info["reward_contact"], abs=1e-12)
    env.close()


def test_contact_forces_are_felt() -> None:
    batch = batch_of(AntDirection, [[0.0]])
    batch.reset(rng())
    costs = []
    for _ in range(60):
        batch.step(np.zeros((1, 1, 8)))
        costs.append(batch.costs()[0, 0])
    assert costs[0] == 0.0  # in the air
    assert max(costs) > 1e-4  # on the ground


# Ends of episodes


@pytest.mark.parametrize("family", [WalkerBody, HopperBody, HumanoidDirection])
def test_an_episode_ends_where_gymnasiums_does(family) -> None:
    task, *_ = CASES[family]
    env, batch = gymnasiums(family), batch_of(family, [task])
    env.reset(seed=3)
    batch.reset(gymnasium.utils.seeding.np_random(3)[0])
    for t, (action, control) in enumerate(controls(family, env)):
        _, reward, terminated, *_ = env.step(control)
        _, rewards = batch.step(action[None, None])
        assert (batch.terminated[0, 0], rewards[0, 0]) == (terminated, reward), t
        if terminated:
            break
    assert 0 < t < 200
    assert batch.lengths[0, 0] == t + 1
    _, rewards = batch.step(action[None, None])
    assert rewards[0, 0] == 0.0
    env.close()


def test_a_robot_that_has_fallen_stays_as_it_is_and_the_others_go_on_as_if_alone() -> None:
    family, rng = WalkerBody(), np.random.default_rng(0)
    tasks, actions = family.sample(2, rng), rng.uniform(-1, 1, (45, 2, 3, 6))
    actions[:, 1] *= 0.1  # so that some stand for longer
    batch = family.make_batch(tasks, 3)
    batch.reset(np.random.default_rng(1))
    start, ends = (batch.qpos.copy(), batch.qvel.copy()), {}
    for action in actions:
        batch.step(action)
        for k, e in np.argwhere(batch.ended):
            at_the_end = ends.setdefault((k, e), batch.qpos[k, e].copy())
            np.testing.assert_array_equal(batch.qpos[k, e], at_the_end)
    assert 0 < len(ends) < 6
    assert len(set(batch.lengths.flat)) > 2
    for k, e in np.argwhere(~batch.ended):
        alone = family.make_batch(tasks[k : k + 1], 1)
        alone.set_state(*(x[k : k + 1, e : e + 1] for x in start))
        for action in actions:
            alone.step(action[k : k + 1, e : e + 1])
        np.testing.assert_array_equal(alone.qpos[0, 0], batch.qpos[k, e])


@pytest.mark.parametrize(
    ("family", "column", "inside", "outside"),
    [
        (AntDirection, 2, (0.2, 1.0), (0.1999, 1.0001)),
        (HumanoidDirection, 2, (1.0001, 1.9999), (1.0, 2.0)),
        (WalkerBody, 1, (0.8001, 1.9999), (0.8, 2.0)),
        (WalkerBody, 2, (-0.9999, 0.9999), (-1.0, 1.0)),
        (HopperBody, 1, (0.7001, 50.0), (0.7, 0.0)),
        (HopperBody, 2, (-0.1999, 0.1999), (-0.2, 0.2)),
        (HopperBody, 4, (-99.0, 99.0), (-100.0, 100.0)),
    ],
)
def test_health_has_gymnasiums_limits(family, column, inside, outside) -> None:
    tasks, env = family(), gymnasiums(family)
    env.reset(seed=0)
    for values, healthy in ((inside, True), (outside, False)):
        for value in values:
            qpos, qvel = tasks.model.qpos0.copy(), np.zeros(tasks.model.nv)
            qpos[column] = value
            env.set_state(qpos, qvel)
            assert tasks.healthy(qpos[None, None], qvel[None, None]).item() == bool(env.is_healthy) == healthy
    env.close()


def test_a_hopper_whose_joint_spins_is_not_healthy() -> None:
    qvel = np.zeros((1, 2, 6))
    qvel[0, 1, 4] = -100.0
    assert HopperBody().healthy(np.tile(HopperBody().model.qpos0, (1, 2, 1)), qvel).tolist() == [[True, False]]


@every_family
def test_the_gymnasium_environment_terminates_unless_told_otherwise(family) -> None:
    for ends in (True, False):
        tasks = family(terminate_when_unhealthy=ends, horizon=120)
        env = tasks.make_env(tasks.spread()[0])
        env.reset(seed=0)
        env._batch.qpos[..., 1 if family in BODIES else 2] = 1.5 if issubclass(family, Ant) else 0.1
        *_, terminated, truncated, _ = env.step(np.zeros(tasks.action_dim))
        assert (terminated, truncated) == (ends, False)
