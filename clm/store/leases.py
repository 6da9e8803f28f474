"""Leases: which queued messages a dispatcher has in hand.

A lease is about a process being alive, so it is counted in wall-clock time (`clock_now`); everything else happens at
the instant the run is for (`now`). A lapsed lease on a queued message frees it at once: nothing can have left.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)

from clm.domain.content import TEAM
from clm.domain.fact import FACTS
from clm.domain.message import STATUSES
from clm.domain.term import Term
from clm.store.conditions import column as value_of
from clm.store.database import Found, Transaction
from clm.store.dialect import ids_in, ids_value
from clm.store.schema import contacts, enrolments, messages, profiles

CONTACT_FACTS = tuple(name for name, fact in FACTS.items() if fact.scope == "contact")


class Open(NamedTuple):
    """What may go out now: channels and live campaigns, less what stops hold back of what goes to contacts."""

    channels: Collection[str]
    campaigns: Collection[str]
    closed_campaigns: Collection[str] = ()
    closed_versions: Collection[tuple[str, str]] = ()

    def holds(self, of: FromClause = messages) -> ColumnElement[bool]:
        """Of which messages it holds."""
        m, e = of.c, enrolments.c
        where: list[ColumnElement[bool]] = [m.channel.in_(self.channels), m.campaign.in_(self.campaigns)]
        if self.closed_campaigns:
            where.append(or_(m.channel.in_(TEAM), m.campaign.not_in(self.closed_campaigns)))
        if self.closed_versions:
            closed = tuple_(e.campaign, e.version).in_(list(self.closed_versions))
            where.append(or_(m.channel.in_(TEAM), ~exists().where(e.id == m.enrolment_id, closed)))
        return and_(*where)


def lease(
    tx: Transaction,
    *,
    token: str,
    lease_until: int,
    open_: Open,
    channels: Collection[str] | None = None,
    now: int,
    clock_now: int,
    limit: int,
) -> list[int]:
    """Lease up to `limit` due messages of what is open, by some channels or all, to the holder of `token`.

    Of each contact the most urgent alone, whatever its channel: who took a less urgent one would have to give it back,
    again and again. At most one dispatcher has messages of a contact in hand at a time where it can be told here; the
    unique key on (contact, sending) holds where it cannot. What only pauses after a failed try is in nobody's hands.
    """
    m, other = messages.c, messages.alias("other")
    free = and_(
        m.status == "queued",
        open_.holds(),
        m.due_at <= now,
        or_(m.lease_until.is_(None), m.lease_until <= clock_now),
    )
    if channels is not None:
        free = and_(free, m.channel.in_(channels))
    before = exists().where(
        other.c.contact_id == m.contact_id,
        other.c.status.not_in([status for status in STATUSES if status != "queued"]),  # for the reason given below
        open_.holds(other),
        other.c.due_at <= now,
        or_(other.c.lease_until.is_(None), other.c.lease_until <= clock_now),
        tuple_(other.c.queue_rank, other.c.due_at, other.c.id) < tuple_(m.queue_rank, m.due_at, m.id),
    )
    sending = exists().where(other.c.contact_id == m.contact_id, other.c.status == "sending")
    # Not `status = 'queued'`: while PostgreSQL knows nothing of the table yet, it would read the whole index of queued
    # messages for each of those that are due (200,000 deferred ones: 4 s instead of 0.02 s).
    held = exists().where(
        other.c.contact_id == m.contact_id,
        other.c.status != "in_doubt",
        other.c.lease_token.is_not(None),
        other.c.lease_until > clock_now,
    )
    chosen = (
        select(m.id)
        .where(free, ~sending, ~held, ~before)
        .order_by(m.queue_rank, m.due_at, m.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    # Two statements for the reason that clm.store.flight gives.
    ids = list(tx.scalars(chosen))
    if ids:
        leased = text(f"UPDATE messages SET lease_token = :token, lease_until = :until WHERE id IN {ids_in(tx)}")
        tx.execute(leased, {"token": token, "until": lease_until, "ids": ids_value(tx, ids)})
    return ids


class Asked(NamedTuple):
    """A term whose value the messages of some campaigns need."""

    term: Term
    campaigns: frozenset[str]


def leased(
    tx: Transaction,
    token: str,
    *,
    lock: bool,
    ids: Collection[int] | None = None,
    asked: Sequence[Asked] = (),
    now: int | None = None,
) -> list[Found]:
    """The queued messages leased under `token`, with their contact, profile and enrolment, most urgent first.

    With `ids`, those of them alone, which spares looking through all that are queued: 90 ms for 200,000 of them.

    With `lock` they stay locked on PostgreSQL while the transaction lasts, so that what is decided on them cannot be
    overtaken. Each row begins with the contact's facts, in the order of CONTACT_FACTS, the values at `now` of what is
    `asked` for, and the home zone: to read fifty of them by their names takes longer than all the rest of deciding.
    """
    query = _leased(tuple(asked), now or 0, tx.dialect.name, locked=lock, among=ids is not None)
    values = {"token": token} if ids is None else {"token": token, "ids": ids_value(tx, ids)}
    return list(tx.execute(query, values).all())


@lru_cache(maxsize=256)
def _leased(asked: tuple[Asked, ...], now: int, dialect: str, *, locked: bool, among: bool) -> Select[Any]:
    """Written once for a run: to put it together takes as long as to read forty rows with it."""
    m, e, c, p = messages.c, enrolments.c, contacts.c, profiles.c
    facts = [p[name].label(f"fact_{name}") for name in CONTACT_FACTS]
    values = [
        case((m.campaign.in_(sorted(one.campaigns)), value_of(one.term, now))).label(f"term_{number}")
        for number, one in enumerate(asked)
    ]
    query = (
        select(
            *facts, *values, p.home_zone,
            m.id, m.contact_id, m.enrolment_id, m.campaign, m.step, m.channel, m.purpose, m.queue_rank, m.reason,
            m.due_at, m.expires_at, m.attempts, e.version, e.status.label("enrolment_status"), e.entered_at, e.holdout,
            c.source, c.external_id, c.email, c.phone, c.first_name, c.last_name, c.country, c.locale, c.zone,
            c.postcode,
        )
        .join(enrolments, e.id == m.enrolment_id)
        .join(contacts, c.id == m.contact_id)
        .join(profiles, p.contact_id == m.contact_id)
        .where(m.lease_token == bindparam("token"), m.status == "queued")
        .order_by(m.queue_rank, m.due_at, m.id)
    )  # fmt: skip
    if among:
        # Not `ids_in`: PostgreSQL would go through all of them for each message of the token, 13 ms a lot instead of 4.
        theirs = f"IN {ids_in(dialect)}" if dialect == "sqlite" else "= ANY(CAST(:ids AS bigint[]))"
        query = query.where(text(f"messages.id {theirs}"))
    return query.with_for_update(of=messages) if locked else query


def contacts_in_hand(tx: Transaction, contact_ids: Collection[int]) -> set[int]:
    """Those of the contacts to whom something is being sent at this moment."""
    query = text(f"SELECT contact_id FROM messages WHERE contact_id IN {ids_in(tx)} AND status = 'sending'")
    return set(tx.scalars(query, {"ids": ids_value(tx, contact_ids)}))


class Turn(NamedTuple):
    """When a message's turn comes among those of its contact: the lowest goes first."""

    queue_rank: int
    due_at: int
    id: int


def elsewhere(
    tx: Transaction, contact_ids: Collection[int], *, token: str, open_: Open, now: int, clock_now: int
) -> dict[int, Turn]:
    """The most urgent message due to each contact that could go now, of those that are not leased under `token`.

    What only pauses after a failed try has had its turn. Asked while the contacts are held, this is what keeps two
    dispatchers from giving the last place under a cap to the less urgent of two messages.
    """
    values = {"ids": ids_value(tx, contact_ids), "token": token, "now": now, "clock_now": clock_now}
    due = list(tx.scalars(_due_elsewhere(tx.dialect.name), values))
    if not due:
        return {}
    m = messages.c
    found: dict[int, Turn] = {}
    query = select(m.contact_id, m.queue_rank, m.due_at, m.id).where(m.id.in_(due), open_.holds())
    for contact_id, *turn in tx.execute(query):
        found[contact_id] = min(Turn(*turn), found.get(contact_id, Turn(*turn)))
    return found


@lru_cache
def _due_elsewhere(dialect: str) -> Select[tuple[int]]:
    """By itself, because nearly always nothing is found; and SQLite, asked for campaigns too, reads all of theirs."""
    m = messages.c
    return select(m.id).where(
        text(f"messages.contact_id IN {ids_in(dialect)}"),
        m.status.not_in([status for status in STATUSES if status != "queued"]),  # for the reason that `lease` gives
        m.due_at <= bindparam("now"),
        m.lease_token.is_distinct_from(bindparam("token")),
        or_(m.lease_until.is_(None), m.lease_until <= bindparam("clock_now"), m.lease_token.is_not(None)),
    )


def release(tx: Transaction, ids: Collection[int], *, token: str) -> None:
    """Give leased, still queued messages back."""
    m = messages.c
    tx.execute(
        update(messages)
        .where(m.id.in_(ids), m.lease_token == token, m.status == "queued")
        .values(lease_token=None, lease_until=None)
    )


def held_until(tx: Transaction, *, open_: Open, now: int, clock_now: int) -> int | None:
    """When the first lease of others on a due message ends, or has ended, in wall-clock milliseconds; None without any.

    What is still sending under a lapsed lease counts: its dispatcher is dead, and nobody has taken it back yet.
    """
    m = messages.c
    in_hand = or_(m.status == "sending", and_(m.status == "queued", m.lease_until > clock_now))
    held = and_(m.status.in_(("queued", "sending")), in_hand, open_.holds(), m.due_at <= now)
    until: int | None = tx.scalar(select(func.min(m.lease_until)).where(held))
    return until
