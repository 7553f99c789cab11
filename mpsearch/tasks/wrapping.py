"""Bring a gymnasium environment into the form of our families: flat observations, actions in [-1, 1]."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium import spaces, wrappers

from mpsearch.errors import UsageError
from mpsearch.records import Array

Environment = gymnasium.Env[Any, Any]

DISCRETE = (
    "actions must be numbers in a Box, not {space}: wrap the environment so that numbers choose, for example"
    " gymnasium.wrappers.TransformAction(env, lambda a: int(a.argmax()), gymnasium.spaces.Box(-1, 1, ({n},)))"
)
INFINITE = (
    "actions must have finite bounds, to be scaled to [-1, 1], not {space}: give it some, for example"
    " gymnasium.wrappers.TransformAction(env, lambda a: a, gymnasium.spaces.Box(-1, 1, {shape}))"
)


def flat(env: Environment) -> Environment:
    """``env`` with observations and actions of one dimension; dtypes and bounds stay what they are.

    Raises:
        UsageError: its observations are no fixed list of numbers, or its actions no finite Box of floats.
    """
    check_actions(env.action_space)
    if not is_flat(env.observation_space):
        env = wrappers.FlattenObservation(env)
        if not is_flat(env.observation_space):
            raise UsageError(f"observations must be a fixed list of numbers, not {env.observation_space}: wrap them")
    if not is_flat(env.action_space):
        low, high = bounds(env.action_space)
        one_row = spaces.Box(low.ravel(), high.ravel(), dtype=low.dtype.type)
        env = wrappers.TransformAction(env, partial(shaped, low.shape), one_row)
    return env


def bounds(space: spaces.Space[Any]) -> tuple[Array, Array]:
    """Least and largest element of ``space``, which is a Box; of its shape and dtype."""
    box = cast("spaces.Box[Any]", space)
    return box.low, box.high


def is_flat(space: spaces.Space[Any]) -> bool:
    """Whether elements of ``space`` are arrays of one dimension."""
    return isinstance(space, spaces.Box) and len(space.shape) == 1


def shaped(shape: tuple[int, ...], action: Array) -> Array:
    """``action`` in this shape. (A function of its own, so that what holds it can be pickled.)"""
    return action.reshape(shape)


def check_actions(space: spaces.Space[Any]) -> None:
    """Raise :class:`UsageError` unless ``space`` can be scaled to [-1, 1], saying what to do instead."""
    if not isinstance(space, spaces.Box) or not np.issubdtype(space.dtype, np.floating):
        raise UsageError(DISCRETE.format(space=space, n=getattr(space, "n", "n")))
    if not space.is_bounded():
        raise UsageError(INFINITE.format(space=space, shape=space.shape))
    if not (space.low < space.high).all():
        raise UsageError(f"each action must have a range, not {space}: leave out those that cannot vary")


class UnitActions(wrappers.RescaleAction[Any, Any, Any]):
    """gymnasium's wrapper, which a pickle makes anew: its functions cannot be pickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return unit_actions, (self.env,)


def unit_actions(env: Environment) -> UnitActions:
    """``env`` with actions in [-1, 1] and their dtype as before."""
    one = np.ones_like(bounds(env.action_space)[0])
    return UnitActions(env, -one, one)


def standard(env: Environment, horizon: int) -> Environment:
    """The flat ``env`` with our families' API: actions in [-1, 1], clipped, and the time limit ``horizon``."""
    low, high = bounds(env.action_space)
    env = wrappers.TransformAction(env, partial(np.clip, a_min=low, a_max=high), env.action_space)  # against rounding
    env = unit_actions(env)
    env = wrappers.TransformAction(env, partial(np.clip, a_min=-1.0, a_max=1.0), env.action_space)
    return wrappers.TimeLimit(env, horizon)
