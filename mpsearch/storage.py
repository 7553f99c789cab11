"""Checkpoints on disk: a JSON card and a safetensors file, written so that a crash loses nothing.

A checkpoint is a folder. ``card.json`` is its manifest: it names the weights file and that file's sha256, and
is replaced last and atomically. Until then the earlier card and its weights stay whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from mpsearch.errors import CheckpointError

FORMAT = 1
CARD = "card.json"
WEIGHTS_NAME = re.compile(r"weights-[0-9a-f]{12}\.safetensors")


def write_atomically(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``: all of it or nothing (temporary file, fsync, rename, fsync of the folder)."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C too
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if os.name == "posix":  # Windows cannot open a folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_checkpoint(folder: Path, tensors: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Write a checkpoint into ``folder``, replacing the one that is there.

    Raises:
        CheckpointError: the folder cannot be written or the disk is full; a checkpoint there can still be loaded.
    """
    data = safetensors.torch.save({name: tensor.detach().contiguous() for name, tensor in tensors.items()})
    digest = hashlib.sha256(data).hexdigest()
    name = f"weights-{digest[:12]}.safetensors"
    manifest = {"format": FORMAT, **card, "weights": {"file": name, "sha256": digest, "bytes": len(data)}}
    text = json.dumps(manifest, indent=1) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / name, data)
        write_atomically(folder / CARD, text.encode())
    except OSError as error:
        reason = error.strerror or error
        raise CheckpointError(f"cannot save to {folder}: {reason}; a checkpoint there can still be loaded") from error
    with contextlib.suppress(OSError):  # saved; weights that no card names do no harm
        for old in folder.glob("weights-*.safetensors"):
            if old.name != name:
                old.unlink()


def read_card(folder: Path) -> dict[str, Any]:
    """The card of the checkpoint in ``folder``.

    Raises:
        CheckpointError: there is none, it is not a card, or a newer mpsearch wrote it.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"no checkpoint in {folder}: {CARD} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError):
        raise CheckpointError(f"{folder / CARD} is damaged: it is not JSON; use another copy") from None
    if not isinstance(card, dict) or not isinstance(card.get("format"), int):
        raise CheckpointError(f"{folder / CARD} is not the card of a checkpoint: it has no format number")
    if card["format"] > FORMAT:
        raise CheckpointError(
            f"{folder} was written by a newer mpsearch (format {card['format']}; this one reads up to {FORMAT});"
            " upgrade mpsearch to load it"
        )
    return card


def read_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the card of the checkpoint in ``folder``, verified. No code is run from it.

    Raises:
        CheckpointError: a file is missing, truncated or edited, or a newer mpsearch wrote it.
    """
    card = read_card(folder)
    weights = card.get("weights")
    weights = weights if isinstance(weights, dict) else {}
    name = weights.get("file")
    if not isinstance(name, str) or not WEIGHTS_NAME.fullmatch(name):
        raise CheckpointError(f"{folder / CARD} is damaged: it does not name a weights file; use another copy")
    try:
        data = (folder / name).read_bytes()
    except OSError as error:
        raise CheckpointError(f"{folder / name} cannot be read ({error.strerror}); use another copy") from error
    if hashlib.sha256(data).hexdigest() != weights.get("sha256"):
        raise CheckpointError(f"{folder / name} is truncated or was changed since it was saved; use another copy")
    try:
        return safetensors.torch.load(data), card
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(f"{folder / name} is not a safetensors file: {error}; use another copy") from None


def require_structure(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], where: str) -> None:
    """Raise :class:`CheckpointError` unless names, shapes and dtypes agree and all values are finite."""
    if tensors.keys() != expected.keys():
        odd = sorted(tensors.keys() ^ expected.keys())
        raise CheckpointError(f"{where} belongs to another architecture: tensor {odd[0]!r} does not match")
    for name, tensor in tensors.items():
        want = expected[name]
        if tensor.shape != want.shape or tensor.dtype != want.dtype:
            raise CheckpointError(
                f"{where} belongs to another architecture: {name} is {tensor.dtype} {list(tensor.shape)},"
                f" expected {want.dtype} {list(want.shape)}"
            )
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise CheckpointError(f"{where} is damaged: {name} holds values that are not finite")


def add_to_card(folder: Path, key: str, entry: Mapping[str, Any]) -> None:
    """Append ``entry`` to the list ``key`` of the card in ``folder``, atomically.

    Raises:
        CheckpointError: the card cannot be read or written.
    """
    card = read_card(folder)
    card[key] = [*card.get(key, []), dict(entry)]
    try:
        write_atomically(folder / CARD, (json.dumps(card, indent=1) + "\n").encode())
    except OSError as error:
        raise CheckpointError(f"cannot write {folder / CARD}: {error.strerror}") from error
