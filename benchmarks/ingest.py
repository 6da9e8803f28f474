"""Rows a second of taking orders in: `python -m benchmarks.ingest --contacts 100000 [--database URL] [--json]`.

**Figure**: rows a second of `clm.engine.pull.import_file` on an order export (benchmarks/shop_file.py), from the
file's first byte to the last commit: parsing, validation, quarantine, new contacts, consents, orders and profiles.

**Limit**: the order rows that this import has left behind, written again into an empty database with the same tables,
indexes and foreign keys by nothing but `executemany` (SQLite) or `COPY` (PostgreSQL), one transaction for each as many
rows as the import takes. Only the writing is timed, not the reading of what is to be written.

**Ratio**: figure ÷ limit, the share of the bare speed that is left once the work is done; 1 would be as fast as
the database.

Among the details, `limit_with_profiles` writes the profile rows that each batch touches too, as values that are known
beforehand: what the same import would cost if nothing had to be read, checked, looked up or computed. `parse_alone` is
the same file read and checked without any database, `again` the same file imported a second time, when nothing in it is
new. `refresh_profiles_per_s` is `clm.engine.profile.refresh` afterwards, which computes the usual gaps of everybody
with three orders or more: the import leaves them to it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from sqlalchemy import Table, select

from benchmarks.databases import own_database
from benchmarks.figures import Bar, Measured, bar, peak_memory_mb, run
from benchmarks.shop_file import END_MS, write_orders
from clm.engine.ingest import BATCH_ROWS
from clm.engine.profile import refresh
from clm.engine.pull import import_file
from clm.sources import FeedReader, FeedSpec, Money, open_feed
from clm.store.database import Database, Transaction
from clm.store.dialect import insert_many
from clm.store.schema import contacts as contacts_table
from clm.store.schema import orders as orders_table
from clm.store.schema import profiles as profiles_table

RUNS_OF_SMALL: Final = 3
SMALL_ROWS: Final = 250_000
"""Up to so many rows everything is measured three times and the median counts; more rows even themselves out."""

app = App(help=__doc__.splitlines()[0])


@app.default
def ingest(
    *,
    contacts: Annotated[int, Parameter(help="How many people order.")] = 100_000,
    orders_each: Annotated[int, Parameter(help="Rows of the file for each of them.")] = 10,
    database: Annotated[str | None, Parameter(help="Default: a temporary SQLite file.")] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Measure taking orders in, against writing the same rows bare."""
    rows = contacts * orders_each
    with tempfile.TemporaryDirectory(prefix="clm-bench-") as folder, bar(as_json=json) as progress:
        path = Path(folder) / "orders.csv"
        progress.start("writing the file", rows)
        for done in write_orders(path, contacts=contacts, rows=rows):
            progress.at(done)
        parse_seconds = _parse(path)
        runs = [_run(path, database, progress, rows) for _ in range(RUNS_OF_SMALL if rows <= SMALL_ROWS else 1)]
    middle = {name: median(run[name] for run in runs) for name in runs[0]}
    Measured(
        title=f"ingest: {rows:,} orders of {contacts:,} contacts",
        figure=rows / middle["import"],
        unit="rows/s",
        limit=middle["orders"] / middle["bare"],
        meaning="share of the bare speed, 1 is best",
        details={
            "limit_with_profiles_rows_per_s": middle["orders"] / middle["bare_with_profiles"],
            "ratio_to_limit_with_profiles": rows / middle["import"] * middle["bare_with_profiles"] / middle["orders"],
            "again_rows_per_s": rows / middle["again"],
            "refresh_profiles_per_s": middle["refreshed"] / middle["refresh"],
            "parse_alone_rows_per_s": rows / parse_seconds,
            "peak_memory_mb": middle["peak_memory_mb"],
            "contacts": contacts,
            "rows": rows,
            "quarantined": int(middle["quarantined"]),
            "runs": len(runs),
        },
    ).show(as_json=json)


def _run(path: Path, url: str | None, progress: Bar, rows: int) -> dict[str, float]:
    """Seconds by what was done, with the rows they were for."""
    measured: dict[str, float] = {}
    with own_database(url, "import") as imported:
        progress.start("importing", path.stat().st_size)
        started = perf_counter()
        counts = import_file(imported, _spec(path), _open(path), now=END_MS, progress=_follow(progress))
        measured["import"] = perf_counter() - started
        measured["peak_memory_mb"] = peak_memory_mb()
        assert counts.read == rows
        measured["quarantined"] = counts.quarantined
        progress.start("refreshing")
        started = perf_counter()
        measured["refreshed"] = refresh(imported, now=END_MS)
        measured["refresh"] = perf_counter() - started
        progress.start("importing again", path.stat().st_size)
        started = perf_counter()
        import_file(imported, _spec(path), _open(path), now=END_MS, progress=_follow(progress))
        measured["again"] = perf_counter() - started
        for name in ("bare", "bare_with_profiles"):
            with own_database(url, name) as empty:
                progress.start("writing bare", rows)
                measured[name], measured["orders"] = _bare(imported, empty, progress, profiles=name != "bare")
    return measured


def _follow(progress: Bar) -> Any:
    return lambda reader: progress.at(reader.bytes_read())


def _spec(path: Path) -> FeedSpec:
    return FeedSpec(source="bench", feed="orders", path=str(path))


def _open(path: Path) -> FeedReader:
    return open_feed(_spec(path), path, Money(base="GBP", rates={}))


def _parse(path: Path) -> float:
    started = perf_counter()
    for _ in _open(path).rows():
        pass
    return perf_counter() - started


def _bare(imported: Database, empty: Database, progress: Bar, *, profiles: bool) -> tuple[float, int]:
    """Write the orders of one database into another, its contacts being there already: seconds and rows."""
    seconds, rows = 0.0, 0
    with imported.read() as source:
        for batch in _batches(source, contacts_table):
            with empty.write() as tx:
                _write(tx, contacts_table, batch)
        whose = orders_table.c.keys().index("contact_id")
        for batch in _batches(source, orders_table):
            touched = _profiles_of(imported, {row[whose] for row in batch}) if profiles else []
            started = perf_counter()
            with empty.write() as tx:
                _write(tx, orders_table, batch)
                _put_profiles(tx, touched)
            seconds += perf_counter() - started
            rows += len(batch)
            progress.at(rows)
    return seconds, rows


def _batches(source: Transaction, table: Table) -> Iterator[list[tuple[Any, ...]]]:
    found = source.execution_options(yield_per=BATCH_ROWS).execute(select(table).order_by(table.c.id))
    rows = iter(found)
    while batch := [tuple(row) for row in islice(rows, BATCH_ROWS)]:
        yield batch


def _profiles_of(imported: Database, contact_ids: set[int]) -> list[tuple[Any, ...]]:
    ids = sorted(contact_ids)
    found: list[tuple[Any, ...]] = []
    with imported.read() as tx:
        for start in range(0, len(ids), 1_000):
            query = select(profiles_table).where(profiles_table.c.contact_id.in_(ids[start : start + 1_000]))
            found += [tuple(row) for row in tx.execute(query)]
    return found


def _write(tx: Transaction, table: Table, rows: list[tuple[Any, ...]]) -> None:
    """Nothing but the database's own quickest way of taking rows."""
    if tx.dialect.name == "sqlite":
        insert_many(tx, table, table.c.keys(), rows)
        return
    connection: Any = tx.connection.driver_connection
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table.name} ({', '.join(table.c.keys())}) FROM STDIN") as to,
    ):
        for row in rows:
            to.write_row(row)


def _put_profiles(tx: Transaction, rows: list[tuple[Any, ...]]) -> None:
    columns = profiles_table.c.keys()
    changes = ", ".join(f"{column} = excluded.{column}" for column in columns[1:])
    insert_many(tx, profiles_table, columns, rows, on_conflict=f"ON CONFLICT (contact_id) DO UPDATE SET {changes}")


if __name__ == "__main__":
    run(app)
