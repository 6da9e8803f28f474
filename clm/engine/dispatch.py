"""Hands queued messages over, a batch at a time: lease, render, authorise and record the intent, deliver, settle.

Only the delivery is ambiguous when a process dies: before the intent nothing can have left, after the settlement the
answer is known. A message found `sending` under a lapsed lease is repeated where the channel is idempotent and is in
doubt where it is not (`clm.engine.reconcile`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import uuid4

from clm.channels.protocol import Channel
from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.content.links import Links
from clm.domain.content import ChannelName, Content, Envelope
from clm.domain.fact import FACTS
from clm.domain.instant import SECOND_MS, from_ms
from clm.domain.outcome import Accepted, InDoubt, NotSent, Outcome, Rejected
from clm.domain.policy import Defer, Policy, Stop, authorise
from clm.domain.reference import reference
from clm.engine import authorisation
from clm.engine.journey import Journey, Journeys
from clm.errors import RenderError, StoreBusyError
from clm.store import contacted, enrolments, messages, orders, references, withheld
from clm.store.database import Database, Found, Transaction
from clm.store.messages import Asked, ContactBusyError, Intent, Settlement, Turn
from clm.store.withheld import Deferred, Ended

BATCH_MESSAGES = 500
LEASE_SECONDS = 30
"""Far longer than a batch takes, and about as long as anybody wants to wait after a crash."""
CONCURRENCY_MAX = 64
_INTENT_TRIES_MAX = 5
_SETTLE_TRIES_MAX = 5
PRODUCTS_MAX = 5
_TIMES = frozenset(name for name, fact in FACTS.items() if fact.type == "time")

Clock = Callable[[], int]
"""Wall-clock milliseconds, for leases alone."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What became of one batch: how many were leased, and where they went."""

    leased: int
    by_status: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Batch:
    """What was leased under one token, with its words made and nothing decided yet."""

    token: str
    contact_ids: Collection[int]
    journeys: Mapping[tuple[str, str], Journey | None]
    asked: tuple[Asked, ...]
    """What conditions ask for beside the contacts' own facts."""
    contents: Mapping[int, Content]
    unrenderable: Mapping[int, str]

    @property
    def ids(self) -> Collection[int]:
        """The messages whose words were made, or could not be."""
        return self.contents.keys() | self.unrenderable.keys()


@dataclass(frozen=True)
class Dispatcher:
    """Everything a batch needs; any number may work on one database at once."""

    database: Database
    journeys: Journeys
    library: TemplateLibrary
    brand: Brand
    links: Links
    channels: Mapping[ChannelName, Channel]
    now: int
    clock: Clock

    def batch(self) -> Handed:
        """Hand over one batch of what is due; `leased` is 0 when nothing was free to take."""
        token = uuid4().hex
        _ = self._reference_key  # made in a transaction of its own, before any other begins
        with self.database.write() as tx:
            ids = messages.lease(
                tx,
                token=token,
                lease_until=self._lease_until(),
                campaigns=self._live(),
                now=self.now,
                clock_now=self.clock(),
                limit=BATCH_MESSAGES,
            )
        if not ids:
            return Handed(0, {})
        with self.database.read() as tx:
            rows = messages.leased(tx, token, lock=False, ids=ids)
            products = _products(tx, rows)
            keys = {(row.campaign, row.version) for row in rows}
            journeys = dict.fromkeys(keys) | self.journeys.of(tx, keys)
        contact_ids = frozenset(row.contact_id for row in rows)
        asked = authorisation.asked(journeys.values(), self._policy)
        batch = Batch(token, contact_ids, journeys, asked, *self._render(rows, products))
        counts: Counter[str] = Counter()
        envelopes = self._intend(batch, counts)
        outcomes = asyncio.run(self._deliver([envelope for envelope, _ in envelopes]))
        numbers = {envelope.message_id: number for envelope, number in envelopes}
        settlements = [_settlement(message_id, numbers[message_id], outcome) for message_id, outcome in outcomes]
        settled = self._settle(token, settlements)
        counts.update(settlement.status for settlement in settlements if settlement.id in settled)
        return Handed(len(ids), dict(counts))

    def others_until(self) -> int | None:
        """Until when (wall-clock milliseconds) others may hold something that is due; None if nobody does."""
        with self.database.read() as tx:
            return messages.held_until(tx, campaigns=self._live(), now=self.now, clock_now=self.clock())

    @cached_property
    def _reference_key(self) -> str:
        return references.key(self.database, now=self.now)

    @property
    def _policy(self) -> Policy:
        return self.journeys.configuration.policy

    def _lease_until(self) -> int:
        return self.clock() + LEASE_SECONDS * SECOND_MS

    def _live(self) -> list[str]:
        return [campaign.campaign for campaign in self.journeys.live()]

    def _render(
        self, rows: Sequence[Found], products: Mapping[int, list[dict[str, Any]]]
    ) -> tuple[dict[int, Content], dict[int, str]]:
        contents: dict[int, Content] = {}
        stopped: dict[int, str] = {}
        for row in rows:
            context = self._context(row, products.get(row.contact_id, []))
            try:
                contents[row.id] = self.library.render(row.campaign, row.step, row.channel, row.locale, context)
            except RenderError as error:
                stopped[row.id] = str(error)
        return contents, stopped

    def _context(self, row: Found, products: list[dict[str, Any]]) -> dict[str, Any]:
        """Everything a template may speak of, as plain values; what is not known is left out by the library."""
        facts = {
            name: from_ms(value) if value is not None and name in _TIMES else value
            for name, value in authorisation.contact_facts(row).items()
        }
        return {
            "contact": {
                "id": row.external_id,
                "first_name": row.first_name,
                "last_name": row.last_name,
                "country": row.country,
                "locale": row.locale,
            },
            "facts": facts,
            "last_order": {
                "id": facts["last_order_id"],
                "ordered_at": facts["last_order_at"],
                "products": products or None,
            },
            "currency": self.journeys.configuration.shop.base_currency,
            "links": {"unsubscribe": self.links.unsubscribe(row.contact_id)},
            "now": from_ms(self.now),
        }

    def _intend(self, batch: Batch, counts: Counter[str]) -> list[tuple[Envelope, int]]:
        """Authorise against what is committed now and record the intent, in one transaction.

        The unique key on (contact, sending) may refuse an intent when another dispatcher is sending the same contact
        something at this very moment; the transaction is then tried again and leaves that contact for later.
        """
        for _ in range(_INTENT_TRIES_MAX):
            found: Counter[str] = Counter()
            try:
                with self.database.write(durable=True) as tx:
                    envelopes = self._authorise(tx, batch, found)
            except (ContactBusyError, StoreBusyError):
                continue
            counts.update(found)
            return envelopes
        with self.database.write() as tx:
            messages.release(tx, [*batch.contents, *batch.unrenderable], token=batch.token)
        return []

    def _authorise(self, tx: Transaction, batch: Batch, counts: Counter[str]) -> list[tuple[Envelope, int]]:
        # Held before anything is read: caps are counted by one dispatcher at a time, and no opt-out is missed.
        contacted.hold(tx, batch.contact_ids)
        rows = messages.leased(tx, batch.token, lock=True, ids=batch.ids, asked=batch.asked, now=self.now)
        busy = messages.contacts_in_hand(tx, batch.contact_ids)
        elsewhere = messages.elsewhere(
            tx, batch.contact_ids, token=batch.token, campaigns=self._live(), now=self.now, clock_now=self.clock()
        )
        others = authorisation.known(tx, rows, batch.journeys, self._policy, now=self.now)
        ended: list[Ended] = []
        deferred: list[Deferred] = []
        sending: list[tuple[Envelope, int]] = []
        leaving: dict[int, str] = {}
        later: list[int] = []
        for row in rows:
            key = (row.campaign, row.version)
            turn = Turn(row.queue_rank, row.due_at, row.id)
            not_its_turn = row.contact_id in busy or elsewhere.get(row.contact_id, turn) < turn
            if not_its_turn or key not in batch.journeys:
                later.append(row.id)
                continue
            journey = batch.journeys[key]
            if journey is None:
                ended.append(Ended(row.id, "dead", "its version of the campaign cannot be read any more"))
                continue
            candidate = authorisation.candidate(row, journey, others, self._policy, team=self.brand.team.email)
            verdict = authorise(candidate, authorisation.facts(row, batch.asked), self._policy, self.now)
            if isinstance(verdict, Stop):
                ended.append(Ended(row.id, verdict.status, verdict.reason, verdict.facts))
                if verdict.ends_enrolment:
                    leaving[row.enrolment_id] = verdict.reason
            elif row.id in batch.unrenderable:
                ended.append(Ended(row.id, "dead", batch.unrenderable[row.id]))
            elif isinstance(verdict, Defer):
                deferred.append(Deferred(row.id, verdict.until, verdict.reason, verdict.facts))
            else:
                busy.add(row.contact_id)  # one at a time: their next message waits for the next batch
                envelope = self._envelope(row, candidate.address, batch.contents[row.id])
                sending.append((envelope, row.attempts + 1))
        withheld.stop(tx, ended, now=self.now)
        withheld.defer(tx, deferred, now=self.now)
        enrolments.leave(tx, leaving, now=self.now)
        messages.release(tx, later, token=batch.token)
        intents = [
            Intent(
                envelope.message_id,
                number,
                envelope.channel,
                envelope.to,
                envelope.content.locale,
                envelope.content.subject,
            )
            for envelope, number in sending
        ]
        messages.intend(tx, intents, token=batch.token, lease_until=self._lease_until(), now=self.now)
        counts.update(one.status for one in ended)
        counts.update({"deferred": len(deferred)} if deferred else {})
        return sending

    def _settle(self, token: str, settlements: Sequence[Settlement]) -> set[int]:
        """Record what came of the hand-over; returns the messages that were still ours to settle."""
        for tries_left in reversed(range(_SETTLE_TRIES_MAX)):
            try:
                with self.database.write(durable=True) as tx:
                    return messages.settle(tx, settlements, token=token, now=self.now)
            except StoreBusyError:
                if not tries_left:
                    raise  # the lease lapses, and the messages are found by `clm.engine.reconcile`
        return set()

    def _envelope(self, row: Found, address: str | None, content: Content) -> Envelope:
        names = [name for name in (row.first_name, row.last_name) if name and row.channel != "staff"]
        sms = row.channel == "sms"
        return Envelope(
            message_id=row.id,
            reference=reference(row.id, self._reference_key),
            channel=row.channel,
            to=address or "",  # never empty: what has no address is refused
            to_name=" ".join(names) or None,
            sender=self.brand.sms_sender if sms else self.brand.sender.email,
            sender_name=None if sms else self.brand.sender.name,
            content=content,
            at_ms=self.now,
            headers={"Reply-To": self.brand.sender.reply_to} if row.channel == "email" else {},
        )

    async def _deliver(self, envelopes: Iterable[Envelope]) -> list[tuple[int, Outcome]]:
        places = asyncio.Semaphore(CONCURRENCY_MAX)

        async def one(envelope: Envelope) -> tuple[int, Outcome]:
            async with places:
                channel = self.channels[envelope.channel]
                try:
                    return envelope.message_id, await channel.deliver(envelope)
                except Exception as error:  # noqa: BLE001 - one message's bad luck must not be its whole batch's
                    reason = f"the channel failed: {type(error).__name__}"
                    return envelope.message_id, NotSent(reason) if channel.idempotent else InDoubt(reason)

        return await asyncio.gather(*(one(envelope) for envelope in envelopes))


def _products(tx: Transaction, rows: Sequence[Found]) -> dict[int, list[dict[str, Any]]]:
    """What each contact bought last, dearest first, at most PRODUCTS_MAX."""
    found: dict[int, list[dict[str, Any]]] = {}
    for line in orders.last_order_lines(tx, {row.contact_id for row in rows}):
        bought = found.setdefault(line.contact_id, [])
        if line.name and len(bought) < PRODUCTS_MAX:
            bought.append({"name": line.name, "category": line.category, "quantity": line.quantity})
    return found


def _settlement(message_id: int, number: int, outcome: Outcome) -> Settlement:
    match outcome:
        case Accepted(provider_id):
            return Settlement(message_id, number, "sent", "accepted", provider_id)
        case Rejected(reason):
            return Settlement(message_id, number, "rejected", "rejected", reason)
        case NotSent(reason):
            return Settlement(message_id, number, "queued", "not_sent", reason)
        case InDoubt(reason):
            return Settlement(message_id, number, "in_doubt", "in_doubt", reason)
