"""Task families made of gymnasium environments."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gymnasium
import numpy as np

from mpsearch.errors import EpisodeError, MpsearchError, UsageError, check_count
from mpsearch.records import Array
from mpsearch.tasks.batch import Batch
from mpsearch.tasks.distribution import TaskDistribution
from mpsearch.tasks.groups import Group, Processes
from mpsearch.tasks.wrapping import Environment, bounds, flat, standard

LARGEST_BOUND = 1e6  # an observation's bound above this says nothing about its typical magnitude


class GymnasiumTasks(TaskDistribution):
    """A family whose tasks are gymnasium environments with different parameters::

        tasks = mpsearch.GymnasiumTasks("Pendulum-v1", 5.0, 15.0, parameter_names=["g"], id="pendulum", horizon=200)

    Observation: the environment's own, with its dtype and bounds. Images, dictionaries and tuples are flattened.
    Action: the environment's Box, scaled to [-1, 1]. Reward and start state are the environment's. An episode ends when
    the environment returns ``terminated`` or ``truncated``, or at the time limit ``horizon``.

    A checkpoint stores the id and the range, but not ``make``. Therefore the family must be given to load it:
    ``mpsearch.load(folder, tasks=...)``. A subclass with a class attribute ``id`` can be registered instead. If its
    constructor has arguments, its property ``config`` must return them.

    Args:
        make: a function that returns a new environment for a task [P] at each call. Or a gymnasium id; then the task's
            parameters are keyword arguments of ``gymnasium.make``, and ``horizon`` is its time limit. Parameters are
            floats. If a whole number is needed, use ``lambda task: gymnasium.make(name, count=round(task[0]))``.
        low, high: [P] the range of tasks. A number is enough for one parameter.
        parameter_names: P names.
        id: the family's name in cards and tables.
        horizon: T, the time limit in steps.
        observation_scale: [O] the typical magnitude of each observation. By default, it is the larger of its bounds, or
            1 if this is above 1e6. For environments without bounds, :meth:`measure_scale` can measure it.
        processes: the number of processes that share the environments, or 0 to step all environments in this process.
            Starting the processes takes a second or two for each batch. This helps if a step takes milliseconds.

    Raises:
        UsageError: an argument is wrong, ``make`` fails, or the environment's spaces are not supported.
    """

    def __init__(
        self,
        make: str | Callable[[Array], Environment],
        low: Any,
        high: Any,
        *,
        parameter_names: Sequence[str],
        id: str | None = None,
        horizon: int,
        observation_scale: Any = None,
        processes: int = 0,
    ) -> None:
        if not isinstance(make, str) and not callable(make):
            raise UsageError(f"make must be a function of a task, or a gymnasium id, not {make!r:.200}")
        self.make = make
        self.id = check_id(id or getattr(type(self), "id", None))
        self.parameter_names = check_names(parameter_names)
        self.low, self.high = check_range(low, high, self.parameter_names)
        self.horizon = check_count("horizon", horizon)
        self.processes = check_count("processes", processes, least=0)
        env = self._build(self.spread(1)[0])
        self.observation_space, self.action_space = env.observation_space, env.action_space
        env.close()
        self.observation_dim, self.action_dim = (
            len(bounds(space)[0]) for space in (env.observation_space, env.action_space)
        )
        self._scale = self._default_scale() if observation_scale is None else self._check_scale(observation_scale)

    @property
    def observation_scale(self) -> Array:
        return self._scale

    @property
    def config(self) -> dict[str, Any]:
        """The family's settings in a card. A subclass must return the arguments of its own constructor."""
        if type(self) is not GymnasiumTasks:
            return {}
        names = ("low", "high", "observation_scale")
        arrays = {name: getattr(self, name).tolist() for name in names}
        return {"parameter_names": list(self.parameter_names), "horizon": self.horizon, **arrays}

    def make_batch(self, tasks: Array, episodes: int, *, threads: int = 0) -> GymnasiumBatch:
        return GymnasiumBatch(self, self.check(tasks), episodes)

    def make_env(self, task: Any, render_mode: str | None = None) -> Environment:
        """Create the environment of ``task`` [P] with flat observations, scaled actions and the family's horizon.

        If ``make`` is an id, ``render_mode`` is passed to gymnasium. A function has to choose it itself.
        """
        if render_mode is not None and not isinstance(self.make, str):
            raise UsageError(f"make(task) creates these environments: set render_mode={render_mode!r} in this function")
        drawn = {} if render_mode is None else {"render_mode": render_mode}
        return standard(self._build(self.check([task])[0], **drawn), self.horizon)

    def measure_scale(self, rng: np.random.Generator, tasks: int = 10) -> Array:
        """Measure the root mean square [O] of each observation under random actions, in one episode on each task.

        The result can be the ``observation_scale`` of another family of the same environments. It is 1 for
        observations that are always 0.

        Args:
            rng: draws the tasks, the start states and the actions.
            tasks: the number of tasks.
        """
        batch = self.make_batch(self.sample(tasks, rng), 1)
        seen = [batch.reset(rng).reshape(-1, self.observation_dim)]
        for _ in range(self.horizon):
            moving = ~batch.ended
            seen.append(batch.step(rng.uniform(-1.0, 1.0, (*batch.shape, self.action_dim)))[0][moving])
        size = np.sqrt(np.mean(np.square(np.concatenate(seen).astype(np.float64)), axis=0))
        return np.where(size > 0, size, 1.0)

    def _default_scale(self) -> Array:
        bound = np.abs(np.array(bounds(self.observation_space), dtype=np.float64)).max(0)
        return np.where((bound > 0) & (bound < LARGEST_BOUND), bound, 1.0)

    def _check_scale(self, scale: Any) -> Array:
        array = numbers(scale)
        if array.shape != (self.observation_dim,) or not (np.isfinite(array) & (array > 0)).all():
            raise UsageError(f"observation_scale must be {self.observation_dim} positive numbers, not {scale!r:.200}")
        return array

    def _build(self, task: Array, **options: Any) -> Environment:
        """Create a new environment of ``task`` with flat observations. Its actions are not scaled."""
        env = self._make(task, **options)
        if not isinstance(env, gymnasium.Env):
            raise UsageError(f"make(task) must return a gymnasium.Env, not {env!r:.200}")
        env = flat(env)
        for name in ("observation_space", "action_space"):
            expected, found = getattr(self, name, None), getattr(env, name)
            if expected not in (None, found):
                raise UsageError(
                    f"{name} must be the same for all tasks: {found} for task {task.tolist()}, {expected} for another;"
                    " wrap the environments so that they agree"
                )
        return env

    def _make(self, task: Array, **options: Any) -> Any:
        try:
            if isinstance(self.make, str):
                parameters = dict(zip(self.parameter_names, task.tolist(), strict=True))
                return gymnasium.make(self.make, max_episode_steps=self.horizon, **parameters, **options)
            return self.make(task.copy())
        except gymnasium.error.UnregisteredEnv as error:
            raise UsageError(
                f"gymnasium does not know this environment ({error}); if it is from another package, import"
                " this package first, or use the id 'package:Name-v0'"
            ) from error
        except Exception as error:
            raise UsageError(f"make fails for task {task.tolist()}: {type(error).__name__}: {error}") from error


class GymnasiumBatch(Batch):
    """K x E environments of a family, in this process or several. None depends on how many others there are."""

    def __init__(self, family: GymnasiumTasks, tasks: Array, episodes: int) -> None:
        super().__init__(tasks, episodes, family.action_dim)
        make = partial(build, family, self.tasks)
        places = [(k, e) for k in range(self.shape[0]) for e in range(self.shape[1])]
        self._group: Group | Processes = (
            Processes(make, places, min(family.processes, len(places)), family.observation_space, family.action_space)
            if family.processes
            else Group(make, places, len(places), family.observation_space, family.action_space)
        )
        weakref.finalize(self, self._group.close)
        self._outcome: dict[str, Array] | None = None

    def _reset(self, rng: np.random.Generator) -> None:
        first = getattr(rng, "first", 0)  # of the tasks that this rank simulates, see SharedGenerator
        self._take(*self._group.reset(seed=int(rng.integers(2**63)), options={"first": first}))
        self.require_finite("observation", self.observe())

    def _step(self, actions: Array) -> tuple[Array, Array, Array]:
        self._begun()
        outcome, *_, info = self._group.step(actions.reshape(-1, self.action_dim))
        self._take(outcome, info)
        return self._rows("reward"), self._rows("terminated").astype(bool), self._rows("truncated").astype(bool)

    def _take(self, outcome: dict[str, Array], info: dict[str, Any]) -> None:
        self._outcome = outcome
        if "failure" in info:
            row, error = info["failure"]
            raise error if isinstance(error, UsageError) else self._failure(row, error)

    def _failure(self, row: int, error: MpsearchError) -> MpsearchError:
        """Return ``error`` with the task, the episode and the step in which it happened."""
        bad = np.zeros(self.shape, dtype=bool)
        bad.flat[row] = True
        failure = self.failure(bad, str(error), EpisodeError)
        failure.__notes__ = getattr(error, "__notes__", [])
        return failure

    def _begun(self) -> dict[str, Array]:
        if self._outcome is None:
            raise UsageError("reset the batch before its first step")
        return self._outcome

    def _rows(self, name: str) -> Array:
        """Return a copy [K, E, ...] of the environments' last output of this name."""
        values = self._begun()[name]
        return values.reshape(*self.shape, *values.shape[1:]).copy()

    def observe(self) -> Array:
        return self._rows("observation")

    def positions(self) -> Array:
        return self._group.positions().reshape(*self.shape, -1)


def build(family: GymnasiumTasks, tasks: Array, k: int) -> Environment:
    """Create the environment of task ``k``. This is a function of the module, so that it can be sent to a process."""
    return family._build(tasks[k])


def numbers(value: Any) -> Array:
    """Return ``value`` as a float array, or NaN if it does not consist of numbers."""
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return np.array(np.nan)


def check_id(value: Any) -> str:
    """Return ``value`` if it can be a family's id."""
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"id must be a name for the family, such as 'pendulum', not {value!r}")
    return value


def check_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the parameters' names as a tuple if they are different non-empty strings."""
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) and name for name in names):
        raise UsageError(f"parameter_names must be a list of names, such as ['gravity'], not {names!r}")
    if len(set(names)) != len(names) or not names:
        raise UsageError(f"parameter_names must be different names, at least one, not {list(names)}")
    return tuple(names)


def check_range(low: Any, high: Any, names: tuple[str, ...]) -> tuple[Array, Array]:
    """Return ``low`` and ``high`` as arrays [P] if they are a finite range for each name."""
    bounds = [np.atleast_1d(numbers(value)) for value in (low, high)]
    for word, array, given in zip(("low", "high"), bounds, (low, high), strict=True):
        if array.shape != (len(names),) or not np.isfinite(array).all():
            raise UsageError(
                f"{word} must be one finite number for each of parameter_names ({', '.join(names)}), not {given!r:.200}"
            )
    for name, least, most in zip(names, *bounds, strict=True):
        if least > most:
            raise UsageError(f"low must not be above high: {name} has {least:g} and {most:g}")
    return bounds[0], bounds[1]
