"""Queued messages that are not sent: ended with a status, or deferred; each decision is kept with its facts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import case, or_, select, text

from clm.domain.message import MessageStatus
from clm.store import coupons
from clm.store.database import Found, Transaction
from clm.store.dialect import ids_in, ids_value, insert_many, update_many
from clm.store.messages import move
from clm.store.schema import decisions, messages


class Ended(NamedTuple):
    """A queued message that is never sent, with the facts that mattered."""

    id: int
    status: MessageStatus
    reason: str
    facts: Mapping[str, Any] | None = None


class Deferred(NamedTuple):
    """A queued message that waits until another instant, with the facts that mattered."""

    id: int
    until: int
    reason: str
    facts: Mapping[str, Any] | None = None


def stop(tx: Transaction, ended: Sequence[Ended], *, now: int) -> None:
    """End queued messages without sending, each with its status and reason, and keep the decision.

    Codes that were held for them are given back.
    """
    by_status: dict[MessageStatus, list[tuple[Any, ...]]] = {}
    for one in ended:
        by_status.setdefault(one.status, []).append((one.reason, now, None, None, one.id))
    for status, rows in by_status.items():
        move(tx, ("queued", status), rows, ("reason", "ended_at", "lease_token", "lease_until"))
    if ended:
        coupons.give_back(tx, [one.id for one in ended])
    _decide(tx, [(one.id, one.status, one.reason, one.facts) for one in ended], now=now)


def defer(tx: Transaction, deferred: Sequence[Deferred], *, now: int) -> None:
    """Give leased messages back until another instant; the decision is kept where its reason is a new one."""
    m = messages.c
    known = select(m.id, m.reason).where(m.id.in_([one.id for one in deferred]))
    before: dict[int, str | None] = {row.id: row.reason for row in tx.execute(known)} if deferred else {}
    update_many(
        tx, messages, ("due_at", "reason", "lease_token", "lease_until"),
        [(one.until, one.reason, None, None, one.id) for one in deferred],
    )  # fmt: skip
    fresh = [(one.id, "deferred", one.reason, one.facts) for one in deferred if one.reason != before[one.id]]
    _decide(tx, fresh, now=now)


def bring_forward(tx: Transaction, reason: str, *, now: int, limit: int) -> int:
    """Have up to `limit` queued messages that were deferred for a reason looked at now, most urgent first; how many.

    What somebody has in hand is left alone: they decide on it themselves.
    """
    m = messages.c
    deferred = (m.status == "queued", m.reason == reason, m.due_at > now, m.lease_token.is_(None))
    query = select(m.id).where(*deferred).order_by(m.queue_rank, m.due_at, m.id).limit(limit)
    ids = list(tx.scalars(query.with_for_update(skip_locked=True)))
    update_many(tx, messages, ("due_at",), [(now, message_id) for message_id in ids])
    return len(ids)


def expired(tx: Transaction, *, now: int, clock_now: int, limit: int) -> list[Found]:
    """Queued messages in nobody's hands that are too late to send: id, and what each `waited_for` to its deadline."""
    m = messages.c
    query = (
        select(m.id, case((m.due_at >= m.expires_at, m.reason)).label("waited_for"))
        .where(m.status == "queued", m.expires_at < now, or_(m.lease_until.is_(None), m.lease_until <= clock_now))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(tx.execute(query))


def _decide(tx: Transaction, decided: Sequence[tuple[int, str, str, Mapping[str, Any] | None]], *, now: int) -> None:
    """Keep decisions on messages: id, kind, reason, and the facts that mattered."""
    if not decided:
        return
    query = text(f"SELECT id, contact_id, campaign, enrolment_id FROM messages WHERE id IN {ids_in(tx)}")
    about = {row.id: row for row in tx.execute(query, {"ids": ids_value(tx, [each[0] for each in decided])})}
    columns = ("contact_id", "campaign", "enrolment_id", "message_id", "kind", "reason", "facts", "at")
    rows = []
    for message_id, kind, reason, facts in sorted(decided, key=lambda each: each[0]):  # one order for all
        told = json.dumps(facts, ensure_ascii=False) if facts else None
        one = about[message_id]
        rows.append((one.contact_id, one.campaign, one.enrolment_id, message_id, kind, reason, told, now))
    insert_many(tx, decisions, columns, rows)
