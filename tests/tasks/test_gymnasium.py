"""Any gymnasium environment as a family: the same numbers as the environment itself, in our families' form."""

from __future__ import annotations

import gc
import json

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.spaces.utils import flatten
from gymnasium.utils.env_checker import check_env
from small_environments import UNIT, Ends, Slide, ends, slide

import mpsearch
from mpsearch import MAML, PEARL, GymnasiumTasks, MAMLConfig, PEARLConfig
from mpsearch.errors import CheckpointError
from mpsearch.tasks.groups import seed_of
from mpsearch.tasks.physics import quiet_mujoco


def pendulum(task):
    env = gymnasium.make("Pendulum-v1", g=task[0])
    env.unwrapped.m, env.unwrapped.l = task[1:]
    return env


def family(make=slide, low=-1.0, high=1.0, **changes):
    options = {"parameter_names": ["goal"], "id": "slide", "horizon": 10, **changes}
    return GymnasiumTasks(make, low, high, **options)


def pendulums(**changes):
    names = {"parameter_names": ["gravity", "mass", "length"], "id": "pendulum", "horizon": 30}
    return GymnasiumTasks(pendulum, [5.0, 0.5, 0.5], [15.0, 2.0, 2.0], **{**names, **changes})


def rng(seed=0):
    return np.random.default_rng(seed)


def track(tasks, rows, episodes=2, steps=8, seed=0):
    """Observations [S + 1, K, E, O], rewards [S, K, E] and the batch, under actions that a row has of its own."""
    batch = tasks.make_batch(rows, episodes)
    seen, rewards = [batch.reset(rng(seed))], []
    actions = rng(1).uniform(-1.2, 1.2, (steps, 9, 9, tasks.action_dim)).astype(np.float32)
    for action in actions[:, : batch.shape[0], :episodes]:
        observation, reward = batch.step(action)
        seen.append(observation)
        rewards.append(reward)
    return np.array(seen), np.array(rewards), batch


def test_a_batch_is_the_environments_themselves_to_the_bit() -> None:
    tasks = pendulums()
    rows = tasks.sample(3, rng())
    seen, rewards, _ = track(tasks, rows)
    root = int(rng().integers(2**63))
    actions = rng(1).uniform(-1.2, 1.2, (8, 9, 9, 1)).astype(np.float32).clip(-1, 1)
    for k, e in np.ndindex(3, 2):
        env = pendulum(rows[k])
        assert (env.reset(seed=seed_of(root, k, e))[0] == seen[0, k, e]).all()
        for t in range(8):
            observation, reward, *_ = env.step(2 * actions[t, k, e])  # torques lie in [-2, 2] N m
            assert (observation == seen[t + 1, k, e]).all()
            assert reward == rewards[t, k, e]


def test_the_single_environment_is_a_row_of_the_batch_to_the_bit() -> None:
    tasks = pendulums()
    rows = tasks.sample(2, rng())
    seen, rewards, _ = track(tasks, rows)
    env = tasks.make_env(rows[1])
    with pytest.warns(UserWarning, match="has a wrapper applied"):  # the checker's only word
        check_env(env, skip_render_check=True)
    assert (env.reset(seed=seed_of(int(rng().integers(2**63)), 1, 0))[0] == seen[0, 1, 0]).all()
    for t, action in enumerate(rng(1).uniform(-1.2, 1.2, (8, 9, 9, 1)).astype(np.float32)[:, 1, 0]):
        observation, reward, *_ = env.step(action)
        assert (observation == seen[t + 1, 1, 0]).all()
        assert reward == rewards[t, 1, 0]
    assert env.action_space == UNIT
    assert env.observation_space == gymnasium.make("Pendulum-v1").observation_space


def test_an_id_is_made_with_the_task_as_its_arguments_and_the_horizon_as_its_time_limit() -> None:
    by_name = GymnasiumTasks("Pendulum-v1", 5, 15, parameter_names=["g"], id="pendulum", horizon=250)
    by_hand = GymnasiumTasks(
        lambda task: gymnasium.make("Pendulum-v1", g=task[0], max_episode_steps=250),
        *([5], [15]),
        parameter_names=["g"],
        id="pendulum",
        horizon=250,
    )
    rows = by_name.spread(2)
    (seen, rewards, batch), (other, others, _) = (track(tasks, rows, steps=240) for tasks in (by_name, by_hand))
    assert (seen == other).all()
    assert (rewards == others).all()
    assert not batch.ended.any()  # the 200 steps of gymnasium's own registration are not the limit


def test_a_row_does_not_depend_on_its_neighbours_or_their_number() -> None:
    tasks = pendulums()
    rows = tasks.sample(4, rng())
    seen, rewards, _ = track(tasks, rows, episodes=3)
    fewer, less, _ = track(tasks, rows[:2], episodes=2)
    assert (seen[:, :2, :2] == fewer).all()
    assert (rewards[:, :2, :2] == less).all()


def test_the_generator_decides_the_starts_which_all_differ() -> None:
    batch = family().make_batch(family().spread(4), 5)
    first, again = batch.reset(rng(0)), batch.reset(rng(0))
    assert (first == again).all()
    ongoing = rng(0)
    starts = np.concatenate([batch.reset(ongoing).ravel() for _ in range(3)])
    assert (starts[:20] == first.ravel()).all()
    assert len(np.unique(starts)) == 60


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_actions_reach_the_environment_in_its_own_bounds_shape_and_dtype(dtype) -> None:
    made = []
    low = np.array([[0.0, -3.0], [-0.1, 1e-3]], dtype)
    high = np.array([[10.0, -1.0], [0.7, 2e-3]], dtype)

    def make(task):
        made.append(Slide(task[0], action_space=spaces.Box(low, high, dtype=dtype)))
        return made[-1]

    tasks = family(make)
    assert tasks.action_dim == 4
    batch = tasks.make_batch([[0.0]], 1)
    batch.reset(rng())
    env = tasks.make_env([0.0])
    env.reset(seed=0)
    for value, expected in ((-1, low), (1, high), (-7, low), (7, high), (0, (low + high) / 2)):
        batch.step(np.full((1, 1, 4), value))
        env.step(np.full(4, value, dtype))
        for own in made[1:]:
            assert own.action_space.contains(own.actions[-1])
            np.testing.assert_allclose(own.actions[-1], expected, rtol=1e-6)


COMPOUND = [
    spaces.Dict(place=spaces.Box(-2.0, 2.0, (2, 2)), gear=spaces.Discrete(3)),
    spaces.Tuple((spaces.MultiBinary(2), spaces.Box(0, 255, (2,), np.uint8))),
    spaces.Box(0, 255, (2, 3), np.uint8),
    spaces.Box(-np.inf, np.inf, (3,), np.float64),
]


@pytest.mark.parametrize("space", COMPOUND)
def test_observations_are_flattened_with_their_dtype_and_bounds(space) -> None:
    space.seed(0)
    fixed = space.sample()

    class Sees(Slide):
        def see(self):
            return fixed

    tasks = family(lambda task: Sees(task[0], observation_space=space))
    seen, _, batch = track(tasks, [[0.0]], steps=2)
    expected = flatten(space, fixed)
    assert tasks.observation_dim == len(expected)
    assert tasks.observation_space == spaces.utils.flatten_space(space)
    assert batch.observe().dtype == expected.dtype == tasks.observation_space.dtype
    assert (seen == expected).all()
    assert (tasks.make_env([0.0]).reset(seed=0)[0] == expected).all()


def test_an_end_is_the_environments_and_what_ended_is_not_stepped_again() -> None:
    seen, rewards, batch = track(family(ends), [[-0.5], [0.5]], episodes=2)  # stepping on would raise
    assert batch.terminated.tolist() == [[True, True], [False, False]]
    assert batch.ended.all()
    assert batch.lengths.tolist() == [[3, 3], [5, 5]]
    assert (rewards[3:, 0] == 0).all()
    assert (rewards[5:, 1] == 0).all()
    assert (rewards[:3] != 0).all()
    assert (seen[3:, 0] == seen[3, 0]).all()
    batch.reset(rng())
    assert not batch.ended.any()
    batch.step(np.zeros((2, 2, 1)))


def test_the_single_environment_ends_at_the_horizon_or_before() -> None:
    env = family(ends, horizon=4).make_env([0.5])
    env.reset(seed=0)
    assert [env.step(np.zeros(1, np.float32))[2:4] for _ in range(4)] == [(False, False)] * 3 + [(False, True)]
    env = family(ends).make_env([-0.5])
    env.reset(seed=0)
    assert [env.step(np.zeros(1, np.float32))[2:4] for _ in range(3)] == [(False, False)] * 2 + [(True, False)]


def test_the_scale_of_observations_comes_from_their_bounds_or_is_given_or_measured() -> None:
    assert pendulums().observation_scale.tolist() == [1.0, 1.0, 8.0]
    box = spaces.Box(np.array([-3, -1, -np.inf, 0, -2e38], np.float32), np.array([2, 5, 1, 0, 2e38], np.float32))

    class Sees(Slide):
        def see(self):
            return np.array([0, 3, -4, 1e-3, 100 * self.steps], np.float32)

    def make(task):
        return Sees(task[0], observation_space=box)

    assert family(make).observation_scale.tolist() == [3.0, 5.0, 1.0, 1.0, 1.0]
    expected = [1.0, 3.0, 4.0, 1e-3, 100 * np.sqrt(np.mean(np.arange(11.0) ** 2))]
    measured = family(make).measure_scale(rng())
    np.testing.assert_allclose(measured, expected, rtol=1e-5)
    assert (family(make, observation_scale=measured).observation_scale == measured).all()


def test_what_stands_still_after_its_end_is_not_measured() -> None:
    class Counts(Ends):
        def see(self):
            return np.array([self.steps], np.float32)

    measured = family(lambda task: Counts(task[0]), low=-1.0, high=-0.5).measure_scale(rng())
    np.testing.assert_allclose(measured, np.sqrt(np.mean([0, 1, 4, 9])))


def test_positions_are_mujocos_or_the_observation() -> None:
    _, _, batch = track(family(), [[0.0]], steps=1)
    assert (batch.positions() == batch.observe()).all()
    quiet_mujoco()
    tasks = GymnasiumTasks("HalfCheetah-v5", 0.5, 1, parameter_names=["forward_reward_weight"], id="run", horizon=2)
    seen, _, batch = track(tasks, tasks.spread(2), steps=1)
    assert batch.positions().shape == (2, 2, 9)
    np.testing.assert_array_equal(batch.positions()[..., 1:], seen[-1][..., :8])


def test_environments_are_closed_with_their_batch() -> None:
    made = []
    batch = family(lambda task: made.append(Slide(task[0])) or made[-1]).make_batch([[0.0]], 3)
    batch.reset(rng())
    assert [env.closed for env in made] == [True, False, False, False]  # the first told the spaces
    del batch
    gc.collect()
    assert all(env.closed for env in made)


def small_agents(tasks):
    yield MAML(tasks, MAMLConfig(tasks_per_iteration=2, episodes=2, hidden=(8,)))
    nets = {"hidden": (8,), "encoder_hidden": (8,), "latent": 2}
    sizes = {"training_tasks": 3, "random_episodes": 1, "gradient_steps": 2, "batch": 8, "context": 8}
    yield PEARL(tasks, PEARLConfig(**nets, **sizes, evaluation_tasks=2))


@pytest.mark.slow
def test_maml_and_pearl_train_adapt_and_come_back_with_the_family_given(tmp_path) -> None:
    tasks = pendulums(horizon=12)
    for agent in small_agents(tasks):
        agent.train(2, seed=0, folder=tmp_path / agent.algorithm, progress=False)
        result = agent.adapt(tasks.spread(2), seed=1)
        assert result.trajectories.shape[0] == 2
        assert result.trajectories.shape[2:] == (13, 3)
        card = json.loads((tmp_path / agent.algorithm / "card.json").read_text())
        assert card["tasks"] == {"id": "pendulum", "config": tasks.config}
        again = mpsearch.load(tmp_path / agent.algorithm, tasks=tasks).adapt(tasks.spread(2), seed=1)
        np.testing.assert_array_equal(result.returns, again.returns)
        with pytest.raises(CheckpointError, match="pendulum"):
            mpsearch.load(tmp_path / agent.algorithm)


def test_a_subclass_is_a_family_with_an_id_and_a_config_of_its_own() -> None:
    class Slides(GymnasiumTasks):
        id = "slides"

        def __init__(self, width=1.0):
            super().__init__(slide, -width, width, parameter_names=["goal"], horizon=5)
            self.width = width

        @property
        def config(self):
            return {"width": self.width}

    tasks = Slides(2.0)
    assert (tasks.id, tasks.config, tasks.high.tolist()) == ("slides", {"width": 2.0}, [2.0])
    assert Slides(**tasks.config).config == tasks.config
    track(tasks, tasks.spread(2))
