"""The cheetah with a weak leg: its motors equal changed gears to the bit, its reward one computed by hand."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from mpsearch import WeakLeg
from mpsearch.errors import UsageError
from mpsearch.tasks.applications.weak_leg import motor_weakness
from mpsearch.view.player.kinematics import capsules

HORIZON = 30
TASKS = np.array([[-0.7], [0.0], [0.4], [1.0]])
BACK, FRONT = slice(0, 3), slice(3, 6)  # motors


def actions(seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (HORIZON, len(TASKS), 1, 6))


def gymnasium_positions(task, start, moves):
    """[T, 9] positions of gymnasium's own HalfCheetah whose model has weaker gears."""
    env = gymnasium.make("HalfCheetah-v5").unwrapped
    env.reset(seed=0)
    env.model.actuator_gear[BACK if task < 0 else FRONT, 0] *= 1 - abs(task)
    env.set_state(*start)
    positions = []
    for move in moves:
        env.step(move)
        positions.append(env.data.qpos.copy())
    return np.array(positions)


def test_a_weak_leg_equals_weaker_gears_in_gymnasium_to_the_bit() -> None:
    batch, moves, positions = WeakLeg().make_batch(TASKS, 1, threads=1), actions(), []
    batch.reset(np.random.default_rng(1))
    starts = [(batch.qpos[k, 0].copy(), batch.qvel[k, 0].copy()) for k in range(len(TASKS))]
    for move in moves:
        batch.step(move)
        positions.append(batch.qpos[:, 0].copy())
    for k, task in enumerate(TASKS[:, 0]):
        expected = gymnasium_positions(task, starts[k], moves[:, k, 0])
        np.testing.assert_array_equal(np.array(positions)[:, k], expected)


def test_weak_motors_are_those_of_the_leg_that_the_sign_names() -> None:
    expected = [[0.7, 0.0], [0.0, 0.0], [0.0, 0.4], [0.0, 1.0]]
    np.testing.assert_allclose(motor_weakness(TASKS), np.repeat(expected, 3, axis=1))


def test_a_loose_leg_does_not_feel_its_actions_and_another_does() -> None:
    first, second = (WeakLeg().make_batch([[1.0], [0.5]], 1, threads=1) for _ in range(2))
    moves = np.random.default_rng(0).uniform(-1, 1, (HORIZON, 2, 1, 6))
    for batch in (first, second):
        batch.reset(np.random.default_rng(0))
    for move in moves:
        first.step(move)
        second.step(np.where(np.arange(6) < 3, move, 0.0))
    np.testing.assert_array_equal(first.qpos[0], second.qpos[0])
    assert not np.allclose(first.qpos[1], second.qpos[1])


def test_the_reward_is_speed_minus_control_and_strain() -> None:
    task, move = np.array([[-0.5]]), np.array([[[1.0, -1.0, 0.5, 0.5, 0.0, 0.0]]])
    reward = WeakLeg(strain=2.0).reward(task, np.array([[3.0]]), move)
    np.testing.assert_allclose(reward, 3.0 - 0.05 * 2.5 - 2.0 * 0.5 * 2.25)


def test_the_observation_has_the_task_only_if_told() -> None:
    families = {told: WeakLeg(told=told) for told in (False, True)}
    rng = {told: np.random.default_rng(0) for told in families}
    seen = {told: family.make_batch([[-0.5], [0.5]], 1).reset(rng[told]) for told, family in families.items()}
    assert seen[False].shape == (2, 1, 17)
    np.testing.assert_array_equal(seen[True][..., :17], seen[False])
    np.testing.assert_array_equal(seen[True][:, 0, 17], [-0.5, 0.5])


def test_a_simulation_does_not_depend_on_its_neighbours() -> None:
    moves = actions()
    together, alone = WeakLeg().make_batch(TASKS, 1), WeakLeg().make_batch(TASKS[2:3], 1)
    together.reset(np.random.default_rng(3))
    alone.set_state(together.qpos[2:3], together.qvel[2:3])
    for move in moves:
        (_, rewards), (_, reward) = together.step(move), alone.step(move[2:3])
        assert rewards[2] == reward[0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: WeakLeg().check([[1.2]]), r"weakness must lie in \[-1, 1\]"),
        (lambda: WeakLeg(strain=-1), "strain must be"),
        (lambda: WeakLeg(told="yes"), "told must be true or false"),
    ],
)
def test_impossible_values_are_refused_in_words(make, words) -> None:
    with pytest.raises(UsageError, match=words):
        make()


def test_words_and_parts_name_the_weak_leg() -> None:
    family = WeakLeg()
    assert family.describe_task(np.array([-0.25])) == "weakness -0.25 (the back leg has 75% of its strength)"
    assert family.describe_task(np.array([1.0])) == "weakness 1.00 (the front leg has 0% of its strength)"
    assert family.weak_parts(np.array([0.0])) == ()
    ends = capsules(np.zeros(9)).mean(axis=1)  # [8, 2]
    assert (ends[list(family.weak_parts(np.array([-0.5]))), 0] < 0).all()
    assert (ends[list(family.weak_parts(np.array([0.5]))), 0] > 0).all()
