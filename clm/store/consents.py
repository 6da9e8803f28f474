"""Consents: append-only statements per contact, channel and purpose; the latest counts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import text

from clm.store.database import Transaction
from clm.store.dialect import ids_in, ids_value, insert_many
from clm.store.schema import consents


class Statement(NamedTuple):
    """Consent given or withdrawn by one contact for marketing on one channel."""

    contact_id: int
    channel: str
    granted: bool
    at: int
    source: str


def of(tx: Transaction, contact_ids: Collection[int]) -> list[Statement]:
    """All marketing statements of some contacts, oldest first; of two at one instant the withdrawal is last."""
    query = text(
        f"SELECT contact_id, channel, granted, at, source FROM consents"
        f" WHERE contact_id IN {ids_in(tx)} AND purpose = 'marketing' ORDER BY at, granted DESC"
    )
    return [
        Statement(row.contact_id, row.channel, bool(row.granted), row.at, row.source)
        for row in tx.execute(query, {"ids": ids_value(tx, contact_ids)})
    ]


def record(tx: Transaction, statements: Sequence[Statement], *, now: int) -> None:
    """Append statements; one that stands already is left alone."""
    rows = [(s.contact_id, s.channel, "marketing", s.granted, s.at, s.source, now) for s in statements]
    columns = ("contact_id", "channel", "purpose", "granted", "at", "source", "recorded_at")
    insert_many(
        tx, consents, columns, rows, on_conflict="ON CONFLICT (contact_id, channel, purpose, at, granted) DO NOTHING"
    )
