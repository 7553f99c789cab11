"""Families on Ant and Humanoid: run in a direction or to a goal that the robot does not observe."""

from __future__ import annotations

from typing import Any

import numpy as np

from mpsearch.errors import check_count, check_number
from mpsearch.records import Array
from mpsearch.tasks.bodies import Body, check_switch

FULL_TURN = 2 * np.pi


class Heading(Body):
    """The base class of families with a direction to run in.

    A task is an ``angle`` in rad, in [0, 2 pi], from the x axis towards the y axis.

    Args:
        horizon: control steps in an episode.
        forward_backward: only two tasks, the angles 0 and pi.
        terminate_when_unhealthy: end an episode when the robot has fallen.
    """

    parameter_names = ("angle",)
    low, high = np.array([0.0]), np.array([FULL_TURN])
    forward_weight = 1.0

    def __init__(
        self, horizon: int = 200, *, forward_backward: bool = False, terminate_when_unhealthy: bool = True
    ) -> None:
        super().__init__(horizon, terminate_when_unhealthy=terminate_when_unhealthy)
        self.forward_backward = check_switch("forward_backward", forward_backward)

    @property
    def config(self) -> dict[str, Any]:
        return {"forward_backward": self.forward_backward, **super().config}

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` angles [n, 1], evenly spread around the circle, or equally many forward and backward."""
        angles = super().sample(n, rng)
        return np.where(angles < np.pi, 0.0, np.pi) if self.forward_backward else angles

    def spread(self, n: int = 4) -> Array:
        """Return ``n`` evenly spread angles [n, 1] that begin with 0, or alternately 0 and pi."""
        turns = np.arange(check_count("the number of tasks", n))[:, None]
        return turns % 2 * np.pi if self.forward_backward else turns * (FULL_TURN / n)

    def contains(self, task: Array) -> bool:
        if self.forward_backward:  # pi has to be rounded where a task is typed or recorded
            return bool(np.isclose(task[0], (0.0, np.pi), rtol=0, atol=1e-3).any())
        return super().contains(task)

    def describe_range(self) -> str:
        if self.forward_backward:
            return "angle must be 0 (forward) or pi, 3.1416 (backward)"
        return "angle must lie in [0, 2 pi], in rad"

    def progress(self, tasks: Array, velocity: Array, qpos: Array) -> Array:
        along = velocity[..., 0] * np.cos(tasks) + velocity[..., 1] * np.sin(tasks)
        return self.forward_weight * along


class Ant(Body):
    """The base class of the ant families: gymnasium's Ant-v5, with control steps of 0.05 s.

    Observation (27 numbers; the torso's x and y position are left out, and so are contact forces: gymnasium's
    ``include_cfrc_ext_in_observation=False``, the ant of Rakelly et al. 2019):

    ====== ==================================================== =======
    index  quantity                                             unit
    ====== ==================================================== =======
    0      torso height                                         m
    1-4    torso orientation, a quaternion (w, x, y, z)         none
    5, 6   front left hip, ankle                                rad
    7, 8   front right hip, ankle                               rad
    9, 10  back left hip, ankle                                 rad
    11, 12 back right hip, ankle                                rad
    13-15  torso velocity along x, y, z                         m/s
    16-18  torso angular velocity about its own x, y, z         rad/s
    19-26  the joints, in the order of 5 to 12                  rad/s
    ====== ==================================================== =======

    Action (8 numbers in [-1, 1], clipped): motor torque in units of 150 N m at back right hip, ankle, front left
    hip, ankle, front right hip, ankle, back left hip, ankle.

    Start state: positions ``U(-0.1, 0.1)`` around the model's, velocities ``0.1 N(0, 1)``. Healthy: torso height in
    [0.2, 1] m. Contact cost: ``0.0005 * |f|^2``, where f are the external torques (N m) and forces (N) on the 13
    bodies, each clipped to [-1, 1].
    """

    robot = "Ant"
    feels_contacts = True
    start_noise = 0.1
    scale = np.array([0.6, 0.9, 0.3, 0.3, 0.4] + 4 * [0.5, 0.9] + 3 * [1.0] + 3 * [1.5] + 8 * [3.5])

    def start(self, shape: tuple[int, int], rng: np.random.Generator) -> tuple[Array, Array]:
        noise, model = self.start_noise, self.model
        qpos = model.qpos0 + rng.uniform(-noise, noise, (*shape, model.nq))
        return qpos, noise * rng.standard_normal((*shape, model.nv))

    def observe(self, qpos: Array, qvel: Array) -> Array:
        return np.concatenate([qpos[..., 2:], qvel], axis=-1)

    def healthy(self, qpos: Array, qvel: Array) -> Array:
        return (qpos[..., 2] >= 0.2) & (qpos[..., 2] <= 1.0)

    def contact_cost(self, forces: Array) -> Array:
        return 5e-4 * np.square(forces.clip(-1.0, 1.0)).sum(-1)


class AntDirection(Heading, Ant):
    """Run in a direction: task ``angle`` in rad, U(0, 2 pi), from the x axis towards the y axis.

    Reward at each step: ``v . d + healthy - 0.5 |a|^2 - contact cost``, with ``v`` the torso's mean velocity over the
    step in m/s and ``d = (cos angle, sin angle)``; with angle 0 it is gymnasium's. Episode end: a termination when
    unhealthy, unless ``terminate_when_unhealthy`` is false; the time limit ``horizon``, 200 (10 s) by default.
    Observation, action, start and contact cost: see :class:`Ant`. Arguments: see :class:`Heading`.

    Source: the code of Rakelly et al. 2019; their Ant-Fwd-Back (section 6.1), which is that of Finn et al. 2017,
    has ``forward_backward=True``.
    """

    id = "ant-direction"
    control_weight = 0.5
    tracked = "xpos"

    def place(self, tracked: Array) -> Array:
        return tracked[..., 1, :2]


class AntGoal(Ant):
    """Run to a goal that is not observed: task ``(x, y)`` in m, uniform on a disc of radius 3 around the start.

    Reward at each step: ``-(|x - x_goal| + |y - y_goal|) - 0.1 |a|^2 - contact cost``, with x and y the torso's
    position after the step in m. There is no reward for staying healthy. Episode end: the time limit ``horizon``, 200
    (10 s) by default. A fall does not end it by default. Otherwise a fall would increase the return, because every
    reward is negative.

    Observation (29 numbers): the torso's x and y position in m, and then the observation of :class:`Ant`. For action,
    start and contact cost, see there.

    Source: Rakelly et al. 2019, section 6.1 (Ant-Goal-2D), and its code, which observes contact forces too.

    Args:
        horizon: control steps in an episode.
        radius: of the disc, in m.
        terminate_when_unhealthy: end an episode when the ant has fallen.
    """

    id = "ant-goal"
    parameter_names = ("x", "y")
    control_weight = 0.1
    alive_reward = 0.0
    scale = np.append([2.0, 2.0], Ant.scale)

    def __init__(self, horizon: int = 200, *, radius: float = 3.0, terminate_when_unhealthy: bool = False) -> None:
        super().__init__(horizon, terminate_when_unhealthy=terminate_when_unhealthy)
        self.radius = check_number("radius", radius, least=0.1)
        self.low, self.high = np.full(2, -self.radius), np.full(2, self.radius)

    @property
    def config(self) -> dict[str, Any]:
        return {"radius": self.radius, **super().config}

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` goals [n, 2], uniform on the disc. Their angles and their distances are stratified."""
        ring, turn = (super().sample(n, rng) / self.radius + 1).T / 2
        return self._at(np.sqrt(ring), FULL_TURN * turn)

    def spread(self, n: int = 4) -> Array:
        """Return ``n`` goals [n, 2], evenly spread on a circle of two thirds of the radius, beginning on the x axis."""
        return self._at(2 / 3, FULL_TURN * np.arange(check_count("the number of tasks", n)) / n)

    def _at(self, share: Array | float, angle: Array) -> Array:
        return (self.radius * share * np.stack([np.cos(angle), np.sin(angle)])).T

    def contains(self, task: Array) -> bool:
        return bool(np.hypot(*task) <= self.radius * (1 + 1e-12))

    def describe_range(self) -> str:
        return f"the goal (x, y) must lie within {self.radius:g} m of the start"

    def observe(self, qpos: Array, qvel: Array) -> Array:
        return np.concatenate([qpos, qvel], axis=-1)

    def place(self, tracked: Array) -> Array:
        return tracked[..., :2]

    def progress(self, tasks: Array, velocity: Array, qpos: Array) -> Array:
        return -np.abs(qpos[..., :2] - tasks[:, None]).sum(-1)


class HumanoidDirection(Heading):
    """Run in a direction on two legs: task ``angle`` in rad, U(0, 2 pi), from the x axis towards the y axis.

    Gymnasium's Humanoid-v5, 0.015 s a control step. Reward at each step: ``1.25 v . d + 5 healthy - 0.1 |u|^2 -
    contact cost``, with ``v`` the mean velocity of the centre of mass over the step in m/s, ``d = (cos angle, sin
    angle)`` and ``u = 0.4 a`` the controls; with angle 0 it is gymnasium's. Contact cost: ``5e-7 * |f|^2``, at most
    10, where f are the external torques (N m) and forces (N) on the 13 bodies.

    Observation (45 numbers; the torso's x and y position are left out):

    ====== ==================================================== =======
    index  quantity                                             unit
    ====== ==================================================== =======
    0      torso height                                         m
    1-4    torso orientation, a quaternion (w, x, y, z)         none
    5-7    abdomen about z, y, x                                rad
    8-11   right hip about x, z, y, right knee                  rad
    12-15  left hip about x, z, y, left knee                    rad
    16-18  right shoulder, first and second axis, right elbow   rad
    19-21  left shoulder, first and second axis, left elbow     rad
    22-24  torso velocity along x, y, z                         m/s
    25-27  torso angular velocity about its own x, y, z         rad/s
    28-44  the joints, in the order of 5 to 21                  rad/s
    ====== ==================================================== =======

    This is the whole state, up to the position. Gymnasium's default observation of 348 numbers also has the inertias
    and velocities of the bodies, which follow from the state, and the motor and contact forces of the last step. These
    four options are switched off here, because they make the input eight times as large without new information.

    Action (17 numbers in [-1, 1], clipped), as a fraction of the largest torque: 40 N m at abdomen y, z, x; 40, 40,
    120 and 80 N m at right hip x, z, y and knee, and at the left ones; 10 N m at shoulder 1, 2 and elbow, right and
    left.

    Start state: positions and velocities ``U(-0.01, 0.01)`` around the model's. Healthy: torso height in (1, 2) m.
    Episode end: a termination when unhealthy, unless ``terminate_when_unhealthy`` is false; the time limit
    ``horizon``, 200 (3 s) by default. Arguments: see :class:`Heading`.

    Source: Rakelly et al. 2019, section 6.1 (Humanoid-Direc-2D), and its code.
    """

    id = "humanoid-direction"
    robot = "Humanoid"
    strength = 0.4
    control_weight = 0.1
    alive_reward = 5.0
    forward_weight = 1.25
    feels_contacts = True
    start_noise = 1e-2
    tracked = "xipos"
    scale = np.array(
        [
            *[1.3, 1.0, 0.1, 0.2, 0.1, 0.3, 0.3, 0.3],  # height, orientation, abdomen
            *(2 * [0.2, 0.3, 0.5, 1.0] + 6 * [0.3]),  # legs, arms
            *[0.5, 0.5, 1.3, 1.0, 2.0, 2.0, 3.0, 4.0, 3.0],  # and their velocities
            *(2 * [2.5, 3.5, 5.5, 9.0] + 6 * [3.0]),
        ]
    )

    def observe(self, qpos: Array, qvel: Array) -> Array:
        return np.concatenate([qpos[..., 2:], qvel], axis=-1)

    def healthy(self, qpos: Array, qvel: Array) -> Array:
        return (qpos[..., 2] > 1.0) & (qpos[..., 2] < 2.0)

    def place(self, tracked: Array) -> Array:
        mass = self.model.body_mass
        return (np.einsum("b,...bj->...j", mass, tracked) / mass.sum())[..., :2]

    def contact_cost(self, forces: Array) -> Array:
        return np.minimum(5e-7 * np.square(forces).sum(-1), 10.0)
