"""One root seed, many independent named random streams, and nothing to save.

A stream is a pure function of ``(seed, name, index)``. A trainer that names its streams by iteration
therefore resumes to the bit from two integers: the seed and the iteration it had reached.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Streams:
    """Named random streams that all descend from one ``seed``.

    ``Streams(0).numpy("tasks", 7)`` is the same generator in every process and on every machine, and
    independent of ``Streams(0).numpy("tasks", 8)`` and of ``Streams(0).numpy("reset", 7)``. Another ``attempt``
    gives other streams of the same names, for a training that has to leave a path that went wrong.
    """

    seed: int
    attempt: int = 0

    def _sequence(self, name: str, index: tuple[int, ...]) -> np.random.SeedSequence:
        entropy = [self.seed, self.attempt] if self.attempt else self.seed
        return np.random.SeedSequence(entropy, spawn_key=(zlib.crc32(name.encode()), *index))

    def numpy(self, name: str, *index: int) -> np.random.Generator:
        """A NumPy generator for the stream ``name[index]``."""
        return np.random.default_rng(self._sequence(name, index))

    def torch(self, name: str, *index: int) -> torch.Generator:
        """A CPU torch generator for the stream ``name[index]``."""
        state = self._sequence(name, index).generate_state(1, np.uint64)[0]
        return torch.Generator().manual_seed(int(state))
