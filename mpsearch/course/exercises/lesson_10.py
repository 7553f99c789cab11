"""The exercises of lesson 10, your own tasks and more machines."""

from __future__ import annotations

import numpy as np

from mpsearch.course.exercises.exercise import FillIn, FindTheBug, Predict, Trial
from mpsearch.course.exercises.lesson_10_capstone import Capstone
from mpsearch.course.exercises.lesson_10_curves import STAGES
from mpsearch.course.exercises.lesson_10_curves import fault_of as fault_of
from mpsearch.course.exercises.staged import Staged
from mpsearch.records import Array

LESSON = "10_your_own_tasks"
__all__ = ["capstone", "comfort", "fault", "fault_of", "hundred", "seconds"]


def comfort_of_guests(warmth: Array, tasks: Array) -> Array:
    """Return the rewards [K, E] of water of ``warmth`` [K, E] for guests who like ``tasks`` [K, 1], both in C."""
    return np.asarray(-np.abs(warmth - tasks[:, :1]) / 4)


def _showers() -> list[Trial]:
    rng = np.random.default_rng(0)

    def trial(tasks: int, episodes: int) -> Trial:
        given = rng.uniform(34, 42, (tasks, episodes)), rng.uniform(34, 42, (tasks, 1))
        return f"{tasks} guests and {episodes} episodes", given

    return [trial(3, 3), trial(3, 2), trial(1, 4)]


comfort = FindTheBug(
    lesson=LESSON,
    name="comfort",
    reference=comfort_of_guests,
    trials=_showers,
    mistakes={
        "guest k is asked about episode k of all showers; row k must be compared with guest k": lambda warmth, tasks: (
            -np.abs(warmth - tasks[:, 0]) / 4
        ),
        "all showers are compared with the mean guest; row k belongs to guest k": lambda warmth, tasks: (
            -np.abs(warmth - tasks.mean()) / 4
        ),
        "all showers are compared with the first guest; row k belongs to guest k": lambda warmth, tasks: (
            -np.abs(warmth - tasks[0, 0]) / 4
        ),
        "it is one number for each guest; each episode has its own reward": lambda warmth, tasks: (
            -np.abs(warmth - tasks[:, :1]).mean(axis=1) / 4
        ),
    },
    result="the array of rewards",
    hints=(
        "Write the shapes of `warmth` and of `tasks[:, 0]` beside each other. How does NumPy line them up?",
        "NumPy lines up the last axes. The last axis of `warmth` counts episodes, not guests.",
        "The guests need an axis of length 1 for the episodes, [K, 1]: `tasks[:, :1]` has it.",
    ),
    moral="With K = E the wrong line runs, and trains each shower for the wrong guest. MAML's default is 20 tasks and"
    " 20 episodes. This is why the diagnosis uses 3 tasks and 2 episodes.",
)


def seconds_of(ranks: int, tasks: int, shared: float, alone: float, message: float) -> float:
    """Return the seconds of an iteration in ``ranks`` processes, by the model of section 6."""
    share = -(-tasks // ranks) / tasks  # of the process with most tasks
    return float(shared * share + alone + message * (ranks - 1))


seconds = FillIn(
    lesson=LESSON,
    name="seconds",
    reference=seconds_of,
    trials=lambda: [
        ("1 process", (1, 20, 2.0, 0.5, 0.1)),
        ("2 processes", (2, 20, 2.0, 0.5, 0.1)),
        ("8 processes for 20 tasks", (8, 20, 2.0, 0.5, 0.1)),
        ("100 processes for 20 tasks", (100, 20, 3.0, 0.2, 0.01)),
    ],
    mistakes={
        "it divides the work evenly; the process with most tasks has a whole number of them": lambda n, k, s, a, m: (
            s / n + a + m * (n - 1)
        ),
        "what each process does alone is divided, too": lambda n, k, s, a, m: (s + a) * -(-k // n) / k + m * (n - 1),
        "messages cost nothing in it": lambda n, k, s, a, m: s * -(-k // n) / k + a,
        "one process alone sends messages in it; count the processes after the first": lambda n, k, s, a, m: (
            s * -(-k // n) / k + a + m * n
        ),
        "messages cost the same for any number of processes in it; the ring grows": lambda n, k, s, a, m: (
            s * -(-k // n) / k + a + m * (n > 1)
        ),
        "the process with fewest tasks counts; all wait for the one with most": lambda n, k, s, a, m: (
            s * (k // n) / k + a + m * (n - 1)
        ),
        "it is the shared seconds of each task, times all tasks; `shared` is for all tasks together": (
            lambda n, k, s, a, m: s * -(-k // n) + a + m * (n - 1)
        ),
    },
    result="the number of seconds",
    hints=(
        "Three things add up: the share of the work, what each process does by itself, and the messages.",
        "How many of 20 tasks has the busiest of 8 processes? Not 2.5. np.ceil(tasks / ranks) says it.",
        "shared * np.ceil(tasks / ranks) / tasks + alone + message * (ranks - 1)",
    ),
    moral="Three sentences are a model: work that is shared, work that is not, and talking. Only the first shrinks.",
)


def how_much_faster(speedup: float) -> str:
    """Return the choice that describes the predicted ``speedup`` of a hundred machines for 20 tasks."""
    return "at most 20" if speedup <= 20 else "about 50" if speedup < 75 else "nearly 100"


hundred = Predict(
    lesson=LESSON,
    name="hundred",
    choices=("at most 20", "about 50", "nearly 100"),
    outcome=how_much_faster,
    hints=(
        "What is shared among the machines? How many of them are there in an iteration?",
        "A machine without a task waits.",
        "The busiest machine has at least one task of 20.",
    ),
    moral="No more machines than tasks can work, and what each does by itself stays. A hundred machines need"
    " hundreds of tasks in an iteration, and then it is another training, with another result.",
    also={"20": "at most 20", "50": "about 50", "100": "nearly 100"},
)

fault = Staged(
    lesson=LESSON,
    name="fault",
    stages=STAGES,
    hints=(
        "Take the last five records first: `last = records[-5:]`. Ask for one fault after another, in the order of the"
        " list, and return the first one that you find.",
        'Only MAML\'s records have "loss_improvement": `"loss_improvement" in last[0]` tells the two apart. Sum'
        " PEARL's list before you take the mean over the records.",
        'The gain is np.mean([r["after"] - r["before"] for r in last]). Compare it with a tenth of the mean of'
        ' abs(r["before"]).',
    ),
    moral="Now a program reads your curves, and it does not get tired. The thresholds are for this course; yours will"
    " differ.",
)

capstone = Capstone(
    lesson=LESSON,
    name="MyTasks",
    hints=(
        "Begin with the family of section 1: copy it, and change what is hidden, what is seen and the reward.",
        "Run check(MyTasks) after each change. It needs no training, and says what is still open.",
        "Keep it small: tens of steps, observations and rewards of order one, tasks that want opposite things.",
    ),
    moral="This is a family of your own, measured as in lesson 08. Show it to somebody.",
)
