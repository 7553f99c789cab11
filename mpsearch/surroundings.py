"""Settings of torch that the library needs while it computes, whatever the program that uses it has set."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

_lock = threading.Lock()
_samplers = 0  # how many threads are inside :func:`one_torch_thread` now
_threads = 1  # how many threads torch had before the first of them entered


@contextmanager
def own_torch() -> Iterator[None]:
    """Let torch create 32-bit floats on the processor and compute gradients; restore the caller's settings at the end.

    The default device "meta" is kept, because it is set where only the shapes of tensors are needed.
    """
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        if torch.get_default_device().type not in ("cpu", "meta"):
            stack.enter_context(torch.device("cpu"))
        if (dtype := torch.get_default_dtype()) is not torch.float32:
            stack.callback(torch.set_default_dtype, dtype)
            torch.set_default_dtype(torch.float32)
        yield


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let torch compute with one thread, so that its threads do not compete with MuJoCo's for the processor cores.

    Several threads may use this at the same time. The last one to leave restores torch's number of threads.
    """
    global _samplers, _threads
    with _lock:
        if _samplers == 0:
            _threads = torch.get_num_threads()
        _samplers += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _lock:
            _samplers -= 1
            if _samplers == 0:
                torch.set_num_threads(_threads)
