"""Gymnasium's robots (their v5 environments): which model it is, and how long a control step lasts."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco

from mpsearch.errors import unknown
from mpsearch.tasks.physics import load_gymnasium_model


@dataclass(frozen=True)
class Robot:
    """One of gymnasium's robots.

    Attributes:
        name: as in gymnasium's id, such as ``HalfCheetah``.
        file: its model in gymnasium's assets.
        frame_skip: physics steps in a control step.
        planar: whether it moves in the plane of x and z only.
    """

    name: str
    file: str
    frame_skip: int
    planar: bool

    @property
    def model(self) -> mujoco.MjModel:
        """The compiled model, shared by all: do not change it."""
        return load_gymnasium_model(self.file)

    @property
    def dt(self) -> float:
        """Seconds in a control step."""
        return float(self.model.opt.timestep * self.frame_skip)


HALF_CHEETAH = Robot("HalfCheetah", "half_cheetah.xml", 5, planar=True)
WALKER = Robot("Walker2d", "walker2d_v5.xml", 4, planar=True)
HOPPER = Robot("Hopper", "hopper.xml", 4, planar=True)
ANT = Robot("Ant", "ant.xml", 5, planar=False)
HUMANOID = Robot("Humanoid", "humanoid.xml", 5, planar=False)
ROBOTS = {robot.name: robot for robot in (HALF_CHEETAH, WALKER, HOPPER, ANT, HUMANOID)}


def find_robot(name: str) -> Robot:
    """The robot of this name. Raises UsageError that lists them, if there is none."""
    if name not in ROBOTS:
        raise unknown("robot", name, ROBOTS)
    return ROBOTS[name]
