"""Measures the cost of collecting episodes, for different numbers of simulations.

The references are raw physics, the policies without physics, and gymnasium's environments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

import gymnasium
import numpy as np

from mpsearch.evidence.bench.sizes import Sizes
from mpsearch.evidence.bench.timing import Run, middle_half, rates, ratio
from mpsearch.maml import MAML
from mpsearch.maml.inner import spread_over_tasks
from mpsearch.records import Array, Episodes
from mpsearch.rollouts import Actor, collect, gaussian_actor
from mpsearch.seeding import Streams
from mpsearch.surroundings import one_torch_thread
from mpsearch.tasks import CheetahVelocity, GymnasiumTasks
from mpsearch.tasks.physics import quiet_mujoco

Point = tuple[str, int]  # the name of what is measured, and the number of simulations
Close = Callable[[], None]
INSTALL = "gymnasium's own HalfCheetah needs: pip install 'gymnasium[mujoco]'"


def actor_maker(tasks: int) -> Callable[[], Actor]:
    """Return a function that creates an actor with a different policy for each of ``tasks`` tasks.

    The policies are the same at every call, and the function can be called before every collection.
    """
    agent, streams = MAML(CheetahVelocity()), Streams(0)
    agent._start(streams)
    parameters = [p.detach().clone() for p in spread_over_tasks(agent.policy, tasks)]
    return lambda: gaussian_actor(agent.policy, parameters, streams.torch("actions"))


def closed_loop(tasks: int, episodes: int, steps: int) -> Callable[[], Episodes]:
    """Return a function that collects episodes with a different policy for each task, the same at every call."""
    family, make_actor = CheetahVelocity(), actor_maker(tasks)
    batch = family.make_batch(family.spread(tasks), episodes)
    return lambda: collect(batch, steps, make_actor(), Streams(0).numpy("reset"))


def policies_alone(tasks: int, episodes: int, steps: int) -> Run:
    """Return a run that chooses actions as the closed loop does, but simulates nothing."""
    make_actor, shape = actor_maker(tasks), (tasks, episodes, CheetahVelocity().observation_dim)
    observations = np.zeros(shape, dtype=np.float32)

    def run() -> int:
        actor = make_actor()
        with one_torch_thread():
            for _ in range(steps):
                actor(observations)
        return tasks * episodes * steps

    return run


def raw_physics(tasks: int, episodes: int, steps: int) -> Run:
    """Return a run that only steps ``mujoco.batch``, with the actions that the closed loop takes.

    Other actions would lead to other states, which may take more or less time to simulate: a cheetah that lies on its
    back takes less.
    """
    family, streams = CheetahVelocity(), Streams(0)
    batch = family.make_batch(family.spread(tasks), episodes)
    actions = np.moveaxis(closed_loop(tasks, episodes, steps)().actions, 2, 0).clip(-1, 1)  # [T, K, E, A]

    def run() -> int:
        batch.reset(streams.numpy("reset"))
        for action in actions:
            batch._ctrl[:] = action
            batch._physics.step(nstep=batch.frame_skip)
        return tasks * episodes * steps

    return run


def make_gymnasium_cheetah() -> gymnasium.Env[Any, Any]:
    """Create gymnasium's own HalfCheetah, without MuJoCo's warning about its model file."""
    quiet_mujoco()
    return gymnasium.make("HalfCheetah-v5")


def single_environment(count: int, steps: int) -> tuple[Run, Close]:
    """Return a run of random actions in gymnasium's own HalfCheetah, and a function that closes the environment.

    Args:
        count: 1; it is here because :func:`vector_environment` has it.
        steps: the number of control steps.
    """
    environment = make_gymnasium_cheetah()
    environment.reset(seed=0)
    actions = Streams(0).numpy("actions").uniform(-1, 1, (steps, 6)).astype(np.float32)

    def run() -> int:
        for action in actions:
            if environment.step(action)[3]:  # the time limit
                environment.reset()
        return steps * count

    return run, environment.close


def vector_environment(kind: type[Any], count: int, steps: int) -> tuple[Run, Close]:
    """Return a run of random actions in ``count`` of gymnasium's HalfCheetahs, and a function that closes them."""
    environments = kind([make_gymnasium_cheetah] * count)
    environments.reset(seed=0)
    actions = Streams(0).numpy("actions").uniform(-1, 1, (steps, count, 6)).astype(np.float32)

    def run() -> int:
        for action in actions:
            environments.step(action)
        return steps * count

    return run, environments.close


def gymnasium_tasks(count: int, steps: int) -> Run:
    """Random actions in ``count`` of the same HalfCheetahs, as a family of ours."""
    family = GymnasiumTasks(
        lambda task: make_gymnasium_cheetah(), 0, 1, parameter_names=["nothing"], id="cheetah", horizon=steps
    )
    batch, streams = family.make_batch(family.spread(1), count), Streams(0)
    actions = streams.numpy("actions").uniform(-1, 1, (steps, 1, count, 6)).astype(np.float32)
    batch.reset(streams.numpy("reset"))

    def run() -> int:
        for action in actions:
            batch.step(action)
        return steps * count

    return run


def gymnasium_tasks_over_sync(sizes: Sizes) -> float | None:
    """Time of a step in :class:`GymnasiumTasks` over that in gymnasium's SyncVectorEnv, with the same environments.

    Both have the most environments of ``sizes``. ``None`` without ``gymnasium[mujoco]``.
    """
    count = max(sizes.environments)
    steps = max(1, sizes.gymnasium_steps // count)
    try:
        theirs, close = vector_environment(gymnasium.vector.SyncVectorEnv, count, steps)
    except gymnasium.error.DependencyNotInstalled:
        return None
    found = rates({"sync": theirs, "ours": gymnasium_tasks(count, steps)}, sizes.collection_rounds)
    close()
    return round(ratio(found["sync"], found["ours"]), 3)


def gymnasium_runs(sizes: Sizes, stack: ExitStack) -> tuple[dict[Point, Run], dict[str, str]]:
    """Return the runs of gymnasium's environments that work on this machine, and the reasons why others do not.

    Args:
        sizes: the numbers of environments and of steps.
        stack: closes the environments when it ends.
    """
    kinds: dict[str, tuple[Callable[[int, int], tuple[Run, Close]], tuple[int, ...]]]
    kinds = {"single": (single_environment, (1,))}
    for kind in (gymnasium.vector.SyncVectorEnv, gymnasium.vector.AsyncVectorEnv):
        kinds[kind.__name__] = (partial(vector_environment, kind), sizes.environments)
    runs: dict[Point, Run] = {}
    missing: dict[str, str] = {}
    for name, (make, counts) in kinds.items():
        for count in counts:
            try:
                runs[name, count], close = make(count, max(1, sizes.gymnasium_steps // count))
            except gymnasium.error.DependencyNotInstalled:
                missing[name] = INSTALL
                break
            except OSError as error:  # some sandboxes do not allow new processes
                missing[name] = f"this system does not allow it: {error}"
                break
            stack.callback(close)
    return runs, missing


def env_steps_of(loop: Callable[[], Episodes]) -> int:
    """Collect once, and return the number of control steps."""
    return loop().env_steps


def repeated(run: Run, times: int) -> int:
    """Call ``run`` the given number of times, and return the total number of steps."""
    return sum(run() for _ in range(times))


def our_runs(sizes: Sizes) -> dict[Point, Run]:
    """Return the runs of raw physics, of the policies alone, and of collection, for each number of simulations."""
    runs: dict[Point, Run] = {}
    for simulations in sizes.simulations:
        shape, times = sizes.shape(simulations), sizes.collections(simulations)
        loop, raw = closed_loop(*shape, sizes.steps), raw_physics(*shape, sizes.steps)
        runs["raw", simulations] = partial(repeated, raw, times)
        runs["policies", simulations] = partial(repeated, policies_alone(*shape, sizes.steps), times)
        runs["closed_loop", simulations] = partial(repeated, partial(env_steps_of, loop), times)
    return runs


def measure_collection(sizes: Sizes, *, progress: bool = False) -> tuple[dict[Point, Array], dict[str, str]]:
    """Measure the control steps per second [rounds] of each run; also return what could not be measured, and why."""
    with ExitStack() as stack:
        theirs, missing = gymnasium_runs(sizes, stack)
        runs = our_runs(sizes) | theirs
        return rates(runs, sizes.collection_rounds, "collection" if progress else None), missing


def collection_summary(measured: Mapping[Point, Array], missing: Mapping[str, str], sizes: Sizes) -> dict[str, Any]:
    """Summarise how the cost of a control step depends on the number of simulations.

    Returns:
        ``collection``: its ``curves`` hold a list of points for each name. A point has the number of ``simulations``,
        ``steps_per_second``, the ``microseconds`` per control step, and the ``cost``, which is this time relative to
        that of collection with ``reference`` simulations. ``missing`` gives the names without a curve, with reasons.
        ``cost_change``: the relative change of the cost of a control step, ``from`` the reference number ``to`` the
        largest number of simulations. It is given for ``closed_loop``, with its quartiles over the rounds as
        ``middle_half``, and for ``raw`` physics.
    """
    reference = measured["closed_loop", sizes.reference]
    curves: dict[str, list[dict[str, float]]] = {}
    for (name, simulations), rate in measured.items():
        speed = float(np.median(rate))
        curves.setdefault(name, []).append(
            {
                "simulations": simulations,
                "steps_per_second": round(speed),
                "microseconds": round(1e6 / speed, 2),
                "cost": round(ratio(reference, rate), 3),
            }
        )
    most = max(sizes.simulations)

    def change(name: str) -> float:
        return round(ratio(measured[name, sizes.reference], measured[name, most]) - 1, 3)

    return {
        "collection": {
            "steps": sizes.steps,
            "reference": sizes.reference,
            "curves": curves,
            "missing": dict(missing),
        },
        "cost_change": {
            "from": sizes.reference,
            "to": most,
            "closed_loop": change("closed_loop"),
            "middle_half": [round(q - 1, 3) for q in middle_half(reference, measured["closed_loop", most])],
            "raw": change("raw"),
        },
    }
