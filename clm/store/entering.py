"""Who enters a campaign: decided for all at once, once per the fact that names the enrolment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    text,
)

from clm.domain.condition import Condition, Known, Or, terms_of
from clm.domain.condition_parser import parse_events
from clm.domain.lot import LOTS, below, mixing
from clm.domain.term import Happened
from clm.store.conditions import compiled, meant, values_of
from clm.store.database import Transaction
from clm.store.dialect import json_object
from clm.store.portable import InsertNew
from clm.store.portable import among as zoned
from clm.store.schema import decisions, enrolments, events, profiles

_COLUMNS = (
    "campaign",
    "version",
    "contact_id",
    "trigger_key",
    "entered_at",
    "status",
    "position",
    "next_due_at",
    "holdout",
)


@dataclass(frozen=True, slots=True)
class Entrance:
    """One version of a campaign, as far as entering it goes; lengths are milliseconds, shares 0 to 1."""

    campaign: str
    version: str
    when: Condition
    unless: Condition | None
    """As it can be asked before entering."""
    once_per: str
    again_after: int | None
    holdout: float
    global_holdout: float
    begins: Mapping[str | None, int] = field(default_factory=dict)
    """By home zone, when those who enter are due at the first step, and enter; None is all other zones. Without any it
    is at once."""

    @property
    def named_by(self) -> Condition | None:
        """That the event which names the enrolment has happened; None where a fact of the profile does."""
        known = tuple(Known(event) for event in _events(self.once_per))
        return (Or(known) if len(known) > 1 else known[0]) if known else None


@cache
def _events(once_per: str) -> tuple[Happened, ...]:
    """The events that an enrolment is named by; none where a fact of the profile names it."""
    return parse_events(once_per) if "(" in once_per else ()


def keep_version(tx: Transaction, *, campaign: str, version: str, definition: str, now: int) -> None:
    """Keep a campaign's definition, so that whoever enters now can stay on it."""
    statement = text(
        "INSERT INTO campaign_versions (campaign, version, definition, first_used_at)"
        " VALUES (:campaign, :version, :definition, :now) ON CONFLICT (campaign, version) DO NOTHING"
    )
    tx.execute(statement, {"campaign": campaign, "version": version, "definition": definition, "now": now})


def entered_since(tx: Transaction, campaign: str, since: int) -> int:
    """How many entered a campaign after `since`."""
    e = enrolments.c
    return tx.scalar(select(func.count()).where(e.campaign == campaign, e.entered_at > since)) or 0


def enter(tx: Transaction, entrance: Entrance, *, among: Any | None, limit: int | None, now: int) -> int:
    """Enrol everybody of `among` (a statement of contact ids; None is everybody) who qualifies; returns how many.

    One statement. The unique key (campaign, contact_id, trigger_key) is what makes it once, however many runs do this
    at the same time; the anti-join only spares it the work. With a `limit`, whose trigger is the latest come first.
    """
    chosen = _chosen(entrance, now)
    if among is not None:
        chosen = chosen.where(profiles.c.contact_id.in_(among))
    if limit is not None:
        chosen = chosen.order_by(_trigger_time(entrance.once_per).desc().nulls_last(), profiles.c.contact_id)
        chosen = chosen.limit(limit)
    else:
        # Neighbours written together keep the indexes in memory. And sorting, which `+ 0` makes sure of, ends the
        # looking before the writing begins: while PostgreSQL takes `enrolments` for empty it may go through all of it
        # for each profile, and must not meet its own new rows there (310,000 into an empty table: above nine minutes,
        # now 7 s).
        chosen = chosen.order_by(profiles.c.contact_id + 0)
    insert = InsertNew(enrolments).from_select(list(_COLUMNS), chosen)
    entered = tx.execute(insert, execution_options={"preserve_rowcount": True}).rowcount
    if entered:
        _decide_entered(tx, entrance, among if entrance.begins else None, now=now)
    return entered


def some(contact_ids: Collection[int]) -> Select[Any]:
    """A statement of a few contacts' ids, for `enter`."""
    return select(profiles.c.contact_id).where(profiles.c.contact_id.in_(list(contact_ids)))


def _chosen(entrance: Entrance, now: int) -> Select[Any]:
    campaign, begins = entrance.campaign, _begins(entrance, now)
    return select(
        literal(campaign),
        literal(entrance.version),
        profiles.c.contact_id,
        _trigger_key(entrance, now),
        begins,
        literal("active"),
        literal(0),
        begins,
        drawn_out(entrance),
    ).where(*qualifying(entrance, now), *_once(entrance, now))


def qualifying(entrance: Entrance, now: int) -> list[ColumnElement[bool]]:
    """What must hold of whoever enters, whether or not they have entered before."""
    conditions = [compiled(entrance.when, now)]
    if entrance.unless is not None:
        conditions.append(~func.coalesce(compiled(entrance.unless, now), false()))
    return conditions


def _begins(entrance: Entrance, now: int) -> ColumnElement[int]:
    """When those who enter are due, and enter."""
    zones: dict[int, list[str]] = {}
    for zone, at in entrance.begins.items():
        if zone is not None:
            zones.setdefault(at, []).append(zone)
    otherwise = literal(entrance.begins.get(None, now), BigInteger())
    arms = [(zoned(profiles.c.home_zone, theirs), literal(at, BigInteger())) for at, theirs in zones.items()]
    return case(*arms, else_=otherwise) if arms else otherwise


def _once(entrance: Entrance, now: int) -> list[ColumnElement[bool]]:
    """Nobody twice for one fact, and nobody again too soon."""
    e = enrolments.c
    theirs = and_(e.campaign == entrance.campaign, e.contact_id == profiles.c.contact_id)
    if entrance.again_after is None:
        key = _trigger_key(entrance, now)
        return [key.is_not(None), ~exists().where(theirs, e.trigger_key == key)]
    soon = or_(e.entered_at > now - entrance.again_after, e.status == "active")
    rules: list[ColumnElement[bool]] = [~exists().where(theirs, soon)]
    if entrance.once_per != "contact":
        key = _trigger_key(entrance, now)
        rules += [key.is_not(None), ~exists().where(theirs, e.trigger_key == key)]
    return rules


def _trigger_key(entrance: Entrance, now: int) -> ColumnElement[str]:
    """The fact that names the enrolment; who may come again is counted, which two runs at once count alike."""
    match entrance.once_per:
        case "contact" if entrance.again_after is None:
            return literal("contact")
        case "contact":
            e = enrolments.c
            earlier = (
                select(func.count())
                .where(e.campaign == entrance.campaign, e.contact_id == profiles.c.contact_id)
                .correlate(profiles)
                .scalar_subquery()
            )
            return case((earlier == 0, literal("contact")), else_=literal("contact again ") + cast(earlier, Text))
        case "first_order" | "last_order":
            return profiles.c[f"{entrance.once_per}_id"]
        case "lifecycle":
            return literal("lifecycle ") + cast(profiles.c.lifecycle_number, Text)
        case _:
            return _event_key(entrance.once_per, now)


def _trigger_time(once_per: str) -> ColumnElement[Any]:
    """When the fact that names the enrolment came about, as far as the profile tells."""
    match once_per:
        case "first_order" | "last_order":
            return profiles.c[f"{once_per}_at"]
        case "lifecycle":
            return profiles.c.stage_since
        case "contact":
            return profiles.c.signed_up_at
        case _:
            return profiles.c.last_activity_at


def _event_key(once_per: str, now: int) -> ColumnElement[str]:
    """The first or latest of those events up to now; of several at one instant the one that is written first."""
    named = _events(once_per)
    if not named:
        raise ValueError(f"`{once_per}` does not name an enrolment")
    e = events.c
    if named[0].which == "first":
        order: list[ColumnElement[Any]] = [e.at.asc(), e.id.asc()]
    else:
        places = [(meant(event), literal(place)) for place, event in enumerate(named)]
        order = [e.at.desc(), *([case(*places)] if len(places) > 1 else []), e.id.desc()]
    theirs = (e.contact_id == profiles.c.contact_id, e.at <= now, or_(*(meant(event) for event in named)))
    query = select(e.source + literal(":") + e.external_id).where(*theirs).order_by(*order).limit(1)
    return query.correlate(profiles).scalar_subquery()


def drawn_out(entrance: Entrance) -> ColumnElement[Any]:
    """Who is enrolled and counted and gets nothing: drawn by lot, the same way every time."""
    arms = [
        (_mixed(salt) < below(share), literal(name))
        for share, salt, name in (
            (entrance.global_holdout, "holdout", "global"),
            (entrance.holdout, f"holdout {entrance.campaign}", "campaign"),
        )
        if share > 0
    ]
    return case(*arms, else_=null()) if arms else cast(null(), Text)


def _mixed(salt: str) -> ColumnElement[int]:
    """`clm.domain.lot.mixed` of the contact's lot."""
    factor, summand = mixing(salt)
    return (literal(factor, BigInteger()) * profiles.c.lot + literal(summand, BigInteger())) % literal(
        LOTS, BigInteger()
    )


def _decide_entered(tx: Transaction, entrance: Entrance, among: Any | None, *, now: int) -> None:
    """Keep why those have entered who entered at `now`, with the facts as they were; what is kept already stays.

    Of those who enter later than they are taken in, it is kept for all of `among` instead.
    """
    e = enrolments.c
    facts = values_of(terms_of(entrance.when), now)
    facts.pop("home_zone")
    kind = case((e.holdout.is_(None), literal("entered")), else_=literal("held_out"))
    reason = case(
        (e.holdout.is_(None), literal("enter.when holds")),
        else_=literal("enter.when holds; held out of ")
        + case((e.holdout == "global", "everything"), else_="the campaign"),
    )
    chosen = (
        select(e.contact_id, e.campaign, e.id, kind, reason, json_object(tx, facts), literal(now, BigInteger()))
        .join(profiles, profiles.c.contact_id == e.contact_id)
        .where(e.campaign == entrance.campaign, e.entered_at == now if among is None else e.contact_id.in_(among))
    )
    columns = ["contact_id", "campaign", "enrolment_id", "kind", "reason", "facts", "at"]
    tx.execute(InsertNew(decisions).from_select(columns, chosen))
