"""Messages of which nobody knows whether a provider took them, and the evidence that says so."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select, text

from clm.domain.message import MessageStatus
from clm.store import contacted
from clm.store.database import Transaction
from clm.store.dialect import ids_in, ids_value
from clm.store.messages import move
from clm.store.schema import messages

_OPEN: tuple[MessageStatus, ...] = ("queued", "sending", "in_doubt")


def about(tx: Transaction, message_ids: Collection[int]) -> dict[int, str | None]:
    """Those of the messages that there are, with the address each went to."""
    if not message_ids:
        return {}
    query = text(f"SELECT id, address FROM messages WHERE id IN {ids_in(tx)}")
    return {row.id: row.address for row in tx.execute(query, {"ids": ids_value(tx, message_ids)})}


def accepted(tx: Transaction, message_ids: Collection[int], *, now: int) -> int:
    """Make those sent of which nobody knew yet, because there is evidence; returns how many.

    One that is queued counts only where it has been handed over before: it was queued again after a silence that has
    now ended. Ends stay as they are.
    """
    m = messages.c
    if not message_ids:
        return 0
    open_ones = (
        select(m.id, m.status, m.contact_id, m.channel, m.purpose)
        .where(
            text(f"messages.id IN {ids_in(tx)}").bindparams(ids=ids_value(tx, message_ids)),
            m.status.in_(_OPEN),
            m.attempts > 0,
        )
        .order_by(m.id)
        .with_for_update()
    )
    rows = tx.execute(open_ones).all()
    contacted.hold(tx, [row.contact_id for row in rows])
    for status in _OPEN:
        moved = [(None, now, now, None, None, row.id) for row in rows if row.status == status]
        move(tx, (status, "sent"), moved, ("reason", "ended_at", "sent_at", "lease_token", "lease_until"))
    sent = [(row.contact_id, row.channel) for row in rows if row.purpose == "marketing"]
    contacted.note_sent(tx, sent, now=now)
    return len(rows)
