"""Gives messages their codes: held when the words are made, given with the intent to send, given back otherwise.

A contact who has a code of the offer that still holds gets that one again, however often they are written to. The
unique keys on the code and on (contact, offer) are what two dispatchers cannot get around.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from clm.content.locale import chain
from clm.domain.content import TEAM
from clm.domain.instant import HOUR_MS, from_ms
from clm.domain.offer import CODE_ALPHABET, CODE_LETTERS, Offer, code_of, days_left, holds_until
from clm.engine.journey import Journey
from clm.store import contacted, coupons, shop
from clm.store.alerts import Matter, note
from clm.store.coupons import Holder, Standing, Terms
from clm.store.database import Found, Transaction

LOOK_AGAIN_MS = HOUR_MS
"""So long a message waits that there was no code for, before it asks again."""
_TOLD_AGAIN_MS = HOUR_MS
_DRAWS_MAX = 10
"""A prefix has 387 million codes; where these many draws find none that is free, it is used up."""

Asking = tuple[Found, str]
"""A leased message, and the offer that its step carries."""


@dataclass(frozen=True, slots=True)
class Given:
    """The code that one message carries."""

    code: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Codes:
    """What the messages of a batch that carry offers are to give, each by its number."""

    given: Mapping[int, Given] = field(default_factory=dict)
    words: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """What templates are told."""
    lacking: Mapping[int, str] = field(default_factory=dict)
    """Why there is no code for now."""
    offers: Mapping[int, str] = field(default_factory=dict)
    """Which each asks for."""
    awaited: frozenset[int] = frozenset()
    """Those for which there may be one in a moment: others have the last of the pool in hand, or give some back."""
    unknown: Mapping[int, str] = field(default_factory=dict)
    """Why there never will be one."""
    alerts: Sequence[str] = ()


def asking(rows: Iterable[Found], journeys: Mapping[tuple[str, str], Journey | None]) -> list[Asking]:
    """The messages that carry an offer."""
    carried = {
        (*key, step.send): step.coupon
        for key, journey in journeys.items()
        if journey is not None
        for step in journey.campaign.sends
        if step.coupon is not None
    }
    if not carried:
        return []
    return [(row, offer) for row in rows if (offer := carried.get((row.campaign, row.version, row.step))) is not None]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where codes are handed out, for one instant."""

    offers: Mapping[str, Offer]
    default_locale: str
    zone: str
    """Of contacts of whom none is known."""
    now: int

    def hold(self, tx: Transaction, asked: Sequence[Asking]) -> Codes:
        """A code for each message: the one that its contact has, while it holds, or a new one."""
        unknown = {
            row.id: f"offer `{offer}` is not in config/offers.yaml any more"
            for row, offer in asked
            if offer not in self.offers
        }
        asked = [(row, offer) for row, offer in asked if offer in self.offers]
        contact_ids = {row.contact_id for row, _ in asked}
        contacted.hold(tx, contact_ids)
        theirs = coupons.standing(tx, contact_ids)
        over = {
            theirs[key].code for key, row in _first(asked).items() if key in theirs and self._over(theirs[key], row)
        }
        coupons.close(tx, over, now=self.now)
        theirs = {key: one for key, one in theirs.items() if one.code not in over}
        alerts: list[str] = []
        fresh, soon = self._fresh(tx, asked, theirs, alerts)
        codes = {key: one.code for key, one in theirs.items()} | fresh
        given = {
            row.id: self._given(row, self.offers[offer], code, theirs.get((row.contact_id, offer)))
            for row, offer in asked
            if (code := codes.get((row.contact_id, offer))) is not None
        }
        awaited = frozenset(row.id for row, offer in asked if (row.contact_id, offer) in soon)
        without = [(row.id, offer) for row, offer in asked if row.id not in given and row.id not in awaited]
        return Codes(
            given=given,
            words={
                row.id: {"coupon": self._words(row, self.offers[offer], given[row.id])}
                for row, offer in asked
                if row.id in given
            },
            lacking={message_id: no_code(offer) for message_id, offer in without},
            offers={row.id: offer for row, offer in asked},
            awaited=awaited,
            unknown=unknown,
            alerts=alerts,
        )

    def _over(self, one: Standing, row: Found) -> bool:
        """Whether a code has run out; what a message was to give and did not, it gives anew when it leaves at last."""
        return one.expires_at is not None and one.expires_at <= self.now and one.message_id != row.id

    def _fresh(
        self, tx: Transaction, asked: Sequence[Asking], theirs: Collection[tuple[int, str]], alerts: list[str]
    ) -> tuple[dict[tuple[int, str], str], set[tuple[int, str]]]:
        """New codes for those who have none that holds, one each, by contact and offer; the most urgent come first.

        And those for whom there may be one in a moment.
        """
        needed: dict[str, list[Holder]] = {}
        for (contact_id, name), row in _first(asked).items():
            if (contact_id, name) not in theirs:
                needed.setdefault(name, []).append(Holder(contact_id, row.id))
        found: dict[tuple[int, str], str] = {}
        soon: set[tuple[int, str]] = set()
        for name, holders in sorted(needed.items()):
            offer = self.offers[name]
            codes = self._taken(tx, offer, holders, alerts) if offer.pooled else self._made(tx, offer, holders)
            found |= {(contact_id, name): code for contact_id, code in codes.items()}
            short = [(one.contact_id, name) for one in holders if one.contact_id not in codes]
            # What was passed over because others hold it counts as free until they commit, and may come back.
            passed_over = coupons.left(tx, name, at_most=len(short)) if offer.pooled and short else 0
            soon.update(short[:passed_over])
            if len(short) > passed_over:
                remedy = _more(name) if offer.pooled else "give it another `prefix`"
                self._tell(tx, Matter("no_code", name, no_code(name), remedy), alerts)
        return found, soon

    def _taken(self, tx: Transaction, offer: Offer, holders: Sequence[Holder], alerts: list[str]) -> dict[int, str]:
        """Codes out of the pool, by contact, for as many as there are."""
        codes = coupons.take(tx, offer.name, holders, _terms(offer))
        if offer.warn_below and len(codes) == len(holders):
            left = coupons.left(tx, offer.name, at_most=offer.warn_below)
            if left < offer.warn_below:
                text = f"the pool of offer `{offer.name}` is down to {left:,}"
                self._tell(tx, Matter("few_codes", offer.name, text, _more(offer.name)), alerts)
        return {holder.contact_id: code for holder, code in zip(holders, codes, strict=False)}

    def _made(self, tx: Transaction, offer: Offer, holders: Sequence[Holder]) -> dict[int, str]:
        """Codes nobody has had before, by contact; one that was drawn before is drawn again."""
        found: dict[int, str] = {}
        for _ in range(_DRAWS_MAX):
            drawn = {_draw(offer.prefix or ""): holder for holder in holders if holder.contact_id not in found}
            made = coupons.make(tx, offer.name, drawn, _terms(offer), now=self.now)
            found |= {drawn[code].contact_id: code for code in made}
            if len(found) == len(holders):
                break
        return found

    def _tell(self, tx: Transaction, matter: Matter, alerts: list[str]) -> None:
        """Alert people, of each kind once an hour, however many batches meet the same; by mail once a day."""
        name = f"alerted: {matter.kind} of offer {matter.subject}"
        if shop.is_due(tx, name, every=_TOLD_AGAIN_MS, now=self.now):
            alerts.append(f"{matter.text}; {matter.remedy}")
            note(tx, matter, now=self.now)

    def _given(self, row: Found, offer: Offer, code: str, before: Standing | None) -> Given:
        if before is not None and before.expires_at is not None and before.message_id != row.id:
            return Given(code, before.expires_at)
        return Given(code, holds_until(self.now, offer.days, self._zone(row)))

    def _words(self, row: Found, offer: Offer, given: Given) -> dict[str, Any]:
        """What templates know as `coupon`; what is for the team is in the shop's own language."""
        locale = None if row.channel in TEAM else row.locale
        return {
            "code": given.code,
            **offer.gives(chain(locale, self.default_locale)),
            "days": days_left(self.now, given.expires_at, self._zone(row)),
            "expires_at": from_ms(given.expires_at),
        }

    def _zone(self, row: Found) -> ZoneInfo:
        return ZoneInfo(row.home_zone or self.zone)


def gone(tx: Transaction, codes: Codes, rows: Iterable[Found]) -> set[int]:
    """The messages whose code is not their contact's any more, since their words were made; it is held for the others.

    It was given back with another message that was to carry it, or somebody has used it.
    """
    theirs = {row.id: row.contact_id for row in rows if row.id in codes.given}
    if not theirs:
        return set()
    owners = coupons.owners(tx, {codes.given[message_id].code for message_id in theirs})
    return {
        message_id
        for message_id, contact_id in theirs.items()
        if owners.get(codes.given[message_id].code) != contact_id
    }


def come(tx: Transaction, codes: Codes, message_ids: Iterable[int]) -> set[int]:
    """Those of the messages without a code for which there may be one after all: others were added since.

    Asked in the transaction that would put them off. Whoever adds codes waits for its end, and brings them forward.
    """
    lacking: dict[str, list[int]] = {}
    for message_id in message_ids:
        if message_id in codes.lacking:
            lacking.setdefault(codes.offers[message_id], []).append(message_id)
    found: set[int] = set()
    for offer, theirs in sorted(lacking.items()):
        coupons.hold_pool(tx, offer)
        awaited = sum(codes.offers[message_id] == offer for message_id in codes.awaited)
        found.update(theirs[: max(0, coupons.left(tx, offer, at_most=awaited + len(theirs)) - awaited)])
    return found


def give(tx: Transaction, codes: Codes, message_ids: Collection[int], *, now: int) -> None:
    """Record that the codes of messages that are handed over are given, in the transaction of the intent.

    What else was held for these messages goes back: their campaign was changed, and they leave with another offer's
    code or with none.
    """
    leaving = [(message_id, codes.given[message_id]) for message_id in message_ids if message_id in codes.given]
    coupons.issue(tx, [(one.code, one.expires_at, message_id) for message_id, one in leaving], now=now)
    coupons.give_back(tx, message_ids)


def _first(asked: Iterable[Asking]) -> dict[tuple[int, str], Found]:
    """By contact and offer, the first message that asks."""
    found: dict[tuple[int, str], Found] = {}
    for row, offer in asked:
        found.setdefault((row.contact_id, offer), row)
    return found


def no_code(offer: str) -> str:
    """Why a message waits that there is no code for."""
    return f"no code of offer `{offer}` is left"


def _more(offer: str) -> str:
    return f"`clm coupons add {offer} FILE` adds more"


def _terms(offer: Offer) -> Terms:
    return Terms(offer.uses, offer.for_friends)


def _draw(prefix: str) -> str:
    """A code by lot, of one number: the system's generator takes a microsecond each time it is asked."""
    number, letters = secrets.randbelow(len(CODE_ALPHABET) ** CODE_LETTERS), ""
    for _ in range(CODE_LETTERS):
        number, letter = divmod(number, len(CODE_ALPHABET))
        letters += CODE_ALPHABET[letter]
    return code_of(prefix, letters)
