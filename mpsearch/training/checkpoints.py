"""Checkpoints as data: what is written into a folder, and what is read from it.

Tensors that training changes are written completely at each save. Data that only grows while an agent trains, such as
a replay, is written in shards: each save adds one file with the new entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from mpsearch.records import Array
from mpsearch.training.storage import locked, read_checkpoint, read_tensors, write_checkpoint, write_tensors


class Growing(Protocol):
    """Data that only grows while an agent trains.

    Attributes:
        added: [K] the number of entries that were ever added to each of its K parts.
    """

    added: Array

    def since(self, added: Array) -> dict[str, Tensor]:
        """Return the entries that came after each part had ``added`` [K] of them, as tensors to be saved."""


class Shards:
    """A record of the shards that one agent has in a folder, and of how much of its growing data they hold.

    Attributes:
        folder: the folder of the last save or load; ``None`` before the first.
        entries: the card's entry for each shard, in the order in which they were written.
        added: [K] the number of entries of each part that these shards hold.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.entries: list[dict[str, Any]] = []
        self.added: Array | None = None

    def write(self, folder: Path, growing: Growing) -> list[dict[str, Any]]:
        """Write the data that ``folder`` does not have yet as one new shard; returns the entries of all shards there.

        If the folder is not that of the last save, or if a shard is missing in it, all data is written.
        """
        there = self.folder == folder and all((folder / entry["file"]).exists() for entry in self.entries)
        entries = self.entries if there else []
        held = self.added if there and self.added is not None else np.zeros_like(growing.added)
        if (growing.added > held).any():
            entries = [*entries, write_tensors(folder, "shard", growing.since(held))]
        self.remember(folder, entries, growing)
        return entries

    def remember(self, folder: Path, entries: list[dict[str, Any]], growing: Growing) -> None:
        """Record that the shards ``entries`` in ``folder`` hold all data that ``growing`` has now."""
        self.folder, self.entries, self.added = folder, entries, growing.added.copy()


@dataclass(frozen=True)
class Checkpoint:
    """The verified content of a checkpoint.

    Attributes:
        folder: the folder from which it was read.
        card: the content of its JSON card.
        tensors: everything that training changes, by name.
    """

    folder: Path
    card: dict[str, Any]
    tensors: dict[str, Tensor]

    @property
    def shards(self) -> list[Any]:
        """The card's entry for each shard, in the order in which they were written."""
        return list(self.card.get("shards", ()))

    def grown(self) -> Iterator[dict[str, Tensor]]:
        """Yield the tensors of each shard in order. Only one shard is in memory at a time."""
        for entry in self.shards:
            yield read_tensors(self.folder, entry)


def read(folder: Path) -> Checkpoint:
    """Read and verify the checkpoint in ``folder``. No code in it is run.

    Raises:
        CheckpointError: a file is missing, truncated or edited, or a newer mpsearch wrote it.
    """
    tensors, card = read_checkpoint(folder)
    return Checkpoint(folder, card, tensors)


def write(
    folder: Path, card: Mapping[str, Any], tensors: Mapping[str, Tensor], growing: Growing | None, shards: Shards
) -> None:
    """Write a checkpoint into ``folder``, replacing the one that is there.

    Raises:
        CheckpointError: it cannot be written. An earlier checkpoint in the folder is not damaged.
    """
    with locked(folder):
        entries = [] if growing is None else shards.write(folder, growing)
        write_checkpoint(folder, tensors, card, entries)
