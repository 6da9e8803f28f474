"""Messages: queued, leased, intended, settled; every change of status goes through `move`.

A lease is about a process being alive, so it is counted in wall-clock time (`clock_now`); everything else happens at
the instant the run is for (`now`). A lapsed lease on a queued message frees it at once: nothing can have left.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import and_, case, exists, func, or_, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from clm.domain.fact import FACTS
from clm.domain.message import ENDS, STATUSES, TRANSITIONS, MessageStatus
from clm.domain.term import Term
from clm.store import contacted
from clm.store.conditions import column as value_of
from clm.store.database import Found, Transaction
from clm.store.dialect import ids_in, ids_value, insert_many, update_many
from clm.store.enrolments import Moved
from clm.store.schema import attempts, contacts, enrolments, messages, profiles

_DEADLOCK = "40P01"  # PostgreSQL's name for it

CONTACT_FACTS = tuple(name for name, fact in FACTS.items() if fact.scope == "contact")


@dataclass(frozen=True, slots=True)
class Queueing:
    """What all messages of one step have in common."""

    campaign: str
    step: str
    channel: str
    purpose: str
    priority: int
    due_at: int
    expires_at: int


def queue(tx: Transaction, moved: Sequence[Moved], what: Queueing, *, now: int) -> int:
    """Queue one message for each enrolment that reached a step; one that exists already is left alone."""
    columns = (
        "enrolment_id", "contact_id", "campaign", "step", "channel", "purpose", "queue_rank", "status", "due_at",
        "expires_at", "created_at", "attempts",
    )  # fmt: skip
    rows = [
        (
            one.id, one.contact_id, what.campaign, what.step, what.channel, what.purpose, 100 - what.priority, "queued",
            what.due_at, what.expires_at, now, 0,
        )
        for one in moved
    ]  # fmt: skip
    return insert_many(tx, messages, columns, rows, on_conflict="ON CONFLICT (enrolment_id, step) DO NOTHING")


def lease(
    tx: Transaction, *, token: str, lease_until: int, campaigns: Collection[str], now: int, clock_now: int, limit: int
) -> list[int]:
    """Lease up to `limit` due messages of these campaigns to the holder of `token`; returns their ids.

    At most one dispatcher has messages of a contact in hand at a time where it can be told here; the unique key on
    (contact, sending) holds where it cannot. What only pauses after a failed try is in nobody's hands.
    """
    m = messages.c
    free = and_(
        m.status == "queued",
        m.campaign.in_(campaigns),
        m.due_at <= now,
        or_(m.lease_until.is_(None), m.lease_until <= clock_now),
    )
    other = messages.alias("other")
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
        .where(free, ~sending, ~held)
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
    overtaken. Each row begins with the contact's facts, in the order of CONTACT_FACTS, and the values at `now` of what
    is `asked` for: to read fifty of them by their names takes longer than all the rest of deciding.
    """
    m, e, c, p = messages.c, enrolments.c, contacts.c, profiles.c
    facts = [p[name].label(f"fact_{name}") for name in CONTACT_FACTS]
    values = [
        case((m.campaign.in_(sorted(one.campaigns)), value_of(one.term, now or 0))).label(f"term_{number}")
        for number, one in enumerate(asked)
    ]
    query = (
        select(
            *facts, *values,
            m.id, m.contact_id, m.enrolment_id, m.campaign, m.step, m.channel, m.purpose, m.queue_rank, m.reason,
            m.due_at, m.expires_at, m.attempts, e.version, e.status.label("enrolment_status"), e.entered_at, e.holdout,
            c.external_id, c.email, c.phone, c.first_name, c.last_name, c.country, c.locale, c.zone, c.postcode,
            p.home_zone,
        )
        .join(enrolments, e.id == m.enrolment_id)
        .join(contacts, c.id == m.contact_id)
        .join(profiles, p.contact_id == m.contact_id)
        .where(m.lease_token == token, m.status == "queued")
        .order_by(m.queue_rank, m.due_at, m.id)
    )  # fmt: skip
    if ids is not None:
        query = query.where(text(f"messages.id IN {ids_in(tx)}").bindparams(ids=ids_value(tx, ids)))
    return list(tx.execute(query.with_for_update(of=messages) if lock else query))


def contacts_in_hand(tx: Transaction, contact_ids: Collection[int]) -> set[int]:
    """Those of the contacts to whom something is being sent at this moment."""
    m = messages.c
    return set(tx.scalars(select(m.contact_id).where(m.contact_id.in_(set(contact_ids)), m.status == "sending")))


class Turn(NamedTuple):
    """When a message's turn comes among those of its contact: the lowest goes first."""

    queue_rank: int
    due_at: int
    id: int


def elsewhere(
    tx: Transaction, contact_ids: Collection[int], *, token: str, campaigns: Collection[str], now: int, clock_now: int
) -> dict[int, Turn]:
    """The most urgent message due to each contact, of those that are not leased under `token`.

    What only pauses after a failed try has had its turn. Asked while the contacts are held, this is what keeps two
    dispatchers from giving the last place under a cap to the less urgent of two messages.
    """
    m = messages.c
    query = select(m.contact_id, m.queue_rank, m.due_at, m.id).where(
        text(f"messages.contact_id IN {ids_in(tx)}").bindparams(ids=ids_value(tx, contact_ids)),
        m.status.not_in([status for status in STATUSES if status != "queued"]),  # for the reason that `lease` gives
        m.campaign.in_(campaigns),
        m.due_at <= now,
        m.lease_token.is_distinct_from(token),
        or_(m.lease_until.is_(None), m.lease_until <= clock_now, m.lease_token.is_not(None)),
    )
    found: dict[int, Turn] = {}
    for contact_id, *turn in tx.execute(query):
        found[contact_id] = min(Turn(*turn), found.get(contact_id, Turn(*turn)))
    return found


@dataclass(frozen=True, slots=True)
class Intent:
    """A message about to be handed over."""

    id: int
    number: int  # of this attempt, from 1
    channel: str
    address: str
    locale: str
    subject: str | None


def intend(tx: Transaction, intents: Sequence[Intent], *, token: str, lease_until: int, now: int) -> None:
    """Record that these messages are about to leave; raises ContactBusyError where a contact is being sent another."""
    try:
        move(
            tx,
            ("queued", "sending"),
            [(one.address, one.locale, one.subject, one.number, lease_until, now, one.id) for one in intents],
            ("address", "locale", "subject", "attempts", "lease_until", "intended_at"),
        )
    except IntegrityError as error:
        raise ContactBusyError from error
    except OperationalError as error:
        # Two dispatchers that want the same contacts in different orders wait for each other; PostgreSQL ends one.
        if getattr(error.orig, "sqlstate", None) == _DEADLOCK:
            raise ContactBusyError from error
        raise
    columns = ("message_id", "number", "token", "channel", "intended_at")
    insert_many(tx, attempts, columns, [(one.id, one.number, token, one.channel, now) for one in intents])


class ContactBusyError(Exception):
    """Another dispatcher is sending something to one of these contacts at this very moment."""


def move(
    tx: Transaction,
    way: tuple[MessageStatus, MessageStatus],
    rows: Sequence[Sequence[Any]],
    columns: tuple[str, ...] = (),
) -> int:
    """Move messages one way of TRANSITIONS and set `columns`; each row holds their values and the message id, last.

    The caller has made sure, under lock, that the messages are where the way begins.
    """
    if way not in TRANSITIONS:
        raise ValueError(f"a message never goes from {way[0]} to {way[1]}")
    return update_many(tx, messages, ("status", *columns), [(way[1], *row) for row in rows])


_TIMES = {"sent": "sent_at", "queued": "intended_at"}
"""Which instant a settlement sets: when it was sent; or it takes back the intent, because nothing can have left."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of one hand-over, and where the message goes."""

    id: int
    number: int
    status: MessageStatus
    outcome: str
    detail: str | None


def settle(tx: Transaction, settlements: Sequence[Settlement], *, token: str, now: int) -> set[int]:
    """Record outcomes for messages still held under `token`; returns those that were.

    An answer that comes after somebody took over is kept with its attempt only.
    """
    m = messages.c
    ids = [one.id for one in settlements]
    mine = select(m.id, m.status, m.contact_id, m.channel, m.purpose).where(
        m.id.in_(ids), m.lease_token == token, m.status.in_(("sending", "in_doubt"))
    )
    held = {row.id: row for row in tx.execute(mine.with_for_update())}
    # Before a message is moved: whoever decides on a contact holds the profile, and may wait for that move.
    contacted.hold(tx, [row.contact_id for row in held.values()])
    by_way: dict[tuple[MessageStatus, MessageStatus], list[tuple[Any, ...]]] = {}
    sent: list[tuple[int, str]] = []
    for one in settlements:
        row = held.get(one.id)
        if row is not None and row.status != one.status:
            # In doubt, a late answer may still come; not sent, the rest of the lease is the pause before the next try.
            keeps = token if one.status == "in_doubt" else None
            ended_at = now if one.status in ENDS else None
            values: list[Any] = [None if one.status == "sent" else one.detail, ended_at, keeps]
            if one.status in _TIMES:
                values.append(now if one.status == "sent" else None)
            by_way.setdefault((row.status, one.status), []).append((*values, one.id))
            if one.status == "sent" and row.purpose == "marketing":
                sent.append((row.contact_id, row.channel))
    for way, rows in by_way.items():
        time = (_TIMES[way[1]],) if way[1] in _TIMES else ()
        move(tx, way, rows, ("reason", "ended_at", "lease_token", *time))
    contacted.note_sent(tx, sent, now=now)
    a = attempts.c
    known = tx.execute(select(a.id, a.message_id).where(a.token == token, a.message_id.in_(ids), a.outcome.is_(None)))
    attempt_of = {row.message_id: row.id for row in known}
    update_many(
        tx, attempts, ("outcome", "detail", "settled_at"),
        [(one.outcome, one.detail, now, attempt_of[one.id]) for one in settlements if one.id in attempt_of],
    )  # fmt: skip
    return set(held)


def release(tx: Transaction, ids: Collection[int], *, token: str) -> None:
    """Give leased, still queued messages back."""
    m = messages.c
    tx.execute(
        update(messages)
        .where(m.id.in_(ids), m.lease_token == token, m.status == "queued")
        .values(lease_token=None, lease_until=None)
    )


def recover(tx: Transaction, *, idempotent: Collection[str], clock_now: int) -> tuple[int, int]:
    """Take back what dead dispatchers were sending: queued again where the channel is idempotent, else in doubt.

    Returns how many went each way.
    """
    m = messages.c
    lapsed = and_(m.status == "sending", m.lease_until <= clock_now)
    again = select(m.id).where(lapsed, m.channel.in_(idempotent)).with_for_update(skip_locked=True)
    doubt = select(m.id).where(lapsed, m.channel.not_in(idempotent)).with_for_update(skip_locked=True)
    requeued = move(
        tx, ("sending", "queued"), [(None, None, row.id) for row in tx.execute(again)], ("lease_token", "lease_until")
    )
    doubted = move(
        tx,
        ("sending", "in_doubt"),
        [("the dispatcher died before an answer came", row.id) for row in tx.execute(doubt)],
        ("reason",),
    )
    return requeued, doubted


def held_until(tx: Transaction, *, campaigns: Collection[str], now: int, clock_now: int) -> int | None:
    """When the first lease of others on a due message ends, in wall-clock milliseconds; None without any."""
    m = messages.c
    held = and_(
        m.status.in_(("queued", "sending")), m.campaign.in_(campaigns), m.due_at <= now, m.lease_until > clock_now
    )
    until: int | None = tx.scalar(select(func.min(m.lease_until)).where(held))
    return until


def standing(tx: Transaction) -> dict[str, int]:
    """How many messages stand where they will not stay: queued, sending, in doubt."""
    m = messages.c
    query = select(m.status, func.count().label("messages")).where(m.status.in_(("queued", "sending", "in_doubt")))
    return {row.status: row.messages for row in tx.execute(query.group_by(m.status))}


def queued_between(tx: Transaction, since: int, until: int) -> dict[str, int]:
    """How many messages each campaign queued after `since`, up to and including `until`."""
    m = messages.c
    query = select(m.campaign, func.count().label("messages")).where(m.created_at > since, m.created_at <= until)
    return {row.campaign: row.messages for row in tx.execute(query.group_by(m.campaign))}


def ended_between(tx: Transaction, since: int, until: int) -> list[Found]:
    """How many messages ended after `since`, up to and including `until`: campaign, status, reason, messages."""
    m = messages.c
    keys = (m.campaign, m.status, m.reason)
    query = select(*keys, func.count().label("messages")).where(m.ended_at > since, m.ended_at <= until)
    return list(tx.execute(query.group_by(*keys).order_by(*keys)))


def waiting_for(tx: Transaction) -> list[Found]:
    """What queued messages were put off for, by campaign: campaign, reason, messages."""
    m = messages.c
    keys = (m.campaign, m.reason)
    query = select(*keys, func.count().label("messages")).where(m.status == "queued", m.reason.is_not(None))
    return list(tx.execute(query.group_by(*keys).order_by(*keys)))


def standing_by_campaign(tx: Transaction) -> list[Found]:
    """How many messages stand in each status, by campaign: campaign, status, messages."""
    m = messages.c
    return list(tx.execute(select(m.campaign, m.status, func.count().label("messages")).group_by(m.campaign, m.status)))


def listed(
    tx: Transaction, *, contact: str | None, campaign: str | None, status: str | None, limit: int | None
) -> list[Found]:
    """Messages with the source's own id of their contact, oldest first."""
    if status is not None and status not in STATUSES:
        raise ValueError(status)
    m, c = messages.c, contacts.c
    query = (
        select(
            m.id, c.external_id.label("contact"), m.campaign, m.step, m.channel, m.locale, m.status, m.reason, m.due_at,
            m.sent_at, m.address.label("to"), m.subject,
        )
        .join(contacts, c.id == m.contact_id)
        .order_by(m.id)
    )  # fmt: skip
    for column, value in ((c.external_id, contact), (m.campaign, campaign), (m.status, status)):
        if value is not None:
            query = query.where(column == value)
    return list(tx.execute(query.limit(limit)))
