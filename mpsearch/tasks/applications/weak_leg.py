"""Run with a leg that has become weak: the application family of robot control."""

from __future__ import annotations

from typing import Any

import numpy as np

from mpsearch.records import Array
from mpsearch.tasks.cheetah import Cheetah, CheetahBatch, control_cost
from mpsearch.tasks.physics import load_gymnasium_model

MOTORS = 3  # of a leg: thigh, shin and foot
BACK_PARTS, FRONT_PARTS = (2, 3, 4), (5, 6, 7)  # the capsules of the legs, as the player numbers them


class WeakLeg(Cheetah):
    """Run forward, although one leg does not obey. All tasks ask for the same. They differ in the body, not the goal.

    The task is the ``weakness`` w in [-1, 1], which has no unit. Its sign says which leg is weak: the back leg for
    w < 0, the front leg for w > 0. Its magnitude says how much: the three motors of this leg have ``1 - 2 |w|`` times
    their normal strength. At 0 the cheetah is healthy. At -1/2 and 1/2 the weak leg hangs loose. Beyond, its motors
    pull the wrong way, as if its nerves were crossed, and at -1 and 1 they do so with full strength. Tasks are drawn
    from U(-1, 1).

    The reward at each step is ``v_x - 0.05 |a|^2``, where ``v_x`` is the torso's mean velocity during the step in m/s
    and ``a`` are the six actions. The observation does not tell the task. For the observation, the action and the
    start see :class:`Cheetah`. An episode has 100 steps (5 s) by default.

    Sources: Nagabandi et al. 2019 (Learning to adapt in dynamic, real-world environments) let HalfCheetah adapt to a
    disabled joint, and a real six-legged robot to the loss of a leg. Cully et al. 2015 (Robots that can adapt like
    animals) let a walking robot find a new gait within two minutes of such damage. The crossed nerves are ours. With
    strengths from 1 to 0 only, one gait serves nearly all tasks, so there is little to gain by adapting. What else is a
    toy: the body lies in a plane, no fall breaks it, and the damage does not change while it runs.

    Args:
        horizon: the number of control steps in an episode.
        told: append the task to each observation, for an oracle that does not have to infer the task.
    """

    id = "weak-leg"
    parameter_names = ("weakness",)
    low, high = np.array([-1.0]), np.array([1.0])

    def __init__(self, horizon: int = 100, *, told: bool = False) -> None:
        super().__init__(horizon, told=told)

    def reward(self, tasks: Array, velocity: Array, actions: Array) -> Array:
        return velocity - control_cost(actions)

    def make_batch(self, tasks: Array, episodes: int, *, threads: int = 0, **options: Any) -> CheetahBatch:
        tasks = self.check(tasks)
        gears = np.repeat(load_gymnasium_model("half_cheetah.xml").actuator_gear[None], len(tasks), axis=0)
        gears[..., 0] *= strengths(tasks)
        return CheetahBatch(self, tasks, episodes, threads=threads, fields={"actuator_gear": gears}, **options)

    def describe_task(self, task: Array) -> str:
        leg = "back" if task[0] < 0 else "front"
        return f"{super().describe_task(task)} (the {leg} leg has {1 - 2 * abs(float(task[0])):.0%} of its strength)"

    def weak_parts(self, task: Array) -> tuple[int, ...]:
        return BACK_PARTS if task[0] < 0 else FRONT_PARTS if task[0] > 0 else ()


def strengths(tasks: Array) -> Array:
    """Return the strength of each motor, [K, 6] from -1 to 1, on tasks [K, 1]. The back leg's are the first three."""
    return 1 - 2 * np.repeat(np.concatenate([-tasks, tasks], axis=1).clip(min=0), MOTORS, axis=1)
