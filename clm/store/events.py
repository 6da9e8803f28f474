"""Events: what contacts did; append-only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import text

from clm.domain.record import EventRecord
from clm.store.database import Transaction
from clm.store.dialect import ids_in, ids_value, insert_many, texts_in, texts_value
from clm.store.schema import events


def known(tx: Transaction, source: str, external_ids: Collection[str]) -> set[str]:
    """Those of the ids that `source` has told before."""
    query = text(f"SELECT external_id FROM events WHERE source = :source AND external_id IN {texts_in(tx)}")
    return set(tx.scalars(query, {"source": source, "texts": texts_value(tx, external_ids)}))


def latest(tx: Transaction, contact_ids: Collection[int], name: str, *, now: int) -> dict[int, str]:
    """The properties of the latest event of that name that each contact has had, as JSON, by contact."""
    query = text(
        "SELECT contact_id, properties FROM ("
        " SELECT contact_id, properties, ROW_NUMBER() OVER (PARTITION BY contact_id ORDER BY at DESC, id DESC) AS place"
        f" FROM events WHERE contact_id IN {ids_in(tx)} AND name = :name AND at <= :now) AS told WHERE place = 1"
    )
    rows = tx.execute(query, {"ids": ids_value(tx, contact_ids), "name": name, "now": now})
    return {row.contact_id: row.properties for row in rows}


class Told(NamedTuple):
    """One event as it was told."""

    contact_id: int
    source: str
    at: int
    properties: str
    """A JSON object, of which nobody has promised what is in it."""


def lately(
    tx: Transaction, contact_ids: Collection[int], names: Collection[str], *, since: int, now: int, most: int
) -> list[Told]:
    """The latest `most` events of those names that each contact has had after `since`, latest first."""
    query = text(
        "SELECT contact_id, source, at, properties FROM ("
        " SELECT contact_id, source, at, properties,"
        " ROW_NUMBER() OVER (PARTITION BY contact_id ORDER BY at DESC, id DESC) AS place"
        f" FROM events WHERE contact_id IN {ids_in(tx)} AND name IN {texts_in(tx)} AND at > :since AND at <= :now"
        ") AS told WHERE place <= :most ORDER BY contact_id, place"
    )
    given = {"ids": ids_value(tx, contact_ids), "texts": texts_value(tx, names)}
    return [Told(*row) for row in tx.execute(query, given | {"since": since, "now": now, "most": most})]


def add(tx: Transaction, source: str, happened: Sequence[tuple[EventRecord, int]], *, now: int) -> None:
    """Append events with the contact each belongs to; one told before is left alone."""
    rows = [
        (source, record.external_id, contact_id, record.name, record.at, record.properties, now)
        for record, contact_id in happened
    ]
    columns = ("source", "external_id", "contact_id", "name", "at", "properties", "recorded_at")
    insert_many(tx, events, columns, rows, on_conflict="ON CONFLICT (source, external_id) DO NOTHING")
