"""Events: what contacts did; append-only."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import text

from clm.domain.record import EventRecord
from clm.store.database import Transaction
from clm.store.dialect import insert_many, texts_in, texts_value
from clm.store.schema import events


def known(tx: Transaction, source: str, external_ids: Collection[str]) -> set[str]:
    """Those of the ids that `source` has told before."""
    query = text(f"SELECT external_id FROM events WHERE source = :source AND external_id IN {texts_in(tx)}")
    return set(tx.scalars(query, {"source": source, "texts": texts_value(tx, external_ids)}))


def add(tx: Transaction, source: str, happened: Sequence[tuple[EventRecord, int]], *, now: int) -> None:
    """Append events with the contact each belongs to; one told before is left alone."""
    rows = [
        (source, record.external_id, contact_id, record.name, record.at, record.properties, now)
        for record, contact_id in happened
    ]
    columns = ("source", "external_id", "contact_id", "name", "at", "properties", "recorded_at")
    insert_many(tx, events, columns, rows, on_conflict="ON CONFLICT (source, external_id) DO NOTHING")
