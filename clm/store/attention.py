"""What waits for a person and can be counted: messages in doubt for long, and rows that could not be read lately."""

from __future__ import annotations

from sqlalchemy import text

from clm.store.database import Found, Transaction
from clm.store.doubt import UNSETTLED

COUNTED_MAX = 1_000
"""More than that are not counted: a page is made of it each time."""


def in_doubt(tx: Transaction, *, before: int, limit: int = COUNTED_MAX) -> list[Found]:
    """Messages in doubt since before an instant, or handed to a mail server, which tells no more of them; oldest first.

    Each is a row of id, contact_id, contact (the shop's own id), campaign, step, provider, intended_at, reason.
    """
    query = text(
        "SELECT m.id, m.contact_id, c.external_id AS contact, m.campaign, m.step, a.provider, a.intended_at, m.reason"
        " FROM messages m JOIN attempts a ON a.message_id = m.id AND a.number = m.attempts"
        " JOIN contacts c ON c.id = m.contact_id"
        f" WHERE m.status = 'in_doubt' AND {UNSETTLED.format(m='m')}"
        " AND (a.intended_at < :before OR a.provider = 'smtp') ORDER BY m.id LIMIT :limit"
    )
    return list(tx.execute(query, {"before": before, "limit": limit}))


def quarantined(tx: Transaction, *, since: int, limit: int = COUNTED_MAX) -> list[Found]:
    """Of the newest `limit` rows in quarantine those put there since an instant, newest first.

    Each is a row of id, source, feed, file, line, field, reason, recorded_at: what it says is left out.
    """
    query = text(
        "SELECT id, source, feed, file, line, field, reason, recorded_at FROM (SELECT id, source, feed, file, line,"
        " field, reason, recorded_at FROM quarantine ORDER BY id DESC LIMIT :limit) AS newest"
        " WHERE recorded_at >= :since ORDER BY id DESC"
    )
    return list(tx.execute(query, {"since": since, "limit": limit}))
