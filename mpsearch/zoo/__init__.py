"""The zoo: the meta-policies that come with the package, and the loading of checkpoints by name or folder."""

from __future__ import annotations

import contextlib
import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from mpsearch.errors import CheckpointError, unknown

if TYPE_CHECKING:
    from mpsearch.meta_policy import MetaPolicy
    from mpsearch.tasks import TaskDistribution

ZOO = Path(__file__).parent
CARD = "card.json"
ALGORITHMS = {"maml": "mpsearch.maml:MAML", "pearl": "mpsearch.pearl:PEARL"}  # imported when needed


def available() -> list[str]:
    """Return the names of the meta-policies that come with the package."""
    return sorted(card.parent.name for card in ZOO.glob(f"*/{CARD}"))


def find(name: str | os.PathLike[str]) -> Path:
    """Return the folder of a checkpoint, given the name of a shipped one or the folder itself.

    If both a shipped checkpoint and a folder have this name, a string means the shipped one, and a path the folder.

    Raises:
        UsageError: there is no shipped checkpoint of this name. The message lists the names.
        CheckpointError: the folder holds no checkpoint.
    """
    path, shipped, exists = Path(name), ZOO / name, False
    is_shipped = os.fspath(name) in available()
    if isinstance(name, str) and is_shipped:
        return shipped
    with contextlib.suppress(OSError):  # the name may be too long for a file, or the folder may not be accessible
        if (path / CARD).is_file():
            return path
        exists = path.is_dir()
    if is_shipped:
        return shipped
    if exists or os.sep in os.fspath(name):
        raise CheckpointError(f"no checkpoint in {path}: it holds no {CARD}")
    raise unknown("meta-policy", os.fspath(name), available())


def algorithm(name: str) -> type[MetaPolicy]:
    """Return the class of an algorithm, given its name on the command line."""
    if name not in ALGORITHMS:
        raise unknown("algorithm", name, ALGORITHMS)
    module, _, kind = ALGORITHMS[name].partition(":")
    return getattr(import_module(module), kind)


def load(name: str | os.PathLike[str], tasks: TaskDistribution | None = None) -> MetaPolicy:
    """Load a meta-policy that comes with the package, or one that was saved in a folder. This needs no network.

    Args:
        name: a name from :func:`available`, such as ``"maml-cheetah-direction"``, or a folder.
        tasks: the distribution to use; by default the one that the meta-policy was trained on.

    Raises:
        UsageError: there is no meta-policy of this name. The message lists the names.
        CheckpointError: the checkpoint is damaged, or a newer version of mpsearch wrote it.
    """
    from mpsearch.training.storage import read_card

    folder = find(name)
    kind = str(read_card(folder).get("algorithm"))
    if kind not in ALGORITHMS:
        raise CheckpointError(f"{folder} holds an unknown algorithm {kind!r:.80}; known: {', '.join(ALGORITHMS)}")
    return algorithm(kind).load(folder, tasks)
