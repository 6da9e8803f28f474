"""Hands many messages over side by side: while some are on their way, the next are leased, written and authorised.

One line of work a channel, so that a slow SMS provider holds up no mail. In each line:

    lease and write ahead → intend a lot when there is room → at most `at_once` on their way → settle in lots

The database is spoken to in threads of its own and words are made in another, so that answers are taken while all
work. An intent is recorded just before its hand-over: what waits with its intent recorded is never more than two lots,
and no more than a channel's pace lets through in a second.
"""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from clm.channels.protocol import Channel
from clm.domain.content import ChannelName
from clm.domain.instant import SECOND_MS
from clm.domain.outcome import Accepted, InDoubt, NotSent, Rejected
from clm.engine.dispatch import BATCH_MESSAGES, LAPSED, TOO_LATE, Dispatcher
from clm.engine.handover import Answer, Batch, Handed, HandOver

MESSAGES_MAX = 20_000
"""Begun with at a time. Beginning and ending take 0.3 s in which little is handed over: the time is what bounds it."""
SECONDS_MAX = 20.0
"""How long messages are begun with, for one instant: quiet hours may begin, and other runs want their turn."""
LOT_MESSAGES_MAX = 128
_SETTLE_SECONDS = 0.05
"""Answers gather so long before they are recorded together; the disk is waited for once a lot."""
_GRACE_SECONDS = 2.0
"""A channel keeps to its time-out by itself; this is for one that does not."""
_AWAY_ANSWERS = 16
"""So many messages in a row that did not reach the provider mean that it is away."""
_NEW_OBJECTS = 10_000
"""So many come before the new ones are looked through; a message makes some hundred."""
_AWAY_PAUSE_MS = 5 * SECOND_MS

Result = TypeVar("Result")


def stream(
    dispatcher: Dispatcher,
    *,
    messages_max: int = MESSAGES_MAX,
    seconds_max: float = SECONDS_MAX,
    stopping: Callable[[], bool] = lambda: False,
) -> Handed:
    """Hand over what is due, up to `messages_max`, and see everything that was begun to its end.

    Once `stopping` says so, nothing more is begun: what is on its way is settled, what was only leased is given back.
    """
    with _little_garbage():
        return asyncio.run(_Stream(dispatcher, messages_max, seconds_max, stopping).run())


@contextmanager
def _little_garbage() -> Iterator[None]:
    """Look for garbage seldom, and not in what stands before (templates, languages, time zones): 10 % of the time."""
    if gc.get_freeze_count():
        yield
        return
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@dataclass(slots=True)
class _Stream:
    """What the lines of work share."""

    dispatcher: Dispatcher
    left: int
    seconds_max: float
    stopping: Callable[[], bool]
    counts: Counter[str] = field(default_factory=Counter)
    alerts: dict[str, None] = field(default_factory=dict)
    leased: int = 0
    pause_ms: int = 0
    ends_at: float = 0.0

    async def run(self) -> Handed:
        loop = asyncio.get_running_loop()
        self.ends_at = loop.time() + self.seconds_max
        with ThreadPoolExecutor(1, "clm-store") as store, ThreadPoolExecutor(1, "clm-words") as words:
            # SQLite has one writer: two would only wait for each other.
            alone = self.dispatcher.database.dialect == "sqlite"
            settling = store if alone else ThreadPoolExecutor(1, "clm-settle")
            hands = _Hands(store, words, settling, store if alone else words)
            lines = [_Line(self, name, channel, hands) for name, channel in self.dispatcher.channels.items()]
            # One line's failure lets the others finish what they have begun.
            ends = await asyncio.gather(*(line.run() for line in lines), return_exceptions=True)
            await self.dispatcher.close()
            settling.shutdown()
        for end in ends:
            if end is not None:
                raise end
        return Handed(self.leased, dict(self.counts), self.pause_ms, tuple(self.alerts))

    def over(self) -> bool:
        """Whether nothing more is to be begun."""
        return self.stopping() or asyncio.get_running_loop().time() >= self.ends_at


@dataclass(frozen=True, slots=True)
class _Hands:
    """The threads in which the database is spoken to and words are made."""

    store: ThreadPoolExecutor
    words: ThreadPoolExecutor
    settling: ThreadPoolExecutor
    leasing: ThreadPoolExecutor


@dataclass(slots=True)
class _Line:
    """The messages of one channel on their way."""

    stream: _Stream
    name: ChannelName
    channel: Channel
    hands: _Hands
    ready: asyncio.Queue[HandOver | None] = field(default_factory=asyncio.Queue)
    """Their intents are recorded; None lets one of those who hand over go home."""
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    answers: list[Answer] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    unreached: int = 0
    """Messages in a row that did not reach the provider."""
    stopped: bool = False
    """The provider is away, asked us to wait, or refuses us: nothing more is begun."""
    fruitless: bool = False
    """Of the last lot nothing could be decided now: others are at work on the same contacts, and have to be let."""
    handed: bool = False
    """Everything that was begun has its answer."""

    async def run(self) -> None:
        """Until nothing is due, or nothing more is to be begun."""
        batch = await self._ahead(self._lot)  # a short one first, so that all can begin
        if batch is None:
            return
        settling = asyncio.create_task(self._settle())
        handing = [asyncio.create_task(self._hand_over()) for _ in range(self.channel.limits.at_once)]
        try:
            while batch is not None:
                ahead = asyncio.create_task(self._ahead(BATCH_MESSAGES))
                try:
                    await self._begin(batch)
                finally:
                    batch = await ahead
        finally:
            for _ in handing:
                self.ready.put_nowait(None)
            ends = await asyncio.gather(*handing, return_exceptions=True)
            self.handed = True
            self.answered.set()
            await settling  # whatever has gone wrong, answers in hand are recorded
            for end in ends:
                if isinstance(end, BaseException):
                    raise end

    @property
    def _lot(self) -> int:
        """So many intents are recorded together."""
        limits = self.channel.limits
        pace = LOT_MESSAGES_MAX if limits.per_second is None else int(limits.per_second / 2)
        return max(1, min(limits.at_once, LOT_MESSAGES_MAX, pace))

    async def _ahead(self, most: int) -> Batch | None:
        """The next batch with its words made; None when nothing is due, or nothing more is to be begun."""
        limit = min(most, self.stream.left)
        if limit <= 0 or self._over():
            return None
        self.stream.left -= limit
        leased = await self._in(self.hands.leasing, self.stream.dispatcher.lease, (self.name,), limit)
        found = 0 if leased is None else len(leased.rows)
        self.stream.left += limit - found
        self.stream.leased += found
        if leased is None:
            return None
        self.stream.alerts |= dict.fromkeys(leased.codes.alerts)
        return await self._in(self.hands.words, self.stream.dispatcher.write, leased)

    async def _begin(self, batch: Batch) -> None:
        """Record the intents of a batch, a lot at a time, whenever there is room."""
        dispatcher, lot = self.stream.dispatcher, self._lot
        while batch.waiting:
            while self.ready.qsize() > lot and not self._over():
                self.taken.clear()
                await self.taken.wait()
            # Its turn is waited for before anything is decided: what is authorised goes at once.
            for _ in range(min(lot, len(batch.waiting))):
                if self._over():
                    break
                await self.channel.turn()
            if self._over():
                await self._in(self.hands.store, dispatcher.release, batch.token, batch.ids)
                return
            before = self.stream.counts.total()
            handing = await self._in(self.hands.store, dispatcher.intend, batch, batch.next(lot), self.stream.counts)
            for one in handing:
                self.ready.put_nowait(one)
            self.fruitless = not handing and self.stream.counts.total() == before

    async def _hand_over(self) -> None:
        """Hand one message over after the other, as one of `at_once` who do."""
        dispatcher, seconds = self.stream.dispatcher, self.channel.limits.timeout_seconds + _GRACE_SECONDS
        while (one := await self.ready.get()) is not None:
            self.taken.set()
            if self.stopped or self.stream.stopping():
                answer = Answer(one, NotSent("stopped before it was handed over"))
            else:
                try:
                    async with asyncio.timeout(seconds):
                        answer = await dispatcher.hand_over(one)
                except TimeoutError:
                    answer = dispatcher.answered(one, InDoubt("no answer came in time"))
                except asyncio.CancelledError:
                    if (task := asyncio.current_task()) is None or task.cancelling():
                        raise
                    answer = dispatcher.answered(one, InDoubt("the channel gave up"))  # by itself; we did not end it
                self._note(answer)
            self.answers.append(answer)
            self.answered.set()
        self.taken.set()

    def _note(self, answer: Answer) -> None:
        """See whether the provider is away, asks us to wait, or refuses us; then nothing more is begun."""
        match answer.outcome:
            case Accepted() | Rejected() | InDoubt():
                self.unreached = 0
            case NotSent(reason, retry_after_ms, stop) if reason not in {LAPSED, TOO_LATE}:
                self.unreached += 1
                away = self.unreached >= _AWAY_ANSWERS
                if stop or away or retry_after_ms is not None:
                    self.stopped = True
                    self.taken.set()
                if away or retry_after_ms is not None:
                    self.stream.pause_ms = max(self.stream.pause_ms, retry_after_ms or _AWAY_PAUSE_MS)

    async def _settle(self) -> None:
        """Record answers together as they gather, until the last."""
        while True:
            await self.answered.wait()
            if not self.handed:
                await asyncio.sleep(_SETTLE_SECONDS)
            last = self.handed
            self.answered.clear()
            answers, self.answers = self.answers, []
            if answers:
                settled = await self._in(self.hands.settling, self.stream.dispatcher.settle, answers)
                self.stream.counts.update(settled.by_status)
                self.stream.alerts |= dict.fromkeys(settled.alerts)
            if last:
                return

    def _over(self) -> bool:
        return self.stopped or self.fruitless or self.stream.over()

    async def _in(self, executor: ThreadPoolExecutor, work: Callable[..., Result], *arguments: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(executor, work, *arguments)
