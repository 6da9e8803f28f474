"""Finishing what is in hand before being ended: a signal is remembered, and delivered when the work is done."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def finishing_first() -> Iterator[Callable[[], bool]]:
    """Put off SIGTERM and Ctrl-C until the block ends; yields whether one has come. A second one ends at once.

    Signals reach only the main thread; elsewhere nothing is put off, and whoever is ended leaves it to the leases.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    before = {int(number): signal.getsignal(number) for number in _SIGNALS}

    def remember(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, remember)
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            os.kill(os.getpid(), came[0])
