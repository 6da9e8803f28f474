"""Quarantine: rows that could not be used, whole, with the reason."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from clm.domain.fingerprint import fingerprint
from clm.domain.record import BadRow
from clm.store.database import Found, Transaction
from clm.store.dialect import insert_many
from clm.store.schema import quarantine


def add(tx: Transaction, *, source: str, feed: str, file: str, rows: Sequence[BadRow], now: int) -> None:
    """Keep bad rows; the same row of the same file is kept once."""
    columns = ("source", "feed", "file", "line", "field", "reason", "raw", "fingerprint", "recorded_at")
    values = [
        (source, feed, file, row.line, row.field, row.reason, row.raw, fingerprint((file, row.line, row.raw)), now)
        for row in rows
    ]
    insert_many(tx, quarantine, columns, values, on_conflict="ON CONFLICT (source, feed, fingerprint) DO NOTHING")


def listed(tx: Transaction, *, source: str | None, limit: int) -> list[Found]:
    """The newest bad rows, of one source or all."""
    query = select(quarantine).order_by(quarantine.c.id.desc()).limit(limit)
    if source is not None:
        query = query.where(quarantine.c.source == source)
    return list(tx.execute(query))
