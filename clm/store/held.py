"""Profiles held while something is written that was computed from them.

What takes long to compute is computed outside the transaction that writes it, so that writers of SQLite do not wait.
Whoever has changed meanwhile is left out: their change carries a later number than the look began with
(clm.store.changes), so that the next look finds them.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text

from clm.store.database import Transaction
from clm.store.dialect import ids_in, ids_value


def held(tx: Transaction, seen: Mapping[int, int]) -> set[int]:
    """Those contacts whose `changed` is still as seen, locked in one order until the transaction ends."""
    lock = " FOR UPDATE" if tx.dialect.name == "postgresql" else ""
    query = f"SELECT contact_id, changed FROM profiles WHERE contact_id IN {ids_in(tx)} ORDER BY contact_id{lock}"
    rows = tx.execute(text(query), {"ids": ids_value(tx, seen)}).all()
    return {row.contact_id for row in rows if row.changed == seen[row.contact_id]}
