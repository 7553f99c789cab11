"""The zoo: meta-policies that come with the package, and loading any checkpoint by name or folder."""

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
ALGORITHMS = {"maml": "mpsearch.maml:MAML", "pearl": "mpsearch.pearl:PEARL"}  # imported when asked for


def available() -> list[str]:
    """The names of the shipped meta-policies."""
    return sorted(card.parent.name for card in ZOO.glob(f"*/{CARD}"))


def find(name: str | os.PathLike[str]) -> Path:
    """The folder of a checkpoint: a shipped name, or a folder that holds one."""
    if isinstance(name, str) and name in available():
        return ZOO / name
    with contextlib.suppress(OSError):  # the name is too long for a file, or the folder may not be entered
        if (Path(name) / CARD).is_file():
            return Path(name)
    if isinstance(name, os.PathLike) or os.sep in str(name):
        raise CheckpointError(f"no checkpoint in {os.fspath(name)}: it holds no {CARD}")
    raise unknown("meta-policy", name, available())


def algorithm(name: str) -> type[MetaPolicy]:
    """The class of an algorithm by the name the command line uses."""
    if name not in ALGORITHMS:
        raise unknown("algorithm", name, ALGORITHMS)
    module, _, kind = ALGORITHMS[name].partition(":")
    return getattr(import_module(module), kind)


def load(name: str | os.PathLike[str], tasks: TaskDistribution | None = None) -> MetaPolicy:
    """A shipped meta-policy by name (see :func:`available`), or the one saved in a folder. No network.

    Args:
        name: such as ``"maml-cheetah-direction"``, or a folder.
        tasks: the distribution to use, if not the one it was trained on.

    Raises:
        UsageError: no such name; the message lists those there are.
        CheckpointError: the checkpoint is damaged or of a newer version.
    """
    from mpsearch.training.storage import read_card

    folder = find(name)
    kind = str(read_card(folder).get("algorithm"))
    if kind not in ALGORITHMS:
        raise CheckpointError(f"{folder} holds an unknown algorithm {kind!r:.80}; known: {', '.join(ALGORITHMS)}")
    return algorithm(kind).load(folder, tasks)
