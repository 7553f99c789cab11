"""The contract of a family: what training, evaluation and plots rely on without looking."""

from __future__ import annotations

import json
import warnings
from itertools import product
from typing import Any

import numpy as np

from mpsearch.diagnosis.playing import Fault, agree, play, random_actions, require, same
from mpsearch.errors import NonFiniteError, check_count
from mpsearch.language import say
from mpsearch.records import Array
from mpsearch.tasks import TaskDistribution

STEPS = 20  # of the episodes that are compared with each other
SINGLES = 32  # episodes of a single environment that are compared with a batch
LARGEST_Z = 6.0  # standard errors; two equal means differ by more in one of 10^8 comparisons


def check_attributes(family: TaskDistribution) -> str:
    """Check the numbers and names that a family declares."""
    for name in ("horizon", "observation_dim", "action_dim"):
        check_count(name, getattr(family, name, None))  # type: ignore[arg-type]
    count = len(family.parameter_names)
    low, high = (np.asarray(bound, dtype=np.float64) for bound in (family.low, family.high))
    require(
        low.shape == high.shape == (count,) and bool(np.isfinite([low, high]).all()) and bool((low <= high).all()),
        say(
            "low {low} and high {high} are not a range for {names}",
            low=low.tolist(),
            high=high.tolist(),
            names=list(family.parameter_names),
        ),
        say("low and high must have one finite number for each of parameter_names, with low <= high"),
    )
    scale = np.asarray(family.observation_scale, dtype=np.float64)
    require(
        scale.shape == (family.observation_dim,) and bool(np.isfinite(scale).all()) and bool((scale > 0).all()),
        say("observation_scale has shape {shape}, or not only positive numbers", shape=list(scale.shape)),
        say("observation_scale must be {count} positive numbers", count=family.observation_dim),
    )
    json.dumps(family.config)
    return say(
        "parameters of a task: {parameters}; observations: {observations}; actions: {actions}; steps of an episode:"
        " {steps}",
        parameters=count,
        observations=family.observation_dim,
        actions=family.action_dim,
        steps=family.horizon,
    )


def check_tasks(family: TaskDistribution, seed: int) -> str:
    """Check that tasks are drawn with the given generator only, and that they lie in the range."""
    count = len(family.parameter_names)
    draws = [np.asarray(family.sample(20, np.random.default_rng(seed))) for _ in range(2)]
    for name, tasks in (("sample(20, rng)", draws[0]), ("spread(3)", np.asarray(family.spread(3)))):
        expected = (20 if name.startswith("sample") else 3, count)
        require(
            tasks.shape == expected,
            say("{name} has shape {shape}, not {right}", name=name, shape=list(tasks.shape), right=list(expected)),
            say("return one row for each task"),
        )
        family.check(tasks)
    require(
        bool(np.array_equal(draws[0], draws[1])),
        say("the same seed draws different tasks"),
        say("draw with the generator rng that sample is given, and with no other"),
    )
    return say("the same seed draws the same tasks, and they lie in the range")


def check_shapes(family: TaskDistribution, seed: int) -> str:
    """Check the shapes of observations, rewards and positions, and that earlier observations do not change."""
    tasks = family.spread(3)
    batch = family.make_batch(tasks, 2)
    require(
        batch.shape == (3, 2) and batch.action_dim == family.action_dim and np.array_equal(batch.tasks, tasks),
        say(
            "make_batch of 3 tasks and 2 episodes has shape {shape}, {actions} actions and the tasks {tasks}",
            shape=list(batch.shape),
            actions=batch.action_dim,
            tasks=batch.tasks.tolist(),
        ),
        say("give Batch.__init__ the tasks, the episodes and the action_dim of the family"),
    )
    first = batch.reset(np.random.default_rng(seed))
    expected = (3, 2, family.observation_dim)
    require(
        np.shape(first) == expected,
        say(
            "reset returned observations of shape {shape}, not {right}",
            shape=list(np.shape(first)),
            right=list(expected),
        ),
        say("let observe return [K, E, O], and let O be the family's observation_dim"),
    )
    kept = np.array(first)
    actions = random_actions((2, 3, 2, family.action_dim), np.random.default_rng(seed))
    batch.step(actions[0])
    require(
        bool(np.array_equal(first, kept, equal_nan=True)),
        say("a step changed the observations that reset had returned"),
        say("let observe return a copy of the simulation's numbers"),
    )
    play(batch, actions, seed)
    places = np.shape(batch.positions())
    require(
        len(places) == 3 and places[:2] == (3, 2),
        say("positions have shape {shape}, not [3, 2, Q]", shape=list(places)),
        say("let positions return one row of Q numbers for each task and episode"),
    )
    return say(
        "observations [K, E, {observations}], rewards [K, E], positions [K, E, {positions}]",
        observations=family.observation_dim,
        positions=places[2],
    )


def check_corners(family: TaskDistribution, seed: int) -> str:
    """Check that whole episodes are finite, also at corners of the range of tasks and with the largest actions."""
    rng = np.random.default_rng(seed)
    tasks = np.concatenate([corners(family, rng), family.sample(4, rng)])
    actions = random_actions((family.horizon, len(tasks), 3, family.action_dim), rng)
    actions[:, :, 1:] = [[1.0], [-1.0]]
    try:
        track = play(family.make_batch(tasks, 3), actions, seed)
    except NonFiniteError as error:
        advice = say("keep every number finite in the whole range of tasks, or make the range smaller")
        raise Fault(str(error), advice) from error
    bad = np.argwhere(~np.isfinite(track.observations[0]))
    if len(bad):
        task = tasks[bad[0, 0]].tolist()
        raise Fault(
            say("the first observation is not finite in task {task}", task=task),
            say("keep every number finite in the whole range"),
        )
    return say(
        "every number is finite on {count} tasks, corners of the range among them, up to the time limit",
        count=len(tasks),
    )


def corners(family: TaskDistribution, rng: np.random.Generator) -> Array:
    """Return at most 8 corners [C, P] of the range that are tasks of the family, the lowest and highest among them."""
    count = len(family.low)
    if count <= 3:
        signs = np.array(list(product([False, True], repeat=count)))
    else:
        signs = np.concatenate([np.zeros((1, count)), np.ones((1, count)), rng.integers(0, 2, (6, count))]).astype(bool)
    found = np.where(signs, family.high, family.low)
    return np.asarray([task for task in found if family.contains(task)]).reshape(-1, count)


def check_seeds(family: TaskDistribution, seed: int) -> str:
    """Check that a seed determines the episodes, also after other episodes, and that another seed changes them."""
    tasks = family.spread(3)
    actions = random_actions((min(STEPS, family.horizon), 3, 4, family.action_dim), np.random.default_rng(seed))
    batch = family.make_batch(tasks, 4)
    first = play(batch, actions, seed)
    advice = say("draw only from the generator rng that _reset is given (rng.spawn(1)[0] is one for later steps)")
    again = play(family.make_batch(tasks, 4, threads=1), actions, seed)
    require(same(first, again), say("the same seed and actions give different episodes"), advice)
    require(
        same(first, play(batch, actions, seed)),
        say("the same seed and actions give different episodes when a batch is used again"),
        say("let _reset set every part of the simulation's state, so that nothing is left of the last episode"),
    )
    other = play(batch, actions, seed + 1)
    starts = first.observations[0]
    random = not np.array_equal(starts, np.broadcast_to(starts[:, :1], starts.shape))
    require(
        not (random and same(first, other)),
        say("episodes start differently, but another seed gives the same ones"),
        advice,
    )
    alike = "" if random else say("; all episodes start alike")
    return say("the same seed and actions give the same episodes") + alike


def check_rows(family: TaskDistribution, seed: int) -> str:
    """Check that no simulation depends on the actions or the tasks of another one."""
    rng = np.random.default_rng(seed)
    tasks, others = family.spread(3), family.sample(3, rng)
    shape = (min(STEPS, family.horizon), 3, 2, family.action_dim)
    actions, changed = random_actions(shape, rng), random_actions(shape, rng)
    base = play(family.make_batch(tasks, 2, threads=1), actions, seed)
    for k, e in ((0, 0), (2, 1)):
        alone = np.array([True, True, True])
        alone[k] = False
        mixed = changed.copy()
        mixed[:, k, e] = actions[:, k, e]
        for what, rows in ((say("actions"), tasks), (say("tasks"), np.where(alone[:, None], others, tasks))):
            track = play(family.make_batch(rows, 2, threads=1), mixed, seed)
            require(
                agree(base.observations[:, k, e], track.observations[:, k, e])
                and agree(base.rewards[:, k, e], track.rewards[:, k, e]),
                say(
                    "task {task}, episode {episode} changes when the {what} of other simulations change",
                    task=k,
                    episode=e,
                    what=what,
                ),
                say("compute each row [k, e] from its own state, action and task; look for sums or means over K or E"),
            )
    return say("no simulation depends on another one")


def check_single(family: TaskDistribution, seed: int) -> str:
    """Check the environment of one task with gymnasium's own checker, and that it agrees with a batch on average."""
    from gymnasium.utils.env_checker import check_env

    tasks = family.spread(3)
    env: Any = family.make_env(tasks[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            check_env(env, skip_render_check=True)
        except AssertionError as error:
            refused = say("gymnasium's checker refuses make_env(task): {error}", error=error)
            raise Fault(refused, say("mend make_env")) from error
    steps = min(5, family.horizon)
    actions = random_actions((steps, 1, 1, family.action_dim), np.random.default_rng(seed)) + np.float32(0)
    batch = play(family.make_batch(tasks, SINGLES), np.tile(actions, (1, 3, SINGLES, 1)), seed)
    seen, gains = singles(family.make_env(tasks[0]), actions[:, 0, 0])
    for what, one, many in (
        (say("observations"), seen, np.moveaxis(batch.observations[:, 0], 1, 0)),
        (say("rewards"), gains, batch.rewards[:, 0].T),
    ):
        require(
            z_score(one, many) <= LARGEST_Z,
            say("the {what} of make_env(task) differ from those of the same task in a batch of 3 tasks", what=what),
            say(
                "let a simulation give the same numbers for every K and E; look for code that uses the shape of the"
                " batch"
            ),
        )
    return say("one task alone gives the same numbers as in a batch, and gymnasium's checker accepts it")


def singles(env: Any, actions: Array) -> tuple[Array, Array]:
    """Return observations [N, T + 1, O] and rewards [N, T] of N episodes of ``env`` with ``actions`` [T, A].

    As in a batch, observations stay the same and rewards are 0 after the end of an episode.
    """
    seen, gains = [], np.zeros((SINGLES, len(actions)))
    for n in range(SINGLES):
        track, over = [env.reset(seed=n)[0]], False
        for t, action in enumerate(actions):
            if not over:
                observation, gains[n, t], terminated, truncated, _ = env.step(action.astype(env.action_space.dtype))
                over = terminated or truncated
            track.append(observation)
        seen.append(track)
    env.close()
    return np.array(seen, dtype=np.float64), gains


def z_score(one: Array, many: Array) -> float:
    """Return the largest difference of the means over the first axis, in standard errors."""
    size = max(np.abs(one).max(initial=0), np.abs(many).max(initial=0))
    error = np.sqrt(one.var(0, ddof=1) / len(one) + many.var(0, ddof=1) / len(many)) + 1e-6 * size + 1e-300
    return float((np.abs(one.mean(0) - many.mean(0)) / error).max())
