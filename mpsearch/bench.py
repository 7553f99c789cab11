"""Speed, as ratios to what runs beside it in the same process, so that they mean the same on every machine."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor

from mpsearch.maml import MAML, MAMLConfig
from mpsearch.maml.inner import spread_over_tasks
from mpsearch.pearl import PEARL, PEARLConfig
from mpsearch.pearl.networks import Layers
from mpsearch.records import Array, Episodes
from mpsearch.rollouts import collect, gaussian_actor, one_torch_thread
from mpsearch.seeding import Streams
from mpsearch.tasks import CheetahVelocity
from mpsearch.tasks.physics import quiet_mujoco

CONTEXT = 100  # transitions of each task that PEARL's encoder sees, as in its paper
ENVIRONMENTS = 40  # in gymnasium's vector environments, and tasks in ours


def closed_loop(tasks: int, episodes: int, steps: int) -> Callable[[], Episodes]:
    """Collect episodes with a different policy for each task, and always the same ones."""
    family, streams = CheetahVelocity(), Streams(0)
    agent = MAML(family)
    agent._start(streams)
    batch = family.make_batch(family.spread(tasks), episodes)
    parameters = [p.detach().clone() for p in spread_over_tasks(agent.policy, tasks)]

    def run() -> Episodes:
        actor = gaussian_actor(agent.policy, parameters, streams.torch("actions"))
        return collect(batch, steps, actor, streams.numpy("reset"))

    return run


def raw_physics(tasks: int, episodes: int, steps: int) -> Callable[[], int]:
    """Step ``mujoco.batch`` and nothing else, through the same states: the actions of the closed loop again.

    (Other actions would be another amount of physics: a cheetah that lies on its back costs less to simulate.)
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


def meta_iteration(tasks: int) -> Callable[[], int]:
    """One iteration of MAML on ``tasks`` x 20 episodes x 200 steps, before and after."""
    agent, streams = MAML(CheetahVelocity(), MAMLConfig(tasks_per_iteration=tasks)), Streams(0)
    agent._start(streams)
    return lambda: int(agent._iterate(streams)["env_steps"])


def pearl_agent() -> PEARL:
    """PEARL with the meta-batch of its paper on the direction: 4 tasks of 256 transitions."""
    agent = PEARL(
        CheetahVelocity(), PEARLConfig(training_tasks=4, meta_batch=4, batch=256, actor_every=1, gradient_steps=1)
    )
    agent.train(1, seed=0, progress=False)
    return agent


def gradient_steps(count: int) -> Callable[[], int]:
    """``count`` gradient steps of PEARL, drawing from the replay included."""
    agent, rng, generator = pearl_agent(), Streams(0).numpy("replay"), Streams(0).torch("noise")
    tasks = np.arange(4)

    def run() -> int:
        for step in range(count):
            context = agent.replay.sample_recent(tasks, CONTEXT, rng)
            agent._learn(step, context, agent.replay.sample(tasks, agent.config.batch, rng), generator)
        return count

    return run


def matrix_products(count: int) -> Callable[[], int]:
    """The matrix products of ``count`` such steps and nothing else: the same shapes, forward and backward."""
    agent = pearl_agent()
    rows = 4 * agent.config.batch
    factors = [
        *products(agent.encoder.layers, 4 * CONTEXT, to_input=False),
        *products(agent.actor.layers, rows, to_weights=False, to_input=False, to_hidden=False),  # next actions
        *products(agent.target.layers, rows, to_weights=False, to_input=False, to_hidden=False),
        *products(agent.critic.layers, rows),
        *products(agent.actor.layers, rows, to_input=False),
        *products(agent.critic.layers, rows, to_weights=False),  # the actor's gradient on its way through
    ]

    def run() -> int:
        for _ in range(count):
            for a, b in factors:
                torch.matmul(a, b)
        return count

    return run


def products(
    layers: Layers, rows: int, *, to_weights: bool = True, to_input: bool = True, to_hidden: bool = True
) -> Iterator[tuple[Tensor, Tensor]]:
    """The factors of each product in one forward and backward pass; ``to_*`` says where gradients are needed."""
    for i, (weight, _) in enumerate(layers.pairs):
        weight, lead = weight.detach(), weight.shape[:-2]
        x, gradient = torch.ones(*lead, rows, weight.shape[-2]), torch.ones(*lead, rows, weight.shape[-1])
        yield x, weight
        if to_weights:
            yield x.mT, gradient
        if to_hidden if i else to_input:
            yield gradient, weight.mT


def make_gymnasium_cheetah() -> gymnasium.Env[Any, Any]:
    """Gymnasium's own HalfCheetah, without MuJoCo's word on its model file."""
    quiet_mujoco()
    return gymnasium.make("HalfCheetah-v5")


def vector_environment(kind: type[Any], steps: int) -> tuple[Callable[[], int], Callable[[], None]]:
    """Random actions in ``ENVIRONMENTS`` of gymnasium's own HalfCheetah, and a function that closes them."""
    environments = kind([make_gymnasium_cheetah] * ENVIRONMENTS)
    environments.reset(seed=0)
    actions = Streams(0).numpy("actions").uniform(-1, 1, (steps, ENVIRONMENTS, 6)).astype(np.float32)

    def run() -> int:
        for action in actions:
            environments.step(action)
        return steps * ENVIRONMENTS

    return run, environments.close


def rates(runs: dict[str, Callable[[], int]], repeats: int) -> dict[str, Array]:
    """Steps a second of each run [repeats], the runs taken in turns after one warm-up each."""
    for run in runs.values():
        run()
    measured: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            gc.collect()
            start = time.perf_counter()
            steps = run()
            measured[name].append(steps / (time.perf_counter() - start))
    return {name: np.array(values) for name, values in measured.items()}


def ratio(rates: Array, others: Array) -> float:
    """The median over the rounds of their ratios: a machine that grows slower between rounds does not matter."""
    return float(np.median(rates / others))


def peak_memory_mb() -> float | None:
    """The largest resident size of this process so far in MB; ``None`` where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / (1e6 if sys.platform == "darwin" else 1e3)


def gymnasium_runs(steps: int) -> tuple[dict[str, Callable[[], int]], list[Callable[[], None]]]:
    """Gymnasium's vector environments by name, as far as they work here, and how to close them."""
    runs, closers = {}, []
    for kind in (gymnasium.vector.SyncVectorEnv, gymnasium.vector.AsyncVectorEnv):
        try:
            run, close = vector_environment(kind, steps)
        except (gymnasium.error.DependencyNotInstalled, OSError):
            continue  # needs gymnasium[mujoco]; some sandboxes allow no processes
        runs[kind.__name__] = run
        closers.append(close)
    return runs, closers


def benchmark(*, quick: bool = False) -> dict[str, Any]:
    """Measure collection, gymnasium's vector environments and a meta-iteration.

    Returns:
        ``closed_loop_over_raw``: collection with 40 policies over raw physics stepping, in control steps a second.
        ``speedup_over_gymnasium``: collection over the faster of gymnasium's vector environments; ``None``
        without ``gymnasium[mujoco]``.
        ``maml_iteration_over_physics``: a meta-iteration's time over that of the physics steps it contains.
        ``pearl_step_over_products``: a gradient step of PEARL (4 tasks x 256 transitions) over the bare matrix products
        that it contains, in time, both on one of torch's threads.
        ``peak_memory_mb``: of this process, that iteration included.
        ``steps_per_second`` and ``sizes``: what the ratios were made of.
    """
    tasks, repeats = (20, 2) if quick else (ENVIRONMENTS, 5)
    vector, closers = gymnasium_runs(25 if quick else 100)
    loop = closed_loop(ENVIRONMENTS, 20, 50)
    try:
        collecting = rates(
            {"raw": raw_physics(ENVIRONMENTS, 20, 50), "closed_loop": lambda: loop().env_steps, **vector},
            2 * repeats + 1,
        )
    finally:
        for close in closers:
            close()
    training = rates({"raw": raw_physics(tasks, 20, 200), "meta_iteration": meta_iteration(tasks)}, repeats)
    with one_torch_thread():
        steps = rates({"gradient_steps": gradient_steps(10), "matrix_products": matrix_products(10)}, 4 * repeats + 1)
    fastest = max(vector, key=lambda name: np.median(collecting[name]), default=None)
    return {
        "closed_loop_over_raw": round(ratio(collecting["closed_loop"], collecting["raw"]), 3),
        "speedup_over_gymnasium": fastest and round(ratio(collecting["closed_loop"], collecting[fastest]), 2),
        "maml_iteration_over_physics": round(ratio(training["raw"], training["meta_iteration"]), 3),
        "pearl_step_over_products": round(ratio(steps["matrix_products"], steps["gradient_steps"]), 3),
        "peak_memory_mb": (lambda peak: peak and round(peak))(peak_memory_mb()),
        "steps_per_second": {name: round(np.median(rate)) for name, rate in {**training, **collecting}.items()},
        "pearl_steps_per_second": {name: round(float(np.median(rate)), 1) for name, rate in steps.items()},
        "sizes": {"tasks": tasks, "episodes": 20, "horizon": 200, "repeats": repeats, "quick": quick},
    }


def benchmark_table(result: dict[str, Any]) -> str:
    """A benchmark as text."""
    lines = [
        f"{result['closed_loop_over_raw']:8.2f}   collection with a policy for each of 40 tasks / raw physics stepping",
        f"{result['maml_iteration_over_physics']:8.2f}   time of a meta-iteration / time of the physics it contains",
        f"{result['pearl_step_over_products']:8.2f}   time of a gradient step of PEARL / time of its matrix products",
        f"{result['peak_memory_mb'] or float('nan'):8.0f}   MB of memory at most",
        "",
        *(f"{rate:8,}   control steps/s, {name}" for name, rate in result["steps_per_second"].items()),
    ]
    if result["speedup_over_gymnasium"]:
        lines.insert(
            1, f"{result['speedup_over_gymnasium']:8.2f}   collection / gymnasium's fastest vector environment"
        )
    return "\n".join(lines)
