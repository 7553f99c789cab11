"""Tasks of Ant, Humanoid, Walker2d and Hopper: what they change, how they are drawn, and that agents train on them."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from bodies import batch_of, controls, every_family, gymnasiums, random_bodies, rng

from mpsearch import MAML, PEARL, MAMLConfig, PEARLConfig
from mpsearch.errors import UsageError
from mpsearch.tasks import AntDirection, AntGoal, HopperBody, HumanoidDirection, WalkerBody
from mpsearch.tasks.physics import quiet_mujoco


@pytest.fixture(autouse=True)
def _mujoco_is_quiet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes MUJOCO_LOG.TXT where it stands
    quiet_mujoco()


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
@pytest.mark.slow
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
    with pytest.raises(UsageError, match=r"angle must be 0 \(forward\) or pi, 3.1416 \(backward\)"):
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


def test_a_body_is_described_by_the_mean_factors_of_its_groups() -> None:
    family = HopperBody()
    exponents = {"mass": [3, -3, 1, 1], "inertia": [-1] * 4, "damping": [0, 1, 2], "friction": [0] * 5}
    task = np.array([u for group in exponents.values() for u in group], dtype=float)
    words = family.describe_task(task)
    assert words == "on average, mass x 1.22, inertia x 0.67, damping x 1.30, friction x 1.00"
    assert len(family.parameter_names) == len(task)


def test_backward_may_be_written_with_four_decimals() -> None:
    two = AntDirection(forward_backward=True)
    np.testing.assert_array_equal(two.check([[3.1416], [0.0]]), [[3.1416], [0.0]])
    for angle in (3.0, 6.2831, 0.1, 1.5708):
        with pytest.raises(UsageError, match=r"angle must be 0 \(forward\) or pi, 3.1416 \(backward\)"):
            two.check([[angle]])
