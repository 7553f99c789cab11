"""Gymnasium's robots in their v5 environments: their models, and the lengths of their control steps."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco

from mpsearch.errors import unknown
from mpsearch.tasks.physics import load_gymnasium_model


@dataclass(frozen=True)
class Robot:
    """One of gymnasium's robots.

    Attributes:
        name: its name in gymnasium's id, such as ``HalfCheetah``.
        file: the file of its model in gymnasium's assets.
        frame_skip: the number of physics steps in a control step.
        planar: whether it moves only in the plane of x and z.
    """

    name: str
    file: str
    frame_skip: int
    planar: bool

    @property
    def model(self) -> mujoco.MjModel:
        """The compiled model. It must not be changed, because all users share it."""
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
    """Return the robot of this name.

    Raises:
        UsageError: there is no such robot. The message lists the known ones.
    """
    if name not in ROBOTS:
        raise unknown("robot", name, ROBOTS)
    return ROBOTS[name]
