"""The base class of task distributions, also called families of tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import gymnasium
import numpy as np

from mpsearch.errors import UsageError, check_count
from mpsearch.language import say
from mpsearch.records import Array
from mpsearch.tasks.batch import Batch
from mpsearch.tasks.environments import TaskEnv

MOST_SHOWN = 6  # parameters that a table or an explorer shows one by one


class TaskDistribution(ABC):
    """A distribution p(T) over tasks that share observations and actions.

    A task is a row of P numbers. A subclass defines the range of these numbers and how tasks are simulated. Then MAML,
    PEARL, the command line, the plots and gymnasium environments work with it::

        class Thermostat(TaskDistribution):
            '''Hold a temperature: task = target in [-1, 1]; reward = -|temperature - target|.'''

            id = "thermostat"
            horizon, observation_dim, action_dim = 20, 1, 1
            parameter_names = ("target",)
            low, high = np.array([-1.0]), np.array([1.0])

            def make_batch(self, tasks, episodes, *, threads=0):
                return ThermostatBatch(self.check(tasks), episodes, action_dim=1)

        class ThermostatBatch(Batch):
            def _reset(self, rng):
                self.temperature = rng.normal(0.0, 0.1, self.shape)

            def _step(self, actions):
                self.temperature = self.temperature + 0.2 * actions[..., 0]
                return -np.abs(self.temperature - self.tasks[:, :1])

            def observe(self):
                return self.temperature[..., None]

            positions = observe

    Attributes:
        id: the name of the family on the command line and in the zoo.
        horizon: T, the time limit in control steps. Reaching it is not a termination, so the last state has a value.
            A task can also end episodes earlier; see :meth:`Batch._step`.
        observation_dim, action_dim: O and A. Actions lie in [-1, 1].
        parameter_names: P names, one for each column of a task array.
        low, high: [P] the range that tasks are drawn from.
        observation_scale: [O] the typical magnitude of each observation. Networks divide observations by it.
        robot: the name of the gymnasium robot that the player draws, such as "HalfCheetah"; ``None`` if the
            simulation is not one of them.
        sparse: whether the reward is 0 except at a goal. A positive return then means that the goal was reached.
        config: the constructor's arguments, from which a checkpoint can create the same distribution.
    """

    id: str
    horizon: int
    observation_dim: int
    action_dim: int
    parameter_names: tuple[str, ...]
    low: Array
    high: Array
    sparse: bool = False
    robot: str | None = None

    @abstractmethod
    def make_batch(self, tasks: Array, episodes: int, *, threads: int = 0) -> Batch:
        """Create K * E simulations that step together, on ``threads`` threads (0 for one per processor core)."""

    @property
    def observation_scale(self) -> Array:
        return np.ones(self.observation_dim)

    @property
    def config(self) -> dict[str, Any]:
        return {}

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` tasks [n, P]. Each is uniform on the range, and together they are evenly spread (stratified)."""
        n = check_count("the number of tasks", n)
        strata = rng.permuted(np.tile(np.arange(n), (len(self.low), 1)), axis=1).T  # [n, P]
        return self.low + (strata + rng.random(strata.shape)) / n * (self.high - self.low)

    def spread(self, n: int = 5) -> Array:
        """Return ``n`` evenly spread tasks [n, P] without randomness, for tables and plots."""
        middles = (np.arange(check_count("the number of tasks", n)) + 0.5) / n
        return self.low + middles[:, None] * (self.high - self.low)

    def check(self, tasks: Any) -> Array:
        """Return ``tasks`` as a float array [K, P].

        Raises:
            UsageError: the shape is wrong, there are no tasks, or a number is not finite or out of range.
        """
        names = ", ".join(self.parameter_names)
        try:
            array = np.asarray(tasks)
        except (TypeError, ValueError):  # rows of different lengths
            array = np.asarray(None)
        if array.dtype.kind not in "iuf":
            raise UsageError(f"tasks of {self.id} must be numbers: rows of [{names}]")
        array = array.astype(np.float64)  # a copy, because the caller may change the original later
        if array.ndim != 2 or array.shape[1] != len(self.low) or len(array) == 0:
            raise UsageError(
                f"tasks of {self.id} must have shape [K, {len(self.low)}] with K >= 1, one row of [{names}]"
                f" for each task, not shape {list(array.shape)}"
            )
        for row in array:
            if not self.contains(row):
                raise UsageError(f"task {row.tolist()} is not one of {self.id}: {self.describe_range()}")
        return array

    def contains(self, task: Array) -> bool:
        """Return whether ``task`` [P] is in the range."""
        return bool(np.all((task >= self.low) & (task <= self.high)))

    def describe_range(self) -> str:
        """Describe the range in words, for error messages."""
        pairs = zip(self.parameter_names, self.low, self.high, strict=True)
        return ", ".join(f"{name} must lie in [{low:g}, {high:g}]" for name, low, high in pairs)

    @property
    def is_wide(self) -> bool:
        """Return whether a task has too many parameters to show each of them in a table or as a control."""
        return len(self.parameter_names) > MOST_SHOWN

    def describe_task(self, task: Array) -> str:
        """Describe ``task`` [P] in words, for captions."""
        pairs = zip(self.parameter_names, self.spell(task), strict=True)
        return say(", ").join(f"{say(name)} {number}" for name, number in pairs)

    def spell(self, task: Array) -> list[str]:
        """Return the numbers of ``task`` [P] as text: with two decimals, or with more if the range is narrow."""
        spans = np.maximum(self.high - self.low, 1e-9)
        decimals = np.maximum(2, 1 - np.floor(np.log10(spans))).astype(int)
        return [f"{value:.{digits}f}" for value, digits in zip(task, decimals, strict=True)]

    def weak_parts(self, task: Array) -> tuple[int, ...]:
        """Return the numbers of the robot's capsules that ``task`` [P] weakens. The player draws them hollow."""
        return ()

    def make_env(self, task: Any, render_mode: str | None = None) -> gymnasium.Env[Array, Array]:
        """Create a gymnasium environment of one ``task`` [P]. With ``render_mode="rgb_array"`` it can be drawn."""
        batch = self.make_batch(self.check([task]), 1, threads=1)
        return TaskEnv(batch, self.horizon, self.observation_dim, render_mode)
