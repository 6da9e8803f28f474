"""Takes facts in: batches of records become rows, and the profiles they touch are brought up to date with them.

Everything of a batch, its bad rows, its profiles and the cursor included, is one transaction: a killed import leaves
whole batches behind and the next one goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from clm.domain.fingerprint import fingerprint
from clm.domain.record import BadRow, ContactRecord, EventRecord, Feed, OrderRecord, ProductRecord, Record
from clm.engine import consent, redemptions
from clm.engine.redemptions import Used
from clm.store import consents, contacts, events, orders, products, profiles, quarantine
from clm.store.database import Database, Found, Transaction
from clm.store.dialect import lock
from clm.store.orders import Placed
from clm.store.profiles import SERVICE_EVENTS, Appended

BATCH_ROWS = 5_000
"""Rows per transaction: on SQLite one takes about a fifth of a second, which other writers can wait for."""

Item = TypeVar("Item")
AfterBatch = Callable[[Transaction, int], None]


@dataclass(slots=True)
class Counts:
    """What became of the rows of one or more files."""

    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: int = 0

    def add(self, other: Counts) -> None:
        """Add another file's counts to these."""
        for name in ("read", "new", "changed", "unchanged", "quarantined"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def as_dict(self) -> dict[str, int]:
        """The counts by name, as `clm import --json` prints them."""
        return {
            "read": self.read,
            "new": self.new,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "quarantined": self.quarantined,
        }


@dataclass(slots=True)
class _Touched:
    """Contacts whose facts a batch has changed."""

    contact_ids: set[int] = field(default_factory=set)
    """Those whose profiles are computed afresh."""
    appended: list[Appended] = field(default_factory=list)
    active_at: dict[int, int] = field(default_factory=dict)
    used: list[Used] = field(default_factory=list)
    """Coupons that were entered for orders."""

    @property
    def everyone(self) -> set[int]:
        """All of them."""
        return self.contact_ids | {order.contact_id for order in self.appended} | self.active_at.keys()


@dataclass(frozen=True, slots=True)
class Ingest:
    """One feed of one source, being taken in."""

    database: Database
    source: str
    feed: Feed
    file: str
    fields: Callable[[], frozenset[str]]
    """The fields the file says something about; asked per batch, because JSON lines may name more as they go on."""
    now: int

    def run(self, rows: Iterable[Record | BadRow], after_batch: AfterBatch | None = None) -> Counts:
        """Store all rows in batches; `after_batch` is called in each batch's transaction with the rows done so far."""
        total = Counts()
        for batch in _batches(iter(rows), BATCH_ROWS):
            with self.database.write() as tx:
                counts = self._batch(tx, batch)
                if after_batch is not None:
                    after_batch(tx, total.read + counts.read)
            total.add(counts)
        return total

    def _batch(self, tx: Transaction, batch: list[Record | BadRow]) -> Counts:
        lock(tx, f"ingest {self.source}")  # two imports of one source take turns, batch by batch
        bad = [row for row in batch if isinstance(row, BadRow)]
        counts = Counts(read=len(batch), quarantined=len(bad))
        quarantine.add(tx, source=self.source, feed=self.feed, file=self.file, rows=bad, now=self.now)
        touched = _Touched()
        good = [row for row in batch if not isinstance(row, BadRow)]
        if self.feed == "contacts":
            self._contacts(tx, [row for row in good if isinstance(row, ContactRecord)], counts, touched)
        elif self.feed == "orders":
            self._orders(tx, [row for row in good if isinstance(row, OrderRecord)], counts, touched)
        elif self.feed == "events":
            self._events(tx, [row for row in good if isinstance(row, EventRecord)], counts, touched)
        else:
            self._products(tx, [row for row in good if isinstance(row, ProductRecord)], counts)
        profiles.hold(tx, touched.everyone)
        redemptions.redeem(tx, touched.used, now=self.now)
        appended = [order for order in touched.appended if order.contact_id not in touched.contact_ids]
        touched.contact_ids |= profiles.append(tx, appended, now=self.now)
        profiles.recompute(tx, touched.contact_ids, now=self.now)
        later = {who: at for who, at in touched.active_at.items() if who not in touched.contact_ids}
        profiles.note_activity(tx, later, now=self.now)
        return counts

    @property
    def _details(self) -> set[str]:
        """The details of contacts that the file says something about, by the names they are stored under."""
        return {"zone" if field == "time_zone" else field for field in self.fields()}

    def _contacts(self, tx: Transaction, records: list[ContactRecord], counts: Counts, touched: _Touched) -> None:
        latest = {record.external_id: record for record in records}  # of two in a batch the later row counts
        known = self._known(tx, list(latest.values()))
        told_of = self._details
        added, changed = [], []
        for external_id, record in latest.items():
            print_ = fingerprint(record)
            before = known.get(external_id)
            if before is None:
                added.append((record, print_))
            elif before.fingerprint != print_:
                details = [getattr(record if detail in told_of else before, detail) for detail in contacts.DETAILS]
                changed.append((*details, print_, before.id))
        contacts.add(tx, self.source, added, now=self.now)
        contacts.change(tx, changed, now=self.now)
        counts.new += len(added)
        counts.changed += len(changed)
        counts.unchanged += len(records) - len(added) - len(changed)
        new = contacts.known(tx, self.source, [record.external_id for record, _ in added])
        ids = {external_id: row.id for external_id, row in (known | new).items()}
        news = {row[-1] for row in changed} | {row.id for row in new.values()}
        # Of two rows of one contact in a batch the later says how things are, but each dated consent stands.
        told = [
            (ids[record.external_id], record)
            for record in records
            if (
                ids[record.external_id] in news
                if record is latest[record.external_id]
                else record.consent_at is not None
            )
        ]
        touched.contact_ids.update(contact_id for contact_id, _ in told)
        self._consents(tx, told)

    def _known(self, tx: Transaction, records: list[ContactRecord]) -> dict[str, Found]:
        """Those that the source has named before, or who have signed up on our own pages with the same address."""
        known = contacts.known(tx, self.source, [record.external_id for record in records])
        news = [record for record in records if record.external_id not in known]
        if contacts.adopt(tx, self.source, news):
            return contacts.known(tx, self.source, [record.external_id for record in records])
        return known

    def _consents(self, tx: Transaction, told: list[tuple[int, ContactRecord]]) -> None:
        if self.fields() & {"email_consent", "sms_consent"}:
            known = consent.by_channel(consents.of(tx, [contact_id for contact_id, _ in told]))
            found = consent.of_contacts(told, known, source=self.source, now=self.now)
            consents.record(tx, found, now=self.now)

    def _orders(self, tx: Transaction, records: list[OrderRecord], counts: Counts, touched: _Touched) -> None:
        latest = {record.external_id: record for record in records}
        contact_ids = self._named(tx, [record.contact for record in latest.values()], touched)
        self._first_consents(tx, list(latest.values()), contact_ids, touched)
        known = orders.known(tx, self.source, latest.keys())
        placed, changed_ids = [], []
        for external_id, record in latest.items():
            contact_id = contact_ids[record.contact.external_id]
            # Without a coupon as it was before there were any, so that no order of then has changed by that.
            print_ = fingerprint((record.contact.external_id, record[2:] if record.coupon else record[2:-1]))
            before = known.get(external_id)
            if before is not None and before.fingerprint == print_:
                continue
            placed.append(Placed(record, contact_id, print_))
            if before is None and record.kind == "order":
                touched.appended.append(Appended(contact_id, record.ordered_at, external_id, record.amount))
            else:
                touched.contact_ids.add(contact_id)
            if before is not None:
                changed_ids.append(before.id)
                touched.contact_ids.add(before.contact_id)  # the order may have moved from one contact to another
        touched.contact_ids |= orders.awaited_back(tx, self.source, [order.external_id for order in touched.appended])
        orders.put(tx, self.source, placed, now=self.now)
        orders.replace_lines(tx, self.source, [one.record for one in placed], changed=changed_ids)
        touched.used = redemptions.used(tx, self.source, placed)
        touched.active_at |= redemptions.owners(touched.used)
        counts.new += len(placed) - len(changed_ids)
        counts.changed += len(changed_ids)
        counts.unchanged += len(records) - len(placed)

    def _first_consents(
        self, tx: Transaction, records: list[OrderRecord], contact_ids: dict[str, int], touched: _Touched
    ) -> None:
        if self.fields() & {"email_consent", "sms_consent"}:
            known = consent.by_channel(consents.of(tx, contact_ids.values()))
            found = consent.of_orders(records, contact_ids, known, source=self.source, now=self.now)
            consents.record(tx, found, now=self.now)
            touched.contact_ids.update(statement.contact_id for statement in found)

    def _named(self, tx: Transaction, records: list[ContactRecord], touched: _Touched) -> dict[str, int]:
        """The ids of the contacts that orders or events name; new ones are added, gaps of known ones filled."""
        by_id: dict[str, ContactRecord] = {}
        for record in records:
            earlier = by_id.get(record.external_id)
            by_id[record.external_id] = record if earlier is None else _filled(earlier, record)
        known = self._known(tx, list(by_id.values()))
        missing = [record for external_id, record in by_id.items() if external_id not in known]
        if missing:
            contacts.add(tx, self.source, [(record, None) for record in missing], now=self.now)
            added = contacts.known(tx, self.source, [record.external_id for record in missing])
            touched.contact_ids.update(row.id for row in added.values())
        else:
            added = {}
        told_of = self._details
        lacking = {
            external_id: row
            for detail in contacts.DETAILS
            if detail in told_of
            for external_id, row in known.items()
            if getattr(row, detail) is None and getattr(by_id[external_id], detail) is not None
        }
        gaps = []
        for external_id, row in lacking.items():
            record = by_id[external_id]
            details = [getattr(record if getattr(row, name) is None else row, name) for name in contacts.DETAILS]
            gaps.append((*details, row.fingerprint, row.id))
        contacts.change(tx, gaps, now=self.now)
        touched.contact_ids.update(row[-1] for row in gaps)
        return {external_id: row.id for external_id, row in (known | added).items()}

    def _events(self, tx: Transaction, records: list[EventRecord], counts: Counts, touched: _Touched) -> None:
        latest = {record.external_id: record for record in records}
        known = events.known(tx, self.source, latest.keys())
        fresh = [record for external_id, record in latest.items() if external_id not in known]
        contact_ids = self._named(tx, [ContactRecord(record.contact) for record in fresh], touched)
        events.add(tx, self.source, [(record, contact_ids[record.contact]) for record in fresh], now=self.now)
        for record in fresh:
            contact_id = contact_ids[record.contact]
            if record.name in SERVICE_EVENTS:  # any other is activity alone, and what did('…') asks for
                touched.contact_ids.add(contact_id)
            touched.active_at[contact_id] = max(record.at, touched.active_at.get(contact_id, record.at))
        counts.new += len(fresh)
        counts.unchanged += len(records) - len(fresh)

    def _products(self, tx: Transaction, records: list[ProductRecord], counts: Counts) -> None:
        latest = {record.product_id: record for record in records}
        known = products.known(tx, self.source, latest.keys())
        told = [(record, fingerprint(record)) for record in latest.values()]
        news = [(record, print_) for record, print_ in told if known.get(record.product_id) != print_]
        products.put(tx, self.source, news, now=self.now)
        changed = sum(record.product_id in known for record, _ in news)
        counts.new += len(news) - changed
        counts.changed += changed
        counts.unchanged += len(records) - len(news)


def _filled(first: ContactRecord, second: ContactRecord) -> ContactRecord:
    return ContactRecord._make(mine if mine is not None else theirs for mine, theirs in zip(first, second, strict=True))


def _batches(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    while batch := list(islice(items, size)):
        yield batch
