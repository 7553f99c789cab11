"""A checkpoint as data: what is written into its folder, and what comes back.

Tensors that training changes are written whole at each save. Data that only grows while an agent trains, such as a
replay, is written in shards: each save adds one file with what is new.
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
        added: [K] how many entries were ever added to each of its K parts.
    """

    added: Array

    def since(self, added: Array) -> dict[str, Tensor]:
        """The entries that came after each part had ``added`` [K], as tensors to be saved."""


class Shards:
    """Which shards of one agent's growing data lie in which folder, and how much of the data they hold.

    Attributes:
        folder: where the last save or load was; ``None`` before the first.
        entries: what a card says of each shard, in the order in which they were written.
        added: [K] how many entries of each part these shards hold.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.entries: list[dict[str, Any]] = []
        self.added: Array | None = None

    def write(self, folder: Path, growing: Growing) -> list[dict[str, Any]]:
        """Write what is not in ``folder`` yet as one more shard; returns the entries of all shards there.

        Into another folder than last time, or where a shard is missing, everything is written.
        """
        there = self.folder == folder and all((folder / entry["file"]).exists() for entry in self.entries)
        entries = self.entries if there else []
        held = self.added if there and self.added is not None else np.zeros_like(growing.added)
        if (growing.added > held).any():
            entries = [*entries, write_tensors(folder, "shard", growing.since(held))]
        self.remember(folder, entries, growing)
        return entries

    def remember(self, folder: Path, entries: list[dict[str, Any]], growing: Growing) -> None:
        """Take note that the shards ``entries`` in ``folder`` hold all that ``growing`` has now."""
        self.folder, self.entries, self.added = folder, entries, growing.added.copy()


@dataclass(frozen=True)
class Checkpoint:
    """What the checkpoint in ``folder`` holds, verified.

    Attributes:
        folder: where it was read.
        card: its JSON card.
        tensors: everything that training changes, by name.
    """

    folder: Path
    card: dict[str, Any]
    tensors: dict[str, Tensor]

    @property
    def shards(self) -> list[Any]:
        """What the card says of each shard, in the order in which they were written."""
        return list(self.card.get("shards", ()))

    def grown(self) -> Iterator[dict[str, Tensor]]:
        """The tensors of each shard in turn; only one of them is in memory at a time."""
        for entry in self.shards:
            yield read_tensors(self.folder, entry)


def read(folder: Path) -> Checkpoint:
    """The checkpoint in ``folder``, verified. No code is run from it.

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
        CheckpointError: it cannot be written; an earlier checkpoint there stays whole.
    """
    with locked(folder):
        entries = [] if growing is None else shards.write(folder, growing)
        write_checkpoint(folder, tensors, card, entries)
