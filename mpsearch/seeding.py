"""Many independent random streams from one seed.

A stream depends only on the seed, its name and its index. A training that uses the iteration as the index can
therefore be resumed without saving the state of any generator: the seed and the number of the iteration determine all
later random numbers.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Streams:
    """Named random streams that are all derived from one ``seed``.

    ``Streams(0).numpy("tasks", 7)`` gives the same generator in every process and on every machine. Its numbers are
    independent of those of ``Streams(0).numpy("tasks", 8)`` and of ``Streams(0).numpy("reset", 7)``.

    Attributes:
        seed: the root seed.
        attempt: another number gives other streams. A training that diverged uses it to repeat iterations with other
            random numbers.
    """

    seed: int
    attempt: int = 0

    def _sequence(self, name: str, index: tuple[int, ...]) -> np.random.SeedSequence:
        entropy = [self.seed, self.attempt] if self.attempt else self.seed
        return np.random.SeedSequence(entropy, spawn_key=(zlib.crc32(name.encode()), *index))

    def numpy(self, name: str, *index: int) -> np.random.Generator:
        """Return a NumPy generator for the stream with this name and index."""
        return np.random.default_rng(self._sequence(name, index))

    def torch(self, name: str, *index: int) -> torch.Generator:
        """Return a torch generator on the CPU for the stream with this name and index."""
        state = self._sequence(name, index).generate_state(1, np.uint64)[0]
        return torch.Generator().manual_seed(int(state))
