"""What the shop sells, and what some contacts have bought and looked at of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import text

from clm.domain.record import ProductRecord
from clm.store.database import Found, Transaction
from clm.store.dialect import ids_in, ids_value, insert_many, json_scalar, texts_in, texts_value
from clm.store.schema import products

_COLUMNS = (
    "source", "product_id", "name", "names", "category", "categories", "price", "url", "image_url", "available",
    "fingerprint", "recorded_at",
)  # fmt: skip
_CHANGED = ", ".join(f"{column} = excluded.{column}" for column in _COLUMNS[2:])
_WARE = (
    "p.source, p.product_id, p.name, p.names, p.category, p.categories, p.price, p.url, p.image_url, p.available,"
    " f.buyers_90d, f.reorder_days"
)
_FIGURES = "product_figures f ON f.source = p.source AND f.product_id = p.product_id"

# An order of which anything was taken back is left out: nobody wants to hear of what they have sent back.
_BOUGHT = """
SELECT o.contact_id, o.source, l.product_id, MIN(o.ordered_at) AS first_at, MAX(o.ordered_at) AS last_at,
       COUNT(DISTINCT o.id) AS times, CAST(SUM(COALESCE(l.amount, 0)) AS BIGINT) AS spent
FROM orders o
JOIN order_lines l ON l.order_id = o.id
WHERE o.contact_id IN {ids} AND o.kind = 'order' AND o.ordered_at > :since AND o.ordered_at <= :now
  AND NOT EXISTS (
      SELECT 1 FROM orders r
      WHERE r.source = o.source AND r.cancels = o.external_id AND r.cancels IS NOT NULL AND r.kind <> 'order'
  )
GROUP BY o.contact_id, o.source, l.product_id
"""
_VIEWED = """
SELECT contact_id, source, category, COUNT(*) AS views, MAX(at) AS last_at
FROM (
    SELECT e.contact_id, e.source, e.at, COALESCE({category}, p.category) AS category
    FROM events e
    LEFT JOIN products p ON p.source = e.source AND p.product_id = {product}
    WHERE e.contact_id IN {ids} AND e.name IN ('viewed_product', 'viewed_category') AND e.at > :since AND e.at <= :now
) AS seen
WHERE category IS NOT NULL
GROUP BY contact_id, source, category
"""
_BEST_SELLERS = f"""
SELECT {_WARE}
FROM product_figures f
CROSS JOIN products p
WHERE p.source = f.source AND p.product_id = f.product_id AND f.source = :source AND f.buyers_90d > 0 AND p.available
ORDER BY f.buyers_90d DESC, f.product_id
LIMIT :limit
"""
_BEST_OF = f"""
SELECT {_WARE}
FROM products p
LEFT JOIN {_FIGURES}
WHERE p.source = :source AND p.category = :category AND p.available
ORDER BY COALESCE(f.buyers_90d, 0) DESC, p.product_id
LIMIT :limit
"""


class Ware(NamedTuple):
    """A product with what orders say of it."""

    source: str
    product_id: str
    name: str
    names: str | None
    category: str | None
    categories: str | None
    price: int | None
    url: str | None
    image_url: str | None
    available: bool
    buyers_90d: int | None
    reorder_days: float | None

    def in_languages(self) -> tuple[dict[str, str], dict[str, str]]:
        """Its name and its category in other languages, each by locale."""
        return json.loads(self.names or "{}"), json.loads(self.categories or "{}")


class Bought(NamedTuple):
    """What one contact has bought of a product."""

    contact_id: int
    source: str
    product_id: str
    first_at: int
    last_at: int
    times: int
    spent: int


class Views(NamedTuple):
    """How often one contact has looked at a category."""

    contact_id: int
    source: str
    category: str
    views: int
    last_at: int


def known(tx: Transaction, source: str, product_ids: Collection[str]) -> dict[str, int]:
    """The fingerprint of what `source` said last of those products it has told of, by their id."""
    query = text(
        f"SELECT product_id, fingerprint FROM products WHERE source = :source AND product_id IN {texts_in(tx)}"
    )
    rows = tx.execute(query, {"source": source, "texts": texts_value(tx, product_ids)})
    return {row.product_id: row.fingerprint for row in rows}


def put(tx: Transaction, source: str, told: Sequence[tuple[ProductRecord, int]], *, now: int) -> None:
    """Add or change products, each with the fingerprint of what its source said."""
    rows = [(source, *record, fingerprint, now) for record, fingerprint in told]
    insert_many(tx, products, _COLUMNS, rows, on_conflict=f"ON CONFLICT (source, product_id) DO UPDATE SET {_CHANGED}")


def of(tx: Transaction, sources: Collection[str], product_ids: Collection[str]) -> list[Ware]:
    """Products by their ids, with what orders say of them; an id may be one of several sources."""
    query = text(
        f"SELECT {_WARE} FROM products p LEFT JOIN {_FIGURES}"
        f" WHERE p.source IN {texts_in(tx, 'sources')} AND p.product_id IN {texts_in(tx)}"
    )
    return _wares(tx.execute(query, _bound(tx, sources) | {"texts": texts_value(tx, product_ids)}))


def urls(tx: Transaction) -> list[str]:
    """The pages of all products that have one and can be had."""
    return list(tx.scalars(text("SELECT url FROM products WHERE url IS NOT NULL AND available")))


def bought(tx: Transaction, contact_ids: Collection[int], *, since: int, now: int) -> list[Bought]:
    """What contacts have bought after `since`: each product once, when first and last, how many times, for how much."""
    query = text(_BOUGHT.format(ids=ids_in(tx)))
    rows = tx.execute(query, {"ids": ids_value(tx, contact_ids), "since": since, "now": now})
    return [Bought(*row) for row in rows]


def viewed(tx: Transaction, contact_ids: Collection[int], *, since: int, now: int) -> list[Views]:
    """The categories that contacts have looked at after `since`, in pages of their own or of their products."""
    statement = _VIEWED.format(
        ids=ids_in(tx),
        category=json_scalar(tx, "e.properties", "category"),
        product=json_scalar(tx, "e.properties", "product_id"),
    )
    rows = tx.execute(text(statement), {"ids": ids_value(tx, contact_ids), "since": since, "now": now})
    return [Views(*row) for row in rows]


def best_sellers(tx: Transaction, source: str, *, limit: int) -> list[Ware]:
    """The products of a source that most customers have bought lately, of those that can be had."""
    return _wares(tx.execute(text(_BEST_SELLERS), {"source": source, "limit": limit}))


def best_of(tx: Transaction, source: str, category: str, *, limit: int) -> list[Ware]:
    """The products of a source in a category that can be had, best sold first, sold or not."""
    return _wares(tx.execute(text(_BEST_OF), {"source": source, "category": category, "limit": limit}))


def going_with(tx: Transaction, sources: Collection[str], product_ids: Collection[str]) -> list[Found]:
    """What is bought together with products: source, product_id, other_id, lift; the best first."""
    query = text(
        "SELECT source, product_id, other_id, lift FROM product_pairs"
        f" WHERE source IN {texts_in(tx, 'sources')} AND product_id IN {texts_in(tx)}"
        " ORDER BY lift DESC, orders DESC, other_id"
    )
    return list(tx.execute(query, _bound(tx, sources) | {"texts": texts_value(tx, product_ids)}))


def _wares(rows: Iterable[Found]) -> list[Ware]:
    # One database says 1 where the other says true.
    return [Ware._make((*row[:9], bool(row.available), row.buyers_90d, row.reorder_days)) for row in rows]


def _bound(tx: Transaction, sources: Collection[str]) -> dict[str, Any]:
    return {"sources": texts_value(tx, sources)}
