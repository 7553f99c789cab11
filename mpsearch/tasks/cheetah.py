"""The HalfCheetah task families: run in a given direction, or run at a given velocity."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from mpsearch.errors import UsageError, check_count, check_number
from mpsearch.records import Array
from mpsearch.tasks.distribution import TaskDistribution
from mpsearch.tasks.physics import MujocoBatch, load_gymnasium_model

CONTROL_COST = 0.05  # Finn et al. 2017 and their successors; gymnasium's own default is 0.1
FRAME_SKIP = 5  # physics steps of 0.01 s in a control step, which therefore takes 0.05 s
RESET_NOISE = 0.1  # as in gymnasium's HalfCheetah-v5

# Typical magnitudes of the 17 observations of a running cheetah: 8 positions, then 9 velocities.
OBSERVATION_SCALE = np.array([0.2, 0.5] + 6 * [0.5] + [3.0, 1.0, 2.0] + 6 * [10.0])

VARIATIONS = {"told": False, "torso_mass": 1.0, "weak_leg": 1.0, "observation_noise": 0.0}
TORSO, HIND_LEG = 1, slice(0, 3)  # the torso's index and the hind leg's motors in half_cheetah.xml


def control_cost(actions: Array) -> Array:
    """Return the control cost ``0.05 |a|^2`` [...] of actions [..., A] in [-1, 1]."""
    return CONTROL_COST * np.square(actions).sum(-1)


def direction_reward(direction: Array, velocity: Array, actions: Array) -> Array:
    """Return ``d * v_x - 0.05 |a|^2``: direction d [...], v_x [...], actions [..., A]."""
    return direction * velocity - control_cost(actions)


def velocity_reward(target: Array, velocity: Array, actions: Array) -> Array:
    """Return ``-|v_x - v| - 0.05 |a|^2``: target v [...], v_x [...], actions [..., A]."""
    return -np.abs(velocity - target) - control_cost(actions)


class Cheetah(TaskDistribution):
    """The base class of the HalfCheetah families: gymnasium's ``half_cheetah.xml`` with control steps of 0.05 s.

    Observation (17 numbers; the torso's x position is left out):

    ====== ==================================================== =======
    index  quantity                                             unit
    ====== ==================================================== =======
    0      torso height, relative to the start                  m
    1      torso pitch                                          rad
    2-4    hind thigh, shin, foot                               rad
    5-7    front thigh, shin, foot                              rad
    8, 9   torso velocity along x, along z                      m/s
    10     torso pitch rate                                     rad/s
    11-13  hind thigh, shin, foot                               rad/s
    14-16  front thigh, shin, foot                              rad/s
    ====== ==================================================== =======

    Action (6 numbers in [-1, 1], clipped): the torque of each motor as a fraction of its gear, which is 120, 90 and
    60 N m for the hind thigh, shin and foot, and 120, 60 and 30 N m for the front ones.

    Start state: positions from ``U(-0.1, 0.1)`` and velocities from ``0.1 N(0, 1)``, as in gymnasium's
    HalfCheetah-v5. An episode ends at the time limit ``horizon`` and never terminates before.

    Args:
        horizon: the number of control steps in an episode.
        told: append the task to each observation, for an oracle that does not have to infer the task.
        torso_mass: a factor on the torso's mass and inertia.
        weak_leg: a factor on the torques of the hind leg's three motors.
        observation_noise: the standard deviation of Gaussian noise that is added to the observations, in units of
            their scale.
    """

    action_dim = 6
    robot = "HalfCheetah"

    def __init__(
        self,
        horizon: int = 200,
        *,
        told: bool = False,
        torso_mass: float = 1.0,
        weak_leg: float = 1.0,
        observation_noise: float = 0.0,
    ) -> None:
        self.horizon = check_count("horizon", horizon)
        if not isinstance(told, bool):
            raise UsageError(f"told must be true or false, not {told!r}")
        self.told = told
        self.observation_dim = len(OBSERVATION_SCALE) + told * len(self.parameter_names)
        self.torso_mass = check_number("torso_mass", torso_mass, least=0.1)
        self.weak_leg = check_number("weak_leg", weak_leg, least=0.0)
        self.observation_noise = check_number("observation_noise", observation_noise, least=0.0)

    @property
    def observation_scale(self) -> Array:
        return np.append(OBSERVATION_SCALE, np.maximum(-self.low, self.high)) if self.told else OBSERVATION_SCALE

    @property
    def config(self) -> dict[str, Any]:
        return {"horizon": self.horizon} | {
            name: value for name, standard in VARIATIONS.items() if (value := getattr(self, name)) != standard
        }

    @abstractmethod
    def reward(self, tasks: Array, velocity: Array, actions: Array) -> Array:
        """Return the rewards [K, E] on tasks [K, P] for velocities [K, E] in m/s and actions [K, E, 6]."""

    def make_batch(self, tasks: Array, episodes: int, *, threads: int = 0, **options: Any) -> CheetahBatch:
        return CheetahBatch(self, self.check(tasks), episodes, threads=threads, **options)


class CheetahDirection(Cheetah):
    """Run forward or backward. The task is the ``direction`` d, which is +1 or -1 and has no unit.

    The reward at each step is ``d * v_x - 0.05 |a|^2``, where ``v_x`` is the torso's mean velocity during the step in
    m/s. For the observation, the action, the start and the end of an episode see :class:`Cheetah`. The horizon is 200
    steps (10 s) by default. Source: Finn et al. 2017, section 5.3.
    """

    id = "cheetah-direction"
    parameter_names = ("direction",)
    low, high = np.array([-1.0]), np.array([1.0])

    def reward(self, tasks: Array, velocity: Array, actions: Array) -> Array:
        return direction_reward(tasks, velocity, actions)  # tasks [K, 1] broadcast over E

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` directions [n, 1], each +1 or -1 with equal probability, and about as many of each."""
        return np.where(super().sample(n, rng) < 0, -1.0, 1.0)

    def spread(self, n: int = 2) -> Array:
        """Return ``n`` directions [n, 1] that alternate between forward and backward."""
        return np.where(np.arange(check_count("the number of tasks", n)) % 2, -1.0, 1.0)[:, None]

    def contains(self, task: Array) -> bool:
        return abs(float(task[0])) == 1.0

    def describe_range(self) -> str:
        return "direction must be 1 (forward) or -1 (backward)"


class CheetahVelocity(Cheetah):
    """Run at a target velocity. The task is the ``velocity`` v in m/s, drawn from U(0, 3) by default.

    The reward at each step is ``-|v_x - v| - 0.05 |a|^2``, where ``v_x`` is the torso's mean velocity during the step
    in m/s. For the observation, the action, the start and the end of an episode see :class:`Cheetah`. The horizon is
    200 steps (10 s) by default. Source: Finn et al. 2017, section 5.3. The range of velocities is that of ProMP and
    PEARL; Finn et al. use U(0, 2).

    Args:
        low_velocity, high_velocity: the range of target velocities in m/s.
        horizon, variations: see :class:`Cheetah`.
    """

    id = "cheetah-velocity"
    parameter_names = ("velocity",)

    def __init__(
        self, low_velocity: float = 0.0, high_velocity: float = 3.0, horizon: int = 200, **variations: Any
    ) -> None:
        super().__init__(horizon, **variations)
        if not np.isfinite([low_velocity, high_velocity]).all() or low_velocity >= high_velocity:
            raise UsageError(f"velocities must be finite with low < high, not {low_velocity} and {high_velocity}")
        self.low, self.high = np.array([float(low_velocity)]), np.array([float(high_velocity)])

    @property
    def config(self) -> dict[str, Any]:
        return {"low_velocity": self.low.item(), "high_velocity": self.high.item(), **super().config}

    def reward(self, tasks: Array, velocity: Array, actions: Array) -> Array:
        return velocity_reward(tasks, velocity, actions)


class CheetahBatch(MujocoBatch):
    """K x E cheetahs; see :class:`MujocoBatch` for ``threads`` and ``fields``."""

    def __init__(self, family: Cheetah, tasks: Array, episodes: int, **options: Any) -> None:
        model = load_gymnasium_model("half_cheetah.xml")
        fields = {**changed_fields(family, model, len(tasks)), **(options.pop("fields", None) or {})}
        super().__init__(model, tasks, episodes, frame_skip=FRAME_SKIP, fields=fields, **options)
        self.family = family
        self._noise: np.random.Generator | None = None

    def _reset(self, rng: np.random.Generator) -> None:
        qpos = self.model.qpos0 + rng.uniform(-RESET_NOISE, RESET_NOISE, self.qpos.shape)
        self.set_state(qpos, RESET_NOISE * rng.standard_normal((*self.shape, self.model.nv)))
        self._noise = rng.spawn(1)[0] if self.family.observation_noise else None

    def _step(self, actions: Array) -> Array:
        x = self.qpos[..., 0].copy()
        self.advance(actions)
        return self.family.reward(self.tasks, (self.qpos[..., 0] - x) / self.dt, actions)

    def observe(self) -> Array:
        seen = np.concatenate([self.qpos[..., 1:], self.qvel], axis=-1)
        if self._noise:
            seen += self.family.observation_noise * OBSERVATION_SCALE * self._noise.standard_normal(seen.shape)
        if self.family.told:
            task = np.broadcast_to(self.tasks[:, None], (*self.shape, self.tasks.shape[1]))
            return np.concatenate([seen, task], axis=-1)
        return seen


def changed_fields(family: Cheetah, model: Any, tasks: int) -> dict[str, Array]:
    """Return the fields of ``model`` that ``family`` changes, by name, each with one value per task: [tasks, ...]."""
    fields: dict[str, Array] = {}
    if family.torso_mass != 1:
        for name in ("body_mass", "body_inertia"):
            fields[name] = np.array(getattr(model, name))
            fields[name][TORSO] *= family.torso_mass
    if family.weak_leg != 1:
        fields["actuator_gear"] = np.array(model.actuator_gear)
        fields["actuator_gear"][HIND_LEG] *= family.weak_leg
    return {name: np.repeat(values[None], tasks, axis=0) for name, values in fields.items()}
