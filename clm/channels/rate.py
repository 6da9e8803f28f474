"""How many messages a second one process hands to a provider."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

_BURST_SECONDS = 1.0


class Pace:
    """A token bucket: after a pause a second's worth may go at once, then `per_second`; None is as many as come.

    It keeps a timer of its own (a monotonic one, which knows no date), because it measures what has passed and not when
    it is. Several event loops, each in its thread, share one.
    """

    def __init__(self, per_second: float | None, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._interval = 0.0 if per_second is None else 1 / per_second
        self._slack = max(_BURST_SECONDS - self._interval, 0.0)
        self._timer = timer
        self._full_at = timer()  # when the bucket will be full again, seconds
        self._lock = threading.Lock()

    async def turn(self) -> None:
        """Wait until one more may go."""
        seconds = self.reserve()
        if seconds > 0:
            await asyncio.sleep(seconds)

    def reserve(self) -> float:
        """Take the next place, and say in how many seconds it comes."""
        if not self._interval:
            return 0.0
        with self._lock:
            now = self._timer()
            full_at = max(self._full_at, now)
            self._full_at = full_at + self._interval
        return max(full_at - self._slack - now, 0.0)
