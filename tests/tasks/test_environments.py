"""One task as a gymnasium environment: the standard API, and the same numbers as the batch."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from endings import StayAlive
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env

import mpsearch
from mpsearch.errors import UsageError
from mpsearch.tasks import (
    BUILT_IN,
    AntDirection,
    AntGoal,
    CheetahDirection,
    CheetahVelocity,
    GymnasiumTasks,
    HopperBody,
    HumanoidDirection,
    PointNavigation,
    WalkerBody,
    WeakLeg,
)

CASES = {
    "mpsearch/CheetahDirection-v0": ({"direction": -1}, CheetahDirection(), [-1.0]),
    "mpsearch/CheetahVelocity-v0": ({"velocity": 1.5}, CheetahVelocity(), [1.5]),
    "mpsearch/PointNavigation-v0": ({"x": 0.3, "y": -0.2, "sparse": True}, PointNavigation(sparse=True), [0.3, -0.2]),
    "mpsearch/AntDirection-v0": ({"angle": 2.0}, AntDirection(), [2.0]),
    "mpsearch/AntGoal-v0": ({"x": 1.0, "y": -2.0, "radius": 2.5}, AntGoal(radius=2.5), [1.0, -2.0]),
    "mpsearch/WalkerBody-v0": ({"mass_torso": 1.5}, WalkerBody(), [1.5] + 27 * [0.0]),
    "mpsearch/HopperBody-v0": ({"friction_floor": -1.0}, HopperBody(), 11 * [0.0] + [-1.0] + 4 * [0.0]),
    "mpsearch/HumanoidDirection-v0": ({"angle": 0.5}, HumanoidDirection(), [0.5]),
    "mpsearch/WeakLeg-v0": ({"weakness": -0.5}, WeakLeg(), [-0.5]),
}
every_case = pytest.mark.parametrize("name", CASES)


def episode(env, steps, seed=0):
    """Observations and rewards under fixed actions, until the episode ends; ends of an episode too."""
    observation, _ = env.reset(seed=seed)
    track = []
    for action in np.random.default_rng(1).uniform(-1, 1, (steps, *env.action_space.shape)).astype(np.float32):
        track.append((observation, *env.step(action)))
        observation, _, terminated, *_ = track[-1][1:]
        if terminated:
            break
    return track


def same(one, other):
    return all((a[1] == b[1]).all() and a[2:5] == b[2:5] for a, b in zip(one, other, strict=True))


def test_every_family_is_registered_and_nothing_else() -> None:
    ours = {name: spec.kwargs["family_id"] for name, spec in gymnasium.registry.items() if name.startswith("mpsearch/")}
    names = {id: place.split(":")[1] for id, place in BUILT_IN.items()}
    assert ours == {f"mpsearch/{name}-v0": id for id, name in names.items()}
    assert set(ours) >= set(CASES)
    assert all(hasattr(mpsearch, name) for name in names.values())


@every_case
def test_gymnasiums_checker_has_no_complaint(name, monkeypatch) -> None:
    arguments, family, task = CASES[name]
    monkeypatch.setattr("mpsearch.tasks.opengl._broken_in", {os.getpid()})  # a fast picture is enough
    check_env(gymnasium.make(name, render_mode="rgb_array", **arguments).unwrapped)  # a warning is an error here
    check_env(family.make_env(task), skip_render_check=True)  # which needs a spec


@every_case
def test_the_registered_the_made_and_the_batched_environment_agree_to_the_bit(name) -> None:
    arguments, family, task = CASES[name]
    registered = episode(gymnasium.make(name, **arguments), 50)
    made = episode(family.make_env(task), 50)
    assert same(registered, made)
    batch = family.make_batch([task], 1, threads=1)
    first = batch.reset(gymnasium.utils.seeding.np_random(0)[0])
    assert (made[0][0] == first[0, 0]).all()
    actions = np.random.default_rng(1).uniform(-1, 1, (50, 1, 1, family.action_dim)).astype(np.float32)
    for action, (_, observation, reward, *_rest, info) in zip(actions[: len(made)], made, strict=True):
        observations, rewards = batch.step(action)
        assert (observations[0, 0] == observation).all()
        assert rewards[0, 0] == reward
        assert (batch.positions()[0, 0] == info["positions"]).all()


@every_case
def test_the_same_seed_gives_the_same_episode_and_another_does_not(name) -> None:
    arguments, family, _ = CASES[name]
    env = gymnasium.make(name, **arguments)
    assert same(episode(env, 10, seed=5), episode(env, 10, seed=5))
    if family.id != "point-navigation":  # which starts at the origin
        assert not same(episode(env, 10, seed=5), episode(env, 10, seed=6))


@pytest.mark.parametrize("family", [CheetahDirection(7), CheetahVelocity(horizon=7), PointNavigation(horizon=7)])
def test_an_episode_is_truncated_at_the_horizon_and_never_terminated(family) -> None:
    env = family.make_env(family.spread()[0])
    for _ in range(2):  # a reset starts the clock anew
        track = episode(env, 7)
        assert [truncated for *_, truncated, _info in track] == [False] * 6 + [True]
        assert not any(terminated for *_, terminated, _truncated, _info in track)


def test_it_says_how_an_episode_ended_and_does_not_step_beyond() -> None:
    env = StayAlive(horizon=3).make_env([1.0])
    with pytest.raises(UsageError, match=r"call reset\(\) to begin the next one"):
        env.step(np.ones(1))
    for push, ends in ((1.0, [(False, False), (False, False), (True, True)]), (-1.0, [(False, False)] * 2)):
        env.reset(seed=0)
        assert [env.step(np.array([push]))[2:4] for _ in ends] == ends
    env.reset(seed=0)
    env._batch._step = lambda actions: (np.ones((1, 1)), np.zeros((1, 1), dtype=bool), np.ones((1, 1), dtype=bool))
    assert env.step(np.zeros(1))[2:4] == (False, True)  # its own time limit
    with pytest.raises(UsageError, match="the episode has ended"):
        env.step(np.ones(1))


def test_the_horizon_of_the_registered_environment_is_an_argument() -> None:
    env = gymnasium.make("mpsearch/CheetahVelocity-v0", velocity=6.0, high_velocity=7.0, horizon=3)
    assert [step[4] for step in episode(env, 3)] == [False, False, True]
    assert env.unwrapped.task.tolist() == [6.0]
    assert env.unwrapped.horizon == 3


def test_without_a_task_the_first_of_the_spread_is_made() -> None:
    assert gymnasium.make("mpsearch/CheetahDirection-v0").unwrapped.task == [1.0]
    task = gymnasium.make("mpsearch/PointNavigation-v0", x=0.1).unwrapped.task
    assert task.tolist() == [0.1, PointNavigation().spread()[0, 1]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"velocity": 9}, r"task \[9.0\] is not one of cheetah-velocity: velocity must lie in \[0, 3\]"),
        ({"velocity": "fast"}, "must be numbers"),
        ({"velocity": [1.0, 2.0]}, "shape"),
        ({"speed": 1}, "has no argument 'speed'; known: velocity, low_velocity"),
    ],
)
def test_a_wrong_argument_reaches_the_user_as_a_usage_error(arguments, message) -> None:
    with pytest.raises(UsageError, match=message):
        gymnasium.make("mpsearch/CheetahVelocity-v0", **arguments)


def test_an_action_of_the_wrong_size_is_refused() -> None:
    env = CheetahVelocity().make_env([1.0])
    env.reset(seed=0)
    for wrong in (np.zeros(5), 0.0, np.zeros((1, 6))):
        with pytest.raises(UsageError, match="actions must have shape"):
            env.step(wrong)


@every_case
def test_the_spec_survives_json_and_pickle(name) -> None:
    env = gymnasium.make(name, **CASES[name][0])
    for spec in (EnvSpec.from_json(env.spec.to_json()), pickle.loads(pickle.dumps(env.spec))):
        assert same(episode(gymnasium.make(spec), 3), episode(env, 3))


# Copies


def through_a_pickle(thing):
    return pickle.loads(pickle.dumps(thing))


def identical(one, other):
    """Whether two tracks of steps agree to the bit."""
    return all((a[0] == b[0]).all() and a[1:4] == b[1:4] for a, b in zip(one, other, strict=True))


def go_on(env, steps=10):
    """What an environment answers to fixed actions, from where it stands; then to a reset without a seed."""
    actions = np.random.default_rng(2).uniform(-1, 1, (steps, *env.action_space.shape)).astype(np.float32)
    track = []
    for action in actions:
        track.append(env.step(action))
        if track[-1][2] or track[-1][3]:
            env.reset()
    return [*track, (env.reset()[0], 0, False, False)]


both_ways = pytest.mark.parametrize("duplicate", [copy.deepcopy, through_a_pickle], ids=["deepcopy", "pickle"])


@both_ways
@every_case
def test_a_copy_goes_on_to_the_same_numbers(name, duplicate) -> None:
    arguments, family, task = CASES[name]
    for env in (gymnasium.make(name, **arguments), family.make_env(task)):
        fresh = duplicate(env)
        episode(env, 4)
        copied = duplicate(env)
        expected = go_on(env)
        assert identical(go_on(copied), expected)
        episode(fresh, 4)
        assert identical(go_on(fresh), expected)


CHANGED = [
    CheetahVelocity(observation_noise=0.1, torso_mass=1.5, weak_leg=0.5),
    CheetahDirection(told=True),
    WalkerBody(),
    AntGoal(),
    HumanoidDirection(),
    PointNavigation(),
    StayAlive(),
]


@both_ways
@pytest.mark.parametrize("family", CHANGED, ids=lambda family: family.id)
def test_a_copied_batch_goes_on_to_the_same_numbers_and_is_alone(family, duplicate) -> None:
    rng = np.random.default_rng(0)
    batch = family.make_batch(family.sample(2, rng), 2, threads=2)
    batch.reset(rng)
    actions = rng.uniform(-1, 1, (19, *batch.shape, family.action_dim))
    for action in actions[:9]:
        batch.step(action)
    copied = duplicate(batch)
    before = copied.positions()
    expected = [batch.step(action) for action in actions[9:]]
    assert (copied.positions() == before).all()  # the steps of one do not move the other
    for action, (observations, rewards) in zip(actions[9:], expected, strict=True):
        same_observations, same_rewards = copied.step(action)
        assert (same_observations == observations).all()
        assert (same_rewards == rewards).all()
    for name in ("ended", "terminated", "lengths", "time"):
        assert np.array_equal(getattr(copied, name), getattr(batch, name))


@both_ways
def test_gymnasiums_own_environments_are_copied_too(duplicate) -> None:
    family = GymnasiumTasks("Pendulum-v1", 5.0, 15.0, parameter_names=["g"], id="pendulum", horizon=20)
    env, batch = family.make_env([9.0]), family.make_batch(family.spread(2), 2)
    episode(env, 4)
    assert identical(go_on(duplicate(env)), go_on(env))
    batch.reset(np.random.default_rng(0))
    copied, actions = duplicate(batch), np.full((2, 2, 1), 0.3)
    assert all((a == b).all() for _ in range(5) for a, b in zip(batch.step(actions), copied.step(actions), strict=True))
    assert family.make_env([9.0], render_mode="rgb_array").render_mode == "rgb_array"
    unnamed = GymnasiumTasks(
        lambda task: gymnasium.make("Pendulum-v1", g=task[0]), 5.0, 15.0, parameter_names=["g"], id="own", horizon=20
    )
    with pytest.raises(UsageError, match="make\\(task\\) creates these environments"):
        unnamed.make_env([9.0], render_mode="rgb_array")


@both_ways
def test_a_copy_of_a_copy_is_one_too_and_draws_by_itself(duplicate, monkeypatch) -> None:
    monkeypatch.setattr("mpsearch.tasks.opengl._broken_in", {os.getpid()})
    env = CheetahVelocity().make_env([1.0], render_mode="rgb_array")
    episode(env, 3)
    picture = env.render()
    copied = duplicate(duplicate(env))
    assert (copied.render() == picture).all()
    assert identical(go_on(copied), go_on(env))


SCRIPT = """
import multiprocessing

import gymnasium
import numpy as np
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

from mpsearch import CheetahVelocity, PointNavigation


def five_steps(env):
    return [env.step(np.full(6, 0.5))[0] for _ in range(5)]


def same(one, other):
    first = [vector.reset(seed=3)[0] for vector in (one, other)]
    actions = one.action_space.sample()
    steps = [np.concatenate([vector.step(actions)[0] for _ in range(5)]) for vector in (one, other)]
    one.close(), other.close()
    return (first[0] == first[1]).all() and (steps[0] == steps[1]).all()


if __name__ == "__main__":
    spawn = {"vector_kwargs": {"context": "spawn"}}
    options = {"num_envs": 2, "velocity": 1.5, "observation_noise": 0.1}
    name = "mpsearch/CheetahVelocity-v0"
    print(same(gymnasium.make_vec(name, vectorization_mode="async", **spawn, **options),
               gymnasium.make_vec(name, vectorization_mode="sync", **options)))
    family = PointNavigation()
    makers = [lambda x=x: family.make_env([x, 0.1]) for x in (0.2, 0.3)]
    print(same(AsyncVectorEnv(makers, context="spawn"), SyncVectorEnv(makers)))
    env = CheetahVelocity(observation_noise=0.1).make_env([1.0])
    env.reset(seed=0)
    env.step(np.ones(6))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        there = pool.apply(five_steps, [env])
    print(np.array_equal(there, five_steps(env)))
"""


@pytest.mark.slow
def test_environments_go_to_processes_that_are_spawned(tmp_path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, "-W", "error", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["True"] * 3, "")
