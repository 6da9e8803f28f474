"""Orders, cancellations and refunds, with their lines."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import text

from clm.domain.record import OrderRecord
from clm.store.database import Found, Transaction
from clm.store.dialect import ids_in, ids_value, insert_many, texts_in, texts_value
from clm.store.schema import order_lines, orders

_COLUMNS = (
    "source", "external_id", "contact_id", "kind", "ordered_at", "amount", "currency", "original_amount", "cancels",
    "coupon", "fingerprint", "recorded_at",
)  # fmt: skip
_CHANGED = ", ".join(f"{column} = excluded.{column}" for column in _COLUMNS[2:])


class Placed(NamedTuple):
    """An order record with the contact it belongs to and the fingerprint of what its source said."""

    record: OrderRecord
    contact_id: int
    fingerprint: int


def known(tx: Transaction, source: str, external_ids: Collection[str]) -> dict[str, Found]:
    """Those of the ids that `source` has named before: id, contact_id and fingerprint, by external id."""
    query = text(
        "SELECT id, external_id, contact_id, fingerprint FROM orders"
        f" WHERE source = :source AND external_id IN {texts_in(tx)}"
    )
    rows = tx.execute(query, {"source": source, "texts": texts_value(tx, external_ids)}).all()
    return {row.external_id: row for row in rows}


def awaited_back(tx: Transaction, source: str, external_ids: Collection[str]) -> set[int]:
    """The contacts of cancellations and refunds that name one of the ids: they came before their order."""
    query = text(f"SELECT contact_id FROM orders WHERE source = :source AND cancels IN {texts_in(tx)}")
    return set(tx.scalars(query, {"source": source, "texts": texts_value(tx, external_ids)}))


def put(tx: Transaction, source: str, placed: Sequence[Placed], *, now: int) -> None:
    """Add or change orders, and replace their lines."""
    rows = [
        (
            source, record.external_id, contact_id, record.kind, record.ordered_at, record.amount, record.currency,
            record.original_amount, record.cancels, record.coupon, fingerprint, now,
        )
        for record, contact_id, fingerprint in placed
    ]  # fmt: skip
    insert_many(tx, orders, _COLUMNS, rows, on_conflict=f"ON CONFLICT (source, external_id) DO UPDATE SET {_CHANGED}")


def replace_lines(tx: Transaction, source: str, records: Sequence[OrderRecord], *, changed: Collection[int]) -> None:
    """Write the lines of orders just put; `changed` are the ids of those that had lines before."""
    if changed:
        tx.execute(text(f"DELETE FROM order_lines WHERE order_id IN {ids_in(tx)}"), {"ids": ids_value(tx, changed)})
    with_lines = {record.external_id: record for record in records if record.lines}
    if not with_lines:
        return
    ids = known(tx, source, with_lines.keys())
    rows = [
        (ids[external_id].id, number, line.product_id, line.name, line.category, line.quantity, line.amount)
        for external_id, record in with_lines.items()
        for number, line in enumerate(record.lines, 1)
    ]
    columns = ("order_id", "number", "product_id", "name", "category", "quantity", "amount")
    insert_many(tx, order_lines, columns, rows)


class BoughtLine(NamedTuple):
    """One line of a contact's last order."""

    contact_id: int
    source: str
    product_id: str
    name: str | None
    category: str | None
    quantity: int


def last_order_lines(tx: Transaction, contact_ids: Collection[int]) -> list[BoughtLine]:
    """The lines of the last order that stands of each contact, dearest first."""
    query = text(
        "SELECT p.contact_id, o.source, l.product_id, l.name, l.category, l.quantity FROM profiles p"
        " JOIN contacts c ON c.id = p.contact_id"
        " JOIN orders o ON o.source = c.source AND o.external_id = p.last_order_id"
        " JOIN order_lines l ON l.order_id = o.id"
        f" WHERE p.contact_id IN {ids_in(tx)} ORDER BY p.contact_id, l.amount DESC, l.number"
    )
    rows = tx.execute(query, {"ids": ids_value(tx, contact_ids)})
    return [BoughtLine(*row) for row in rows]


def taken_back(tx: Transaction) -> tuple[int, int]:
    """Cancellations and refunds that lower an order we know, and those that count as negative revenue instead."""
    row = tx.execute(
        text(
            "SELECT COUNT(o.id) AS matched, COUNT(*) - COUNT(o.id) AS unmatched FROM orders r"
            " LEFT JOIN orders o ON o.kind = 'order' AND o.source = r.source AND o.external_id = r.cancels"
            " AND o.contact_id = r.contact_id WHERE r.kind <> 'order'"
        )
    ).one()
    return row.matched, row.unmatched
