"""History as intervals: which RFM group, which stage, from when until when; the open interval has no end.

A contact's intervals never overlap and are written in the order of time. What a run writes depends on the instant
alone: a second run at the same instant first takes back what the first one wrote for it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Table, text

from clm.store.database import Found, Transaction
from clm.store.dialect import ids_in, ids_value, insert_many


def ahead_of(tx: Transaction, history: Table, ids: Collection[int], *, now: int) -> set[int]:
    """Those whose history already goes beyond `now`: a run for an earlier instant leaves them alone."""
    query = text(
        f"SELECT DISTINCT contact_id FROM {history.name} WHERE contact_id IN {ids_in(tx)}"
        " AND (since > :now OR until > :now)"
    )
    return set(tx.scalars(query, {"ids": ids_value(tx, ids), "now": now}))


def standing(tx: Transaction, history: Table, ids: Collection[int], *, now: int) -> dict[int, Found]:
    """The open interval of each contact as it was before this instant, by contact id; what began at `now` is undone."""
    values = {"ids": ids_value(tx, ids), "now": now}
    theirs = f"contact_id IN {ids_in(tx)}"
    tx.execute(text(f"DELETE FROM {history.name} WHERE {theirs} AND since = :now"), values)
    tx.execute(text(f"UPDATE {history.name} SET until = NULL WHERE {theirs} AND until = :now"), values)
    rows = tx.execute(text(f"SELECT * FROM {history.name} WHERE {theirs} AND until IS NULL"), values)
    return {row.contact_id: row for row in rows}


def close(tx: Transaction, history: Table, ids: Collection[int], *, now: int) -> None:
    """End the open intervals of these contacts."""
    if ids:
        statement = text(f"UPDATE {history.name} SET until = :now WHERE contact_id IN {ids_in(tx)} AND until IS NULL")
        tx.execute(statement, {"ids": ids_value(tx, ids), "now": now})


def begin(tx: Transaction, history: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write open intervals; (contact_id, since) is unique, so that nobody begins two at one instant."""
    insert_many(tx, history, columns, rows, on_conflict="ON CONFLICT (contact_id, since) DO NOTHING")
