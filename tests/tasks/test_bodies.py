"""Ant, Humanoid, Walker2d and Hopper: equal to gymnasium's own environments to the bit, and what tasks change."""

from __future__ import annotations

import gymnasium
import mujoco
import numpy as np
import pytest

from mpsearch import MAML, PEARL, MAMLConfig, PEARLConfig
from mpsearch.errors import UsageError
from mpsearch.tasks import AntDirection, AntGoal, HopperBody, HumanoidDirection, WalkerBody
from mpsearch.tasks.physics import quiet_mujoco
from mpsearch.tasks.spatial_bodies import Ant

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


@pytest.fixture(autouse=True)
def _mujoco_is_quiet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes MUJOCO_LOG.TXT where it stands
    quiet_mujoco()


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


# Against gymnasium


@every_family
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


# What a task changes


@random_bodies
def test_each_exponent_multiplies_its_own_number_and_no_other(family) -> None:
    tasks, model = family(), family().model
    count = len(tasks.parameter_names)
    fields = tasks.fields(np.eye(count) * 2.0)
    for n, name in enumerate(tasks.parameter_names):
        group, part = name.split("_", 1)
        changed = {field for field, values in fields.items() if (values[n] != getattr(model, field)).any()}
        if group == "damping":
            expected, base, row = "dof_damping", 1.3, model.joint(f"{part}_joint").dofadr[0]
        elif group == "friction":
            expected, base, row = "geom_friction", 1.5, model.geom(part if part == "floor" else f"{part}_geom").id
        else:
            expected, base, row = f"body_{group}", 1.5, model.body(part).id
        plain = getattr(model, expected).copy()
        plain[row] *= base**2
        assert changed == {expected}
        np.testing.assert_array_equal(fields[expected][n], plain)
    assert (model.body_mass[1:] > 0).all()
    assert count == 2 * (model.nbody - 1) + (model.dof_damping > 0).sum() + model.ngeom


@random_bodies
def test_a_body_moves_as_in_gymnasiums_environment_with_a_model_of_its_own(family) -> None:
    task, other = family().sample(2, rng(5))
    env, batch = gymnasiums(family), batch_of(family, [task, other, task], 2, terminate_when_unhealthy=False)
    for name, values in family().fields(task[None]).items():
        getattr(env.model, name)[:] = values[0]
    mujoco.mj_setConst(env.model, mujoco.MjData(env.model))
    env.reset(seed=3)
    batch.reset(rng())
    batch.set_state(*(np.tile(state, (3, 2, 1)) for state in (env.data.qpos, env.data.qvel)))
    for action, control in controls(family, env, 150):
        observation, reward, *_ = env.step(control)
        observations, rewards = batch.step(np.tile(action, (3, 2, 1)))
        for k, e in np.ndindex(3, 2):
            assert np.array_equal(observations[k, e], observation) == (k != 1)
            assert (rewards[k, e] == reward) == (k != 1) or k == 1
    env.close()


@random_bodies
def test_every_exponent_that_can_act_changes_the_motion(family) -> None:
    tasks = family(terminate_when_unhealthy=False)
    count = len(tasks.parameter_names)
    batch = tasks.make_batch(np.vstack([np.zeros(count), 2.0 * np.eye(count)]), 1, threads=1)
    batch.reset(rng())
    batch.set_state(*(np.tile(state[:1], (count + 1, 1, 1)) for state in (batch.qpos, batch.qvel)))
    for action in rng(1).uniform(-1, 1, (120, tasks.action_dim)):
        batch.step(np.tile(action, (count + 1, 1, 1)))
    moved = (batch.qpos[1:, 0] != batch.qpos[0, 0]).any(-1)
    still = {name for name, differs in zip(tasks.parameter_names, moved, strict=True) if not differs}
    assert all(name.startswith("friction") for name in still)  # of parts that never touched the floor
    assert "friction_floor" not in still or "friction_foot" not in still


# Rows, threads, seeds


def walk(family, tasks, seed, threads=1, steps=12, rows=slice(None)):
    """Observations and rewards of two episodes a task under actions that depend on the row and the time alone."""
    batch = batch_of(family, tasks, 2, threads, terminate_when_unhealthy=False)
    starts = batch.family.start((4, 2), rng(seed))
    batch.reset(rng())
    batch.set_state(*(state[rows] for state in starts))
    actions = rng(7).uniform(-1, 1, (steps, 4, 2, batch.action_dim))
    return [np.concatenate([np.append(o, r) for o, r in [batch.step(a[rows])]]) for a in actions], batch.qpos.copy()


@every_family
def test_a_row_depends_neither_on_neighbours_nor_on_threads(family) -> None:
    tasks = family().sample(4, rng(2))
    whole, all_qpos = walk(family, tasks, 0)
    threaded, threaded_qpos = walk(family, tasks, 0, threads=2)
    _, two_qpos = walk(family, tasks[1:3], 0, rows=slice(1, 3))
    assert np.array_equal(whole, threaded)
    assert np.array_equal(all_qpos, threaded_qpos)
    assert np.array_equal(all_qpos[1:3], two_qpos)
    assert not np.array_equal(all_qpos, walk(family, tasks, 1)[1])


# Learning


@pytest.mark.parametrize("algorithm", ["maml", "pearl"])
@every_family
def test_an_iteration_runs_and_what_it_made_adapts(algorithm, family) -> None:
    tasks = family(horizon=12)
    if algorithm == "maml":
        agent = MAML(tasks, MAMLConfig(tasks_per_iteration=2, episodes=2, hidden=(8,)))
    else:
        small = {"training_tasks": 2, "tasks_per_iteration": 2, "gradient_steps": 2, "meta_batch": 2, "batch": 8}
        agent = PEARL(tasks, PEARLConfig(**small, hidden=(8, 8), encoder_hidden=(8,), context=8, replay_size=2000))
    agent.train(1, seed=0)
    result = agent.adapt(tasks.spread(2), seed=1, episodes=1, steps=1)
    assert np.isfinite(result.returns).all()
    assert result.trajectories.shape == (2, 2, 13, tasks.model.nq)
    assert result.robot == tasks.robot


# Tasks


def test_directions_go_around_the_circle_or_forward_and_backward() -> None:
    angles = AntDirection().sample(40, rng())
    assert (np.histogram(angles, bins=8, range=(0, 2 * np.pi))[0] == 5).all()
    np.testing.assert_allclose(HumanoidDirection().spread(4)[:, 0], np.pi / 2 * np.arange(4))
    two = AntDirection(forward_backward=True)
    assert sorted(two.sample(6, rng())[:, 0]) == [0.0] * 3 + [np.pi] * 3
    assert two.spread(3)[:, 0].tolist() == [0.0, np.pi, 0.0]
    with pytest.raises(UsageError, match=r"angle must be 0 \(forward\) or pi \(backward\)"):
        two.check([[1.0]])


def test_goals_are_uniform_on_the_disc() -> None:
    goals = AntGoal().sample(4000, rng())
    away = np.linalg.norm(goals, axis=1)
    assert away.max() <= 3.0
    np.testing.assert_allclose([(away < r).mean() for r in (1.0, 2.0)], [1 / 9, 4 / 9], atol=1e-3)
    assert abs(goals.mean(0)).max() < 0.05
    np.testing.assert_allclose(AntGoal(radius=6.0).spread(4), [[4, 0], [0, 4], [-4, 0], [0, -4]], atol=1e-12)


@random_bodies
def test_bodies_are_drawn_from_the_cube_and_the_first_of_a_spread_is_gymnasiums(family) -> None:
    drawn = family().sample(60, rng())
    assert -3 <= drawn.min() < -2.9 < 2.9 < drawn.max() <= 3
    assert family().spread()[0].tolist() == [0.0] * len(family().parameter_names)
    assert len(np.unique(family().spread(4), axis=0)) == 4


@every_family
def test_the_configuration_makes_the_same_family_again(family) -> None:
    tasks = family(horizon=50, terminate_when_unhealthy=False)
    again = type(tasks)(**tasks.config)
    assert again.config == tasks.config
    assert family().config != tasks.config
    assert tasks.observation_scale.shape == (tasks.observation_dim,)
    assert (tasks.observation_scale > 0).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AntDirection(terminate_when_unhealthy=1), "terminate_when_unhealthy must be true or false, not 1"),
        (lambda: HumanoidDirection(forward_backward="yes"), "forward_backward must be true or false, not 'yes'"),
        (lambda: AntGoal(radius=-1.0), "radius must be a number of at least 0.1"),
        (lambda: WalkerBody(horizon=0), "horizon must be a whole number of at least 1"),
        (lambda: AntDirection().check([[6.3]]), r"angle must lie in \[0, 2 pi\], in rad"),
        (lambda: AntGoal().check([[3.0, 3.0]]), "must lie within 3 m of the start"),
        (lambda: HopperBody().check([[4.0] * 16]), r"mass_torso must lie in \[-3, 3\]"),
        (lambda: HopperBody().check([[0.0] * 28]), r"shape \[K, 16\] with K >= 1"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(make, message) -> None:
    with pytest.raises(UsageError, match=message):
        make()
