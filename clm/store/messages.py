"""Messages: queued, leased, intended, settled; every change of status goes through `move`.

A lease is about a process being alive, so it is counted in wall-clock time (`clock_now`); everything else happens at
the instant the run is for (`now`). A lapsed lease on a queued message frees it at once: nothing can have left.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, exists, func, or_, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from clm.domain.fact import FACTS
from clm.domain.message import ENDS, STATUSES, TRANSITIONS, MessageStatus
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
) -> int:
    """Lease up to `limit` due messages of these campaigns to the holder of `token`; returns how many.

    At most one message of a contact is in anybody's hands at a time where it can be told here; the unique key on
    (contact, sending) holds where it cannot.
    """
    m = messages.c
    free = and_(
        m.status == "queued",
        m.campaign.in_(campaigns),
        m.due_at <= now,
        or_(m.lease_until.is_(None), m.lease_until <= clock_now),
    )
    other = messages.alias("other")
    in_hand = exists().where(other.c.contact_id == m.contact_id, other.c.status == "sending")
    chosen = (
        select(m.id)
        .where(free, ~in_hand)
        .order_by(m.queue_rank, m.due_at, m.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    # Two statements for the reason that enrolments.move_on gives.
    ids = list(tx.scalars(chosen))
    if ids:
        leased = text(f"UPDATE messages SET lease_token = :token, lease_until = :until WHERE id IN {ids_in(tx)}")
        tx.execute(leased, {"token": token, "until": lease_until, "ids": ids_value(tx, ids)})
    return len(ids)


def leased(tx: Transaction, token: str, *, lock: bool) -> list[Found]:
    """The queued messages leased under `token`, with their contact, profile and enrolment, most urgent first.

    With `lock` they stay locked on PostgreSQL while the transaction lasts, so that what is decided on them cannot be
    overtaken.
    """
    m, e, c, p = messages.c, enrolments.c, contacts.c, profiles.c
    facts = [p[name].label(f"fact_{name}") for name in CONTACT_FACTS]
    query = (
        select(
            m.id, m.contact_id, m.enrolment_id, m.campaign, m.step, m.channel, m.purpose, m.expires_at, m.attempts,
            e.version, e.status.label("enrolment_status"), e.entered_at,
            c.email, c.phone, c.first_name, c.last_name, c.country, c.locale, *facts,
        )
        .join(enrolments, e.id == m.enrolment_id)
        .join(contacts, c.id == m.contact_id)
        .join(profiles, p.contact_id == m.contact_id)
        .where(m.lease_token == token, m.status == "queued")
        .order_by(m.queue_rank, m.due_at, m.id)
    )  # fmt: skip
    return list(tx.execute(query.with_for_update(of=messages) if lock else query))


def contacts_in_hand(tx: Transaction, contact_ids: Collection[int]) -> set[int]:
    """Those of the contacts to whom something is being sent at this moment."""
    m = messages.c
    return set(tx.scalars(select(m.contact_id).where(m.contact_id.in_(set(contact_ids)), m.status == "sending")))


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
            [(one.address, one.locale, one.subject, one.number, lease_until, one.id) for one in intents],
            ("address", "locale", "subject", "attempts", "lease_until"),
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


def stop(tx: Transaction, stopped: Sequence[tuple[int, MessageStatus, str]], *, now: int) -> None:
    """End queued messages without sending, each with its status and reason, and keep the decision."""
    by_status: dict[MessageStatus, list[tuple[Any, ...]]] = {}
    for message_id, status, reason in stopped:
        by_status.setdefault(status, []).append((reason, now, None, None, message_id))
    for status, rows in by_status.items():
        move(tx, ("queued", status), rows, ("reason", "ended_at", "lease_token", "lease_until"))
    if not stopped:
        return
    tx.execute(
        text(
            "INSERT INTO decisions (contact_id, campaign, enrolment_id, message_id, kind, reason, at)"
            " SELECT contact_id, campaign, enrolment_id, id, status, reason, :now FROM messages WHERE id = :id"
        ),
        [{"id": message_id, "now": now} for message_id, _, _ in stopped],
    )


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
    mine = select(m.id, m.status).where(m.id.in_(ids), m.lease_token == token, m.status.in_(("sending", "in_doubt")))
    held: dict[int, MessageStatus] = {row.id: row.status for row in tx.execute(mine.with_for_update())}
    by_way: dict[tuple[MessageStatus, MessageStatus], list[tuple[Any, ...]]] = {}
    for one in settlements:
        before = held.get(one.id)
        if before is not None and before != one.status:
            sent_at = now if one.status == "sent" else None
            ended_at = now if one.status in ENDS else None
            # In doubt, a late answer may still come; not sent, the rest of the lease is the pause before the next try.
            keeps = token if one.status == "in_doubt" else None
            by_way.setdefault((before, one.status), []).append(
                (None if one.status == "sent" else one.detail, sent_at, ended_at, keeps, one.id)
            )
    for way, rows in by_way.items():
        move(tx, way, rows, ("reason", "sent_at", "ended_at", "lease_token"))
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


def expired(tx: Transaction, *, now: int, clock_now: int, limit: int) -> list[int]:
    """Queued messages in nobody's hands that are too late to send."""
    m = messages.c
    query = (
        select(m.id)
        .where(m.status == "queued", m.expires_at < now, or_(m.lease_until.is_(None), m.lease_until <= clock_now))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(tx.scalars(query))


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
