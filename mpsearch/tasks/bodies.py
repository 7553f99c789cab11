"""What the families on gymnasium's other robots share: its physics, rewards and ends of episodes, in batches."""

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
    """A family on one of gymnasium's robots, whose reward at each step is

    ``progress + alive_reward * healthy - control_weight * |u|^2 - contact cost``,

    with controls ``u = strength * action``. Everything but the progress is that of gymnasium's v5 environment.

    Attributes:
        robot: its name in :data:`mpsearch.tasks.robots.ROBOTS`.
        scale: [O] typical sizes of the observations: their root mean squares before a fall, rounded, over episodes
            under independent and under swinging random actions; more for the speed of the torso, of which runners
            have more.
        strength: control under an action of 1.
        control_weight, alive_reward: weights of the reward's parts.
        feels_contacts: whether contact forces cost something.
        start_noise: how far the start state is from the model's own.
        tracked: MuJoCo's field that the progress is measured on.

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
        """Gymnasium's model of the robot, shared by all: do not change it."""
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
        """Model fields that ``tasks`` [K, P] change, each [K, ...]."""
        return {}

    def start(self, shape: tuple[int, int], rng: np.random.Generator) -> tuple[Array, Array]:
        """Positions [K, E, nq] and velocities [K, E, nv] to begin with, drawn in gymnasium's order."""
        model, noise = self.model, self.start_noise
        qpos = model.qpos0 + rng.uniform(-noise, noise, (*shape, model.nq))
        return qpos, rng.uniform(-noise, noise, (*shape, model.nv))

    @abstractmethod
    def observe(self, qpos: Array, qvel: Array) -> Array:
        """Observations [K, E, O] at positions [K, E, nq] and velocities [K, E, nv]."""

    @abstractmethod
    def healthy(self, qpos: Array, qvel: Array) -> Array:
        """[K, E] whether the robot stands, as gymnasium's ``is_healthy`` says."""

    @abstractmethod
    def place(self, tracked: Array) -> Array:
        """[K, E, D] where the robot is, in m, from the tracked field; its velocity is the difference over a step."""

    @abstractmethod
    def progress(self, tasks: Array, velocity: Array, qpos: Array) -> Array:
        """[K, E] the reward's first part, of tasks [K, P] at velocity [K, E, D] (m/s) and positions [K, E, nq]."""

    def contact_cost(self, forces: Array) -> Array:
        """[K, E] cost of the forces on the bodies [K, E, 6 * bodies], where the family feels them."""
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
        """[K, E] what the controls and contact forces of the last step cost."""
        control = self.family.control_weight * np.square(self._ctrl).sum(-1)
        return control + self.family.contact_cost(self.contact_forces()) if self.family.feels_contacts else control

    def observe(self) -> Array:
        return self.family.observe(self.qpos, self.qvel)


def check_switch(name: str, value: bool) -> bool:
    """Return ``value`` if it is true or false."""
    if not isinstance(value, (bool, np.bool_)):
        raise UsageError(f"{name} must be true or false, not {value!r}")
    return bool(value)
