"""Measures the cost of learning: MAML's meta-iteration and PEARL's gradient step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mpsearch.evidence.bench.collecting import raw_physics
from mpsearch.evidence.bench.sizes import FULL, Sizes
from mpsearch.evidence.bench.timing import Run, once, rates, ratio
from mpsearch.maml import MAML, MAMLConfig
from mpsearch.pearl import PEARL, PEARLConfig
from mpsearch.pearl.networks import Layers
from mpsearch.records import Array
from mpsearch.seeding import Streams
from mpsearch.surroundings import one_torch_thread
from mpsearch.tasks import CheetahVelocity

CONTEXT = 100  # transitions of each task that PEARL's encoder sees, as in its paper
AXES = ("tasks", "episodes", "inner_steps")


def meta_iteration(tasks: int, episodes: int = 20, inner_steps: int = 1, horizon: int = 200) -> Run:
    """Return a run of one iteration of MAML.

    It collects ``tasks`` x ``episodes`` x ``horizon`` steps with the meta-policy, and as many after each inner step.
    """
    config = MAMLConfig(tasks_per_iteration=tasks, episodes=episodes, inner_steps=inner_steps)
    agent, streams = MAML(CheetahVelocity(horizon=horizon), config), Streams(0)
    agent._start(streams)
    return lambda: int(agent._iterate(streams)["env_steps"])


def measure_training(sizes: Sizes, *, progress: bool = False) -> dict[str, Array]:
    """Measure the control steps per second [rounds] of a meta-iteration and of raw physics with equal simulations."""
    tasks, episodes = sizes.training_tasks, sizes.episodes
    runs = {
        "raw": raw_physics(tasks, episodes, sizes.horizon),
        "meta_iteration": meta_iteration(tasks, episodes, horizon=sizes.horizon),
    }
    return rates(runs, sizes.training_rounds, "meta-iteration" if progress else None)


def iteration_points(sizes: Sizes) -> Iterator[tuple[str, int, tuple[int, int, int]]]:
    """Yield the meta-iterations to measure: the base, and others that differ from it in one number.

    Each item gives the name of the number that differs, its value, and all three numbers (tasks, episodes, inner
    steps).
    """
    tasks, episodes, inner_steps = sizes.base
    yield "base", 0, sizes.base
    yield from (("tasks", n, (n, episodes, inner_steps)) for n in sizes.more_tasks)
    yield from (("episodes", n, (tasks, n, inner_steps)) for n in sizes.more_episodes)
    yield from (("inner_steps", n, (tasks, episodes, n)) for n in sizes.more_inner_steps)


def measure_iterations(sizes: Sizes, *, progress: bool = False) -> dict[tuple[str, int], Array]:
    """Measure the meta-iterations per second [rounds] at each of :func:`iteration_points`."""
    runs = {
        (axis, value): once(meta_iteration(*numbers, sizes.base_horizon))
        for axis, value, numbers in iteration_points(sizes)
    }
    return rates(runs, sizes.iteration_rounds, "meta-iteration, by size" if progress else None)


def iteration_summary(measured: Mapping[tuple[str, int], Array], sizes: Sizes) -> dict[str, Any]:
    """Return the ``base``, and for each of ``AXES`` the ``cost`` of a meta-iteration at each ``size``.

    The cost is the time relative to that of the base.
    """
    found: dict[str, Any] = {"base": {**dict(zip(AXES, sizes.base, strict=True)), "horizon": sizes.base_horizon}}
    for axis, value in zip(AXES, sizes.base, strict=True):
        costs = {value: 1.0}
        costs |= {size: ratio(measured["base", 0], rate) for (name, size), rate in measured.items() if name == axis}
        found[axis] = [{"size": size, "cost": round(costs[size], 3)} for size in sorted(costs)]
    return found


def pearl_agent(sizes: Sizes = FULL) -> PEARL:
    """Return a PEARL agent whose replay holds episodes of random actions.

    With :data:`FULL` sizes it has the meta-batch of the paper's direction task: 4 tasks with 256 transitions each.
    """
    config = PEARLConfig(
        training_tasks=sizes.meta_batch,
        meta_batch=sizes.meta_batch,
        batch=sizes.batch,
        hidden=(sizes.width, sizes.width),
        actor_every=1,
    )
    agent, streams = PEARL(CheetahVelocity(), config), Streams(0)
    agent._start(streams)
    agent._fill_replay(streams, 0)
    return agent


def gradient_steps(count: int, sizes: Sizes = FULL) -> Run:
    """Return a run of ``count`` gradient steps of PEARL, each with its draws from the replay."""
    agent, rng, generator = pearl_agent(sizes), Streams(0).numpy("replay"), Streams(0).torch("noise")
    tasks = np.arange(sizes.meta_batch)

    def run() -> int:
        for step in range(count):
            context = agent.replay.sample_recent(tasks, CONTEXT, rng)
            agent._learn(step, context, agent.replay.sample(tasks, agent.config.batch, rng), generator)
        return count

    return run


def matrix_products(count: int, sizes: Sizes = FULL) -> Run:
    """Return a run that computes only the matrix products of ``count`` gradient steps, forward and backward."""
    agent = pearl_agent(sizes)
    rows = sizes.meta_batch * sizes.batch
    factors = [
        *products(agent.encoder.layers, sizes.meta_batch * CONTEXT, to_input=False),
        *products(agent.actor.layers, rows, to_weights=False, to_input=False, to_hidden=False),  # the next actions
        *products(agent.learning.target.layers, rows, to_weights=False, to_input=False, to_hidden=False),
        *products(agent.critic.layers, rows),
        *products(agent.actor.layers, rows, to_input=False),
        *products(agent.critic.layers, rows, to_weights=False),  # the actor's loss goes through the critics
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
    """Yield the two factors of each matrix product in a forward and a backward pass through ``layers``.

    Args:
        layers: the network.
        rows: the number of rows of its input.
        to_weights, to_input, to_hidden: whether gradients with respect to the weights, the input and the hidden
            layers are computed.
    """
    for i, (weight, _) in enumerate(layers.pairs):
        weight, lead = weight.detach(), weight.shape[:-2]
        x, gradient = torch.ones(*lead, rows, weight.shape[-2]), torch.ones(*lead, rows, weight.shape[-1])
        yield x, weight
        if to_weights:
            yield x.mT, gradient
        if to_hidden if i else to_input:
            yield gradient, weight.mT


def gradient_points(sizes: Sizes) -> Iterator[tuple[int, int]]:
    """Yield the width and the meta-batch of each gradient step to measure, the base first."""
    yield sizes.width, sizes.meta_batch
    yield from ((width, sizes.meta_batch) for width in sizes.widths)
    yield from ((sizes.width, meta_batch) for meta_batch in sizes.meta_batches)


def measure_gradient_steps(sizes: Sizes, *, progress: bool = False) -> dict[tuple[str, int, int], Array]:
    """Measure the gradient steps per second [rounds], and those of their matrix products alone.

    Both are measured at each of :func:`gradient_points`.
    """
    runs: dict[tuple[str, int, int], Run] = {}
    for width, meta_batch in gradient_points(sizes):
        one = replace(sizes, width=width, meta_batch=meta_batch)
        runs["gradient_steps", width, meta_batch] = gradient_steps(sizes.gradient_steps, one)
        runs["matrix_products", width, meta_batch] = matrix_products(sizes.gradient_steps, one)
    with one_torch_thread():
        return rates(runs, sizes.gradient_rounds, "PEARL's gradient step" if progress else None)


def gradient_summary(measured: Mapping[tuple[str, int, int], Array], sizes: Sizes) -> dict[str, Any]:
    """Return the ``base``, and for ``width`` and ``meta_batch`` two ratios at each ``size``.

    ``over_products`` is the time of a gradient step relative to that of its matrix products. ``cost`` is the time
    relative to that of the base.
    """
    base = (sizes.width, sizes.meta_batch)

    def entry(size: int, at: tuple[int, int]) -> dict[str, float]:
        step = measured["gradient_steps", *at]
        over = ratio(measured["matrix_products", *at], step)
        cost = ratio(measured["gradient_steps", *base], step)
        return {"size": size, "over_products": round(over, 3), "cost": round(cost, 3)}

    return {
        "base": {"width": sizes.width, "meta_batch": sizes.meta_batch, "batch": sizes.batch},
        "width": [entry(size, (size, sizes.meta_batch)) for size in sorted({sizes.width, *sizes.widths})],
        "meta_batch": [entry(size, (sizes.width, size)) for size in sorted({sizes.meta_batch, *sizes.meta_batches})],
    }
