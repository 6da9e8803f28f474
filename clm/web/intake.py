"""Stores what providers tell, several requests in one transaction; each is answered once its own events are on disk.

Waiting for the disk takes longer than everything else. One thread writes: it takes all that has come in meanwhile and
commits it together, so that a hundred requests at once wait for the disk once and not a hundred times.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from clm.domain.provider_event import ProviderEvent
from clm.engine.receive import EVENTS_MAX, Received, counted, receive
from clm.errors import StoreBusyError, StoreError
from clm.store.database import Database

log = logging.getLogger("clm.web")

EVENTS_WAITING_MAX = 100_000
ANSWER_SECONDS_MAX = 25.0
"""So long a request waits for its events; then the provider is asked to tell them again, which is harmless."""


@dataclass(slots=True)
class _Delivery:
    """The events of one request, or as many of them as go into one transaction."""

    events: Sequence[ProviderEvent]
    stored: Future[None] = field(default_factory=Future)


class Intake:
    """Takes events in from any number of requests."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock
        self._queue: queue.SimpleQueue[_Delivery | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting = 0
        self._writer: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """How many events have come in and are in no transaction yet."""
        return self._waiting

    async def take(self, events: Sequence[ProviderEvent]) -> None:
        """Return once the events are committed and on disk; raises StoreError where they are not, or not in time."""
        if not events:
            return
        parts = [events[start : start + EVENTS_MAX] for start in range(0, len(events), EVENTS_MAX)]
        deliveries = [_Delivery(part) for part in parts]
        with self._lock:
            if self._waiting + len(events) > EVENTS_WAITING_MAX:
                raise StoreBusyError("too many events are waiting to be stored")
            self._waiting += len(events)
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="intake", daemon=True)
                self._writer.start()
        for delivery in deliveries:
            self._queue.put(delivery)
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                await asyncio.gather(*(asyncio.wrap_future(delivery.stored) for delivery in deliveries))
        except TimeoutError:
            raise StoreBusyError("the database took too long") from None

    def close(self) -> None:
        """Store what has come in, then stop."""
        with self._lock:
            writer, self._writer = self._writer, None
        if writer is not None:
            self._queue.put(None)
            writer.join()

    def _write(self) -> None:
        waiting: _Delivery | None = None
        while True:
            first = waiting or self._queue.get()
            if first is None:
                return
            batch, waiting, ended = self._others(first)
            with self._lock:
                self._waiting -= sum(len(one.events) for one in batch)
            # Whoever has stopped waiting will tell it again.
            wanted = [one for one in batch if one.stored.set_running_or_notify_cancel()]
            if wanted:
                self._store(wanted)
            if ended:
                return

    def _others(self, first: _Delivery) -> tuple[list[_Delivery], _Delivery | None, bool]:
        """What has come in beside the first and fits into its transaction, what does not, and whether it is the end."""
        batch, size = [first], len(first.events)
        while True:
            try:
                other = self._queue.get_nowait()
            except queue.Empty:
                return batch, None, False
            if other is None:
                return batch, None, True
            if size + len(other.events) > EVENTS_MAX:
                return batch, other, False
            batch.append(other)
            size += len(other.events)

    def _store(self, batch: Sequence[_Delivery]) -> None:
        """Store a batch in one transaction; where the database refuses it, each by itself, until it refuses again.

        What it will never take must not keep out what came at the same time; and a database that is away is not asked
        for every request that waits.
        """
        error = self._try(batch)
        if error is None or len(batch) == 1:
            _answer(batch, error)
            return
        refused = 0
        for one in batch:
            own = self._try([one]) if refused < 2 else error
            refused += own is not None
            _answer([one], own)

    def _try(self, batch: Sequence[_Delivery]) -> Exception | None:
        events = [event for one in batch for event in one.events]
        received: Received
        try:
            received = receive(self._database, events, now=self._clock())
        except StoreError as error:
            log.warning("%d events of %d requests are not stored: %s", len(events), len(batch), error)
            return error
        except Exception as error:  # noqa: BLE001 - the thread must outlive it, and its text may quote a person's data
            log.error("%d events are not stored: %s", len(events), type(error).__name__)  # noqa: TRY400
            return StoreError("the events could not be stored")
        log.info("events of %d requests: %s", len(batch), counted([received]))
        for alert in received.alerts:
            log.error("%s", alert)
        return None


def _answer(batch: Sequence[_Delivery], error: Exception | None) -> None:
    for one in batch:
        if error is None:
            one.stored.set_result(None)
        else:
            one.stored.set_exception(error)
