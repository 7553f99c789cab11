"""What cannot be a family, and environments that fail in the middle: one sentence each, and the agent is unharmed."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from small_environments import UNIT, SaysNaN, Slide, raises, slide

from mpsearch import MAML, GymnasiumTasks, MAMLConfig
from mpsearch.errors import EpisodeError, MpsearchError, NonFiniteError, UsageError

RANGE = {"low": -1.0, "high": 1.0, "parameter_names": ["goal"], "id": "slide", "horizon": 100}
SHARED = Slide()


def family(make=slide, **changes):
    options = {**RANGE, **changes}
    return GymnasiumTasks(make, options.pop("low"), options.pop("high"), **options)


def acting(space):
    return lambda task: Slide(task[0], action_space=space)


def seeing(space):
    return lambda task: Slide(task[0], observation_space=space)


def fails(task):
    raise OSError("no such track")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda task: None, r"make\(task\) must return a gymnasium.Env, not None"),
        (lambda task: Slide, "must return a gymnasium.Env"),
        (fails, r"make fails for task \[0.0\]: OSError: no such track"),
        (7, "make must be a function of a task, or a gymnasium id, not 7"),
        ("Pendulm-v1", r"gymnasium does not know this environment \(.*Pendulm"),
        ("Pendulum-v77", "gymnasium does not know this environment"),
        ("nowhere/Pendulum-v1", "gymnasium does not know this environment"),
        ("Pendulum-v1", r"make fails for task \[0.0\]: TypeError: .*'goal'"),
        ("Pendulum v1", "make fails for task"),
        (acting(spaces.Box(-np.inf, np.inf, (2,))), r"finite bounds.*TransformAction.*Box\(-1, 1, \(2,\)\)"),
        (acting(spaces.Box(0, np.inf, (1,))), "finite bounds"),
        (acting(spaces.Discrete(4)), r"numbers in a Box, not Discrete\(4\).*TransformAction.*\(4,\)"),
        (acting(spaces.MultiBinary(3)), r"numbers in a Box, not MultiBinary\(3\)"),
        (acting(spaces.Box(0, 9, (1,), np.int64)), "floats in a Box|numbers in a Box"),
        (acting(spaces.Box(0.0, 0.0, (1,))), "must have a range"),
        (seeing(spaces.Sequence(UNIT)), "fixed list of numbers, not Sequence"),
    ],
)
def test_what_is_no_environment_for_us_is_refused_with_the_way_out(make, words) -> None:
    with pytest.raises(UsageError, match=words):
        family(make)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"low": 2.0}, "low must not be above high: goal has 2 and 1"),
        ({"parameter_names": ["a", "b"]}, r"low must be one finite number for each of parameter_names \(a, b\)"),
        ({"high": [1.0, 2.0]}, "high must be one finite number for each of parameter_names"),
        ({"high": np.inf}, "high must be one finite number"),
        ({"low": "few"}, "low must be one finite number"),
        ({"low": None}, "low must be one finite number"),
        ({"parameter_names": "goal"}, "list of names"),
        ({"parameter_names": [3]}, "list of names"),
        ({"parameter_names": None}, "list of names"),
        ({"parameter_names": []}, "at least one"),
        ({"parameter_names": ["a", "a"], "low": [0, 0], "high": [1, 1]}, "different names"),
        ({"id": ""}, "id must be a name"),
        ({"id": 3}, "id must be a name"),
        ({"id": None}, "id must be a name"),
        ({"horizon": 0}, "horizon must be a whole number"),
        ({"processes": -1}, "processes must be a whole number"),
        ({"observation_scale": [1.0, 1.0]}, "observation_scale must be 1 positive number"),
        ({"observation_scale": [0.0]}, "observation_scale must be 1 positive number"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(changes, words) -> None:
    with pytest.raises(UsageError, match=words):
        family(**changes)


@pytest.mark.parametrize("task", [[1.5], [np.nan], [0.0, 0.0], ["far"]])
def test_a_task_out_of_range_is_refused(task) -> None:
    for use in (family().make_env, lambda task: family().make_batch([task], 1)):
        with pytest.raises(UsageError, match="goal"):
            use(task)


def test_the_words_on_discrete_actions_and_on_infinite_ones_are_a_way_that_works() -> None:
    class Chooses(Slide):
        def step(self, action):
            assert isinstance(action, int)
            return super().step(np.array([action - 1.0]))

    def choose(task):
        env = Chooses(task[0], action_space=spaces.Discrete(3))
        return gymnasium.wrappers.TransformAction(env, lambda a: int(a.argmax()), gymnasium.spaces.Box(-1, 1, (3,)))

    def bounded(task):
        env = Slide(task[0], action_space=spaces.Box(-np.inf, np.inf, (1,)))
        return gymnasium.wrappers.TransformAction(env, lambda a: a, gymnasium.spaces.Box(-1, 1, (1,)))

    for make in (choose, bounded):
        tasks = family(make)
        batch = tasks.make_batch([[0.0]], 2)
        batch.reset(np.random.default_rng(0))
        batch.step(np.ones((1, 2, tasks.action_dim)))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("observation_space", lambda task: Slide(observation_space=spaces.Box(-1.0, 1.0 + (task[0] > 0.5), (1,)))),
        ("action_space", lambda task: Slide(action_space=spaces.Box(-1.0, 1.0 + (task[0] > 0.5), (1,)))),
    ],
)
def test_spaces_that_differ_between_tasks_are_refused(name, make) -> None:
    batch = family(make).make_batch([[0.1], [0.9]], 1)
    with pytest.raises(UsageError, match=rf"{name} must be the same for all tasks: .* for task \[0.9\]"):
        batch.reset(np.random.default_rng(0))


def test_an_environment_returned_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="must build a new environment at each call"):
        family(lambda task: SHARED).make_batch([[0.0]], 2).reset(np.random.default_rng(0))


def test_a_batch_must_begin_with_a_reset() -> None:
    with pytest.raises(UsageError, match="reset the batch"):
        family().make_batch([[0.0]], 1).step(np.zeros((1, 1, 1)))


def run(tasks, rows=((-0.5,), (0.5,)), episodes=2):
    batch = tasks.make_batch(rows, episodes)
    batch.reset(np.random.default_rng(0))
    for _ in range(tasks.horizon):
        batch.step(np.zeros((len(rows), episodes, 1)))


def test_an_environment_that_raises_is_named_with_task_episode_step_and_its_own_words() -> None:
    words = r"raised ZeroDivisionError \(a cosmic ray\) in task 1 \(\[0.5\]\), episode 0, at step 57"
    with pytest.raises(EpisodeError, match=words) as caught:
        run(family(raises))
    assert "small_environments.py" in caught.value.__notes__[0]  # where it was raised
    run(family(raises), rows=((-0.5,),))


def test_one_that_raises_at_its_reset_or_forgets_its_shape_is_named_too() -> None:
    class Stuck(Slide):
        def reset(self, **options):
            raise RuntimeError("stuck")

    class Grows(Slide):
        def see(self):
            return np.zeros(1 + (self.steps > 2), np.float32)

    with pytest.raises(EpisodeError, match=r"RuntimeError \(stuck\) in task 0 .* at step 0"):
        run(family(lambda task: Stuck()))
    with pytest.raises(EpisodeError, match=r"an observation of shape \(2,\), not \(1,\)\) in task 0 .* at step 2"):
        run(family(lambda task: Grows()))


@pytest.mark.parametrize("what", ["observation", "reward"])
def test_a_number_that_is_none_is_named_with_task_episode_and_step(what) -> None:
    with pytest.raises(NonFiniteError, match=rf"the {what} is not finite in task 1 \(\[0.5\]\), episode 0, at step 4"):
        run(family(lambda task: SaysNaN(task[0], what)))


def test_a_start_that_is_not_finite_is_refused() -> None:
    class Nowhere(Slide):
        def see(self):
            return np.array([np.nan], np.float32)

    with pytest.raises(NonFiniteError, match="the observation is not finite in task 0"):
        run(family(lambda task: Nowhere()))


def test_an_agent_keeps_what_it_learned_when_an_environment_fails() -> None:
    calls = []

    class Breaks(Slide):
        def step(self, action):
            calls.append(None)
            if len(calls) > 2 * 2 * 2 * 5 + 3:  # in the second iteration
                raise ConnectionError("the robot is gone")
            return super().step(action)

    tasks = family(lambda task: Breaks(task[0]), horizon=5)
    agent = MAML(tasks, MAMLConfig(tasks_per_iteration=2, episodes=2, hidden=(8,)))
    with pytest.raises(MpsearchError, match="the robot is gone"):
        agent.train(3, seed=0, progress=False)
    assert agent.iteration == 1
    other = MAML(family(horizon=5), agent.config)
    other.train(1, seed=0, progress=False)
    for mine, theirs in zip(agent.policy.parameters(), other.policy.parameters(), strict=True):
        assert (mine == theirs).all()
