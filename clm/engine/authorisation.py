"""Puts the question of `clm.domain.policy` about leased messages, with what is committed at this moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clm.domain.condition import terms_of
from clm.domain.content import TEAM
from clm.domain.policy import NOWHERE, Candidate, Contacted, Policy
from clm.domain.term import HOME_ZONE, Term
from clm.domain.whereabouts import whereabouts
from clm.domain.wish import Wish
from clm.engine.journey import Journey
from clm.store import contacted, suppressions, wishes
from clm.store.database import Found, Transaction
from clm.store.leases import CONTACT_FACTS, Asked

_EVERYTHING = Wish()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a batch beside facts: which steps carry offers, what was sent before, who is suppressed."""

    offers: Collection[tuple[str, str, str]]
    history: Mapping[int, Sequence[Found]]
    suppressed: Mapping[tuple[str, str], str]
    wishes: Mapping[int, Wish]


def known(
    tx: Transaction,
    rows: Sequence[Found],
    journeys: Mapping[tuple[str, str], Journey | None],
    policy: Policy,
    *,
    now: int,
) -> Known:
    """What the contacts of these messages were sent, as far back as the policy looks, and who is suppressed."""
    offers = {
        (*key, step.send)
        for key, journey in journeys.items()
        if journey is not None
        for step in journey.campaign.sends
        if step.coupon is not None
    }
    marketing = {row.contact_id for row in rows if row.purpose == "marketing"}
    wished = wishes.of(tx, marketing) if marketing else {}
    wanted = (wish.every_ms for wish in wished.values())
    looks_back = max([0, *policy.gaps.values(), *(cap.within for cap in policy.caps), *wanted])
    ids = marketing if looks_back else set()
    addresses = {(row.channel, address) for row in rows if (address := _own_address(row))}
    return Known(
        offers,
        contacted.history(tx, ids, since=now - looks_back) if ids else {},
        suppressions.suppressed(tx, addresses),
        wished,
    )


def candidate(row: Found, journey: Journey, others: Known, policy: Policy, *, team: str) -> Candidate:
    """The message as policy sees it; what is for the team goes to its address."""
    address = team if row.channel in TEAM else _own_address(row)
    wish = others.wishes.get(row.contact_id, _EVERYTHING)
    where = NOWHERE
    if row.channel in policy.hours and row.purpose == "marketing":
        where = whereabouts(zone=row.zone, country=row.country, postcode=row.postcode, phone=row.phone)
    return Candidate(
        channel=row.channel,
        purpose=row.purpose,
        address=address,
        expires_at=row.expires_at,
        enrolment_open=row.enrolment_status != "exited",
        goal=journey.rules.goal,
        unless=journey.rules.unless,
        held_out=row.holdout is not None,
        suppressed=others.suppressed.get((row.channel, address or "")),
        service_first=journey.campaign.service_first == "hold",
        offer=(row.campaign, row.version, row.step) in others.offers,
        whereabouts=where,
        history=tuple(
            Contacted(one.channel, one.intended_at)
            for one in others.history.get(row.contact_id, ())
            if one.id != row.id
        ),
        unwanted=journey.campaign.topic if journey.campaign.topic in wish.topics_off else None,
        at_most_every=wish.every_ms,
        waited_for=row.reason if row.due_at >= row.expires_at else None,
    )


def asked(journeys: Iterable[Journey | None], policy: Policy) -> tuple[Asked, ...]:
    """What conditions ask for beside the contact's own facts: each term once, with the campaigns that need it."""
    campaigns: dict[Term, set[str]] = {}
    for journey in journeys:
        if journey is None:
            continue
        conditions = [journey.rules.goal, journey.rules.unless, policy.service_first]
        if any(step.coupon is not None for step in journey.campaign.sends):
            conditions.append(policy.offers)
        for condition in conditions:
            for term in terms_of(condition) if condition is not None else ():
                if term.scope != "moment" and term.name not in CONTACT_FACTS:
                    campaigns.setdefault(term, set()).add(journey.campaign.campaign)
    return tuple(Asked(term, frozenset(names)) for term, names in campaigns.items())


def names_of(asked: Sequence[Asked]) -> tuple[str, ...]:
    """By which conditions know what leased rows begin with."""
    return (*CONTACT_FACTS, *(one.term.name for one in asked), HOME_ZONE)


def facts(row: Found, names: Sequence[str]) -> dict[str, Any]:
    """All facts of the contact and the values of the terms asked for, as conditions know them."""
    return dict(zip(names, row, strict=False))


def contact_facts(row: Found) -> dict[str, Any]:
    """What is known of the contact, by name of the fact."""
    return {name: value for name, value in zip(CONTACT_FACTS, row, strict=False) if value is not None}


def _own_address(row: Found) -> str | None:
    address: str | None = {"email": row.email, "sms": row.phone}.get(row.channel)
    return address
