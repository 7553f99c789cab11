"""One task as a gymnasium environment: the standard API, and the same numbers as the batch."""

from __future__ import annotations

import pickle

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
    HopperBody,
    HumanoidDirection,
    PointNavigation,
    WalkerBody,
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
def test_gymnasiums_checker_has_no_complaint(name) -> None:
    arguments, family, task = CASES[name]
    check_env(gymnasium.make(name, **arguments).unwrapped)  # a warning is an error here
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
        ({"speed": 1}, "cannot be made with {'speed': 1}"),
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
