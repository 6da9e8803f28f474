"""What contacts have chosen beside channels; the latest choice stands."""

from __future__ import annotations

import json
from collections.abc import Collection

from sqlalchemy import text

from clm.domain.wish import Wish
from clm.store.database import Transaction
from clm.store.dialect import ids_in, ids_value, insert_many
from clm.store.schema import wishes


def of(tx: Transaction, contact_ids: Collection[int]) -> dict[int, Wish]:
    """The wishes of those of some contacts who have said any."""
    query = text(f"SELECT contact_id, topics_off, frequency FROM wishes WHERE contact_id IN {ids_in(tx)}")
    rows = tx.execute(query, {"ids": ids_value(tx, contact_ids)})
    return {row.contact_id: Wish(frozenset(json.loads(row.topics_off)), row.frequency) for row in rows}


def put(tx: Transaction, contact_id: int, wish: Wish, *, source: str, at: int) -> None:
    """Let a wish stand in place of what the contact wished before."""
    columns = ("contact_id", "topics_off", "frequency", "at", "source")
    changed = ", ".join(f"{column} = excluded.{column}" for column in columns[1:])
    row = (contact_id, json.dumps(sorted(wish.topics_off)), wish.frequency, at, source)
    insert_many(tx, wishes, columns, [row], on_conflict=f"ON CONFLICT (contact_id) DO UPDATE SET {changed}")
