"""How one campaign stands, step by step: who is where, and what became of the messages of each step."""

from __future__ import annotations

from sqlalchemy import func, select

from clm.store.database import Found, Transaction
from clm.store.schema import enrolments, messages


def in_flight(tx: Transaction, campaign: str) -> list[Found]:
    """How many people are before which node: version, position, people; those held out are not among them."""
    e = enrolments.c
    keys = (e.version, e.position)
    query = select(*keys, func.count().label("people")).where(e.campaign == campaign, e.status == "active")
    return list(tx.execute(query.where(e.holdout.is_(None)).group_by(*keys)))


def by_step(tx: Transaction, campaign: str) -> list[Found]:
    """How many messages of each step stand in which status: step, status, messages."""
    m = messages.c
    keys = (m.step, m.status)
    query = select(*keys, func.count().label("messages")).where(m.campaign == campaign)
    return list(tx.execute(query.group_by(*keys)))


def reasons(tx: Transaction, campaign: str, *, limit: int) -> list[Found]:
    """Why messages were not sent, or wait, most often first: step, status, reason, messages."""
    m = messages.c
    keys = (m.step, m.status, m.reason)
    count = func.count()
    query = select(*keys, count.label("messages")).where(m.campaign == campaign, m.reason.is_not(None))
    return list(tx.execute(query.group_by(*keys).order_by(count.desc(), *keys).limit(limit)))
