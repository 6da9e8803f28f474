"""Hands queued messages over, a batch at a time: lease, render, authorise and record the intent, deliver, settle.

Only the delivery is ambiguous when a process dies: before the intent nothing can have left, after the settlement the
answer is known. A message found `sending` under a lapsed lease is repeated where the channel is idempotent and is in
doubt where it is not (`clm.engine.reconcile`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from clm.channels.protocol import Channel
from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.content.links import Links
from clm.domain.content import ChannelName, Content, Envelope
from clm.domain.fact import FACTS
from clm.domain.instant import SECOND_MS, from_ms
from clm.domain.message import MessageStatus
from clm.domain.outcome import Accepted, InDoubt, NotSent, Outcome, Rejected
from clm.domain.policy import Candidate, Stop, authorise
from clm.engine.journey import Journey, Journeys
from clm.errors import RenderError, StoreBusyError
from clm.store import enrolments, messages, orders
from clm.store.database import Database, Found, Transaction
from clm.store.messages import CONTACT_FACTS, ContactBusyError, Intent, Settlement

BATCH_MESSAGES = 500
LEASE_SECONDS = 30
"""Far longer than a batch takes, and about as long as anybody wants to wait after a crash."""
CONCURRENCY_MAX = 64
_INTENT_TRIES_MAX = 5
_SETTLE_TRIES_MAX = 5
PRODUCTS_MAX = 5

Clock = Callable[[], int]
"""Wall-clock milliseconds, for leases alone."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What became of one batch: how many were leased, and where they went."""

    leased: int
    by_status: Mapping[str, int]


@dataclass(frozen=True, slots=True)
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
        with self.database.write() as tx:
            leased = messages.lease(
                tx,
                token=token,
                lease_until=self._lease_until(),
                campaigns=self._live(),
                now=self.now,
                clock_now=self.clock(),
                limit=BATCH_MESSAGES,
            )
        if not leased:
            return Handed(0, {})
        with self.database.read() as tx:
            rows = messages.leased(tx, token, lock=False)
            products = _products(tx, rows)
        contents, unrenderable = self._render(rows, products)
        counts: Counter[str] = Counter()
        envelopes = self._intend(token, contents, unrenderable, counts)
        outcomes = asyncio.run(self._deliver([envelope for envelope, _ in envelopes]))
        numbers = {envelope.message_id: number for envelope, number in envelopes}
        settlements = [_settlement(message_id, numbers[message_id], outcome) for message_id, outcome in outcomes]
        settled = self._settle(token, settlements)
        counts.update(settlement.status for settlement in settlements if settlement.id in settled)
        return Handed(leased, dict(counts))

    def others_until(self) -> int | None:
        """Until when (wall-clock milliseconds) others may hold something that is due; None if nobody does."""
        with self.database.read() as tx:
            return messages.held_until(tx, campaigns=self._live(), now=self.now, clock_now=self.clock())

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
            name: from_ms(value) if FACTS[name].type == "time" and value is not None else value
            for name, value in _contact_facts(row).items()
        }
        return {
            "contact": {
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

    def _intend(
        self, token: str, contents: Mapping[int, Content], unrenderable: Mapping[int, str], counts: Counter[str]
    ) -> list[tuple[Envelope, int]]:
        """Authorise against what is committed now and record the intent, in one transaction.

        The unique key on (contact, sending) may refuse an intent when another dispatcher is sending the same contact
        something at this very moment; the transaction is then tried again and leaves that contact for later.
        """
        for _ in range(_INTENT_TRIES_MAX):
            found: Counter[str] = Counter()
            try:
                with self.database.write(durable=True) as tx:
                    envelopes = self._authorise(tx, token, contents, unrenderable, found)
            except (ContactBusyError, StoreBusyError):
                continue
            counts.update(found)
            return envelopes
        with self.database.write() as tx:
            messages.release(tx, [*contents, *unrenderable], token=token)
        return []

    def _authorise(
        self,
        tx: Transaction,
        token: str,
        contents: Mapping[int, Content],
        unrenderable: Mapping[int, str],
        counts: Counter[str],
    ) -> list[tuple[Envelope, int]]:
        rows = messages.leased(tx, token, lock=True)
        journeys = self.journeys.of(tx, {(row.campaign, row.version) for row in rows})
        busy = messages.contacts_in_hand(tx, [row.contact_id for row in rows])
        stops: list[tuple[int, MessageStatus, str]] = []
        sending: list[tuple[Envelope, int]] = []
        leaving: dict[int, str] = {}
        later: list[int] = []
        for row in rows:
            if row.contact_id in busy or row.id not in contents.keys() | unrenderable.keys():
                later.append(row.id)
                continue
            journey = journeys.get((row.campaign, row.version))
            if journey is None:
                stops.append((row.id, "dead", "its version of the campaign cannot be read any more"))
                continue
            verdict = authorise(_candidate(row, journey), _facts(row), self.now)
            if isinstance(verdict, Stop):
                stops.append((row.id, verdict.status, verdict.reason))
                if verdict.ends_enrolment:
                    leaving[row.enrolment_id] = verdict.reason
            elif row.id in unrenderable:
                stops.append((row.id, "dead", unrenderable[row.id]))
            else:
                busy.add(row.contact_id)  # one at a time: their next message waits for the next batch
                sending.append((self._envelope(row, contents[row.id]), row.attempts + 1))
        messages.stop(tx, stops, now=self.now)
        enrolments.leave(tx, leaving, now=self.now)
        messages.release(tx, later, token=token)
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
        messages.intend(tx, intents, token=token, lease_until=self._lease_until(), now=self.now)
        counts.update(status for _, status, _ in stops)
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

    def _envelope(self, row: Found, content: Content) -> Envelope:
        names = [name for name in (row.first_name, row.last_name) if name]
        email = row.channel == "email"
        return Envelope(
            message_id=row.id,
            channel=row.channel,
            to=row.email if email else row.phone,
            to_name=" ".join(names) or None,
            sender=self.brand.sender.email if email else self.brand.sms_sender,
            sender_name=self.brand.sender.name if email else None,
            content=content,
            at_ms=self.now,
            headers={"Reply-To": self.brand.sender.reply_to} if email else {},
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


def _contact_facts(row: Found) -> dict[str, Any]:
    return {name: getattr(row, f"fact_{name}") for name in CONTACT_FACTS}


def _facts(row: Found) -> dict[str, Any]:
    """All facts of the contact and the enrolment, as conditions know them."""
    facts = _contact_facts(row)
    facts["entered_at"] = row.entered_at
    last_order_at = facts["last_order_at"]
    facts["ordered_since_entry"] = None if last_order_at is None else last_order_at > row.entered_at
    return facts


def _candidate(row: Found, journey: Journey) -> Candidate:
    return Candidate(
        channel=row.channel,
        purpose=row.purpose,
        address=row.email if row.channel == "email" else row.phone,
        expires_at=row.expires_at,
        enrolment_open=row.enrolment_status != "exited",
        goal=journey.rules.goal,
        unless=journey.rules.unless,
    )


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
