"""The exercises of lesson 09, five applications."""

from __future__ import annotations

import numpy as np

from mpsearch.course.exercises.exercise import FillIn, FindTheBug, Predict, Trial
from mpsearch.course.exercises.lesson_09_clinic import STAGES, Clinic
from mpsearch.course.exercises.staged import Staged
from mpsearch.course.exercises.words import Mistake, as_array
from mpsearch.records import Array

LESSON = "09_five_applications"
__all__ = ["Clinic", "breaks", "clinic", "gap_closed", "turned", "users"]
MATTERS = 1.0  # a smaller loss is not counted; it is the cost of one hour without any treatment


def share_closed(after: Array, average: Array, optimum: Array) -> float:
    """Return how much of the gap between two rows of returns [K] is closed by a third: 0 is none, 1 is all."""
    return float((after.mean() - average.mean()) / (optimum.mean() - average.mean()))


def _returns() -> list[Trial]:
    rng = np.random.default_rng(0)
    average = rng.normal(-8, 3, 12)
    optimum = average + rng.uniform(0.1, 9, 12)
    after = average + rng.uniform(-0.2, 1, 12) * (optimum - average)
    return [
        ("two tasks", (np.array([5.0, 2.0]), np.array([0.0, 1.0]), np.array([8.0, 2.0]))),
        ("three tasks with negative returns", (np.array([-3.0, -2, -4]), np.array([-9.0, -2.5, -8]), -np.ones(3))),
        ("twelve tasks", (after, average, optimum)),
    ]


gap_closed = FillIn(
    lesson=LESSON,
    name="gap_closed",
    reference=share_closed,
    trials=_returns,
    mistakes={
        "it is the mean of each task's share; a task where there was nothing to gain then counts most. Take the means"
        " of the returns first": lambda after, average, optimum: np.mean((after - average) / (optimum - average)),
        "it is the share that is still open; return the share that is closed": lambda after, average, optimum: (
            1 - share_closed(after, average, optimum)
        ),
        "it divides by the optimum, not by the gap; a return of 0 means nothing here": lambda after, average, optimum: (
            (after.mean() - average.mean()) / optimum.mean()
        ),
        "it compares with 0, not with the average policy": lambda after, average, optimum: (
            after.mean() / optimum.mean()
        ),
        "it has the wrong sign": lambda after, average, optimum: -share_closed(after, average, optimum),
        "it is the gain alone; divide it by the gap": lambda after, average, optimum: after.mean() - average.mean(),
        "it is a share for each task; one number is asked for": lambda after, average, optimum: (
            (after - average) / (optimum - average)
        ),
    },
    result="the share",
    hints=(
        "How far is it from the average policy to the optimum, on average over the tasks? How far did we get?",
        "Take the mean over the tasks of each of the three first. Then there are three numbers.",
        "The share is what was gained, after minus average, over what could be gained, optimum minus average.",
    ),
    moral="a return of -3 means nothing by itself. Between the policy that does not adapt and the optimum it does, and"
    " such shares can be compared from field to field. A mean of shares would be ruled by tasks with a tiny gap.",
)


def one_taste_a_task(tastes: Array, episodes: int, rng: np.random.Generator) -> Array:
    """Return the taste [K, E, 2] of the user in each episode: the same one in all episodes of a task."""
    return np.repeat(tastes[:, None], episodes, axis=1)


def _users() -> list[Trial]:
    rng = np.random.default_rng(1)
    return [
        ("one user and three episodes", (rng.uniform(-1, 1, (1, 2)), 3, np.random.default_rng(0))),
        ("four users and five episodes", (rng.uniform(-1, 1, (4, 2)), 5, np.random.default_rng(0))),
    ]


def _tastes(function: object, arguments: tuple[Array, int, np.random.Generator]) -> Array:
    """Return the tastes that ``function`` gives, after asking what can be told of any taste.

    Raises:
        Mistake: the users of one task differ from episode to episode, or are not the given ones.
    """
    given, episodes, rng = arguments
    tastes = as_array(function(given, episodes, rng))  # type: ignore[operator]
    if tastes.shape == (len(given), episodes, 2):
        if not np.allclose(tastes, tastes[:, :1]):
            raise Mistake(
                "the user still changes from episode to episode; what one episode teaches is of no use in the next"
            )
        if not np.allclose(np.sort(tastes[:, 0], axis=0), np.sort(given, axis=0)):
            raise Mistake("these are other users than the given ones; a task's row is its user")
    return tastes


users = FindTheBug(
    lesson=LESSON,
    name="users",
    reference=one_taste_a_task,
    trials=_users,
    probe=_tastes,
    result="the array of tastes",
    hints=(
        "Two episodes of the same task: is it the same user?",
        "What does `tastes` [K, 2] hold, and where is it used?",
        "Nothing is to be drawn here. Row k of `tastes` is the user in all episodes of task k: repeat it.",
    ),
    moral="a task is what stays the same from one episode to the next. If nothing stays, there is nothing to adapt to:"
    " each training curve of such a family is flat, and no setting of the algorithm helps.",
)


clinic = Staged(
    lesson=LESSON,
    name="Clinic",
    stages=STAGES,
    hints=(
        "Write the parts in the order of the stages, and run the check after each. `Dosing` does all that you do not"
        " change.",
        '`config` returns {**super().config, "rare": self.rare}. A place in the range, from 0 to 1, is'
        " np.log(tasks / self.low) / np.log(self.high / self.low); a patient is rare if one place is more than 1/4 from"
        " 1/2.",
        "In `sample`, first draw who shall be rare, rng.random(n) < self.rare. Then draw patients with super().sample,"
        " and draw again those that are not what they shall be, until all are.",
    ),
    moral="A class of twenty lines, and all that works with Dosing works with it. Now see what such a change breaks.",
)


def who_loses_most(narrow: Array, wide: Array, is_rare: Array) -> str:
    """Return which patients lose most by an agent that was trained without rare patients.

    Args:
        narrow, wide: [K] returns after adaptation of the agents trained without and with rare patients.
        is_rare: [K] which patients are rare.
    """
    rare, typical = ((wide - narrow)[group].mean() for group in (is_rare, ~is_rare))
    return "neither" if max(rare, typical) < MATTERS else "rare" if rare > typical else "typical"


breaks = Predict(
    lesson=LESSON,
    name="breaks",
    choices=("rare", "typical", "neither"),
    outcome=who_loses_most,
    hints=(
        "Both agents are as large, and see as many patients. What does each of them see?",
        "A gradient step that was only ever asked to tell typical patients apart meets another kind of patient.",
        "Who never met a rare patient has less to learn. Does that cost the typical ones anything?",
    ),
    moral="A meta-policy adapts to what its distribution holds. Outside, it treats a rare patient as the most"
    " similar one that it knows, and nothing warns you: the mean over the patients of the study looks as good as ever.",
    also={"the rare ones": "rare", "the typical ones": "typical", "none": "neither", "nobody": "neither"},
)


def against_not_adapting(adapted: Array, average: Array) -> str:
    """Return whether the mean return is above that of a policy that never adapted, when the task has changed."""
    return "above" if adapted.mean() > average.mean() else "below"


turned = Predict(
    lesson=LESSON,
    name="turned",
    choices=("above", "below"),
    outcome=against_not_adapting,
    hints=(
        "What would an agent do that believes in a trend, while prices return to their mean?",
        "The policy that does not adapt knows nothing, and so it risks little.",
        "A wrong belief is held as firmly as a right one.",
    ),
    moral="Adaptation is a bet that the task stays what it was. An agent that is sure of yesterday's task does harm"
    " with all the confidence that it was trained to have.",
)
