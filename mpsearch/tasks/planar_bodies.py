"""Families on Walker2d and Hopper in which the robot's body differs from task to task. The robot has to run forward."""

from __future__ import annotations

import numpy as np

from mpsearch.errors import check_count
from mpsearch.language import say
from mpsearch.records import Array
from mpsearch.tasks.bodies import Body

FASTEST = 10.0  # gymnasium clips the velocities in the observation to [-10, 10]
LIMIT = 3.0  # exponents are drawn from U(-3, 3)
GROUPS = {  # the quantities that a task multiplies: MuJoCo's field, and the base of the powers
    "mass": ("body_mass", 1.5),
    "inertia": ("body_inertia", 1.5),
    "damping": ("dof_damping", 1.3),
    "friction": ("geom_friction", 1.5),
}


class RandomBody(Body):
    """The base class of :class:`WalkerBody` and :class:`HopperBody`.

    A task is a row of exponents ``u``, one for each number of the body that is multiplied: by ``1.5^u`` for the
    mass and the inertia of each body part and the friction of each part and of the floor, and by ``1.3^u`` for the
    damping of each joint. Each ``u`` is drawn from U(-3, 3), so that a mass lies between 0.3 and 3.4 times the
    model's own. All exponents 0 give gymnasium's own robot.

    Source: Rakelly et al. 2019, section 6.1 (Walker-2D-Params), with the bases of the code that it used
    (rand-param-envs, where the damping's is 1.3). That code multiplies the three axes of an inertia, and the three
    frictions of a part, by different numbers. Here they share one number, because in the plane only one of the three
    has an effect.

    Reward at each step: ``v_x + healthy - 0.001 |a|^2``, with ``v_x`` the torso's mean velocity over the step in m/s;
    it is gymnasium's own.
    """

    control_weight = 1e-3
    start_noise = 5e-3

    def __init__(self, horizon: int = 200, *, terminate_when_unhealthy: bool = True) -> None:
        super().__init__(horizon, terminate_when_unhealthy=terminate_when_unhealthy)
        self.parameter_names = tuple(f"{group}_{part}" for group in GROUPS for part in self._parts(group))
        self.low, self.high = np.full((2, len(self.parameter_names)), [[-LIMIT], [LIMIT]])

    def _parts(self, group: str) -> dict[str, int]:
        """Return the names of the parts that ``group`` multiplies, with their rows in MuJoCo's field."""
        model = self.model
        if group == "damping":
            joints = [model.joint(model.dof_jntid[n]).name for n in range(model.nv)]
            return {joint.removesuffix("_joint"): n for n, joint in enumerate(joints) if model.dof_damping[n] > 0}
        if group == "friction":
            return {model.geom(n).name.removesuffix("_geom"): n for n in range(model.ngeom)}
        return {model.body(n).name: n for n in range(1, model.nbody)}

    def fields(self, tasks: Array) -> dict[str, Array]:
        changed, at = {}, 0
        for group, (field, base) in GROUPS.items():
            rows = list(self._parts(group).values())
            factors = base ** tasks[:, at : at + len(rows)]  # [K, parts]
            values = np.repeat(getattr(self.model, field)[None], len(tasks), axis=0)
            values[:, rows] *= factors.reshape(*factors.shape, *[1] * (values.ndim - 2))
            changed[field] = values
            at += len(rows)
        return changed

    def spread(self, n: int = 5) -> Array:
        """Return ``n`` evenly spread tasks [n, P], smallest changes first. In a task, all exponents are equal."""
        exponents = ((np.arange(check_count("the number of tasks", n)) + 0.5) / n * 2 - 1) * LIMIT
        ordered = exponents[np.argsort(np.abs(exponents), kind="stable")]
        return np.repeat(ordered[:, None], len(self.parameter_names), axis=1)

    def describe_task(self, task: Array) -> str:
        """Describe ``task`` [P] by the mean factor (the geometric mean) of each group of parts."""
        sizes = [len(self._parts(group)) for group in GROUPS]
        exponents = np.split(task, np.cumsum(sizes)[:-1])
        bases = [base for _, base in GROUPS.values()]
        factors = [f"{base ** part.mean():.2f}" for base, part in zip(bases, exponents, strict=True)]
        return say(
            "on average, mass x {mass}, inertia x {inertia}, damping x {damping}, friction x {friction}",
            **dict(zip(GROUPS, factors, strict=True)),
        )

    def observe(self, qpos: Array, qvel: Array) -> Array:
        return np.concatenate([qpos[..., 1:], qvel.clip(-FASTEST, FASTEST)], axis=-1)

    def place(self, tracked: Array) -> Array:
        return tracked[..., :1]

    def progress(self, tasks: Array, velocity: Array, qpos: Array) -> Array:
        return velocity[..., 0]


class WalkerBody(RandomBody):
    """Walk with a body of unknown masses, inertias, damping and friction: gymnasium's Walker2d-v5, 0.008 s a step.

    Task (28 exponents): ``mass_`` and ``inertia_`` of torso, thigh, leg, foot, thigh_left, leg_left, foot_left;
    ``damping_`` of the six joints; ``friction_`` of floor, torso and the six parts of the legs. What they do, the
    reward and the source: see :class:`RandomBody`.

    Observation (17 numbers; the torso's x position is left out):

    ====== ==================================================== =======
    index  quantity                                             unit
    ====== ==================================================== =======
    0      torso height                                         m
    1      torso pitch                                          rad
    2-4    right hip, knee, ankle                               rad
    5-7    left hip, knee, ankle                                rad
    8, 9   torso velocity along x, along z                      m/s
    10     torso pitch rate                                     rad/s
    11-13  right hip, knee, ankle                               rad/s
    14-16  left hip, knee, ankle                                rad/s
    ====== ==================================================== =======

    Velocities are clipped to [-10, 10]. Action (6 numbers in [-1, 1], clipped): motor torque in units of 100 N m
    at right hip, knee, ankle, left hip, knee, ankle.

    Start state: positions and velocities ``U(-0.005, 0.005)`` around the model's. Healthy: torso height in
    (0.8, 2) m and pitch in (-1, 1) rad. Episode end: a termination when unhealthy, unless
    ``terminate_when_unhealthy`` is false; the time limit ``horizon``, 200 (1.6 s) by default.
    """

    id = "walker-body"
    robot = "Walker2d"
    scale = np.array([1.2, 0.5] + 6 * [0.5] + [2.0, 1.5, 6.0] + 6 * [6.0])

    def healthy(self, qpos: Array, qvel: Array) -> Array:
        height, pitch = qpos[..., 1], qpos[..., 2]
        return (height > 0.8) & (height < 2.0) & (np.abs(pitch) < 1.0)


class HopperBody(RandomBody):
    """Hop with a body of unknown masses, inertias, damping and friction: gymnasium's Hopper-v5, 0.008 s a step.

    Task (16 exponents): ``mass_`` and ``inertia_`` of torso, thigh, leg, foot; ``damping_`` of thigh, leg, foot;
    ``friction_`` of floor, torso, thigh, leg, foot. What they do, the reward and the source: see
    :class:`RandomBody`.

    Observation (11 numbers; the torso's x position is left out):

    ====== ==================================================== =======
    index  quantity                                             unit
    ====== ==================================================== =======
    0      torso height                                         m
    1      torso pitch                                          rad
    2-4    hip, knee, ankle                                     rad
    5, 6   torso velocity along x, along z                      m/s
    7      torso pitch rate                                     rad/s
    8-10   hip, knee, ankle                                     rad/s
    ====== ==================================================== =======

    Velocities are clipped to [-10, 10]. Action (3 numbers in [-1, 1], clipped): motor torque in units of 200 N m
    at hip, knee, ankle.

    Start state: positions and velocities ``U(-0.005, 0.005)`` around the model's. Healthy: torso height above
    0.7 m, pitch in (-0.2, 0.2) rad, and every other position and velocity in (-100, 100). Episode end: a
    termination when unhealthy, unless ``terminate_when_unhealthy`` is false; the time limit ``horizon``, 200 (1.6 s)
    by default.
    """

    id = "hopper-body"
    robot = "Hopper"
    scale = np.array([1.2, 0.1, 0.2, 0.2, 0.2, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0])

    def healthy(self, qpos: Array, qvel: Array) -> Array:
        standing = (qpos[..., 1] > 0.7) & (np.abs(qpos[..., 2]) < 0.2)
        moderate = (np.abs(qpos[..., 2:]) < 100).all(-1) & (np.abs(qvel) < 100).all(-1)
        return standing & moderate
