"""Measures the computations of one of many ranks in a single process, without the other ranks.

The process is told that it is rank 0 of R. Copies of its own results replace what the other ranks would send, so that
it goes on as a rank of R does. The sizes of all exchanges are noted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar
from unittest.mock import patch

import torch
from torch import Tensor

from mpsearch import ranks
from mpsearch.maml import MAML, MAMLConfig
from mpsearch.seeding import Streams
from mpsearch.shares import Share
from mpsearch.tasks import CheetahDirection
from mpsearch.training.metrics import Metrics

Result = TypeVar("Result")


@dataclass(frozen=True)
class Job:
    """An iteration of MAML on the cheetah's direction, with the recipe's policy.

    Attributes:
        tasks: of all ranks together, K.
        episodes: for each task and stage, E.
        horizon: control steps of an episode, T.
    """

    tasks: int
    episodes: int = 20
    horizon: int = 200

    def agent(self) -> TimedMAML:
        config = MAMLConfig(tasks_per_iteration=self.tasks, episodes=self.episodes)
        return TimedMAML(CheetahDirection(horizon=self.horizon), config)


class TimedMAML(MAML):
    """MAML that measures the seconds of processor time of its parts."""

    def _explore(self, *args: Any, **kwargs: Any) -> Any:
        return self._timed("simulation", super()._explore, *args, **kwargs)

    def _iterate(self, streams: Streams) -> Metrics:
        self.seconds: dict[str, float] = {}
        return self._timed("all", super()._iterate, streams)

    def _timed(self, part: str, act: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        start = time.process_time()
        result = act(*args, **kwargs)
        self.seconds[part] = self.seconds.get(part, 0.0) + time.process_time() - start
        return result


@dataclass
class Exchanges:
    """What a rank that is alone would exchange with ``count`` - 1 others.

    Attributes:
        sizes: the bytes of each exchange.
    """

    count: int
    sizes: list[int] = field(default_factory=list)

    def gather(self, share: Share, values: Tensor) -> Tensor:
        """Stand in for :meth:`Share.gather`: the other tasks have copies of this rank's last values."""
        if share.alone:
            return values
        found = values[torch.from_numpy(share.nearest())]
        self.sizes.append(found.numel() * found.element_size())
        return found

    def reduce(self, values: Tensor, *operation: object) -> Tensor:
        """Stand in for an all-reduce, as if the other ranks had nothing to add."""
        self.sizes.append(values.numel() * values.element_size())
        return values

    def collect(self, data: bytes) -> list[bytes]:
        """Stand in for :func:`ranks.gather`: the other ranks have the same data."""
        self.sizes.append(len(data))
        return [data] * self.count


@contextmanager
def one_of(count: int) -> Iterator[Exchanges]:
    """Inside, this process computes what rank 0 of ``count`` does. With one rank, nothing changes."""
    found = Exchanges(count)
    if count == 1:
        yield found
        return
    stand_ins: dict[str, Any] = {"count": lambda: count, "number": lambda: 0, "threads": lambda: 1}
    stand_ins |= {"_reduced": found.reduce, "gather": found.collect}
    with patch.multiple(ranks, **stand_ins), patch.object(Share, "gather", lambda *given: found.gather(*given)):
        yield found


def measure_rank(job: Job, count: int, repeats: int) -> dict[str, Any]:
    """Measure what one of ``count`` ranks computes in an iteration of ``job``, on one thread.

    Returns:
        the median ``seconds`` of processor time, of which ``simulation_seconds`` are simulation; and the bytes of each
        of its ``exchanges``.
    """
    agent, streams, seconds = job.agent(), Streams(0), []
    for _ in range(repeats + 1):
        with one_thread(), one_of(count) as found:
            agent._iterate(streams)
        seconds.append((agent.seconds["all"], agent.seconds["simulation"]))
    every, simulation = torch.tensor(seconds[1:]).median(0).values.tolist()  # the first one warms up
    return {"ranks": count, "seconds": every, "simulation_seconds": simulation, "exchanges": found.sizes}


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, torch has one thread, and so have the simulations."""
    threads, make_batch = torch.get_num_threads(), CheetahDirection.make_batch

    def with_one(*args: Any, **kwargs: Any) -> Any:
        return make_batch(*args, **{**kwargs, "threads": 1})

    torch.set_num_threads(1)
    try:
        with patch.object(CheetahDirection, "make_batch", with_one):
            yield
    finally:
        torch.set_num_threads(threads)


def measure_ranks(job: Job, counts: list[int], repeats: int) -> dict[str, Any]:
    """Measure one rank of each of ``counts``. See :func:`measure_rank`."""
    return {"job": asdict(job), "ranks": [measure_rank(job, count, repeats) for count in counts]}
