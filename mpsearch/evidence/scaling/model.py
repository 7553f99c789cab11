"""Predicts the time of an iteration with any number of ranks from measured parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpsearch.records import Array


@dataclass(frozen=True)
class Network:
    """What an exchange costs.

    Attributes:
        latency: seconds that a message takes, however small.
        bandwidth: bytes per second.
    """

    latency: float
    bandwidth: float

    @classmethod
    def fitted(cls, sizes: Array, seconds: Array) -> Network:
        """Fit the times [N] of all-reduces of ``sizes`` [N] bytes between two ranks, so that relative errors are small.

        Between two ranks, :meth:`all_reduce` is ``2 latency + size / bandwidth``.
        """
        terms = np.stack([np.full_like(seconds, 2.0), sizes], axis=1) / seconds[:, None]
        latency, inverse = np.linalg.lstsq(terms, np.ones_like(seconds), rcond=None)[0]
        return cls(max(float(latency), 0.0), 1 / max(float(inverse), 1e-15))

    def all_reduce(self, size: Array | float, ranks: int) -> Array | float:
        """Return the seconds of an all-reduce in a ring: 2 (R - 1) messages, each with 1 / R of the bytes.

        This is gloo's algorithm (Patarasuk and Yuan 2009, "Bandwidth optimal all-reduce algorithms").
        """
        return 2 * (ranks - 1) * (self.latency + size / ranks / self.bandwidth)


ETHERNET = Network(latency=50e-6, bandwidth=10e9 / 8)  # assumed: a local network of 10 Gbit/s, and 50 us a message


@dataclass(frozen=True)
class Computation:
    """The seconds that one of R ranks computes: a part that every rank does, and a part that they share.

    Attributes:
        same: seconds of what every rank computes, whatever R is.
        shared: seconds of what the ranks divide among themselves.
    """

    same: float
    shared: float

    @classmethod
    def fitted(cls, counts: Array, seconds: Array) -> Computation:
        """Fit the ``seconds`` [N] of one of ``counts`` [N] ranks, so that the relative errors are small."""
        terms = np.stack([np.ones_like(seconds), 1 / counts], axis=1) / seconds[:, None]
        same, shared = np.linalg.lstsq(terms, np.ones_like(seconds), rcond=None)[0]
        return cls(max(float(same), 0.0), float(shared))

    def seconds(self, ranks: int) -> float:
        return self.same + self.shared / ranks

    @property
    def fraction(self) -> float:
        """The fraction of the time of one rank that does not parallelise (Amdahl 1967)."""
        return self.same / (self.same + self.shared)


def computation(parts: Mapping[str, Any]) -> Computation:
    """Return the fit of what :func:`~mpsearch.evidence.scaling.parts.measure_ranks` measured."""
    counts, seconds = ([float(each[key]) for each in parts["ranks"]] for key in ("ranks", "seconds"))
    return Computation.fitted(np.array(counts), np.array(seconds))


def loopback(exchange: Sequence[Mapping[str, float]]) -> Network:
    """Return the fit of the measured all-reduces between two processes of one machine."""
    sizes, seconds = (np.array([float(each[key]) for each in exchange]) for key in ("bytes", "seconds"))
    return Network.fitted(sizes, seconds)


def predicted(parts: Mapping[str, Any], network: Network, ranks: int) -> float:
    """Return the seconds of an iteration with so many ranks, each with a core of its own."""
    exchanges = np.array(parts["ranks"][-1]["exchanges"], dtype=float)
    seconds = computation(parts).seconds(ranks)
    return seconds if ranks == 1 else seconds + float(np.sum(network.all_reduce(exchanges, ranks)))


def speedup(parts: Mapping[str, Any], network: Network, ranks: int) -> float:
    """Return how many times faster an iteration is with so many ranks than with one."""
    return predicted(parts, network, 1) / predicted(parts, network, ranks)
