"""Pulls facts from files: one given by hand, or all that config/sources.yaml lists, each from where it was left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clm.config import ShopConfig
from clm.engine.ingest import Counts, Ingest
from clm.sources import FeedReader, FeedSpec, FileCursor, Money, open_feed, resume
from clm.store import cursors
from clm.store.database import Database, Transaction

Progress = Callable[[FeedReader], None]
"""Called after each batch; the reader says how many bytes it has read of how many."""


def money_of(shop: ShopConfig) -> Money:
    """How amounts are understood: the base currency and its rates."""
    return Money(base=shop.base_currency, rates=dict(shop.rates))


def import_file(
    database: Database, spec: FeedSpec, reader: FeedReader, *, now: int, progress: Progress | None = None
) -> Counts:
    """Take one whole file in, whatever was read of it before; reading it again changes nothing."""
    return _ingest(database, spec, reader, now=now).run(
        reader.rows(now=now), (lambda _tx, _rows: progress(reader)) if progress else None
    )


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one pull of one feed brought."""

    counts: Counts
    files: int  # read, that is, new or changed since the last pull


def pull_feed(
    database: Database,
    shop: ShopConfig,
    spec: FeedSpec,
    *,
    now: int,
    read_at: int,
    progress: Progress | None = None,
) -> Pulled:
    """Read what is new in one feed's files; the cursor moves in the transactions that store the rows.

    What is dated ahead of `read_at` is a bad row: it is the time by the clock, not `now`, since a run for an instant of
    the past must not refuse what has been ordered since.
    """
    total, files = Counts(), 0
    for path in spec.files():
        counts = _pull_file(database, shop, spec, path, now=now, read_at=read_at, progress=progress)
        if counts is not None:
            total.add(counts)
            files += 1
    return Pulled(total, files)


def _pull_file(
    database: Database,
    shop: ShopConfig,
    spec: FeedSpec,
    path: Path,
    *,
    now: int,
    read_at: int,
    progress: Progress | None,
) -> Counts | None:
    place = {"source": spec.source, "feed": spec.feed, "file": str(path)}
    with database.read() as tx:
        stored = cursors.read(tx, **place)
    start = resume(path, FileCursor.from_json(stored) if stored else None, mapping=spec.digest())
    if start.unchanged:
        return None
    reader = open_feed(spec, path, money_of(shop), size=start.size, read_at=read_at)

    def keep(tx: Transaction, rows: int, *, finished: bool = False) -> None:
        cursor = start.cursor.after(start.skip + rows, finished=finished)
        cursors.advance(tx, **place, cursor=cursor.to_json(), now=now)
        if progress is not None:
            progress(reader)

    counts = _ingest(database, spec, reader, now=now).run(reader.rows(start.skip, now=now), keep)
    with database.write() as tx:
        keep(tx, counts.read, finished=True)
    return counts


def _ingest(database: Database, spec: FeedSpec, reader: FeedReader, *, now: int) -> Ingest:
    return Ingest(database, spec.source, spec.feed, reader.path.name, lambda: reader.fields, now)
