"""The base class of the families on gymnasium's other robots, with gymnasium's physics, rewards and terminations."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import mujoco
import numpy as np

from mpsearch.errors import UsageError, check_count
from mpsearch.records import Array
from mpsearch.tasks.distribution import TaskDistribution
from mpsearch.tasks.physics import MujocoBatch
from mpsearch.tasks.robots import ROBOTS


class Body(TaskDistribution):
    """A family on one of gymnasium's robots. With controls ``u = strength * action``, the reward at each step is::

        progress + alive_reward * healthy - control_weight * |u|^2 - contact cost

    Only the progress depends on the family. Everything else is that of gymnasium's v5 environment.

    Attributes:
        robot: its name in :data:`mpsearch.tasks.robots.ROBOTS`.
        scale: [O] the typical magnitudes of the observations. They are root mean squares, rounded, over the steps
            before a fall in episodes with two kinds of random actions, independent and slowly changing ones. The
            torso's speeds are larger, because trained robots are faster.
        strength: the control for an action of 1.
        control_weight, alive_reward: weights of the reward's parts.
        feels_contacts: whether contact forces have a cost.
        start_noise: the magnitude of the noise that is added to the model's default state at the start.
        tracked: the field of MuJoCo from which the progress is computed.

    Args:
        horizon: control steps in an episode.
        terminate_when_unhealthy: end an episode when the robot has fallen.
    """

    robot: str
    scale: ClassVar[Array]
    strength: ClassVar[float] = 1.0
    control_weight: ClassVar[float]
    alive_reward: ClassVar[float] = 1.0
    feels_contacts: ClassVar[bool] = False
    start_noise: ClassVar[float]
    tracked: ClassVar[str] = "qpos"

    def __init__(self, horizon: int = 200, *, terminate_when_unhealthy: bool = True) -> None:
        self.horizon = check_count("horizon", horizon)
        self.terminate_when_unhealthy = check_switch("terminate_when_unhealthy", terminate_when_unhealthy)
        self.observation_dim, self.action_dim = len(self.scale), self.model.nu

    @property
    def model(self) -> mujoco.MjModel:
        """Gymnasium's model of the robot. It must not be changed, because all users share it."""
        return ROBOTS[self.robot].model

    @property
    def observation_scale(self) -> Array:
        return self.scale

    @property
    def config(self) -> dict[str, Any]:
        return {"horizon": self.horizon, "terminate_when_unhealthy": self.terminate_when_unhealthy}

    def make_batch(self, tasks: Array, episodes: int, *, threads: int = 0) -> BodyBatch:
        return BodyBatch(self, self.check(tasks), episodes, threads=threads)

    def fields(self, tasks: Array) -> dict[str, Array]:
        """Return the model fields that ``tasks`` [K, P] change, each [K, ...]."""
        return {}

    def start(self, shape: tuple[int, int], rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw start positions [K, E, nq] and velocities [K, E, nv], in gymnasium's order."""
        model, noise = self.model, self.start_noise
        qpos = model.qpos0 + rng.uniform(-noise, noise, (*shape, model.nq))
        return qpos, rng.uniform(-noise, noise, (*shape, model.nv))

    @abstractmethod
    def observe(self, qpos: Array, qvel: Array) -> Array:
        """Return the observations [K, E, O] at positions [K, E, nq] and velocities [K, E, nv]."""

    @abstractmethod
    def healthy(self, qpos: Array, qvel: Array) -> Array:
        """Return whether each robot has not fallen [K, E], as defined by gymnasium's ``is_healthy``."""

    @abstractmethod
    def place(self, tracked: Array) -> Array:
        """Return the robot's place [K, E, D] in m, from the tracked field. Velocities are its differences."""

    @abstractmethod
    def progress(self, tasks: Array, velocity: Array, qpos: Array) -> Array:
        """Return the reward's first part [K, E] for tasks [K, P], velocities [K, E, D] in m/s, positions [K, E, nq]."""

    def contact_cost(self, forces: Array) -> Array:
        """Return the cost [K, E] of the forces on the bodies [K, E, 6 * bodies]. It needs ``feels_contacts``."""
        raise NotImplementedError


class BodyBatch(MujocoBatch):
    """K x E robots of a :class:`Body` family; see :class:`MujocoBatch` for ``threads``."""

    def __init__(self, family: Body, tasks: Array, episodes: int, *, threads: int = 0) -> None:
        super().__init__(
            family.model,
            tasks,
            episodes,
            frame_skip=ROBOTS[family.robot].frame_skip,
            threads=threads,
            fields=family.fields(tasks),
            feel_contacts=family.feels_contacts,
        )
        self.family = family
        self._watch(family.tracked)

    def _reset(self, rng: np.random.Generator) -> None:
        self.set_state(*self.family.start(self.shape, rng))

    def _step(self, actions: Array) -> tuple[Array, Array]:
        before = self._place().copy()
        self.advance(self.family.strength * actions)
        velocity = (self._place() - before) / self.dt
        healthy = self.family.healthy(self.qpos, self.qvel)
        gains = self.family.progress(self.tasks, velocity, self.qpos) + healthy * self.family.alive_reward
        return gains - self.costs(), ~healthy & self.family.terminate_when_unhealthy

    def _place(self) -> Array:
        return self.family.place(self._live[self.family.tracked])

    def costs(self) -> Array:
        """Return the cost [K, E] of the controls and contact forces of the last step."""
        control = self.family.control_weight * np.square(self._ctrl).sum(-1)
        return control + self.family.contact_cost(self.contact_forces()) if self.family.feels_contacts else control

    def observe(self) -> Array:
        return self.family.observe(self.qpos, self.qvel)


def check_switch(name: str, value: bool) -> bool:
    """Return ``value`` if it is true or false."""
    if not isinstance(value, (bool, np.bool_)):
        raise UsageError(f"{name} must be true or false, not {value!r}")
    return bool(value)
