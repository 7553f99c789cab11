"""The share of the tasks that one rank simulates and learns from, and random numbers that do not depend on it.

The numbers that are drawn for a task depend on its place among all tasks, and not on the rank that has it. Therefore
any number of ranks draws the same tasks, start states and noise. For this, each rank draws the numbers for all tasks,
which is cheap compared with simulating them, and keeps those of its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mpsearch import ranks
from mpsearch.records import Array


@dataclass(frozen=True)
class Share:
    """The tasks from ``first`` up to ``end`` out of ``count`` tasks. By default these are all, however many."""

    count: int | None = None
    first: int = 0
    end: int | None = None

    @classmethod
    def of(cls, count: int) -> Share:
        """Return this rank's share of ``count`` tasks. The shares of two ranks differ by one task at most."""
        rank, of = ranks.number(), ranks.count()
        return cls(count, count * rank // of, count * (rank + 1) // of)

    @property
    def rows(self) -> slice:
        return slice(self.first, self.end)

    def draw(
        self, function: Callable[..., Tensor], shape: Sequence[int], generator: torch.Generator, axis: int = 0
    ) -> Tensor:
        """Draw numbers of ``shape``, in which ``axis`` stands for the tasks of this share.

        Args:
            function: ``torch.randn`` or ``torch.rand``.
        """
        every = [*shape]
        every[axis] = self.count or every[axis]
        return function(every, generator=generator)[(slice(None),) * axis + (self.rows,)]

    def generator(self, rng: np.random.Generator) -> np.random.Generator:
        """Return ``rng`` as a generator for the simulations of this share."""
        return rng if self.alone else SharedGenerator(rng, self)

    @property
    def alone(self) -> bool:
        """Whether there are no other ranks that have other tasks."""
        return self.count is None or ranks.count() == 1

    @property
    def threads(self) -> int:
        """The threads with which to simulate these tasks; 0 means one for each core."""
        return 0 if self.alone else ranks.threads()

    def gather(self, values: Tensor) -> Tensor:
        """Return the values [count, ...] of all tasks from those of this share [k, ...] on each rank."""
        if self.alone:
            return values
        every = values.new_zeros((self.count or 0, *values.shape[1:]))
        every[self.rows] = values
        return ranks.total(every)

    def largest(self, *values: int) -> list[int]:
        """Return the largest of each value on any rank."""
        return list(values) if self.alone else ranks.largest(*values)

    def placed(self, values: Array) -> Array:
        """Return ``values`` [k, ...] in their places among all tasks [count, ...], and copies of them elsewhere."""
        return values if self.alone else values[self.nearest()]

    def nearest(self) -> Array:
        """Return the row of this share for each of all tasks: its own, where it has one."""
        return np.clip(np.arange(self.count or 0), self.first, (self.end or 1) - 1) - self.first


class SharedGenerator(np.random.Generator):
    """A generator for the simulations of a share of the tasks.

    Arrays whose first axis has the length of the share are drawn for all tasks, of which the share's rows are returned.
    Single numbers are the same on all ranks; families that derive a task's seed from one use its place, too.
    """

    def __init__(self, rng: np.random.Generator, share: Share) -> None:
        super().__init__(rng.bit_generator)
        self.share = share

    @property
    def first(self) -> int:
        """The place of the share's first task among all tasks."""
        return self.share.first

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        return partial(self._draw, name) if not name.startswith("_") and _has_size(name) else value

    def spawn(self, n_children: int) -> list[np.random.Generator]:
        children = np.random.Generator(self.bit_generator).spawn(n_children)
        return [SharedGenerator(child, self.share) for child in children]

    def _draw(self, name: str, *args: Any, **kwargs: Any) -> Any:
        method = getattr(np.random.Generator, name)
        given = _signature(name).bind(self, *args, **kwargs)
        size = given.arguments.get("size")
        shape = () if size is None else np.atleast_1d(size).tolist()
        if not shape or shape[0] != (self.share.end or 0) - self.share.first:
            return method(*given.args, **given.kwargs)
        for key, value in given.arguments.items():  # parameters of the distribution, if each task has its own
            if key not in ("self", "size") and np.shape(value)[:1] == (shape[0],) and np.ndim(value) == len(shape):
                given.arguments[key] = np.asarray(value)[self.share.nearest()]
        given.arguments["size"] = (self.share.count, *shape[1:])
        return method(*given.args, **given.kwargs)[self.share.rows]


@cache
def _signature(name: str) -> inspect.Signature:
    return inspect.signature(getattr(np.random.Generator, name))


@cache
def _has_size(name: str) -> bool:
    method = getattr(np.random.Generator, name, None)
    return callable(method) and "size" in _signature(name).parameters
