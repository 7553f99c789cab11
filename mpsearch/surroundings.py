"""Torch as the library needs it, whatever the surrounding program has set."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

_lock = threading.Lock()
_samplers = 0  # how many threads are inside :func:`one_torch_thread`
_threads = 1  # torch's threads before the first of them came


@contextmanager
def own_torch() -> Iterator[None]:
    """Inside: 32-bit floats on the processor, with gradients. Afterwards all is as the surrounding program had it.

    A default device "meta" stays, because there only shapes are wanted.
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
    """Inside, torch computes with one thread, so that its threads do not take the cores from MuJoCo's.

    Several threads may be inside at the same time; the last one that leaves gives torch its threads back.
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
