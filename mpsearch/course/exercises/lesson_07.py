"""The exercises of lesson 07, PEARL on HalfCheetah."""

from __future__ import annotations

import numpy as np

from mpsearch.course.exercises.exercise import FillIn, FindTheBug, Predict, Trial
from mpsearch.course.exercises.lesson_07_sampler import LESSON
from mpsearch.course.exercises.lesson_07_sampler import right_contexts as right_contexts
from mpsearch.course.exercises.lesson_07_sampler import sample_contexts as sample_contexts
from mpsearch.records import Array


def _with_one(means: Array) -> Array:
    return np.hstack([means, np.ones((len(means), 1))])


def _fit(inputs: Array, velocities: Array) -> Array:
    weights: Array = np.linalg.lstsq(inputs, velocities, rcond=None)[0]
    return weights


def linear_velocities(means: Array, velocities: Array, new_means: Array) -> Array:
    """Predict velocities [M] for ``new_means`` [M, Z] by a linear fit of ``velocities`` [K] to ``means`` [K, Z]."""
    return _with_one(new_means) @ _fit(_with_one(means), velocities)


def _without_constant(means: Array, velocities: Array, new_means: Array) -> Array:
    return new_means @ _fit(means, velocities)


def _nearest(means: Array, velocities: Array, new_means: Array) -> Array:
    return velocities[((new_means[:, None] - means) ** 2).sum(-1).argmin(1)]


def _probe_trials() -> list[Trial]:
    rng = np.random.default_rng(7)
    small = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 1.0]])
    new = np.array([[1.0, 1.0], [4.0, 0.0], [0.0, 0.0], [2.0, 2.0]])
    noisy = rng.normal(size=(30, 5))
    velocities = 1.5 + noisy @ np.array([0.8, 0.1, 0.0, -0.2, 0.4]) + 0.1 * rng.normal(size=30)
    return [
        ("four tasks and two dimensions of z", (small, np.array([0.5, 1.0, 1.7, 2.0]), new)),
        ("30 tasks and five dimensions of z", (noisy, velocities, rng.normal(size=(10, 5)))),
    ]


read_velocity = FillIn(
    lesson=LESSON,
    name="read_velocity",
    reference=linear_velocities,
    trials=_probe_trials,
    mistakes={
        "the velocity at z = 0 is forced to be 0; add a column of ones to both arrays of means": _without_constant,
        "the result is the prediction at the known means; predict at the new means": lambda means, velocities, new: (
            linear_velocities(means, velocities, means)
        ),
        "each new task gets the velocity of its nearest neighbour; use a linear fit": _nearest,
        "all tasks get the mean velocity: z is not used": lambda means, v, new: np.full(len(new), v.mean()),
        "only the first dimension of z is used; the fit has a weight for each": lambda means, v, new: linear_velocities(
            means[:, :1], v, new[:, :1]
        ),
    },
    hints=(
        "There are three steps: add the constant, fit the weights on the known tasks, apply them to the new tasks.",
        "A constant is one more input that is 1 for every task: `np.hstack([means, np.ones((len(means), 1))])`.",
        "`np.linalg.lstsq` gives the weights of the known inputs; the new inputs need the same column of ones.",
    ),
    stops={
        "mismatch in its core dimension": "the weights have one number more than the new means; the column of ones is"
        " needed at reading, too",
    },
    moral="five weights and a constant, fitted on some tasks, predict the target speeds of other tasks from their z.",
)


def shuffle_outcome(speeds: Array, wanted: Array, context_speeds: Array) -> str:
    """Say which speed the cheetahs ran at: the target here, the target of the context's task, or neither.

    Args:
        speeds: [K] the speeds that were run, in m/s.
        wanted: [K] the target speeds of the tasks in which they ran.
        context_speeds: [K] the target speeds of the tasks that the contexts came from.
    """
    gap = np.abs(np.asarray(wanted) - context_speeds).mean()
    for name, target in (("its own", wanted), ("the other's", context_speeds)):
        if np.abs(np.asarray(speeds) - target).mean() < gap / 4:
            return name
    return "between"


other_context = Predict(
    lesson=LESSON,
    name="other_context",
    choices=("its own", "the other's", "between"),
    outcome=shuffle_outcome,
    also={"others": "the other's", "theirs": "the other's", "unchanged": "its own", "middle": "between"},
    hints=(
        "What does the actor see? Its inputs are the state and z, and nothing else.",
        "Do these inputs contain the rewards of the task in which it runs? Only if the context contains them.",
        "So two cheetahs with the same z and the same start behave alike, whatever their target speeds are.",
    ),
    moral="The actor sees the task only through z, and z depends on the task only through the context.",
)


def transition_rows(observations: Array, actions: Array, rewards: Array) -> Array:
    """Return the rows (s, a, r, s') [T, C] of an episode with observations [T + 1, O], actions [T, A], rewards [T]."""
    return np.hstack([observations[:-1], actions, rewards[:, None], observations[1:]])


def _row_trials() -> list[Trial]:
    rng = np.random.default_rng(70)

    def episode(steps: int, states: int, actions: int) -> tuple[Array, Array, Array]:
        return rng.normal(size=(steps + 1, states)), rng.normal(size=(steps, actions)), rng.normal(size=steps) - 1

    return [
        ("an episode of three steps", episode(3, 2, 1)),
        ("an episode of eight steps", episode(8, 4, 2)),
    ]


def _standard(rewards: Array) -> Array:
    return (rewards - rewards.mean()) / rewards.std()


context_rows = FindTheBug(
    lesson=LESSON,
    name="context_rows",
    reference=transition_rows,
    trials=_row_trials,
    mistakes={
        "the rewards of each episode are still scaled to mean 0 and standard deviation 1": lambda s, a, r: (
            transition_rows(s, a, _standard(r))
        ),
        "the rewards still lose their mean, which says how far the speed is from the target": lambda s, a, r: (
            transition_rows(s, a, r - r.mean())
        ),
        "the rewards are still divided by a number that differs from episode to episode": lambda s, a, r: (
            transition_rows(s, a, r / r.std())
        ),
        "the rewards are 0: nothing is left that could tell one task from another": lambda s, a, r: transition_rows(
            s, a, 0 * r
        ),
        "s' is the same as s; the last block must be the observation after the step": lambda s, a, r: np.hstack(
            [s[:-1], a, r[:, None], s[:-1]]
        ),
    },
    hints=(
        "Shapes and order are right. Which of the four parts differs from what the encoder was trained on?",
        "Only one of the four depends on the task. What happens to its mean?",
        "Two tasks may differ only in how low their rewards are.",
    ),
    stops={
        "must have same number of dimensions": "the rewards [T] must become a column [T, 1] before they are joined;"
        " rewards[:, None] does it",
    },
    moral="a reward is not only a quantity to maximise. Here it is the only information about the task, so its level"
    " matters.",
)


def reward_of(velocity: float, action: Array, told: float) -> float:
    """Return the reward of a step at ``velocity`` with ``action`` [A], on the task to run at ``told`` m/s."""
    return float(-abs(velocity - told) - 0.05 * np.square(action).sum())


forged_reward = FillIn(
    lesson=LESSON,
    name="forged_reward",
    reference=reward_of,
    trials=lambda: [
        ("a step at 0.25 m/s, told 2", (0.25, np.array([1.0, -0.5]), 2.0)),
        ("a step at 1.5 m/s, told 0.5", (1.5, np.array([0.3, 0.0, -1.0]), 0.5)),
    ],
    mistakes={
        "the control cost is missing; the encoder would take it for speed": lambda v, a, w: -abs(v - w),
        "the distance from the speed is rewarded, not punished": lambda v, a, w: abs(v - w) - 0.05 * (a**2).sum(),
        "the control cost is added; it is a cost": lambda v, a, w: -abs(v - w) + 0.05 * (a**2).sum(),
        "the actions are not squared": lambda v, a, w: -abs(v - w) - 0.05 * a.sum(),
        "it is the mean of the squared actions; it must be their sum": lambda v, a, w: (
            -abs(v - w) - 0.05 * (a**2).mean()
        ),
        "the speed is the reward; it must be the distance from the told one": lambda v, a, w: v - 0.05 * (a**2).sum(),
        "the distance has no absolute value: a step that is too fast would be paid": lambda v, a, w: (
            v - w - 0.05 * (a**2).sum()
        ),
        "the control cost has the factor 1; here it is 0.05": lambda v, a, w: -abs(v - w) - (a**2).sum(),
        "the control cost has the factor 0.1 of gymnasium; here it is 0.05": lambda v, a, w: (
            -abs(v - w) - 0.1 * (a**2).sum()
        ),
    },
    hints=(
        "The equation for r above says it all; only the wanted speed is another.",
        "Two terms, both negative: the distance from the told speed, and the control cost.",
        "The control cost is 0.05 times the *sum* of the squared actions.",
    ),
    moral="one number can carry a whole task, since the encoder knows the family. It has no means to doubt it.",
)
