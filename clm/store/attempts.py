"""Attempts: each hand-over, its intent recorded before it, what came of it afterwards."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from clm.domain.message import ENDS, MessageStatus
from clm.faults import FaultPoint, reach
from clm.store import contacted
from clm.store.database import Transaction
from clm.store.delivery import storable
from clm.store.dialect import insert_many, texts_in, texts_value, update_many
from clm.store.messages import move
from clm.store.schema import attempts, messages

_DEADLOCK = "40P01"  # PostgreSQL's name for it


@dataclass(frozen=True, slots=True)
class Intent:
    """A message about to be handed over."""

    id: int
    number: int  # of this attempt, from 1
    channel: str
    address: str
    locale: str
    subject: str | None
    provider: str
    sender: str
    fingerprint: int | None
    segments: int | None = None
    cost: float | None = None


def intend(tx: Transaction, intents: Sequence[Intent], *, token: str, lease_until: int, now: int) -> None:
    """Record that these messages are about to leave; raises ContactBusyError where a contact is being sent another."""
    try:
        move(
            tx,
            ("queued", "sending"),
            [
                (one.address, one.locale, one.subject, one.segments, one.cost, one.number, lease_until, now, one.id)
                for one in intents
            ],
            ("address", "locale", "subject", "segments", "cost", "attempts", "lease_until", "intended_at"),
        )
    except IntegrityError as error:
        raise ContactBusyError from error
    except OperationalError as error:
        # Two dispatchers that want the same contacts in different orders wait for each other; PostgreSQL ends one.
        if getattr(error.orig, "sqlstate", None) == _DEADLOCK:
            raise ContactBusyError from error
        raise
    columns = ("message_id", "number", "token", "channel", "intended_at", "provider", "sender", "fingerprint")
    rows = [(one.id, one.number, token, one.channel, now, one.provider, one.sender, one.fingerprint) for one in intents]
    insert_many(tx, attempts, columns, rows)
    reach(FaultPoint.INSIDE_INTENT)


class ContactBusyError(Exception):
    """Another dispatcher is sending something to one of these contacts at this very moment."""


_TIMES = {"sent": "sent_at", "queued": "intended_at"}
"""Which instant a settlement sets: when it was sent; or it takes back the intent, because nothing can have left."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of one hand-over, and where the message goes."""

    id: int
    token: str
    number: int
    status: MessageStatus
    outcome: str
    detail: str | None
    provider_id: str | None = None
    pause_until: int | None = None
    """Of what was not sent: when it may be tried again, in wall-clock milliseconds."""


def settle(tx: Transaction, settlements: Sequence[Settlement], *, now: int) -> set[int]:
    """Record outcomes for messages still held under their token; returns those that were.

    An answer that comes after somebody took over is kept with its attempt only.
    """
    m = messages.c
    ids = [one.id for one in settlements]
    open_ones = (
        select(m.id, m.status, m.contact_id, m.channel, m.purpose, m.lease_token, m.attempts)
        .where(m.id.in_(ids), m.status.in_(("sending", "in_doubt")))
        .order_by(m.id)
        .with_for_update()
    )
    held = {(row.id, row.lease_token, row.attempts): row for row in tx.execute(open_ones)}
    mine = {one.id: row for one in settlements if (row := held.get((one.id, one.token, one.number))) is not None}
    # Before a message is moved: whoever decides on a contact holds the profile, and may wait for that move.
    contacted.hold(tx, [row.contact_id for row in mine.values()])
    by_way: dict[tuple[MessageStatus, MessageStatus], list[tuple[Any, ...]]] = {}
    sent: list[tuple[int, str]] = []
    for one in settlements:
        row = mine.get(one.id)
        if row is not None and row.status != one.status:
            # In doubt, a late answer may still come.
            keeps = one.token if one.status == "in_doubt" else None
            ended_at = now if one.status in ENDS else None
            reason = None if one.status == "sent" else storable(one.detail)
            values: list[Any] = [reason, ended_at, keeps, one.pause_until]
            if one.status in _TIMES:
                values.append(now if one.status == "sent" else _left_before(tx, one))
            by_way.setdefault((row.status, one.status), []).append((*values, one.id))
            if one.status == "sent" and row.purpose == "marketing":
                sent.append((row.contact_id, row.channel))
    for way, rows in by_way.items():
        time = (_TIMES[way[1]],) if way[1] in _TIMES else ()
        move(tx, way, rows, ("reason", "ended_at", "lease_token", "lease_until", *time))
    contacted.note_sent(tx, sent, now=now)
    _answer(tx, settlements, now=now)
    reach(FaultPoint.INSIDE_SETTLEMENT)
    return set(mine)


def _left_before(tx: Transaction, one: Settlement) -> int | None:
    """When an earlier attempt of the message may have left: what caps go on counting."""
    if one.number == 1:
        return None
    a = attempts.c
    left = or_(a.outcome.is_(None), a.outcome.not_in(("not_sent", "rejected", "bounced")))
    query = select(func.max(a.intended_at)).where(a.message_id == one.id, a.number < one.number, left)
    at: int | None = tx.scalar(query)
    return at


def _answer(tx: Transaction, settlements: Sequence[Settlement], *, now: int) -> None:
    """Keep each answer with its attempt; one that is known stays as it is."""
    a = attempts.c
    ids = [one.id for one in settlements]
    unknown = or_(a.outcome.is_(None), a.outcome == "in_doubt")
    known = tx.execute(select(a.id, a.message_id, a.token, a.number).where(a.message_id.in_(ids), unknown))
    attempt_of = {(row.message_id, row.token, row.number): row.id for row in known}
    rows = [
        (one.outcome, storable(one.detail), storable(one.provider_id), now, attempt_of[key])
        for one in settlements
        if (key := (one.id, one.token, one.number)) in attempt_of
    ]
    update_many(tx, attempts, ("outcome", "detail", "provider_id", "settled_at"), rows)


def named(tx: Transaction, names: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The messages that providers know by these names, each (provider, its own id)."""
    if not names:
        return {}
    query = text(f"SELECT provider, provider_id, message_id FROM attempts WHERE provider_id IN {texts_in(tx)}")
    rows = tx.execute(query, {"texts": texts_value(tx, {name for _, name in names})})
    return {(row.provider, row.provider_id): row.message_id for row in rows}
