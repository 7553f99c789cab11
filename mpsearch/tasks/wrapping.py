"""Wrappers that give a gymnasium environment flat observations and actions in [-1, 1], as in all our families."""

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
    "actions must be numbers in a Box, not {space}: wrap the environment so that numbers select an action, for example"
    " gymnasium.wrappers.TransformAction(env, lambda a: int(a.argmax()), gymnasium.spaces.Box(-1, 1, ({n},)))"
)
INFINITE = (
    "actions must have finite bounds, to be scaled to [-1, 1], not {space}: set bounds, for example"
    " gymnasium.wrappers.TransformAction(env, lambda a: a, gymnasium.spaces.Box(-1, 1, {shape}))"
)


def flat(env: Environment) -> Environment:
    """Return ``env`` with one-dimensional observations and actions. Their dtypes and bounds do not change.

    Raises:
        UsageError: its observations are not a fixed list of numbers, or its actions are not a finite Box of floats.
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
    """Return the lower and upper bounds of ``space``, a Box, as arrays of its shape and dtype."""
    box = cast("spaces.Box[Any]", space)
    return box.low, box.high


def is_flat(space: spaces.Space[Any]) -> bool:
    """Return whether the elements of ``space`` are one-dimensional arrays."""
    return isinstance(space, spaces.Box) and len(space.shape) == 1


def shaped(shape: tuple[int, ...], action: Array) -> Array:
    """Return ``action`` in this shape. This is a function of the module, so that the wrapper can be pickled."""
    return action.reshape(shape)


def check_actions(space: spaces.Space[Any]) -> None:
    """Raise :class:`UsageError` unless ``space`` can be scaled to [-1, 1]. The message says what to do instead."""
    if not isinstance(space, spaces.Box) or not np.issubdtype(space.dtype, np.floating):
        raise UsageError(DISCRETE.format(space=space, n=getattr(space, "n", "n")))
    if not space.is_bounded():
        raise UsageError(INFINITE.format(space=space, shape=space.shape))
    if not (space.low < space.high).all():
        raise UsageError(f"each action must have a range, not {space}: leave out actions that cannot vary")


class UnitActions(wrappers.RescaleAction[Any, Any, Any]):
    """Gymnasium's wrapper in a form that can be pickled. Its functions cannot, so unpickling creates a new wrapper."""

    def __reduce__(self) -> tuple[Any, ...]:
        return unit_actions, (self.env,)


def unit_actions(env: Environment) -> UnitActions:
    """Return ``env`` with actions in [-1, 1]. Their dtype does not change."""
    one = np.ones_like(bounds(env.action_space)[0])
    return UnitActions(env, -one, one)


def standard(env: Environment, horizon: int) -> Environment:
    """Return the flat ``env`` with actions that are scaled to [-1, 1] and clipped, and the time limit ``horizon``."""
    low, high = bounds(env.action_space)
    # Rescaling may leave the bounds because of rounding.
    env = wrappers.TransformAction(env, partial(np.clip, a_min=low, a_max=high), env.action_space)
    env = unit_actions(env)
    env = wrappers.TransformAction(env, partial(np.clip, a_min=-1.0, a_max=1.0), env.action_space)
    return wrappers.TimeLimit(env, horizon)
