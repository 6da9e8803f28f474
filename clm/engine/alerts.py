"""Mails the team what a person should know of: what happened, since when, what waits for it, and what to do.

Needs nothing of what may be broken: no campaign, no contact, no code, no cap and no stop. Where the channel of mails
to the team is itself away, a mail waits until it is back. Like every message it is handed over once: repeated where its
provider tells a repeated one, and in doubt where it does not and the answer was lost.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from clm.channels.protocol import Channel
from clm.content.brand import Brand
from clm.domain.content import Content, Envelope
from clm.domain.instant import SECOND_MS, from_ms
from clm.domain.outcome import Accepted, InDoubt, NotSent, Outcome, Rejected
from clm.domain.reference import reference
from clm.engine.coupons import no_code
from clm.engine.handover import Clock
from clm.engine.settling import PAUSE_SECONDS, PAUSE_SECONDS_MAX
from clm.errors import StoreError
from clm.store import alerts, references
from clm.store.alerts import Claimed
from clm.store.database import Database, Found, Transaction

MAILS_MAX = 20
"""Handed over at a time; the others follow at the next."""
LEASE_SECONDS = 60
"""Longer than any hand-over takes."""
MAIL_IDS = 900_000_000_000
"""Added to the number of a mail, so that an outbox takes it for no message and no test send."""
_GRACE_SECONDS = 2.0
_PATIENCE_SECONDS = (0.1, 1, 5, 15, None)
"""Between tries to record what came of a mail, until it is left to its lease; then nobody knows whether it has left."""
_SUBJECT_CHARACTERS_MAX = 150
_OF_CHANNEL = frozenset({"refused", "breaker", "near_line"})
_OF_CAMPAIGN = frozenset({"canary", "blast_radius"})
_AT_ATTENTION = frozenset({"no_code", "few_codes", "refused", "breaker"}) | _OF_CAMPAIGN
"""What clm.insight.attention tells of as well, as long as it lasts."""


@dataclass(frozen=True, slots=True)
class Mailed:
    """One mail, and what came of it."""

    kind: str
    texts: Sequence[str]
    """What it told of."""
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Postbox:
    """Where mails to the team are made and handed over, for one instant; any number may do so on one database."""

    database: Database
    channel: Channel
    brand: Brand
    public_url: str
    zone: str
    """Of the shop, in which instants are told."""
    now: int
    clock: Clock
    pause: Callable[[float], None] = time.sleep
    """Between tries to record what came of a mail, in seconds."""

    def mail(self) -> list[Mailed]:
        """Hand over what waits; returns what came of each mail."""
        found: list[Mailed] = []
        for _ in range(MAILS_MAX):
            with self.database.read() as tx:
                if not alerts.waiting(tx, clock_now=self.clock()):
                    break
            one = self._next()
            if one is None:
                break
            found.append(one)
        return found

    def _next(self) -> Mailed | None:
        clock_now = self.clock()
        key = references.key(self.database, now=self.now)
        with self.database.write(durable=True) as tx:
            until = clock_now + LEASE_SECONDS * SECOND_MS
            claimed = alerts.claim(tx, lease_until=until, now=self.now, clock_now=clock_now)
        if claimed is None:
            return None
        waits = self._waits(claimed)
        if claimed.lapsed and not self.channel.idempotent:
            outcome: Outcome = InDoubt("whoever handed it over died before an answer came")
        else:
            outcome = asyncio.run(self._hand_over(self._envelope(claimed, waits, key)))
        self._settle(claimed, outcome)
        return Mailed(claimed.matters[0].kind, [row.text for row in claimed.matters], outcome)

    def _waits(self, claimed: Claimed) -> dict[int, int]:
        """How many messages wait because of each matter; it takes a while of a million, and holds up nobody."""
        try:
            with self.database.read() as tx:
                return {row.id: _waiting(tx, row) for row in claimed.matters}
        except StoreError:  # what has been claimed is mailed, at worst without a number
            return {}

    async def _hand_over(self, envelope: Envelope) -> Outcome:
        try:
            async with asyncio.timeout(self.channel.limits.timeout_seconds + _GRACE_SECONDS):
                await self.channel.turn()
                return await self.channel.deliver(envelope)
        except Exception as error:  # noqa: BLE001 - nobody's messages must wait for a mail to the team
            return InDoubt(f"the channel failed: {type(error).__name__}")
        finally:
            await self.channel.close()

    def _settle(self, claimed: Claimed, outcome: Outcome) -> None:
        pause = min(PAUSE_SECONDS * 2 ** min(claimed.tries - 1, 10), PAUSE_SECONDS_MAX) * SECOND_MS
        pause_until: int | None = None
        match outcome:
            case Accepted():
                status, detail = "sent", None
            case Rejected(reason):
                status, detail = "rejected", reason
            case NotSent(reason, retry_after_ms):
                status, detail = "queued", reason
                pause_until = self.clock() + max(pause, retry_after_ms or 0)
            case InDoubt(reason):
                # The same mail again, as it was, where its provider tells a repeated one.
                status, detail = "sending" if self.channel.idempotent else "in_doubt", reason
                pause_until = self.clock() + pause
        for seconds in _PATIENCE_SECONDS:
            try:
                with self.database.write(durable=True) as tx:
                    alerts.settle(tx, claimed, status, detail, pause_until=pause_until)
            except StoreError:
                if seconds is None:
                    raise
                self.pause(seconds)
            else:
                return

    def _envelope(self, claimed: Claimed, waits: Mapping[int, int], key: str) -> Envelope:
        number, matters = MAIL_IDS + claimed.mail, claimed.matters
        kind = matters[0].kind
        more = f", and {len(matters) - 1} more" if len(matters) > 1 else ""
        told = "\n\n".join(self._told(row, waits.get(row.id, 0)) for row in matters)
        return Envelope(
            message_id=number,
            # Not `m…`: events about it are of no message.
            reference="a" + reference(number, key)[1:],
            channel="staff",
            to=self.brand.team.email,
            to_name=None,
            sender=self.brand.sender.email,
            sender_name=self.brand.sender.name,
            sender_name_ascii=self.brand.sender.name,
            content=Content(
                locale="en",
                subject=f"{self.brand.name}: {_line(matters[0].text)}{more}",
                text=f"{told}\n\n{self._page(kind, matters)}\n",
            ),
            at_ms=self.now,
            labels=("alert", kind),
        )

    def _told(self, row: Found, waiting: int) -> str:
        since = from_ms(row.since).astimezone(ZoneInfo(self.zone))
        lines = [row.text, f"Since: {since:%Y-%m-%d %H:%M} ({self.zone})"]
        if waiting:
            lines.append(f"Waiting: {waiting:,} {'message' if waiting == 1 else 'messages'}")
        if row.remedy is not None:
            lines.append(f"To do: {row.remedy}")
        return "\n".join(lines)

    def _page(self, kind: str, matters: Sequence[Found]) -> str:
        root = f"{self.public_url.rstrip('/')}/staff"
        if kind in _OF_CAMPAIGN and len(matters) == 1:
            return f"{root}/campaigns/{matters[0].subject}"
        return f"{root}/attention" if kind in _AT_ATTENTION else f"{root}/campaigns"


def _line(text: str) -> str:
    """A text that may hold a provider's own words, as a subject can carry it."""
    plain = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(plain.split())[:_SUBJECT_CHARACTERS_MAX]


def _waiting(tx: Transaction, row: Any) -> int:
    """How many messages wait because of it."""
    if row.kind == "no_code":
        return alerts.messages_queued(tx, reason=no_code(row.subject))
    if row.kind in _OF_CHANNEL:
        return alerts.messages_queued(tx, channel=row.subject.partition(" ")[0])
    return alerts.messages_queued(tx, campaign=row.subject) if row.kind in _OF_CAMPAIGN else 0
