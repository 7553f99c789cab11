"""Requests to stop: Ctrl-C, a notebook's stop button, or SIGTERM. Training reacts to them between iterations."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

TERMINATED = 143  # the exit code of a process that SIGTERM ended: 128 + 15
TERMINATIONS = ("SIGTERM", "SIGBREAK")  # SIGBREAK is Ctrl-Break, which only Windows has


class Terminated(SystemExit):
    """The process received SIGTERM, and training has saved. If this is not caught, the process exits with code 143."""

    def __init__(self, words: str = "") -> None:
        super().__init__(TERMINATED)
        self.words = words

    def __str__(self) -> str:
        return self.words


@contextmanager
def raising_terminated() -> Iterator[None]:
    """Inside, SIGTERM raises :class:`Terminated`, unless the surrounding program handles or ignores it."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class Interrupt:
    """A context in which the first signal to stop only sets ``asked``. A second signal stops at once.

    Signals that the program ignores stay ignored. Outside the main thread the context has no effect::

        with Interrupt() as interrupt:
            while work and not interrupt.asked:
                ...
        if interrupt.asked:
            raise interrupt.error("stopped")

    Attributes:
        asked: whether a signal was received.
        error: the exception to raise in that case: ``KeyboardInterrupt``, or :class:`Terminated` after SIGTERM.
    """

    def __init__(self) -> None:
        self.asked = False
        self.error: Callable[[str], BaseException] = KeyboardInterrupt
        self._earlier: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            numbers = [signal.SIGINT, *(getattr(signal, name) for name in TERMINATIONS if hasattr(signal, name))]
            for number in numbers:
                earlier = signal.getsignal(number)
                if earlier not in (signal.SIG_IGN, None):  # None stands for a handler that is not Python's
                    self._earlier[number] = earlier
                    signal.signal(number, self._hear)
        return self

    def __exit__(self, *error: object) -> None:
        for number, earlier in self._earlier.items():
            signal.signal(number, earlier)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        error = KeyboardInterrupt if number == signal.SIGINT else Terminated
        if self.asked:
            raise error()
        self.asked, self.error = True, error
