"""The batched physics: equal to gymnasium's to the bit, rows independent, nothing diverges unnoticed."""

from __future__ import annotations

import copy

import gymnasium
import mujoco
import numpy as np
import pytest
from endings import StayAlive
from hypothesis import given, settings
from hypothesis import strategies as st

from mpsearch.errors import NonFiniteError, UsageError
from mpsearch.tasks import CheetahDirection
from mpsearch.tasks.physics import load_gymnasium_model

HORIZON = 200
FORWARD, BACKWARD = [1.0], [-1.0]
FIELDS = ("body_mass", "dof_damping", "geom_friction", "actuator_gear")


@pytest.fixture(autouse=True)
def _mujoco_log_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes MUJOCO_LOG.TXT where it stands


def batch_of(directions, episodes=1, **options):
    options.setdefault("threads", 1)
    return CheetahDirection().make_batch(np.array(directions), episodes, **options)


def random_actions(*shape, scale=1.0, seed=0):
    return np.random.default_rng(seed).uniform(-scale, scale, (*shape, 6))


def trajectory(batch, actions):
    """Positions, velocities, observations and rewards under ``actions`` [T, K, E, A]."""
    track = []
    for action in actions:
        observation, reward = batch.step(action)
        track.append((batch.qpos.copy(), batch.qvel.copy(), observation, reward))
    return [np.stack(x) for x in zip(*track, strict=True)]  # each [T, K, E, ...]


def start(batch, seed=1):
    """Put each simulation (k, e) into a state that depends on k, e and ``seed`` only."""
    qpos, qvel = np.empty_like(batch.qpos), np.empty_like(batch.qvel)
    for k, e in np.ndindex(*batch.shape):
        rng = np.random.default_rng([seed, k, e])
        qpos[k, e], qvel[k, e] = rng.uniform(-0.1, 0.1, 9), rng.normal(0.0, 0.1, 9)
    batch.set_state(qpos, qvel)
    return batch


@pytest.mark.parametrize("scale", [1.0, 3.0], ids=["actions inside [-1, 1]", "actions outside [-1, 1]"])
@pytest.mark.parametrize("height", [0.0, -0.1], ids=["above the ground", "in the ground"])
def test_an_episode_equals_gymnasiums_to_the_bit(scale, height) -> None:
    env = gymnasium.make("HalfCheetah-v5").unwrapped
    env.reset(seed=3)
    env.data.qpos[1] += height
    qpos, qvel = env.data.qpos.copy(), env.data.qvel.copy()
    mujoco.mj_resetData(env.model, env.data)  # as gymnasium's own reset does before set_state
    env.set_state(qpos, qvel)
    assert (env.data.ncon > 0) == (height < 0)
    batch = batch_of([FORWARD])
    batch.set_state(qpos, qvel)
    assert (batch.observe()[0, 0] == env._get_obs()).all()
    for t, action in enumerate(random_actions(HORIZON, scale=scale)):
        expected, _, _, _, info = env.step(action)
        observation, reward = batch.step(action[None, None])
        assert (batch.qpos[0, 0] == env.data.qpos).all(), t
        assert (batch.qvel[0, 0] == env.data.qvel).all(), t
        assert (observation[0, 0] == expected).all(), t
        assert reward[0, 0] == info["x_velocity"] - 0.05 * np.square(np.clip(action, -1, 1)).sum(), t
    env.close()


def test_another_action_leaves_gymnasiums_trajectory() -> None:
    actions = random_actions(5, 1, 1)
    changed = actions.copy()
    changed[3, 0, 0, 2] += 1e-9
    one, other = (trajectory(start(batch_of([FORWARD])), a)[0] for a in (actions, changed))
    assert (one[:3] == other[:3]).all()
    assert (one[4] != other[4]).any()


def test_the_compiled_model_is_gymnasiums_field_by_field() -> None:
    env = gymnasium.make("HalfCheetah-v5").unwrapped
    parts = [(load_gymnasium_model("half_cheetah.xml"), env.model)]
    parts += [(getattr(parts[0][0], name), getattr(parts[0][1], name)) for name in ("opt", "stat", "vis")]
    compared = 0
    for ours, theirs in parts:
        for name in dir(ours):
            value = getattr(ours, name)
            if not name.startswith("_") and isinstance(value, (np.ndarray, int, float, bytes)):
                np.testing.assert_array_equal(value, getattr(theirs, name), err_msg=name)
                compared += 1
    assert compared > 400
    env.close()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_row_depends_neither_on_neighbours_nor_on_threads(threads) -> None:
    actions = random_actions(60, 3, 4)
    many = trajectory(start(batch_of([FORWARD, BACKWARD, FORWARD], 4, threads=threads)), actions)
    few = trajectory(start(batch_of([FORWARD, BACKWARD], 2)), actions[:, :2, :2])
    changed = actions.copy()
    changed[:, 2] *= -1.0  # the neighbours act differently
    beside = trajectory(start(batch_of([FORWARD, BACKWARD, BACKWARD], 4, threads=threads)), changed)
    for a, b, c in zip(many, few, beside, strict=True):
        assert (a[:, :2, :2] == b).all()
        assert (a[:, :2] == c[:, :2]).all()
        assert (a[:, 2] != c[:, 2]).any()


@settings(deadline=None, max_examples=15)
@given(
    k=st.integers(0, 1),
    e=st.integers(0, 2),
    a=st.integers(0, 5),
    t=st.integers(0, 3),
    value=st.sampled_from([np.nan, np.inf, -np.inf]),
)
def test_an_action_that_is_not_finite_is_named_and_its_finite_neighbours_pass(k, e, a, t, value) -> None:
    batch = start(batch_of([FORWARD, BACKWARD], 3))
    actions = random_actions(2, 3)
    for _ in range(t):
        batch.step(actions)
    before, bad = batch.qpos.copy(), actions.copy()
    bad[k, e, a] = value
    where = rf"the action is not finite in task {k} \(\[-?1.0\]\), episode {e}, at step {t} \(1 of 6"
    with pytest.raises(NonFiniteError, match=where):
        batch.step(bad)
    assert (batch.qpos == before).all()  # refused before the physics moved
    batch.step(actions)
    assert batch.time == t + 1


@pytest.mark.parametrize("t", [0, 1, 7])
@pytest.mark.parametrize("velocity", [1e12, np.nan])
def test_a_diverged_simulation_is_found_and_named(t, velocity) -> None:
    batch = start(batch_of([FORWARD, BACKWARD], 2))
    actions = np.zeros((2, 2, 6))
    for _ in range(t):
        batch.step(actions)
    batch.qvel[1, 0, 0] = velocity
    with pytest.raises(NonFiniteError, match=rf"diverged in task 1 .*, episode 0, at step {t} \(1 of 4"):
        batch.step(actions)
    batch.reset(np.random.default_rng(0))  # a new start forgets it
    batch.step(actions)


def test_a_divergence_that_the_dynamics_cause_on_the_first_step_is_found() -> None:
    gear = np.stack([load_gymnasium_model("half_cheetah.xml").actuator_gear] * 2)
    gear[1] *= 1e12
    batch = start(batch_of([FORWARD, BACKWARD], 2, fields={"actuator_gear": gear}))
    with pytest.raises(NonFiniteError, match=r"diverged in task 1 .*, episode 0, at step 0"):
        batch.step(np.ones((2, 2, 6)))


def test_a_simulation_that_ended_may_diverge_and_disturbs_nobody() -> None:
    actions = random_actions(8, 2, 2)
    alone, batch = (start(batch_of([FORWARD, BACKWARD], 2)) for _ in range(2))
    rewards, first = batch._step, np.zeros((2, 2), dtype=bool)
    first[0, 0] = True
    batch._step = lambda a: (rewards(a), first & (batch.time == 2))
    for t, action in enumerate(actions):
        if t == 4:
            batch.qvel[0, 0] = 1e12
        given = action.copy()
        if t == 6:
            batch.qpos[0, 0] = np.nan
            given[0, 0] = np.nan  # nor does it matter what an ended one is told
        (seen, paid), (expected, due) = batch.step(given), alone.step(action)
        assert (seen[~first] == expected[~first]).all()
        assert (paid[~first] == due[~first]).all()
        if t == 2:
            last = expected[0, 0]
        if t > 2:
            assert paid[0, 0] == 0
            assert (seen[0, 0] == last).all()
    assert batch.lengths.tolist() == [[3, 8], [8, 8]]
    batch.qvel[1, 1] = 1e12
    with pytest.raises(NonFiniteError, match=r"diverged in task 1 .*, episode 1, at step 8 \(1 of 4"):
        batch.step(actions[0])
    batch.reset(np.random.default_rng(0))
    assert not batch.ended.any()


@pytest.mark.parametrize(
    "outcome", [(np.ones((1, 2)), np.ones((1, 2))), (np.ones((1, 2)), np.ones(2, dtype=bool)), (np.ones((1, 2)),) * 4]
)
def test_what_is_no_flag_for_each_simulation_is_refused(outcome) -> None:
    batch = StayAlive().make_batch([[1.0]], 2)
    batch.reset(np.random.default_rng(0))
    batch._step = lambda actions: outcome
    with pytest.raises(UsageError, match=r"AliveBatch._step must return rewards, or \(rewards, terminated\)"):
        batch.step(np.zeros((1, 2, 1)))


@pytest.mark.parametrize("name", FIELDS)
def test_a_model_field_changes_its_own_task_and_no_other(name) -> None:
    model = load_gymnasium_model("half_cheetah.xml")
    values = np.stack([getattr(model, name), 1.5 * getattr(model, name)])
    actions = random_actions(40, 2, 2)
    changed = trajectory(start(batch_of([FORWARD, FORWARD], 2, fields={name: values})), actions)[0]
    plain = trajectory(start(batch_of([FORWARD, FORWARD], 2)), actions)[0]
    assert (changed[:, 0] == plain[:, 0]).all()
    assert (changed[-1, 1] != plain[-1, 1]).any(axis=-1).all()  # both episodes of the task


@pytest.mark.parametrize("name", FIELDS)
def test_a_model_field_acts_as_in_a_model_of_its_own(name) -> None:
    batch = batch_of([FORWARD], fields={name: 1.5 * getattr(load_gymnasium_model("half_cheetah.xml"), name)[None]})
    model = copy.copy(load_gymnasium_model("half_cheetah.xml"))
    data = mujoco.MjData(model)
    getattr(model, name)[:] *= 1.5
    mujoco.mj_setConst(model, data)
    start(batch)
    data = mujoco.MjData(model)
    data.qpos[:], data.qvel[:] = batch.qpos[0, 0], batch.qvel[0, 0]
    mujoco.mj_forward(model, data)
    for action in random_actions(40):
        batch.step(action[None, None])
        data.ctrl[:] = action
        mujoco.mj_step(model, data, nstep=5)
    assert (batch.qpos[0, 0] == data.qpos).all()


@pytest.mark.parametrize(
    "fields",
    [
        {"body_weight": np.ones((2, 8))},
        {"nbody": np.ones(2)},
        {"body_mass": np.ones(8)},  # one row a task is missing
        {"body_mass": np.ones((2, 7))},
        {"body_mass": np.ones((1, 8))},
    ],
)
def test_an_unknown_or_misshapen_model_field_is_refused(fields) -> None:
    with pytest.raises(UsageError, match=next(iter(fields))):
        batch_of([FORWARD, BACKWARD], fields=fields)


@pytest.mark.parametrize("shape", [(2, 3, 5), (2, 6), (3, 2, 6), (1, 3, 6), (6,)])
def test_actions_of_the_wrong_shape_are_refused(shape) -> None:
    with pytest.raises(UsageError, match=r"\(2, 3, 6\)"):
        batch_of([FORWARD, BACKWARD], 3).step(np.zeros(shape))


@pytest.mark.parametrize("options", [{"threads": -1}, {"threads": 1.5}, {"episodes": 0}, {"episodes": None}])
def test_counts_that_make_no_sense_are_refused(options) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        batch_of([FORWARD], **options)


def test_the_start_state_is_gymnasiums_distribution() -> None:
    batch = batch_of([FORWARD, BACKWARD], 200)
    batch.reset(np.random.default_rng(0))
    assert (abs(batch.qpos) <= 0.1).all()
    assert abs(batch.qpos).max() > 0.0999
    assert batch.qvel.std() == pytest.approx(0.1, rel=0.05)
    assert abs(batch.qvel).max() > 0.3  # a normal, not a uniform distribution


def test_a_batch_can_be_set_to_its_own_state() -> None:
    batch = start(batch_of([FORWARD], 2))
    before = batch.qpos.copy()
    batch.set_state(batch.qpos, batch.qvel)
    assert (batch.qpos == before).all()
