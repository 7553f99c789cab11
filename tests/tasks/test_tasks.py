"""Task distributions: what they draw, what they refuse, what they pay."""

from __future__ import annotations

import re
import textwrap

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from mpsearch.errors import MpsearchError, NonFiniteError, UsageError, check_count
from mpsearch.tasks import (
    Batch,
    CheetahDirection,
    CheetahVelocity,
    PointNavigation,
    TaskDistribution,
    make_distribution,
)
from mpsearch.tasks.cheetah import direction_reward, velocity_reward

FAMILIES = [CheetahDirection, CheetahVelocity, PointNavigation]
counts, seeds = st.integers(1, 60), st.integers(0, 2**32)
every_family = pytest.mark.parametrize("family", FAMILIES)


def rng(seed=0):
    return np.random.default_rng(seed)


@every_family
@settings(deadline=None, max_examples=25)
@given(n=counts, seed=seeds)
def test_tasks_have_the_shape_and_the_range_and_follow_the_generator(family, n, seed) -> None:
    tasks = family()
    drawn = tasks.sample(n, rng(seed))
    assert drawn.shape == (n, len(tasks.parameter_names))
    assert (tasks.check(drawn) == drawn).all()
    assert (tasks.sample(n, rng(seed)) == drawn).all()


@every_family
def test_another_generator_draws_other_tasks(family) -> None:
    assert (family().sample(20, rng(0)) != family().sample(20, rng(1))).any()


@pytest.mark.parametrize("tasks", [CheetahVelocity(0, 7), PointNavigation(size=2.0)])
@settings(deadline=None, max_examples=25)
@given(n=counts, seed=seeds)
def test_tasks_are_stratified_one_in_each_of_n_equal_bins(tasks, n, seed) -> None:
    share = (tasks.sample(n, rng(seed)) - tasks.low) / (tasks.high - tasks.low) * n
    for column in np.sort(share, axis=0).T:
        assert (column >= np.arange(n) - 1e-9).all()
        assert (column <= np.arange(n) + 1 + 1e-9).all()


def test_the_parameters_of_a_task_are_independent() -> None:
    x, y = PointNavigation().sample(400, rng()).T
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.15


def test_the_order_of_tasks_says_nothing_about_them() -> None:
    velocities = CheetahVelocity().sample(400, rng())[:, 0]
    assert abs(np.corrcoef(velocities, np.arange(400))[0, 1]) < 0.15


@settings(deadline=None, max_examples=30)
@given(n=counts, seed=seeds)
def test_as_many_directions_of_one_kind_as_of_the_other(n, seed) -> None:
    directions = CheetahDirection().sample(n, rng(seed))
    assert set(directions.ravel()) <= {-1.0, 1.0}
    assert abs(directions.sum()) == n % 2


def test_a_single_direction_is_either_with_equal_chance() -> None:
    ones = sum(CheetahDirection().sample(1, rng(seed)).item() == 1.0 for seed in range(400))
    assert 150 < ones < 250


def test_spread_is_even_and_takes_no_chance() -> None:
    assert CheetahDirection().spread(3).tolist() == [[1.0], [-1.0], [1.0]]
    assert CheetahVelocity().spread(3).tolist() == [[0.5], [1.5], [2.5]]
    goals = PointNavigation(size=0.5).spread(4)
    np.testing.assert_allclose(np.linalg.norm(goals, axis=1), 0.4)
    np.testing.assert_allclose(goals.sum(0), 0.0, atol=1e-15)
    for family in FAMILIES:
        family().check(family().spread())
    for wrong in (0, -1, 1.5):
        with pytest.raises(UsageError, match="number of tasks"):
            CheetahVelocity().spread(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        *(1.0, [1.0], [], [[]], [[1.0, 2.0]], [[[1.0]]], [[1.0], [1.0, 2.0]]),  # shapes
        *([[np.nan]], [[np.inf]], [[3.001]], [[-0.1]]),  # values
        *([["fast"]], [["1"]], [[None]], [[1j]], [[True]], "forward", None, {"velocity": 1}),  # kinds
    ],
)
def test_what_is_not_a_velocity_task_is_refused(wrong) -> None:
    with pytest.raises(UsageError, match=r"velocity"):
        CheetahVelocity().check(wrong)


@pytest.mark.parametrize("wrong", [0.5, 0.0, 2.0, -1.5, np.nan])
def test_a_direction_is_one_of_two(wrong) -> None:
    assert CheetahDirection().check([[1], [-1]]).tolist() == [[1.0], [-1.0]]
    with pytest.raises(UsageError, match=r"1 \(forward\) or -1 \(backward\)"):
        CheetahDirection().check([[1.0], [wrong]])


def test_checked_tasks_are_a_copy() -> None:
    mine = np.array([[1.0]])
    checked = CheetahVelocity().check(mine)
    mine[:] = 2.0
    assert checked == [[1.0]]


def test_the_range_is_a_parameter() -> None:
    assert CheetahVelocity(0, 7).check([[6.5]]) == [[6.5]]
    with pytest.raises(UsageError, match=r"\[0, 3\]"):
        CheetahVelocity().check([[6.5]])
    for low, high in [(3, 3), (2, 1), (0, np.inf), (np.nan, 1)]:
        with pytest.raises(UsageError, match="low < high"):
            CheetahVelocity(low, high)


@pytest.mark.parametrize(
    "tasks",
    [
        CheetahDirection(horizon=50),
        CheetahVelocity(-1, 7, horizon=20),
        PointNavigation(sparse=True, size=2, horizon=20),
    ],
)
def test_the_config_makes_the_same_distribution_again(tasks) -> None:
    again = make_distribution(tasks.id, **tasks.config)
    assert type(again) is type(tasks)
    assert vars(again).keys() == vars(tasks).keys()
    for name, value in vars(tasks).items():
        np.testing.assert_array_equal(getattr(again, name), value)
    assert (again.sample(9, rng()) == tasks.sample(9, rng())).all()


def test_an_oracle_is_told_its_task_in_every_observation_and_others_are_not() -> None:
    told, plain = CheetahVelocity(told=True), CheetahVelocity()
    rows = told.spread(3)
    seen = told.make_batch(rows, 2).reset(rng())
    assert seen.shape == (3, 2, told.observation_dim)
    assert (seen[..., -1] == rows).all()
    assert (seen[..., :-1] == plain.make_batch(rows, 2).reset(rng())).all()
    assert told.observation_scale[-1] == 3.0
    assert told.config["told"] is True
    assert "told" not in plain.config  # as in the cards of those who trained before it could vary
    with pytest.raises(UsageError, match="told must be true or false, not 'yes'"):
        CheetahVelocity(told="yes")


def test_a_heavier_torso_and_a_weak_leg_change_what_they_say_and_nothing_else() -> None:
    def model(**variations):
        return CheetahDirection(**variations).make_batch([[1.0]], 1)._physics

    plain, heavy, weak = model(), model(torso_mass=2.0), model(weak_leg=0.3)
    mass, gear = heavy.expand("body_mass")[0], weak.expand("actuator_gear")[0]
    np.testing.assert_allclose(mass[1:] / plain.expand("body_mass")[0][1:], [2, 1, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(gear[:, 0] / plain.expand("actuator_gear")[0][:, 0], [0.3, 0.3, 0.3, 1, 1, 1])


@pytest.mark.parametrize("variation", [{"torso_mass": 2.0}, {"weak_leg": 0.3}])
def test_changed_dynamics_are_felt(variation) -> None:
    def end(**variations):
        batch = CheetahDirection(**variations).make_batch([[1.0]], 1)
        batch.reset(rng())
        return [batch.step(np.ones((1, 1, 6)))[1].item() for _ in range(5)]

    assert end(**variation) != end()
    assert end() == end(torso_mass=1.0, weak_leg=1.0)


def test_observation_noise_has_its_size_and_leaves_the_physics_alone() -> None:
    noisy, plain = CheetahVelocity(observation_noise=0.2), CheetahVelocity()
    seen, clean = (family.make_batch(family.spread(2), 500).reset(rng()) for family in (noisy, plain))
    np.testing.assert_allclose(((seen - clean) / plain.observation_scale).std(axis=(0, 1)), 0.2, rtol=0.1)
    batches = [family.make_batch(family.spread(2), 3) for family in (noisy, plain)]
    for batch in batches:
        batch.reset(rng())
    rewards = [batch.step(np.ones((2, 3, 6)))[1] for batch in batches]
    assert (rewards[0] == rewards[1]).all()


@pytest.mark.parametrize("variation", [{"torso_mass": 0.0}, {"weak_leg": -1}, {"observation_noise": float("nan")}])
def test_a_variation_that_makes_no_sense_is_refused(variation) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(variation))} must be a number of at least"):
        CheetahDirection(**variation)


def test_an_unknown_id_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'cheetah-jump'; known: ant-direction, .*cheetah-velocity, .*walker-body"):
        make_distribution("cheetah-jump")


@pytest.mark.parametrize("family", [f.id for f in FAMILIES])
def test_an_unknown_or_wrong_argument_is_refused(family) -> None:
    with pytest.raises(UsageError, match="speed"):
        make_distribution(family, speed=3)
    for horizon in (0, -1, 1.5, np.nan, np.inf, "many", None, True):
        with pytest.raises(UsageError, match="horizon must be a whole number of at least 1"):
            make_distribution(family, horizon=horizon)


@settings(deadline=None)
@given(
    value=st.integers(-5, 5) | st.floats() | st.booleans() | st.text(max_size=3) | st.none(), least=st.integers(0, 2)
)
def test_a_count_is_a_whole_number_or_refused(value, least) -> None:
    whole = isinstance(value, (int, float)) and not isinstance(value, bool) and float(value).is_integer()
    if whole and value >= least:
        assert check_count("n", value, least) == value
    else:
        with pytest.raises(UsageError, match=f"n must be a whole number of at least {least}"):
            check_count("n", value, least)


def test_errors_can_be_caught_as_ours_and_as_pythons() -> None:
    assert issubclass(UsageError, MpsearchError)
    assert issubclass(UsageError, ValueError)
    assert issubclass(NonFiniteError, MpsearchError)


def test_rewards_computed_by_hand() -> None:
    half = np.full(6, 0.5)  # control cost 0.05 * 6 * 0.25 = 0.075
    assert direction_reward(1.0, 2.0, half) == pytest.approx(1.925)
    assert direction_reward(-1.0, 2.0, half) == pytest.approx(-2.075)
    assert velocity_reward(1.5, 2.0, half) == pytest.approx(-0.575)
    assert velocity_reward(1.5, 1.0, half) == pytest.approx(-0.575)
    assert velocity_reward(1.5, 1.5, np.zeros(6)) == 0.0


def slow_rewards(family, tasks, positions, actions):
    """Rewards from recorded positions [T + 1, K, E, Q] and actions [T, K, E, A], one at a time."""
    rewards = np.empty(actions.shape[:3])
    for t, k, e in np.ndindex(*rewards.shape):
        velocity = (positions[t + 1, k, e, 0] - positions[t, k, e, 0]) / 0.05
        cost = sum(0.05 * min(max(a, -1.0), 1.0) ** 2 for a in actions[t, k, e])
        run = tasks[k, 0] * velocity if family is CheetahDirection else -abs(velocity - tasks[k, 0])
        rewards[t, k, e] = run - cost
    return rewards


@pytest.mark.parametrize("family", [CheetahDirection, CheetahVelocity])
def test_the_reward_is_the_sum_of_its_parts_and_clipped_actions_pay_the_clipped_cost(family) -> None:
    tasks = family().spread(3)
    batch = family().make_batch(tasks, 2, threads=1)
    batch.reset(rng())
    actions = rng(1).uniform(-2, 2, (30, 3, 2, 6))
    positions, rewards = [batch.positions()], []
    for action in actions:
        rewards.append(batch.step(action)[1])
        positions.append(batch.positions())
    expected = slow_rewards(family, tasks, np.stack(positions), actions)
    np.testing.assert_allclose(rewards, expected, rtol=0, atol=1e-12)
    others = slow_rewards(family, np.roll(tasks, 1, axis=0), np.stack(positions), actions)
    assert (abs(expected - others) > 1e-3).any()  # the task matters


def docstring_family():
    """The family and the code that the docstring of TaskDistribution shows."""
    block = re.search(r"::\n\n(.*?)\n\n    Attributes:", TaskDistribution.__doc__, re.DOTALL).group(1)
    code = textwrap.dedent(block)
    names = {"TaskDistribution": TaskDistribution, "Batch": Batch, "np": np, "__name__": "thermostat"}
    exec(code, names)
    return names["Thermostat"], code


def test_a_new_family_takes_at_most_32_lines_and_gets_everything() -> None:
    family, code = docstring_family()
    assert len(code.splitlines()) <= 32
    tasks = family()
    drawn = tasks.sample(4, rng())
    batch = tasks.make_batch(drawn, 3)
    first = batch.reset(rng())
    before = first.copy()
    observations, rewards = batch.step(np.full((4, 3, 1), 0.5))
    assert (first == before).all()  # an observation is not changed by a later step
    np.testing.assert_allclose(observations, before + 0.1)
    np.testing.assert_allclose(rewards, -abs(observations[..., 0] - drawn))
    check_env(tasks.make_env(drawn[0]), skip_render_check=True)
    with pytest.raises(UsageError, match=r"target must lie in \[-1, 1\]"):
        tasks.make_env([2.0])
    with pytest.raises(NonFiniteError, match="task 2"):
        batch.step(np.where(np.arange(4)[:, None, None] == 2, np.nan, np.zeros((4, 3, 1))))


def test_an_observation_or_reward_that_is_not_finite_is_found_in_any_family() -> None:
    family, _ = docstring_family()
    batch = family().make_batch([[0.5]], 2)
    batch.reset(rng())
    batch.observe = lambda: np.array([[[0.0], [np.nan]]])
    with pytest.raises(NonFiniteError, match=r"observation is not finite in task 0 .*, episode 1, at step 0"):
        batch.step(np.zeros((1, 2, 1)))
    batch._step = lambda actions: np.array([[np.inf, 0.0]])
    with pytest.raises(NonFiniteError, match=r"reward is not finite in task 0 .*, episode 0, at step 0"):
        batch.step(np.zeros((1, 2, 1)))
