"""Source cursors: how far each file has been read; moved in the transaction that stores what was read."""

from __future__ import annotations

from sqlalchemy import select, text

from clm.store.database import Transaction
from clm.store.schema import source_cursors


def read(tx: Transaction, *, source: str, feed: str, file: str) -> str | None:
    """The cursor of one file, as it was stored, or None."""
    c = source_cursors.c
    return tx.scalar(select(c.cursor).where(c.source == source, c.feed == feed, c.file == file))


def advance(tx: Transaction, *, source: str, feed: str, file: str, cursor: str, now: int) -> None:
    """Store how far one file has been read."""
    statement = text(
        "INSERT INTO source_cursors (source, feed, file, cursor, advanced_at)"
        " VALUES (:source, :feed, :file, :cursor, :now)"
        " ON CONFLICT (source, feed, file) DO UPDATE SET cursor = excluded.cursor, advanced_at = excluded.advanced_at"
    )
    tx.execute(statement, {"source": source, "feed": feed, "file": file, "cursor": cursor, "now": now})
