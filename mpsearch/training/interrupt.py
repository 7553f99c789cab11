"""Ctrl-C, or the notebook's stop button, as a request that long work hears when it is at a good place to stop."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self


class Interrupt:
    """While it is entered, the first interrupt only sets ``asked``; a second one stops at once, as usual.

    Outside the main thread, and where interrupts are ignored or not Python's business, nothing changes::

        with Interrupt() as interrupt:
            while work and not interrupt.asked:
                ...
    """

    def __init__(self) -> None:
        self.asked = False
        self._earlier: Any = None

    def __enter__(self) -> Self:
        earlier = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and callable(earlier):
            self._earlier = earlier
            signal.signal(signal.SIGINT, self._hear)
        return self

    def __exit__(self, *error: object) -> None:
        if self._earlier is not None:
            signal.signal(signal.SIGINT, self._earlier)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
