"""Hands queued messages over: lease, render, authorise and record the intent, hand over, settle.

Only the hand-over is ambiguous when a process dies: before the intent nothing can have left, after the settlement the
answer is known. A message found `sending` under a lapsed lease is repeated where its provider is idempotent and is in
doubt where it is not (`clm.engine.reconcile`).

`Dispatcher.batch` takes these steps one after the other, for programs that keep a clock of their own;
`clm.engine.stream` takes them side by side, for speed.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from uuid import uuid4

from clm.channels.protocol import Channel
from clm.content.brand import Brand, hosts_of
from clm.content.library import TemplateLibrary
from clm.content.links import Links
from clm.domain.content import ChannelName
from clm.domain.instant import SECOND_MS
from clm.domain.outcome import InDoubt, NotSent, Outcome
from clm.engine import authorisation
from clm.engine.blocks import Blocks
from clm.engine.coupons import Codes, Desk, asking
from clm.engine.handover import Answer, Batch, Clock, Handed, HandOver, Leased
from clm.engine.intent import Intending
from clm.engine.journey import Journey, Journeys
from clm.engine.material import gather
from clm.engine.settling import Settled, settle
from clm.engine.words import Writer
from clm.errors import StoreBusyError
from clm.faults import FaultPoint, reach
from clm.store import leases, references
from clm.store.attempts import ContactBusyError
from clm.store.database import Database, Found

BATCH_MESSAGES = 500
LEASE_SECONDS = 30
"""Longer than any hand-over takes, and about as long as anybody wants to wait after a crash."""
LAPSED = "its lease would have run out before an answer came"
TOO_LATE = "it was too late by the time it was to be handed over"
_INTENT_TRIES_MAX = 5
_CODES_PAUSE_SECONDS = 0.1

Together = Callable[[Sequence[Coroutine[Any, Any, Answer]]], Sequence[Answer]]
"""Runs the hand-overs of one batch, and says what came of each."""


@dataclass(frozen=True)
class Dispatcher:
    """Everything that handing over needs, for one instant; any number may work on one database at once."""

    database: Database
    journeys: Journeys
    library: TemplateLibrary
    brand: Brand
    links: Links
    channels: Mapping[ChannelName, Channel]
    now: int
    clock: Clock
    lease_ms: int = LEASE_SECONDS * SECOND_MS
    together: Together | None = None
    """None is an event loop of their own."""
    pause: Callable[[float], None] = time.sleep
    """Waits so many seconds, where the database is away while answers are to be recorded."""
    made_at: int = field(init=False)
    """Wall-clock milliseconds: `now` is believed for as long as a lease lasts from here."""

    def __post_init__(self) -> None:
        """Note the time."""
        object.__setattr__(self, "made_at", self.clock())

    def batch(self) -> Handed:
        """Hand over one batch of what is due; `leased` is 0 when nothing was free to take."""
        leased = self.lease(limit=BATCH_MESSAGES)
        if leased is None:
            return Handed(0, {})
        batch = self.write(leased)
        counts: Counter[str] = Counter()
        handing = self.intend(batch, batch.next(len(batch.waiting)), counts)
        answers = (self.together or self._in_a_loop)([self.hand_over(one) for one in handing])
        settled = self.settle(answers)
        return Handed(len(leased.rows), counts + settled.by_status, alerts=[*leased.codes.alerts, *settled.alerts])

    def lease(self, channels: Collection[ChannelName] | None = None, limit: int = BATCH_MESSAGES) -> Leased | None:
        """Take up to `limit` messages that are due, of some channels or all; None when nothing was free to take."""
        reach(FaultPoint.BEFORE_LEASE)
        token, intending = uuid4().hex, self._intending
        with self.database.write() as tx:
            ids = leases.lease(
                tx,
                token=token,
                lease_until=self.clock() + self.lease_ms,
                open_=intending.open(tx, clock_now=self.clock()),
                channels=channels,
                now=self.now,
                clock_now=self.clock(),
                limit=limit,
            )
        if not ids:
            return None
        reach(FaultPoint.LEASE_COMMITTED)
        with self.database.read() as tx:
            rows = leases.leased(tx, token, lock=False, ids=ids)
            keys = {(row.campaign, row.version) for row in rows}
            journeys = dict.fromkeys(keys) | self.journeys.of(tx, keys)
            material = gather(tx, rows, self._blocks)
        codes = self._codes(token, rows, journeys)
        if codes is None:
            return None
        asked = authorisation.asked(journeys.values(), self.journeys.configuration.policy)
        return Leased(token, rows, journeys, asked, material.beside(codes.words), codes)

    def _codes(
        self, token: str, rows: Sequence[Found], journeys: Mapping[tuple[str, str], Journey | None]
    ) -> Codes | None:
        """A code for each message whose step carries an offer; None where others stand in the way again and again.

        Codes that others have in hand are asked for again: their transactions take milliseconds.
        """
        carrying = asking(rows, journeys)
        if not carrying:
            return Codes()
        configuration = self.journeys.configuration
        shop = configuration.shop
        desk = Desk(configuration.offers, shop.default_locale, shop.time_zone, self.now)
        found: Codes | None = None
        alerts: list[str] = []
        for tries in range(_INTENT_TRIES_MAX):
            if tries and found is not None:
                self.pause(_CODES_PAUSE_SECONDS)
            try:
                with self.database.write() as tx:
                    found = desk.hold(tx, carrying)
            except StoreBusyError:
                continue
            alerts += found.alerts
            if not found.awaited:
                break
        if found is None:
            self.release(token, [row.id for row in rows])
            return None
        return replace(found, alerts=alerts)

    def write(self, leased: Leased) -> Batch:
        """Make the words of leased messages; nothing is decided by that."""
        return self._writer.write(leased)

    def intend(self, batch: Batch, lot: Mapping[int, int], counts: Counter[str]) -> list[HandOver]:
        """Authorise a lot of a batch against what is committed now and record the intents, in one transaction.

        The unique key on (contact, sending) may refuse an intent when another dispatcher is sending the same contact
        something at this very moment; the transaction is then tried again and leaves that contact for later. Whoever
        was asleep for longer than a lease decides nothing any more: it would be for an instant that is over.
        """
        intending = self._intending
        for _ in range(_INTENT_TRIES_MAX):
            found: Counter[str] = Counter()
            clock_now = self.clock()
            lease_until = clock_now + self.lease_ms
            if clock_now - self.made_at > self.lease_ms:
                break
            try:
                with self.database.write(durable=True) as tx:
                    handing = intending.decide(tx, batch, lot, found, clock_now=clock_now, lease_until=lease_until)
            except (ContactBusyError, StoreBusyError):
                continue
            counts.update(found)
            reach(FaultPoint.INTENT_COMMITTED)
            return handing
        self.release(batch.token, lot)
        return []

    async def hand_over(self, one: HandOver) -> Answer:
        """Hand one message over, while its lease lasts: afterwards others have taken it for lost."""
        channel, envelope, clock_now = self.channels[one.envelope.channel], one.envelope, self.clock()
        if clock_now + channel.limits.timeout_seconds * SECOND_MS > one.lease_until:
            return Answer(one, NotSent(LAPSED))
        if envelope.good_until_ms is not None:
            # The run is for the instant at which it began, and how long an SMS is good counts from now on.
            handed_at = self.now + max(0, clock_now - self.made_at)  # a clock may have been put back meanwhile
            if handed_at >= envelope.good_until_ms:
                return Answer(one, NotSent(TOO_LATE))
            envelope = replace(envelope, at_ms=handed_at)
        try:
            outcome = await channel.deliver(envelope)
        except Exception as error:  # noqa: BLE001 - one message's bad luck must not be its whole batch's
            outcome = InDoubt(f"the channel failed: {type(error).__name__}")
        return self.answered(one, outcome)

    def answered(self, one: HandOver, outcome: Outcome) -> Answer:
        """The answer; a lost one is no doubt where the provider tells a repeated message: it is handed over again."""
        if isinstance(outcome, InDoubt) and self.channels[one.envelope.channel].idempotent:
            return Answer(one, NotSent(outcome.reason), doubted=True)
        return Answer(one, outcome)

    def settle(self, answers: Sequence[Answer]) -> Settled:
        """Record answers, however long the database is away within reason."""
        return settle(self.database, answers, now=self.now, clock=self.clock, pause=self.pause)

    def release(self, token: str, ids: Collection[int]) -> None:
        """Give leased messages back on which nothing was decided."""
        if ids:
            with self.database.write() as tx:
                leases.release(tx, ids, token=token)

    async def close(self) -> None:
        """Give the channels' connections of the running event loop back."""
        for channel in {id(channel): channel for channel in self.channels.values()}.values():
            await channel.close()

    def others_until(self) -> int | None:
        """Until when (wall-clock milliseconds) others may hold something that is due; None if nobody does."""
        intending = self._intending
        with self.database.read() as tx:
            return leases.held_until(
                tx, open_=intending.open(tx, clock_now=self.clock()), now=self.now, clock_now=self.clock()
            )

    def senders(self) -> dict[str, str]:
        """The sender of each channel, as breakers know it."""
        return {channel: self._intending.sender(channel) for channel in self.channels}

    @cached_property
    def _intending(self) -> Intending:
        return Intending(
            policy=self.journeys.configuration.policy,
            brand=self.brand,
            links=self.links,
            channels=self.channels,
            campaigns=[campaign.campaign for campaign in self.journeys.live()],
            # Made in a transaction of its own, before any other begins.
            reference_key=references.key(self.database, now=self.now),
            now=self.now,
        )

    @cached_property
    def _blocks(self) -> Blocks:
        configuration = self.journeys.configuration
        hosts = hosts_of(self.brand)
        return Blocks(self.library, configuration.help, hosts, self.now, surveys=configuration.surveys)

    @cached_property
    def _writer(self) -> Writer:
        configuration = self.journeys.configuration
        return Writer(self.library, self.links, configuration.shop.base_currency, self.now, configuration.surveys)

    def _in_a_loop(self, handing: Sequence[Coroutine[Any, Any, Answer]]) -> Sequence[Answer]:
        async def all_of_them() -> list[Answer]:
            try:
                return list(await asyncio.gather(*handing))
            finally:
                await self.close()

        return asyncio.run(all_of_them())
