"""Checkpoints on disk: a JSON card and a safetensors file, written so that a crash loses nothing.

A checkpoint is a folder. ``card.json`` is its manifest: it names the weights file and that file's sha256, and
is replaced last and atomically. Until then the earlier card and its weights stay whole. What only ever grows (a
replay) is kept in shards, files that are written once and never changed; the card names these too.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from filelock import FileLock, Timeout
from torch import Tensor

from mpsearch.errors import CheckpointError

FORMAT = 1
CARD = "card.json"
LOCK = ".lock"
FILE_NAME = re.compile(r"(weights|shard)-[0-9a-f]{12}\.safetensors")


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


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Meanwhile no other process may write checkpoints into ``folder``, which is made if it is not there.

    The system lets go of the lock when this process ends, however it ends. Within one thread locks may be nested.

    Raises:
        CheckpointError: another process holds the lock, or the folder cannot be written.
    """
    lock = FileLock(folder / LOCK, timeout=0, is_singleton=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        words = f"another process is writing to {folder}; wait until it has ended, or choose another folder"
        raise CheckpointError(words) from None
    except OSError as error:
        raise CheckpointError(f"cannot write to {folder}: {error.strerror}; choose another folder") from error
    try:
        yield
    finally:
        lock.release()


def write_tensors(folder: Path, kind: str, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Write ``tensors`` into one new file in ``folder``; returns the entry that a card names it by.

    Raises:
        CheckpointError: the folder cannot be written or the disk is full.
    """
    data = safetensors.torch.save({name: tensor.detach().contiguous() for name, tensor in tensors.items()})
    digest = hashlib.sha256(data).hexdigest()
    name = f"{kind}-{digest[:12]}.safetensors"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / name, data)
    except OSError as error:
        raise _cannot_save(folder, error) from error
    return {"file": name, "sha256": digest, "bytes": len(data)}


def write_checkpoint(
    folder: Path, tensors: Mapping[str, Tensor], card: Mapping[str, Any], shards: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Write a checkpoint into ``folder``, replacing the one that is there.

    Args:
        shards: entries of files that :func:`write_tensors` wrote there and that belong to the checkpoint.

    Raises:
        CheckpointError: the folder cannot be written or the disk is full; a checkpoint there can still be loaded.
    """
    json.dumps(card)  # a card that cannot be written is found out before anything is
    weights = write_tensors(folder, "weights", tensors)
    manifest = {"format": FORMAT, **card, "weights": weights, **({"shards": list(shards)} if shards else {})}
    try:
        write_atomically(folder / CARD, (json.dumps(manifest, indent=1) + "\n").encode())
    except OSError as error:
        raise _cannot_save(folder, error) from error
    named = {weights["file"], *(shard["file"] for shard in shards)}
    with contextlib.suppress(OSError):  # saved; files that no card names do no harm
        for old in folder.glob("*-*.safetensors"):
            if FILE_NAME.fullmatch(old.name) and old.name not in named:
                old.unlink()


def _cannot_save(folder: Path, error: OSError) -> CheckpointError:
    reason = error.strerror or error
    return CheckpointError(f"cannot save to {folder}: {reason}; a checkpoint there can still be loaded")


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
    return read_tensors(folder, card.get("weights")), card


def read_tensors(folder: Path, entry: Any) -> dict[str, Tensor]:
    """The tensors in the file that a card names by ``entry``, verified. No code is run from it.

    Raises:
        CheckpointError: the file is missing, truncated or edited.
    """
    entry = entry if isinstance(entry, dict) else {}
    name = entry.get("file")
    if not isinstance(name, str) or not FILE_NAME.fullmatch(name):
        raise CheckpointError(f"{folder / CARD} is damaged: it does not name a weights file; use another copy")
    try:
        data = (folder / name).read_bytes()
    except OSError as error:
        raise CheckpointError(f"{folder / name} cannot be read ({error.strerror}); use another copy") from error
    if hashlib.sha256(data).hexdigest() != entry.get("sha256"):
        raise CheckpointError(f"{folder / name} is truncated or was changed since it was saved; use another copy")
    try:
        return safetensors.torch.load(data)
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
