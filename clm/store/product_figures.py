"""What all orders and ratings say of the shop's products: who buys them, how soon again, what together with what.

Read in one look and written in another, because working it out takes longer than other writers should wait for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import text

from clm.store.database import Transaction
from clm.store.dialect import insert_many, json_scalar
from clm.store.schema import product_figures, product_pairs

# By the rules of sql/profile.sql: what is taken back lowers its order, and an order stands while some of it is left.
_STANDING = """
WITH taken_back AS MATERIALIZED (
    SELECT contact_id, source, cancels, SUM(amount) AS amount
    FROM orders
    WHERE kind <> 'order' AND cancels IS NOT NULL
    GROUP BY contact_id, source, cancels
),
standing AS MATERIALIZED (
    SELECT o.id, o.source, o.contact_id, o.ordered_at
    FROM orders o
    LEFT JOIN taken_back t ON t.contact_id = o.contact_id AND t.source = o.source AND t.cancels = o.external_id
    WHERE o.kind = 'order' AND o.ordered_at > :since AND o.ordered_at <= :now
      AND (t.amount IS NULL OR t.amount < o.amount)
    {latest}
),
"""
_BUYERS = (
    _STANDING
    + """
bought AS (
    SELECT s.source, l.product_id, s.contact_id, MAX(s.ordered_at) AS last_at
    FROM standing s
    JOIN order_lines l ON l.order_id = s.id
    GROUP BY s.source, l.product_id, s.contact_id
)
SELECT source, product_id, CAST(SUM(CASE WHEN last_at > :lately THEN 1 ELSE 0 END) AS BIGINT) AS buyers_90d,
       COUNT(*) AS buyers
FROM bought
GROUP BY source, product_id
"""
)
# Everybody who has bought a product on several days counts once, by the mean of their own gaps: one who buys each week
# would otherwise speak for twenty others.
_REORDERS = (
    _STANDING
    + """
own AS (
    SELECT s.source, l.product_id, s.contact_id,
           (MAX(s.ordered_at) - MIN(s.ordered_at)) / (COUNT(DISTINCT s.ordered_at) - 1.0) AS gap
    FROM standing s
    JOIN order_lines l ON l.order_id = s.id
    GROUP BY s.source, l.product_id, s.contact_id
    HAVING MAX(s.ordered_at) - MIN(s.ordered_at) >= :shortest
),
ranked AS (
    SELECT source, product_id, gap, ROW_NUMBER() OVER (PARTITION BY source, product_id ORDER BY gap) AS place,
           COUNT(*) OVER (PARTITION BY source, product_id) AS people
    FROM own
)
SELECT source, product_id, AVG(gap) AS gap
FROM ranked
WHERE people >= :people AND place IN ((people + 1) / 2, (people + 2) / 2)
GROUP BY source, product_id
"""
)
# Lift (Brin, Motwani, Ullman and Tsur, Dynamic itemset counting and implication rules for market basket data, 1997), of
# pairs with enough support; a pair has none that one of its products lacks (Agrawal and Srikant, 1994). Whoever orders
# half the shop says nothing of what goes with what.
_PAIRS = (
    _STANDING
    + """
items AS MATERIALIZED (
    SELECT DISTINCT s.id AS order_id, s.source, l.product_id
    FROM standing s
    JOIN order_lines l ON l.order_id = s.id
),
baskets AS MATERIALIZED (
    SELECT order_id, source FROM items GROUP BY order_id, source HAVING COUNT(*) <= :basket
),
totals AS MATERIALIZED (SELECT source, COUNT(*) AS orders FROM baskets GROUP BY source),
alone AS MATERIALIZED (
    SELECT i.source, i.product_id, COUNT(*) AS orders, ROW_NUMBER() OVER (ORDER BY i.source, i.product_id) AS number
    FROM items i
    JOIN baskets b ON b.order_id = i.order_id
    GROUP BY i.source, i.product_id
    HAVING COUNT(*) >= :support
),
kept AS MATERIALIZED (
    -- in this order: SQLite would else hold every basket against every product
    SELECT i.order_id, a.number
    FROM items i
    CROSS JOIN baskets b
    CROSS JOIN alone a
    WHERE b.order_id = i.order_id AND a.source = i.source AND a.product_id = i.product_id
),
joint AS MATERIALIZED (
    SELECT a.number AS one, b.number AS other, COUNT(*) AS orders
    FROM kept a
    JOIN kept b ON b.order_id = a.order_id AND b.number > a.number
    GROUP BY a.number, b.number
    HAVING COUNT(*) >= :support
),
directed AS (
    SELECT one, other, orders FROM joint
    UNION ALL
    SELECT other, one, orders FROM joint
),
lifted AS (
    SELECT a.source, a.product_id, b.product_id AS other_id, d.orders,
           CAST(d.orders AS DOUBLE PRECISION) * t.orders / (CAST(a.orders AS DOUBLE PRECISION) * b.orders) AS lift
    FROM directed d
    JOIN alone a ON a.number = d.one
    JOIN alone b ON b.number = d.other
    JOIN totals t ON t.source = a.source
),
ranked AS (
    SELECT source, product_id, other_id, orders, lift,
           ROW_NUMBER() OVER (PARTITION BY source, product_id ORDER BY lift DESC, orders DESC, other_id) AS place
    FROM lifted
    WHERE lift > 1
)
SELECT source, product_id, place, other_id, orders, lift FROM ranked WHERE place <= :most
"""
)
_LATEST = "ORDER BY o.ordered_at DESC LIMIT :orders"


class Buyers(NamedTuple):
    """How many customers have bought a product."""

    source: str
    product_id: str
    buyers_90d: int
    buyers: int


def buyers(tx: Transaction, *, lately: int, now: int) -> list[Buyers]:
    """Who has ever bought each product, and who after `lately`, by orders that stand."""
    rows = tx.execute(text(_BUYERS.format(latest="")), {"since": 0, "lately": lately, "now": now})
    return [Buyers(*row) for row in rows]


def reorders(tx: Transaction, *, since: int, now: int, people: int, shortest: int) -> dict[tuple[str, str], float]:
    """The median milliseconds until those who buy a product again do so, where at least so many `people` have.

    Counts orders after `since`; two less than `shortest` milliseconds apart are one purchase in two parcels.
    """
    bound = {"since": since, "now": now, "people": people, "shortest": shortest}
    rows = tx.execute(text(_REORDERS.format(latest="")), bound)
    return {(row.source, row.product_id): float(row.gap) for row in rows}


def pairs(tx: Transaction, *, since: int, now: int, orders: int, basket: int, support: int, most: int) -> list[Any]:
    """What is bought together more often than by chance, the `most` best of each product, as rows of product_pairs.

    Looks at the latest `orders` after `since` that hold at most `basket` products; a pair needs `support` of them.
    """
    bound = {"since": since, "now": now, "orders": orders, "basket": basket, "support": support, "most": most}
    return [tuple(row) for row in tx.execute(text(_PAIRS.format(latest=_LATEST)), bound)]


def ratings(tx: Transaction, *, since: int, now: int) -> tuple[int, float | None]:
    """How many contacts have given ratings of 1 to 5 after `since`, and the mean of what they have given.

    Of several ratings of one order, or to one message, the latest counts; then each contact counts once, by the mean of
    theirs.
    """
    score = json_scalar(tx, "properties", "score", number=True)
    survey, order, message = (json_scalar(tx, "properties", key) for key in ("survey", "order_id", "message_id"))
    query = (
        "SELECT COUNT(*) AS given, AVG(own) AS mean FROM (SELECT AVG(score) AS own FROM ("
        "SELECT contact_id, score, ROW_NUMBER() OVER (PARTITION BY contact_id, what ORDER BY at DESC, id DESC) AS place"
        f" FROM (SELECT id, contact_id, at, {score} AS score,"
        f" COALESCE('order ' || {order}, 'message ' || {message}, 'answer ' || id) AS what FROM events"
        f" WHERE name = 'survey_answered' AND at > :since AND at <= :now AND {survey} = 'rating') AS answers"
        " WHERE score BETWEEN 1 AND 5) AS ranked WHERE place = 1 GROUP BY contact_id) AS people"
    )
    row = tx.execute(text(query), {"since": since, "now": now}).one()
    return row.given, row.mean


def customers(tx: Transaction, *, since: int, now: int) -> int:
    """How many contacts have an order that stands, the last of them after `since`."""
    query = text("SELECT COUNT(*) FROM profiles WHERE last_order_at > :since AND last_order_at <= :now")
    return int(tx.scalar(query, {"since": since, "now": now}) or 0)


def replace(tx: Transaction, figures: Sequence[Sequence[Any]], together: Sequence[Sequence[Any]]) -> None:
    """Put new figures and pairs in place of all that stand."""
    tx.execute(text("DELETE FROM product_figures"))
    tx.execute(text("DELETE FROM product_pairs"))
    insert_many(tx, product_figures, ("source", "product_id", "buyers_90d", "buyers", "reorder_days"), figures)
    insert_many(tx, product_pairs, ("source", "product_id", "place", "other_id", "orders", "lift"), together)
