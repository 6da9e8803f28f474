"""Which profiles have changed since somebody last looked: numbers that follow commits, not clocks.

A time of change would miss what a slower transaction commits after the look, and would mix the clock of an import with
the instant a run is for. PostgreSQL numbers its transactions, and a snapshot knows the lowest number still under way:
everything below it is finished and seen. SQLite has one writer at a time, so that a counter does the same.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, Text, and_, cast, func, not_, text

from clm.store.database import Transaction


class Horizon(NamedTuple):
    """Every change with a number below `number` has been committed, or never will be; others may come."""

    number: int
    instance: str
    """Which running database counts: numbers of a restored copy, or of another server, are not comparable."""
    snapshot: str | None = None
    """PostgreSQL's snapshot: which of the changes from `number` on had been committed too. Any long transaction that
    writes, be it to another database of the server, keeps `number` low; without this, whatever was imported meanwhile
    would count as new at every look."""


def stamp(tx: Transaction) -> int:
    """The number that this transaction's changes of profiles carry."""
    if tx.dialect.name == "postgresql":
        number: int = tx.scalar(text("SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint)")) or 0
        return number
    counted = (
        "INSERT INTO change_numbers (id, number) VALUES (1, 1)"
        " ON CONFLICT (id) DO UPDATE SET number = change_numbers.number + 1 RETURNING number"
    )
    return int(tx.scalar(text(counted)) or 0)


def horizon(tx: Transaction, *, alone: str) -> Horizon:
    """The numbers seen by whatever this transaction looks at from now on; one transaction at a time per `alone`.

    On PostgreSQL the numbers may be those of before the wait for another transaction: what is seen twice does no harm.
    """
    if tx.dialect.name == "postgresql":
        row = tx.execute(
            text(
                "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) AS number,"
                " CAST(pg_current_snapshot() AS text) AS snapshot,"
                " CAST(extract(epoch FROM pg_postmaster_start_time()) AS text) AS instance,"
                " pg_advisory_xact_lock(hashtextextended(:alone, 0))"
            ),
            {"alone": alone},
        ).one()
        return Horizon(row.number, row.instance, row.snapshot)
    number = tx.scalar(text("SELECT number FROM change_numbers WHERE id = 1"))
    return Horizon((number or 0) + 1, "sqlite")


def changed_since(changed: ColumnElement[int], number: int, snapshot: str | None) -> ColumnElement[bool]:
    """Whether a change was not seen by the look that ended at horizon `number`, `snapshot`."""
    if snapshot is None:
        return changed >= number
    seen = func.pg_visible_in_snapshot(func.xid8(cast(changed, Text)), func.pg_snapshot(cast(snapshot, Text)))
    return and_(changed >= number, not_(seen))
