"""The exercises of lesson 00, start here."""

from __future__ import annotations

import numpy as np

from mpsearch.course.exercises.exercise import FillIn, FindTheBug, Predict, Trial
from mpsearch.records import Array

LESSON = "00_start_here"
ALIKE = 1.5  # gains whose ratio is smaller count as alike


def _returns_trials() -> list[Trial]:
    rng = np.random.default_rng(3)
    small = np.array([[[0.0, 2.0], [9.0, 9.0], [8.0, 5.0]], [[1.0, 1.5], [8.0, 0.0], [1.0, 3.0]]])
    return [
        ("2 tasks, 3 stages and 2 episodes", (small,)),
        ("returns of shape (3, 2, 4)", (rng.normal(0.0, 10.0, (3, 2, 4)),)),
    ]


def _gains(returns: Array) -> Array:
    return np.asarray(returns[:, -1].mean(-1) - returns[:, 0].mean(-1))


gains = FillIn(
    lesson=LESSON,
    name="gains",
    reference=_gains,
    trials=_returns_trials,
    mistakes={
        "only the last episode of each stage counts; take the mean over all episodes (the last axis)": lambda r: (
            r[:, -1, -1] - r[:, 0, -1]
        ),
        "the last stage is compared with the one before it; the first stage has index 0": lambda r: (
            r[:, -1].mean(-1) - r[:, -2].mean(-1)
        ),
        "there are the returns before adaptation alone; take them from those after it": lambda r: r[:, 0].mean(-1),
        "the highest returns are compared; take means over the episodes": lambda r: r[:, -1].max(-1) - r[:, 0].max(-1),
        "medians are compared; take means over the episodes": lambda r: (
            np.median(r[:, -1], axis=-1) - np.median(r[:, 0], axis=-1)
        ),
        "the mean over all stages is taken off; take off that of the first stage": lambda r: (
            r[:, -1].mean(-1) - r.mean((1, 2))
        ),
        "the sign of the gain is lost; a return that fell is a negative gain": lambda r: abs(_gains(r)),
        "it is the gain as a share of the return before; the difference itself was asked for": lambda r: (
            _gains(r) / r[:, 0].mean(-1)
        ),
        "only the first episode of each stage counts; take the mean over all episodes (the last axis)": lambda r: (
            r[:, -1, 0] - r[:, 0, 0]
        ),
        "stage 1 is compared with stage 0; the last stage has index -1": lambda r: r[:, 1].mean(-1) - r[:, 0].mean(-1),
        "the result is the returns after adaptation; the returns before it are not taken off": lambda r: r[:, -1].mean(
            -1
        ),
        "the mean is taken over the tasks (axis 0); take it over the episodes (the last axis)": lambda r: (
            r[:, -1].mean(0) - r[:, 0].mean(0)
        ),
        "the result is the ratio of the two returns; the gain is their difference": lambda r: (
            r[:, -1].mean(-1) / r[:, 0].mean(-1)
        ),
        "the largest gain of the single episodes is taken; subtract the mean returns": lambda r: (
            r[:, -1] - r[:, 0]
        ).max(-1),
    },
    hints=(
        "returns[k, s, e] is one number. Which two stages s do you need?",
        "returns[:, 0] has all tasks and episodes of the first stage, returns[:, -1] of the last. Each is [K, E].",
        "Take the mean of each over the episodes with .mean(-1), and subtract the mean before from the mean after.",
    ),
    stops={
        "for axis": "an index is too large: returns are [K, S, E], tasks, stages, episodes, each counted from 0",
        "axis 2 is out of bounds": "an axis is gone once it is indexed: returns[:, 0] is [K, E], with axes 0 and 1",
        "too many indices": "an axis is gone once it is indexed: returns[:, 0] is [K, E], with two indices left",
        "broadcast": "the two stages have different shapes; take the same axes of both, each [K, E] before the mean",
        "has no attribute": "returns is an array of numbers [K, S, E], not the result of adapt",
    },
    moral="the result is one number for each task. `result.after - result.before` gives the same numbers.",
)


def most_helpful_step(returns: Array) -> str:
    """Say which gradient step raised the mean of ``returns`` [K, S, E] most."""
    rises = np.diff(returns.mean(axis=(0, 2)))
    if rises.max() < ALIKE * rises.min():
        return "all alike"
    return "the first" if rises.argmax() == 0 else "a later one"


steps = Predict(
    lesson=LESSON,
    name="steps",
    choices=("the first", "a later one", "all alike"),
    outcome=most_helpful_step,
    also={"1": "the first", "same": "all alike", "equal": "all alike"},
    hints=(
        "What was the meta-policy trained to be good at?",
        "It was trained to need few steps. Where can a step gain more: far from the target speed, or near it?",
        "The first step starts farthest from the target. How much is left to gain for the second?",
    ),
    moral="The first step gains the most, because meta-training chose the start for that. Later steps gain little.",
)


def _speed_trials() -> list[Trial]:
    rng = np.random.default_rng(4)
    return [
        ("positions 0, 1, 2, 4, 9 m", (np.array([0.0, 1.0, 2.0, 4.0, 9.0]),)),
        ("positions 0, -1, -2, -4, -9 m, a run backward", (np.array([0.0, -1.0, -2.0, -4.0, -9.0]),)),
        ("positions 0, 1, 2, 5 m, an even number", (np.array([0.0, 1.0, 2.0, 5.0]),)),
        ("11 positions", (np.cumsum(rng.normal(0.1, 0.05, 11)),)),
    ]


def _mean_speed(x: Array) -> float:
    half = len(x) // 2
    return float((x[-1] - x[half]) / (0.05 * (len(x) - 1 - half)))


mean_speed = FindTheBug(
    lesson=LESSON,
    name="mean_speed",
    reference=_mean_speed,
    trials=_speed_trials,
    mistakes={
        "the direction is lost; a cheetah that runs backward has a negative speed here": lambda x: abs(_mean_speed(x)),
        "it is the speed over the first half; the second half was asked for": lambda x: float(
            (x[len(x) // 2] - x[0]) / (0.05 * (len(x) // 2))
        ),
        "the time is half steps; from position half to the last one there are len(x) - 1 - half": lambda x: float(
            (x[-1] - x[len(x) // 2]) / (0.05 * (len(x) // 2))
        ),
        "half of the whole time is not always the time from position half on; count the steps": lambda x: float(
            (x[-1] - x[len(x) // 2]) / (0.05 * (len(x) - 1) / 2)
        ),
        "the time is half of the number of positions; count the steps between them": lambda x: float(
            (x[-1] - x[len(x) // 2]) / (0.05 * len(x) / 2)
        ),
        "the positions themselves are averaged; a speed is a way divided by a time": lambda x: float(
            x[len(x) // 2 :].mean() / 0.05
        ),
        "the distance is that of the second half, but the time is still that of the whole episode": lambda x: float(
            (x[-1] - x[len(x) // 2]) / (0.05 * (len(x) - 1))
        ),
        "the result is the speed over the whole episode; compute it over the second half": lambda x: float(
            (x[-1] - x[0]) / (0.05 * (len(x) - 1))
        ),
        "the result is in metres per step; a step takes 0.05 s": lambda x: float(
            (x[-1] - x[len(x) // 2]) / (len(x) - 1 - len(x) // 2)
        ),
        "the time is one step too long: from the first to the last of 3 positions there are 2 steps": lambda x: float(
            (x[-1] - x[len(x) // 2]) / (0.05 * (len(x) - len(x) // 2))
        ),
    },
    hints=(
        "Speed is distance divided by time. Which part of the episode is the distance from, and which part the time?",
        "The distance is from position half to the last position. How many steps are there between them?",
        "T + 1 positions are T steps apart. Count in the same way those from position half on, and mind half itself.",
    ),
    stops={
        "out of bounds": "the last of len(x) positions has the index len(x) - 1, or -1",
        "only integers": "an index must be a whole number: `//` divides without a remainder, `/` makes a float",
        "too many indices": "x is one row of positions, and takes one index",
    },
    moral="distance and time are now of the same part of the episode. The wrong number was plausible, but only half"
    " of the true one. So compare a result with something that you know, here the picture.",
)
