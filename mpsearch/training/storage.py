"""Checkpoints on disk: a JSON card and a safetensors file, written so that a crash loses nothing.

A checkpoint is a folder. ``card.json`` names the weights file and its sha256. The card is replaced last and atomically.
Until then, the earlier card and its weights can still be read. Data that only grows, such as a replay, is kept in
shards: files that are written once and never changed. The card names them, too.

Reading a checkpoint never runs code from it. Whatever the folder holds, the result is what was saved, or a
:class:`CheckpointError`. The card has a seal, the sha256 of its content, which shows accidental changes. The seal is
not a signature: somebody who edits a card on purpose can remove the seal, because cards without a seal can be read.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from filelock import FileLock, Timeout
from torch import Tensor

from mpsearch.errors import CheckpointError, UsageError

FORMAT = 1
CARD = "card.json"
LOCK = ".lock"
SEAL = "seal"
FILE_NAME = re.compile(r"(weights|shard)-[0-9a-f]{12}\.safetensors")
TEMPORARY = re.compile(r"\..+\.\d+\.tmp")  # files left by a process that was killed while it wrote
MOST_CARD = 1_000_000  # bytes: 15 times the largest shipped card; parsing it may take 20 times as much memory
MOST_HEADER = 1_000_000  # bytes: about 10,000 tensors; parsing takes a kilobyte for each, even for an empty one


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` completely or not at all.

    It goes to a temporary file in the same folder, which is flushed to the disk and then renamed.
    """
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
    """Prevent other processes from writing checkpoints into ``folder``, which is created if it does not exist.

    The system releases the lock when this process ends, even if it is killed. Locks of one thread may be nested.

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
    """Write ``tensors`` into one new file in ``folder``; returns the entry for this file in a card.

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
        raise cannot_save(folder, error) from error
    return {"file": name, "sha256": digest, "bytes": len(data)}


def write_checkpoint(
    folder: Path, tensors: Mapping[str, Tensor], card: Mapping[str, Any], shards: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Write a checkpoint into ``folder``, replacing the one that is there.

    Args:
        shards: entries of files that :func:`write_tensors` wrote there and that belong to the checkpoint.

    Raises:
        CheckpointError: the folder cannot be written or the disk is full. An earlier checkpoint can still be loaded.
    """
    _sealed(card)  # raises an error before anything is written, if the card cannot be written
    weights = write_tensors(folder, "weights", tensors)
    write_card(folder, {"format": FORMAT, **card, "weights": weights, **({"shards": list(shards)} if shards else {})})
    named = {weights["file"], *(shard["file"] for shard in shards)}
    with contextlib.suppress(OSError):  # the checkpoint is saved already, and unused files do no harm
        for old in folder.iterdir():
            if (FILE_NAME.fullmatch(old.name) and old.name not in named) or TEMPORARY.fullmatch(old.name):
                old.unlink()


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write ``card``, with its seal, into ``folder``, replacing the one that is there.

    Raises:
        CheckpointError: the folder cannot be written, the disk is full, or the card is too large.
    """
    data = _sealed(card)
    try:
        write_atomically(folder / CARD, data)
    except OSError as error:
        raise cannot_save(folder, error) from error


def _sealed(card: Mapping[str, Any]) -> bytes:
    data = (json.dumps({**card, SEAL: seal_of(card)}, indent=1) + "\n").encode()
    if len(data) > MOST_CARD:
        raise CheckpointError(f"a card may have {MOST_CARD:,} bytes, not {len(data):,}; leave out some of its entries")
    return data


def require_savable(card: Mapping[str, Any]) -> None:
    """Raise :class:`UsageError` unless ``card`` is JSON data. The message names the entry that is not."""
    for key, value in card.items():
        if isinstance(value, Mapping):
            require_savable({f"{key}.{name}": item for name, item in value.items()})
            continue
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"{key} = {value!r:.80} cannot be saved in a checkpoint's card ({error}); use numbers, strings, lists"
                " or dictionaries of them, or train without a folder"
            ) from None


def seal_of(card: Mapping[str, Any]) -> str:
    """Return the sha256 of a card's content. The order of its entries and white space do not matter."""
    return hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()


def cannot_save(folder: Path, error: OSError) -> CheckpointError:
    """Return the error to raise when saving to ``folder`` failed with ``error``."""
    reason = error.strerror or error
    return CheckpointError(f"cannot save to {folder}: {reason}; a checkpoint there can still be loaded")


def _read(path: Path, size: int | None = None) -> bytes:
    """Read a file of at most ``MOST_CARD`` bytes, or of exactly ``size`` bytes.

    Raises:
        OSError: the file cannot be read, has another size, or is a pipe or a device, which might never end.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a file")
    if status.st_size > MOST_CARD if size is None else status.st_size != size:
        raise OSError(errno.EFBIG, "it has another size than it should")
    with open(path, "rb") as file:
        return file.read(status.st_size)


def read_card(folder: Path) -> dict[str, Any]:
    """Read the card of the checkpoint in ``folder``.

    Raises:
        CheckpointError: there is no card, it was changed, or a newer mpsearch wrote it.
    """
    path = folder / CARD
    try:
        data = _read(path)
    except FileNotFoundError:
        missing = f"it holds no {CARD}" if folder.is_dir() else "there is no such folder"
        raise CheckpointError(f"no checkpoint in {folder}: {missing}") from None
    except OSError as error:
        raise CheckpointError(f"no checkpoint in {folder}: {CARD} cannot be read ({error.strerror})") from error
    try:
        card = json.loads(data)
        seal = card.pop(SEAL, None) if isinstance(card, dict) else None
        whole = seal is None or seal == seal_of(card)
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path} is damaged: it is not JSON; use another copy") from None
    if not isinstance(card, dict) or type(card.get("format")) is not int:
        raise CheckpointError(f"{path} is not the card of a checkpoint: it has no format number")
    if card["format"] > FORMAT:
        raise CheckpointError(
            f"{folder} was written by a newer mpsearch (format {card['format']}; this one reads up to {FORMAT});"
            " upgrade mpsearch to load it"
        )
    if not whole:
        raise CheckpointError(f"{path} was changed since it was saved; use another copy")
    return card


def read_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read and verify the tensors and the card of the checkpoint in ``folder``. No code in it is run.

    Raises:
        CheckpointError: a file is missing, truncated or edited, or a newer mpsearch wrote it.
    """
    card = read_card(folder)
    return read_tensors(folder, card.get("weights")), card


def read_tensors(folder: Path, entry: Any) -> dict[str, Tensor]:
    """Read and verify the tensors in the file that a card names by ``entry``. No code in it is run.

    Raises:
        CheckpointError: the file is missing, truncated or edited.
    """
    entry = entry if isinstance(entry, dict) else {}
    name = entry.get("file")
    if not isinstance(name, str) or not FILE_NAME.fullmatch(name):
        raise CheckpointError(f"{folder / CARD} is damaged: it does not name a weights file; use another copy")
    path = folder / name
    changed = CheckpointError(f"{path} is truncated or was changed since it was saved; use another copy")
    try:
        data = _read(path, entry.get("bytes", -1))
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise changed from None
        raise CheckpointError(f"{path} cannot be read ({error.strerror}); use another copy") from error
    if hashlib.sha256(data).hexdigest() != entry.get("sha256"):
        raise changed
    try:
        _require_short_header(data)
        return safetensors.torch.load(data)
    except Exception as error:  # the parser may raise anything on bytes from an unknown source
        raise CheckpointError(f"{path} is not a safetensors file: {error!s:.200}; use another copy") from error


def _require_short_header(data: bytes) -> None:
    """Raise ``ValueError`` if the list of tensors at the beginning of a safetensors file is too long."""
    if (size := int.from_bytes(data[:8], "little")) > MOST_HEADER:
        raise ValueError(f"its header may have {MOST_HEADER:,} bytes, not {size:,}")


def require_structure(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], where: str) -> None:
    """Raise :class:`CheckpointError` unless names, shapes and dtypes are as expected and all values are finite."""
    if tensors.keys() != expected.keys():
        odd = sorted(tensors.keys() ^ expected.keys())
        raise CheckpointError(f"{where} belongs to another architecture: tensor {odd[0]!r:.80} does not match")
    for name, tensor in tensors.items():
        want = expected[name]
        if tensor.shape != want.shape or tensor.dtype != want.dtype:
            raise CheckpointError(
                f"{where} belongs to another architecture: {name} is {tensor.dtype} {list(tensor.shape)!s:.80},"
                f" expected {want.dtype} {list(want.shape)}"
            )
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise CheckpointError(f"{where} is damaged: {name} holds values that are not finite")


def add_to_card(folder: Path, key: str, entry: Mapping[str, Any]) -> None:
    """Append ``entry`` to the list ``key`` of the card in ``folder``, atomically.

    Raises:
        CheckpointError: the card cannot be read or written, or another process is writing there.
    """
    read_card(folder)  # raises an error before the lock would create a folder that does not exist
    with locked(folder):
        card = read_card(folder)
        write_card(folder, {**card, key: [*card.get(key, []), dict(entry)]})
