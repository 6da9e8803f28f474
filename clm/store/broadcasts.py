"""Broadcasts: whom an announcement would reach, how far it has come, and what of it can still be called off."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, exists, func, literal, not_, null, or_, select, text

from clm.domain.broadcast import CALLED_OFF
from clm.store import shop
from clm.store.conditions import column as value_of
from clm.store.database import Found, Transaction
from clm.store.entering import Entrance, drawn_out, qualifying
from clm.store.leases import CONTACT_FACTS, Asked
from clm.store.portable import among
from clm.store.schema import campaign_versions, contacts, enrolments, messages, profiles

NO_MESSAGE = 0
"""The id of a message that there is none of."""
_IN_HAND = ("sending", "in_doubt")
"""With a provider who has not answered: it may have left, and may come back to be tried again."""
_LEFT = (*_IN_HAND, "sent")


def reach(tx: Transaction, entrance: Entrance, *, now: int) -> list[Found]:
    """How many qualify, by home_zone, locale, whether `announced` to already, and what they are held out of."""
    c, p = contacts.c, profiles.c
    known = case((_announced(entrance.campaign), 1), else_=0).label("announced")
    keys = (p.home_zone, c.locale, known, drawn_out(entrance).label("holdout"))
    # By position: PostgreSQL would not know a bound value again as the same.
    return list(
        tx.execute(
            select(*keys, func.count().label("contacts"))
            .select_from(profiles)
            .join(contacts, c.id == p.contact_id)
            .where(*qualifying(entrance, now))
            .group_by(*(text(str(number)) for number in range(1, len(keys) + 1)))
        )
    )


def as_if_due(
    tx: Transaction, entrance: Entrance, said: Mapping[str, Any], *, asked: Sequence[Asked], now: int, limit: int
) -> list[Found]:
    """Rows as `leases.leased` gives them for messages that `said` describes, to some of those who would get one.

    By lot, so that they stand for all of them.
    """
    c, p = contacts.c, profiles.c
    facts = [p[name].label(f"fact_{name}") for name in CONTACT_FACTS]
    values = [value_of(one.term, now).label(f"term_{number}") for number, one in enumerate(asked)]
    query = (
        select(
            *facts, *values, p.home_zone, literal(NO_MESSAGE).label("id"), c.id.label("contact_id"),
            *(literal(value).label(name) for name, value in said.items()),
            literal("active").label("enrolment_status"), null().label("holdout"), null().label("reason"),
            c.email, c.phone, c.country, c.locale, c.zone, c.postcode,
        )
        .select_from(profiles)
        .join(contacts, c.id == p.contact_id)
        .where(*qualifying(entrance, now), ~_announced(entrance.campaign), drawn_out(entrance).is_(None))
        .order_by(p.lot, p.contact_id)
        .limit(limit)
    )  # fmt: skip
    return list(tx.execute(query))


def _announced(campaign: str) -> Any:
    e = enrolments.c
    return exists().where(e.campaign == campaign, e.contact_id == profiles.c.contact_id)


def zones(tx: Transaction) -> list[str]:
    """Every zone that somebody lives in."""
    return list(tx.scalars(select(profiles.c.home_zone).where(profiles.c.home_zone.is_not(None)).distinct()))


class Stretch(NamedTuple):
    """Contacts who follow one another: the last of their numbers, how many they are, and a statement of their ids."""

    last: int
    size: int
    ids: Select[Any]


def stretch(tx: Transaction, after: int, *, size: int, left_out: Collection[str | None] = ()) -> Stretch | None:
    """The next contacts after a number, whose ids leave out those who live in some zones; None where no more follow."""
    p = profiles.c
    ids = list(tx.scalars(select(p.contact_id).where(p.contact_id > after).order_by(p.contact_id).limit(size)))
    if not ids:
        return None
    theirs = select(p.contact_id).where(p.contact_id.between(ids[0], ids[-1]))
    named = [zone for zone in left_out if zone is not None]
    if None in left_out:
        theirs = theirs.where(p.home_zone.is_not(None))
    if named:
        theirs = theirs.where(or_(p.home_zone.is_(None), not_(among(p.home_zone, named))))
    return Stretch(ids[-1], len(ids), theirs)


def versions(tx: Transaction, campaign: str) -> set[str]:
    """The versions of a broadcast that somebody was announced."""
    return set(tx.scalars(select(campaign_versions.c.version).where(campaign_versions.c.campaign == campaign)))


def begin(tx: Transaction, campaign: str, *, at: int, now: int) -> None:
    """Note the instant of a broadcast that is due at once, when the first are taken in; what is noted stays."""
    shop.put_once(tx, f"broadcast {campaign} begun", str(at), now)


def begun_at(tx: Transaction, campaign: str) -> int | None:
    """That instant, in milliseconds; None while nobody has been taken in."""
    noted = shop.get(tx, f"broadcast {campaign} begun")
    return None if noted is None else int(noted)


def call_off(tx: Transaction, campaign: str, *, now: int) -> None:
    """Note that nobody is taken into it any more, whether or not anybody has been."""
    shop.put_once(tx, _note(campaign), CALLED_OFF, now)


def called_off(tx: Transaction, campaigns: Collection[str]) -> set[str]:
    """Those of the broadcasts that have been called off."""
    noted = shop.there(tx, [_note(one) for one in campaigns])
    return {one for one in campaigns if _note(one) in noted}


def _note(campaign: str) -> str:
    return f"broadcast {campaign} called off"


def spared(tx: Transaction, campaigns: Collection[str]) -> dict[str, int]:
    """How many people were to get each of the broadcasts, and did not because it was called off."""
    e, m = enrolments.c, messages.c
    letter_left = exists().where(m.enrolment_id == e.id, m.status.in_(_LEFT))
    query = select(e.campaign, func.count().label("people")).where(
        e.campaign.in_(list(campaigns)), e.status == "exited", e.exit_reason == CALLED_OFF, ~letter_left
    )
    return {row.campaign: row.people for row in tx.execute(query.group_by(e.campaign))}


def announced(tx: Transaction, campaigns: Collection[str]) -> set[str]:
    """Those of the broadcasts that anybody was announced."""
    e = enrolments.c
    return {one for one in campaigns if tx.scalar(select(e.id).where(e.campaign == one).limit(1)) is not None}


def queued(tx: Transaction, campaign: str, *, limit: int) -> list[Found]:
    """Up to `limit` queued messages that nobody decides on at this moment, locked: id, enrolment_id, contact_id."""
    m = messages.c
    query = select(m.id, m.enrolment_id, m.contact_id).where(m.campaign == campaign, m.status == "queued")
    return list(tx.execute(query.order_by(m.id).limit(limit).with_for_update(skip_locked=True)))


def in_hand(tx: Transaction, campaign: str, *, limit: int) -> list[Found]:
    """Up to `limit` journeys, locked, whose letter would be tried again if it has not left: id, contact_id."""
    e = enrolments.c
    query = select(e.id, e.contact_id).where(*_in_hand(campaign)).order_by(e.id).limit(limit)
    return list(tx.execute(query.with_for_update(of=enrolments, skip_locked=True, key_share=True)))


def count_in_hand(tx: Transaction, campaign: str) -> int:
    """How many such journeys there are."""
    return tx.scalar(select(func.count()).where(*_in_hand(campaign))) or 0


def _in_hand(campaign: str) -> list[ColumnElement[bool]]:
    e, m = enrolments.c, messages.c
    return [m.campaign == campaign, m.status.in_(_IN_HAND), e.id == m.enrolment_id, e.status != "exited"]


def gone(tx: Transaction, campaign: str) -> int:
    """How many messages have left, or may have."""
    m = messages.c
    return tx.scalar(select(func.count()).where(m.campaign == campaign, m.status.in_(_LEFT))) or 0


def still(tx: Transaction, campaign: str) -> int:
    """How many messages are queued, and how many journeys under way."""
    query = text(
        "SELECT (SELECT count(*) FROM messages WHERE campaign = :campaign AND status = 'queued')"
        " + (SELECT count(*) FROM enrolments WHERE campaign = :campaign AND status = 'active')"
    )
    return tx.scalar(query, {"campaign": campaign}) or 0
