"""Run with a leg that has become weak: the application family of robot control."""

from __future__ import annotations

from typing import Any

import numpy as np

from mpsearch.errors import check_number
from mpsearch.records import Array
from mpsearch.tasks.cheetah import Cheetah, CheetahBatch, control_cost
from mpsearch.tasks.physics import load_gymnasium_model

MOTORS = 3  # of a leg: thigh, shin and foot
BACK_PARTS, FRONT_PARTS = (2, 3, 4), (5, 6, 7)  # the capsules of the legs, as the player numbers them


class WeakLeg(Cheetah):
    """Run forward, although one leg is damaged. All tasks ask for the same. They differ in the body, not in the goal.

    The task is the ``weakness`` w in [-1, 1], which has no unit. Its sign says which leg is weak: the back leg for
    w < 0, the front leg for w > 0. Its magnitude says how much: the three motors of this leg have ``1 - |w|`` times
    their normal strength. At 0 the cheetah is healthy; at -1 and 1 the leg hangs loose. Tasks are drawn from U(-1, 1).

    The reward at each step is ``v_x - 0.05 |a|^2 - strain |w| |a_weak|^2``, where ``v_x`` is the torso's mean velocity
    during the step in m/s, ``a`` are all six actions and ``a_weak`` the three of the weak leg. The last part says that
    to drive a damaged leg does more damage. Therefore a cheetah that knows its weak leg spares it, and limps.

    The observation does not tell the task. For the observation, the action and the start see :class:`Cheetah`. An
    episode has 100 steps (5 s) by default.

    Sources: Nagabandi et al. 2019 (Learning to adapt in dynamic, real-world environments) let HalfCheetah adapt to a
    disabled joint, and Cully et al. 2015 (Robots that can adapt like animals) a walking robot to damaged legs. The
    strain is ours, and a toy: real damage grows with load and heat. It makes the leg matter more, but not much. In a
    trial without strain and with strengths from 1 to -1, a policy that was told the task was less than 5 % better after
    1.7 million steps than one that was not. With strain, the difference is 15 % after 8.4 million steps (RESULTS.md).
    Also a toy: the body lies in a plane, no fall breaks it, and the damage does not change while it runs.

    Args:
        horizon: the number of control steps in an episode.
        strain: the weight of the last part of the reward, per step.
        told: append the task to each observation, for an oracle that does not have to infer the task.
    """

    id = "weak-leg"
    parameter_names = ("weakness",)
    low, high = np.array([-1.0]), np.array([1.0])

    def __init__(self, horizon: int = 100, *, strain: float = 3.0, told: bool = False) -> None:
        super().__init__(horizon, told=told)
        self.strain = check_number("strain", strain, least=0.0)

    @property
    def config(self) -> dict[str, Any]:
        return {**super().config, "strain": self.strain}

    def reward(self, tasks: Array, velocity: Array, actions: Array) -> Array:
        strained = (motor_weakness(tasks)[:, None] * np.square(actions)).sum(-1)
        return velocity - control_cost(actions) - self.strain * strained

    def make_batch(self, tasks: Array, episodes: int, *, threads: int = 0, **options: Any) -> CheetahBatch:
        tasks = self.check(tasks)
        gears = np.repeat(load_gymnasium_model("half_cheetah.xml").actuator_gear[None], len(tasks), axis=0)
        gears[..., 0] *= 1 - motor_weakness(tasks)
        return CheetahBatch(self, tasks, episodes, threads=threads, fields={"actuator_gear": gears}, **options)

    def describe_task(self, task: Array) -> str:
        leg, strength = "back" if task[0] < 0 else "front", 1 - abs(float(task[0]))
        return f"{super().describe_task(task)} (the {leg} leg has {strength:.0%} of its strength)"

    def weak_parts(self, task: Array) -> tuple[int, ...]:
        return BACK_PARTS if task[0] < 0 else FRONT_PARTS if task[0] > 0 else ()


def motor_weakness(tasks: Array) -> Array:
    """Return how weak each motor is, [K, 6] from 0 to 1, on tasks [K, 1]. The back leg's motors are the first three."""
    return np.repeat(np.concatenate([-tasks, tasks], axis=1).clip(min=0), MOTORS, axis=1)
