"""The base class of the application families: it adds the rules that adaptation is compared with."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import numpy as np

from mpsearch.records import Array
from mpsearch.tasks.batch import Batch
from mpsearch.tasks.distribution import TaskDistribution

Rule = Callable[[Batch], Array]  # a batch in its present state -> actions [K, E, A]


class Application(TaskDistribution):
    """A task distribution from a field of application.

    It has two rules that need no training. A rule may read everything in the batch, so it can be told the task.

    Attributes:
        field: the field of application, such as "medicine".
        standard_name: what the field does when it does not adapt, such as "population dose".
    """

    field: str
    standard_name: str

    @abstractmethod
    def optimum(self, batch: Batch) -> Array:
        """Return the best actions [K, E, A] for the present state. This rule is told the task."""

    @abstractmethod
    def standard(self, batch: Batch) -> Array:
        """Return the actions [K, E, A] that the field takes when it does not adapt. They do not depend on the task."""


def rule_returns(family: TaskDistribution, rule: Rule, tasks: Array, episodes: int, rng: np.random.Generator) -> Array:
    """Return the undiscounted returns [K, E] of ``rule`` on each of ``tasks`` [K, P]."""
    return follow(family, rule, tasks, episodes, rng)[0].sum(axis=-1)


def follow(
    family: TaskDistribution, rule: Rule, tasks: Array, episodes: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return the rewards [K, E, T] and the positions [K, E, T + 1, Q] of ``rule`` on each of ``tasks`` [K, P].

    T is smaller than the horizon if all episodes ended before.
    """
    batch = family.make_batch(family.check(tasks), episodes)
    batch.reset(rng)
    rewards: list[Array] = []
    positions = [batch.positions()]
    while len(rewards) < family.horizon and not batch.over:
        rewards.append(batch.step(rule(batch))[1])
        positions.append(batch.positions())
    return np.stack(rewards, axis=-1), np.stack(positions, axis=2)
