"""The exercises of lesson 07, PEARL on HalfCheetah."""

from __future__ import annotations

import numpy as np

from mpsearch.course.exercises.exercise import FillIn, FindTheBug, Predict, Trial
from mpsearch.records import Array

LESSON = "07_pearl_on_halfcheetah"


def _with_one(means: Array) -> Array:
    return np.hstack([means, np.ones((len(means), 1))])


def _fit(inputs: Array, velocities: Array) -> Array:
    weights: Array = np.linalg.lstsq(inputs, velocities, rcond=None)[0]
    return weights


def linear_velocities(means: Array, velocities: Array, new_means: Array) -> Array:
    """Velocities [M] of ``new_means`` [M, Z], by the straight line that fits ``velocities`` [K] to ``means`` [K, Z]."""
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
        "the line is forced through velocity 0 at z = 0: put a column of ones beside both the means and the new means":
            _without_constant,
        "the line is read off at the known means; it is wanted at the new ones":
            lambda means, velocities, new: linear_velocities(means, velocities, means),
        "each new task gets the velocity of its nearest neighbour; fit a line, which can lie between known tasks":
            _nearest,
        "all tasks get the mean velocity: z is not used": lambda means, v, new: np.full(len(new), v.mean()),
        "only the first dimension of z is used; the line has a weight for each":
            lambda means, v, new: linear_velocities(means[:, :1], v, new[:, :1]),
    },
    hints=(
        "Line by line: put the constant in, fit the weights on the known tasks, apply them to the new ones.",
        "A constant is one more input that is 1 for every task: `np.hstack([means, np.ones((len(means), 1))])`.",
        "`np.linalg.lstsq(inputs, velocities, rcond=None)[0]` gives the weights; `new_inputs @ weights` the answer.",
    ),
    moral="five weights and a constant, fitted on some tasks, read the wanted speed of others off their z.",
)  # fmt: skip


def shuffle_outcome(speeds: Array, wanted: Array, context_speeds: Array) -> str:
    """Which speed was run: the one wanted here, the one of the context's task, or neither; [K] each, in m/s."""
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
    hints=(
        "What does the actor see? Its input is the state, and z. Nothing else.",
        "Are the rewards of the task it runs in among that? Only if they are in the context.",
        "So two cheetahs with the same z and the same start run alike, whatever is wanted of them.",
    ),
    moral="The actor sees the task through z alone, and z sees it through the context alone.",
)


def transition_rows(observations: Array, actions: Array, rewards: Array) -> Array:
    """Rows (s, a, r, s') [T, C] of an episode: observations [T + 1, O], actions [T, A], rewards [T]."""
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
        "the rewards are still brought to mean 0 and standard deviation 1, each episode by itself":
            lambda s, a, r: transition_rows(s, a, _standard(r)),
        "the rewards still lose their mean; it tells how far the speed is from the wanted one":
            lambda s, a, r: transition_rows(s, a, r - r.mean()),
        "the rewards still are divided by a number that differs from episode to episode":
            lambda s, a, r: transition_rows(s, a, r / r.std()),
        "the rewards are 0: nothing is left that could tell one task from another":
            lambda s, a, r: transition_rows(s, a, 0 * r),
        "s' is the same as s; the last block must be the observation after the step":
            lambda s, a, r: np.hstack([s[:-1], a, r[:, None], s[:-1]]),
    },
    hints=(
        "Shapes and order are right. Which of the four parts is not what the encoder was trained on?",
        "Of the four, only one depends on the task. What happens to its mean?",
        "Two tasks can differ in nothing but how low the rewards are. Leave the rewards as they are.",
    ),
    moral="a reward is not only a thing to be made large. Here it is the only news of the task, and its level counts.",
)  # fmt: skip
