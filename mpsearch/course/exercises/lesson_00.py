"""The exercises of lesson 00, start here."""

from __future__ import annotations

import numpy as np

from mpsearch.course.exercises.exercise import FillIn, FindTheBug, Predict, Trial
from mpsearch.records import Array

LESSON = "00_start_here"
ALIKE = 1.5  # gains that differ by a smaller factor are called alike


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
        "there are the returns after adaptation alone; what they were before is not taken off": lambda r: r[:, -1].mean(
            -1
        ),
        "the mean runs over the tasks (axis 0), and should run over the episodes (the last axis)": lambda r: (
            r[:, -1].mean(0) - r[:, 0].mean(0)
        ),
        "it is how many times as high the return is; the gain is the difference": lambda r: (
            r[:, -1].mean(-1) / r[:, 0].mean(-1)
        ),
        "each episode is compared with the one before adaptation, and the largest gain taken; take means": lambda r: (
            r[:, -1] - r[:, 0]
        ).max(-1),
    },
    hints=(
        "returns[k, s, e] is one number. Which two stages s do you need?",
        "returns[:, 0] has all tasks and episodes of the first stage, returns[:, -1] of the last. Each is [K, E].",
        "Take the mean of each over the episodes, .mean(-1), and subtract before from after.",
    ),
    moral="one number for each task. `result.after - result.before` says the same.",
)


def most_helpful_step(returns: Array) -> str:
    """Which of the gradient steps raised the mean of ``returns`` [K, S, E] most."""
    rises = np.diff(returns.mean(axis=(0, 2)))
    if rises.max() < ALIKE * rises.min():
        return "all alike"
    return "the first" if rises.argmax() == 0 else "a later one"


steps = Predict(
    lesson=LESSON,
    name="steps",
    choices=("the first", "a later one", "all alike"),
    outcome=most_helpful_step,
    hints=(
        "What was the meta-policy trained to be good at?",
        "It was trained so that few steps suffice. Where is most left to gain: far from the wanted speed, or near it?",
        "The first step starts farthest away. What is left for the second?",
    ),
    moral="The first step does most of the work: the start was trained so that it would. Later steps polish.",
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
        "the way is that of the second half, but the time is still that of the whole episode": lambda x: float(
            (x[-1] - x[len(x) // 2]) / (0.05 * (len(x) - 1))
        ),
        "it is the speed over the whole episode; the second half was asked for": lambda x: float(
            (x[-1] - x[0]) / (0.05 * (len(x) - 1))
        ),
        "it is metres for each step; a step takes 0.05 s": lambda x: float(
            (x[-1] - x[len(x) // 2]) / (len(x) - 1 - len(x) // 2)
        ),
        "the time is one step too long: 3 positions are 2 steps apart": lambda x: float(
            (x[-1] - x[len(x) // 2]) / (0.05 * (len(x) - len(x) // 2))
        ),
    },
    hints=(
        "Speed is a way divided by a time. Which stretch of the episode is the way, and which is the time?",
        "The way is from position half to the last one. How many steps is that?",
        "T + 1 positions are T steps apart. Count in the same way those from position half on, and mind half itself.",
    ),
    moral="way and time are now of the same stretch. The number was plausible before, and half of the truth:"
    " compare with something known, here the picture.",
)
