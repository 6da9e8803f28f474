"""A shop that tells facts, record by record or as files, and what is known of its customers afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select

from clm.config import ShopConfig
from clm.domain.instant import DAY_MS
from clm.domain.record import (
    BadRow,
    ContactRecord,
    EventRecord,
    Feed,
    OrderKind,
    OrderRecord,
    ProductRecord,
    Record,
)
from clm.engine.ingest import AfterBatch, Counts, Ingest
from clm.engine.pull import Progress, Pulled, import_file, money_of, pull_feed
from clm.sources import FeedSpec, open_feed
from clm.store.database import Database
from clm.store.schema import contacts, orders, profiles

NOW = 20_000 * DAY_MS
"""A quiet Thursday in 2024."""

POUNDS = ShopConfig(base_currency="GBP")
ALL_FIELDS = frozenset({*ContactRecord._fields} - {"external_id", "zone"} | {"time_zone"})


def order(
    external_id: str,
    contact: str = "ada",
    *,
    at: int = NOW - DAY_MS,
    amount: int = 1_000,
    kind: OrderKind = "order",
    cancels: str | None = None,
    **details: Any,
) -> OrderRecord:
    """An order of £10 a day ago, unless told otherwise; `details` are what it says of its contact."""
    return OrderRecord(external_id, ContactRecord(contact, **details), kind, at, amount, "GBP", amount, cancels)


def event(external_id: str, contact: str = "ada", *, at: int = NOW - DAY_MS) -> EventRecord:
    """Something that a contact did."""
    return EventRecord(external_id, contact, "view", at, "{}")


class Shop:
    """One source of facts on one database."""

    def __init__(self, database: Database, *, source: str = "shop", fields: frozenset[str] = ALL_FIELDS) -> None:
        self.database = database
        self.source = source
        self.fields = fields

    def tell(
        self,
        *records: Record | BadRow,
        now: int = NOW,
        fields: frozenset[str] | None = None,
        after_batch: AfterBatch | None = None,
    ) -> Counts:
        """Take records of one feed in; of bad rows alone, as orders."""
        kinds: dict[type[Any], Feed] = {
            ContactRecord: "contacts",
            OrderRecord: "orders",
            EventRecord: "events",
            ProductRecord: "products",
        }
        feed: Feed = next((kinds[type(record)] for record in records if type(record) in kinds), "orders")
        said = self.fields if fields is None else fields
        return Ingest(self.database, self.source, feed, f"{feed}.csv", lambda: said, now).run(records, after_batch)

    def spec(self, path: Path, feed: Feed = "orders", **more: Any) -> FeedSpec:
        """How a file of this shop is read."""
        return FeedSpec(source=self.source, feed=feed, path=str(path), **more)

    def import_(self, path: Path, feed: Feed = "orders", *, now: int = NOW, **more: Any) -> dict[str, int]:
        """What `clm import` says of a file."""
        spec = self.spec(path, feed, **more)
        return import_file(self.database, spec, open_feed(spec, path, money_of(POUNDS)), now=now).as_dict()

    def pull(self, path: Path, *, now: int = NOW, progress: Progress | None = None, **more: Any) -> Pulled:
        """What a scheduled pull of a file of orders brings."""
        return pull_feed(self.database, POUNDS, self.spec(path, **more), now=now, read_at=now, progress=progress)

    def profile(self, contact: str = "ada") -> dict[str, Any]:
        """The facts of one contact, by name."""
        query = (
            select(profiles)
            .join(contacts, contacts.c.id == profiles.c.contact_id)
            .where(contacts.c.external_id == contact, contacts.c.source == self.source)
        )
        with self.database.read() as tx:
            return dict(tx.execute(query).one()._mapping)

    def order_ids(self) -> list[str]:
        """The ids of all orders, cancellations and refunds, sorted."""
        with self.database.read() as tx:
            return sorted(tx.scalars(select(orders.c.external_id).where(orders.c.source == self.source)))


def csv_of(count: int, *, first: int = 1, customers: int = 7) -> str:
    """A file of so many orders of £1, £2, …, one an hour, of a few customers."""
    lines = [
        f"o{number},c{number % customers},2024-01-01T00:00:{number % 60:02}Z,{number}.00"
        for number in range(first, first + count)
    ]
    return "\n".join((["order_id,contact,ordered_at,amount"] if first == 1 else []) + lines) + "\n"
