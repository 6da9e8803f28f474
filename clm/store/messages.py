"""Messages: queued, and what stands where; every change of status goes through `move`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from clm.domain.message import STATUSES, TRANSITIONS, MessageStatus
from clm.store.database import Found, Transaction
from clm.store.dialect import insert_many, update_many
from clm.store.enrolments import Moved
from clm.store.schema import contacts, messages


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


def standing_by_campaign(tx: Transaction, campaign: str | None = None) -> list[Found]:
    """How many messages stand in each status, by campaign, of all or of one: campaign, status, messages."""
    m = messages.c
    query = select(m.campaign, m.status, func.count().label("messages"))
    if campaign is not None:
        query = query.where(m.campaign == campaign)
    return list(tx.execute(query.group_by(m.campaign, m.status)))


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
