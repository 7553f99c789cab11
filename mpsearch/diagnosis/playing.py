"""What the checks have in common: faults, episodes with given actions, and random actions."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mpsearch.errors import MpsearchError
from mpsearch.findings import Finding
from mpsearch.language import say
from mpsearch.records import Array
from mpsearch.tasks import Batch, TaskDistribution

HELD = 10  # steps for which a random action is kept, because robots hardly move under actions that change at each step


class Fault(Exception):
    """A check did not pass. Its arguments are what was found, and what to do."""


class Track(NamedTuple):
    """Episodes as the simulation returned them, in 64 bits and without padding at their ends.

    Attributes:
        observations: [T + 1, K, E, O].
        rewards: [T, K, E].
    """

    observations: Array
    rewards: Array


def examine(name: str, check: Callable[[], str], *, needed: bool = False) -> Finding:
    """Run ``check``, which returns what it found or raises :class:`Fault`. Any other error is a finding too."""
    try:
        return Finding(name, True, check(), needed=needed)
    except Fault as fault:
        detail, advice = fault.args
        return Finding(name, False, detail, advice, needed)
    except MpsearchError as error:
        return Finding(name, False, str(error), say("mend what this sentence names"), needed)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        line = say("line {number}", number=place.lineno)
        detail = f"{type(error).__name__}: {error} ({place.filename}, {line})"
        return Finding(name, False, detail, say("the family's own code must not raise this error"), needed=True)


def play(batch: Batch, actions: Array, seed: int) -> Track:
    """Reset ``batch`` with a generator of ``seed``, and make one step with each of ``actions`` [T, K, E, A].

    Raises:
        Fault: an observation or the rewards do not have the shape that the other ones have.
    """
    observations = [np.array(batch.reset(np.random.default_rng(seed)), dtype=np.float64)]
    rewards = []
    for action in actions:
        if batch.over:  # nothing changes any more
            observations.append(observations[-1])
            rewards.append(np.zeros(batch.shape))
            continue
        seen, reward = batch.step(action)
        if np.shape(seen) != observations[0].shape or np.shape(reward) != batch.shape:
            found = say(
                "a step returned observations of shape {seen} and rewards of shape {rewards}; they must be {right} and"
                " {gains}",
                seen=list(np.shape(seen)),
                rewards=list(np.shape(reward)),
                right=list(observations[0].shape),
                gains=list(batch.shape),
            )
            advice = say("let observe and _step return one row for each task and episode: [K, E, O] and [K, E]")
            raise Fault(found, advice)
        observations.append(np.array(seen, dtype=np.float64))
        rewards.append(np.array(reward, dtype=np.float64))
    return Track(np.stack(observations), np.stack(rewards))


def random_actions(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Return actions [T, ..., A] that change every 10 steps. Each episode has its own m in [0, 1] as their limit."""
    held = rng.uniform(-1.0, 1.0, (-(-shape[0] // HELD), *shape[1:]))
    return np.repeat(held, HELD, axis=0)[: shape[0]] * rng.uniform(0.0, 1.0, (*shape[1:-1], 1))


def distinct_tasks(family: TaskDistribution, n: int, rng: np.random.Generator) -> Array:
    """Return at most ``n`` different tasks [K, P], evenly chosen from many draws."""
    drawn = np.unique(family.sample(64, rng), axis=0)
    return drawn[np.unique(np.linspace(0, len(drawn) - 1, n).round().astype(int))]


def same(one: Track, other: Track) -> bool:
    """Return whether two tracks of the same shape agree, up to rounding."""
    return agree(one.observations, other.observations) and agree(one.rewards, other.rewards)


def agree(one: Array, other: Array) -> bool:
    """Return whether two arrays of one shape agree up to rounding, relative to their largest number."""
    return bool(np.allclose(one, other, rtol=1e-6, atol=1e-9 * max(1e-300, np.abs(one).max(initial=0))))


def require(condition: bool, detail: str, advice: str) -> None:
    """Raise :class:`Fault` unless ``condition`` holds."""
    if not condition:
        raise Fault(detail, advice)
