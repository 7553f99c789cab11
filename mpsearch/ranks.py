"""Several processes, called ranks, that train one agent together. PyTorch's launcher ``torchrun`` starts them.

Each rank simulates its share of the tasks and learns from it (see :mod:`mpsearch.shares`). The functions of this module
combine what the ranks found, and all ranks get the same numbers, to the bit. All ranks have to call them, in the same
order. In a process that is alone, each of these functions returns what it was given.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from mpsearch.errors import EpisodeError, MpsearchError, NonFiniteError, RankError, UsageError, check_number

PATIENCE = 60.0  # seconds that a rank waits for the others before it gives up
SIGHT = 5.0  # seconds that a rank waits until it sees a file of another rank; file servers may be slow
MOST_WORDS = 1000  # bytes of an error's message that other ranks get to know
KINDS = (NonFiniteError, EpisodeError, UsageError, MpsearchError)  # errors that are passed on with their class
LOST = (
    "another process of this training has ended, or did not answer in time ({reason}); the last checkpoint is whole:"
    " continue it with --resume, or let torchrun do that with --max-restarts"
)


def count() -> int:
    """Return the number of ranks: 1 for a process that is alone."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def number() -> int:
    """Return the number of this rank, from 0."""
    return dist.get_rank() if count() > 1 else 0


def restarted() -> bool:
    """Return whether torchrun has started the ranks again because one of them had failed (``--max-restarts``)."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def threads() -> int:
    """Return the threads with which this rank may simulate: the cores that it has, divided among its machine's ranks.

    It is 0, which means all cores, for a process that is alone.
    """
    if count() == 1:
        return 0
    return max(1, (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", count())))


@contextmanager
def joined(patience: float = PATIENCE) -> Iterator[None]:
    """Inside, this process is one of the ranks that torchrun started. Without torchrun, nothing changes.

    Args:
        patience: the seconds that a rank waits for the others: at the start, and whenever they combine their results.

    Raises:
        RankError: the ranks cannot be reached.
    """
    check_number("patience", patience, 1)
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or count() > 1:
        yield
        return
    try:
        _meet(timedelta(seconds=patience))
    except (RuntimeError, ValueError) as error:
        raise RankError(_why_alone(str(error), patience)) from error
    try:
        yield
    finally:
        dist.destroy_process_group()


def _meet(patience: timedelta) -> None:
    """Find the other ranks. After a restart, the store still holds the addresses of the ranks that have ended."""
    # This module, which optimisers import, keeps the group that exists at that time as a default argument, for ever.
    # Its threads would go on after the end of the group, and then, now and then, abort the program as it exits.
    import_module("torch.distributed.nn.functional")
    store, rank, size = next(rendezvous("env://", timeout=patience))
    store.set_timeout(patience)
    again = PrefixStore(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"), store)
    dist.init_process_group("gloo", store=again, rank=rank, world_size=size, timeout=patience)


def _why_alone(reason: str, patience: float) -> str:
    where = f"{os.environ.get('MASTER_ADDR', '?')}:{os.environ.get('MASTER_PORT', '?')}"
    if "EADDRINUSE" in reason or "already in use" in reason:
        return f"the port of {where} is in use; choose another with torchrun --master-port, or take --standalone"
    return (
        f"the {os.environ['WORLD_SIZE']} processes of this training did not all come to {where} within {patience:g} s;"
        " start the missing ones, or wait longer with --patience"
    )


def mean(weight: float, *tensors: Tensor) -> list[Tensor]:
    """Return the mean of each tensor over all ranks, where this rank's values count ``weight`` times.

    Args:
        weight: for means over tasks, the number of this rank's tasks.
        tensors: of any shapes, and of one dtype and device.

    Raises:
        RankError: a rank is gone.
    """
    if count() == 1:
        return list(tensors)
    parts = [*(t.detach().flatten() * weight for t in tensors), tensors[0].new_tensor([weight])]
    *sums, weights = _reduced(torch.cat(parts)).split([part.numel() for part in parts])
    return [(s / weights).view_as(t) for s, t in zip(sums, tensors, strict=True)]


def total_number(value: float) -> float:
    """Return the sum of ``value`` over all ranks."""
    return total(torch.tensor(value, dtype=torch.float64)).item()


def total(values: Tensor) -> Tensor:
    """Return the sum of ``values`` over all ranks."""
    return values if count() == 1 else _reduced(values.clone())


def largest(*values: int) -> list[int]:
    """Return the largest of each value on any rank. For conditions, this says whether they hold on any rank."""
    if count() == 1:
        return list(values)
    return [int(x) for x in _reduced(torch.tensor(values, dtype=torch.int64), dist.ReduceOp.MAX)]


def _reduced(values: Tensor, operation: dist.ReduceOp.RedOpType = dist.ReduceOp.SUM) -> Tensor:
    with _answering():
        dist.all_reduce(values, operation)
    return values


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0].rpartition("] ")[2]
        raise RankError(LOST.format(reason=f"{reason:.100}")) from error


def gather(data: bytes) -> list[bytes]:
    """Return the ``data`` of each rank. It must have the same length everywhere."""
    if count() == 1:
        return [data]
    mine = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    found = [torch.empty_like(mine) for _ in range(count())]
    with _answering():
        dist.all_gather(found, mine)
    return [bytes(each.numpy()) for each in found]


@contextmanager
def together() -> Iterator[None]:
    """Let all ranks raise the error that one of them raises inside, so that none waits for the others in vain."""
    caught: MpsearchError | None = None
    try:
        yield
    except MpsearchError as error:
        if count() == 1 or isinstance(error, RankError):
            raise
        caught = error
    if count() == 1:
        return
    kind = next((k for k, each in enumerate(KINDS) if isinstance(caught, each)), 0)
    words = f"{kind}{caught}".encode()[:MOST_WORDS] if caught else b""
    raised = [each.rstrip(b"\0").decode(errors="ignore") for each in gather(words.ljust(MOST_WORDS, b"\0"))]
    for rank, text in enumerate(raised):
        if text:
            where = "" if all(raised) else f" (in process {rank} of {count()})"
            raise KINDS[int(text[0])](text[1:] + where) from caught


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the sha256 of the names and values of ``tensors``."""
    found = hashlib.sha256()
    for name, tensor in tensors.items():
        found.update(name.encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def require_same(facts: Mapping[str, object], advice: str) -> None:
    """Compare ``facts`` with those of the other ranks.

    Raises:
        UsageError: some of them differ. The message names them, and ends with ``advice``.
    """
    mine = b"".join(hashlib.sha256(repr(fact).encode()).digest() for fact in facts.values())
    first, *others = gather(mine)
    for rank, theirs in enumerate(others, start=1):
        names = [name for i, name in enumerate(facts) if theirs[32 * i : 32 * i + 32] != first[32 * i : 32 * i + 32]]
        if names:
            raise UsageError(f"process {rank} differs from process 0 in {', '.join(names)}; {advice}")


def require_shared(folder: Path) -> None:
    """Check that all ranks see the same ``folder``, which is created if it does not exist.

    Raises:
        UsageError: they do not.
    """
    if count() == 1:
        return
    (name,) = {each.decode() for each in gather(secrets.token_hex(8).encode())[:1]}
    mark = folder / f".{name}.mark"
    if number() == 0:
        folder.mkdir(parents=True, exist_ok=True)
        mark.touch()
    gather(b".")  # from here on the mark exists
    end = time.monotonic() + SIGHT
    while not mark.exists() and time.monotonic() < end:
        time.sleep(0.1)
    blind = [rank for rank, each in enumerate(gather(b"1" if mark.exists() else b"0")) if each == b"0"]
    if number() == 0:
        mark.unlink(missing_ok=True)
    if blind:
        raise UsageError(
            f"process {blind[0]} does not see the folder {folder} of process 0; give one that all machines share"
        )
