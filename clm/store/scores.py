"""Scores of contacts: read in pages with the facts behind them, written where they differ; the groups' history."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, select, text

from clm.store import intervals
from clm.store.changes import stamp
from clm.store.database import Transaction
from clm.store.dialect import ids_in, ids_value, update_each
from clm.store.held import held
from clm.store.schema import group_history, profiles, watermarks

PAGE_CONTACTS = 10_000
SCOPE = "scores"
"""Under this name the watermarks say how far scoring has come."""

FACTS = (
    "contact_id", "changed", "lot", "first_order_at", "last_order_at", "order_count", "revenue", "revenue_365d",
    "average_gap_days",
)  # fmt: skip
SCORES = (
    "recency_score", "frequency_score", "monetary_score", "spend_percentile", "p_alive", "expected_orders_90d",
    "predicted_revenue_365d",
)  # fmt: skip
COLUMNS = (*FACTS, *SCORES, "rfm_group")
"""What a page's rows hold, in order."""

_WRITTEN = (*SCORES, "rfm_group")
_TYPES = {name: profiles.c[name].type for name in _WRITTEN} | {"changed": BigInteger(), "contact_id": BigInteger()}
_UPDATE = (
    "UPDATE profiles SET "
    + ", ".join(f"{name} = {{{name}}}" for name in (*_WRITTEN, "changed"))
    + " {given} WHERE profiles.contact_id = {contact_id}"
)

# Whoever has ordered, and whoever had scores once and has no order left.
_SCORED = "(order_count > 0 OR recency_score IS NOT NULL OR spend_percentile IS NOT NULL OR p_alive IS NOT NULL)"
# `+ 0` keeps databases from walking through all contacts where the index on `changed` finds the few that are meant.
_PAGE = {
    False: "contact_id > :after AND {scored} ORDER BY contact_id",
    True: "changed >= :since AND contact_id + 0 > :after AND {scored} ORDER BY contact_id + 0",
}

# By the rules of sql/profile.sql: what is taken back lowers its order, and an order stands while some of it is left.
_ORDERED_SINCE = """
WITH rows_of AS (
    SELECT contact_id, source, external_id, kind, ordered_at, amount, cancels FROM orders
    WHERE contact_id IN (SELECT contact_id FROM orders WHERE contact_id IN {ids} AND ordered_at <= :since)
),
taken_back AS (
    SELECT contact_id, source, cancels, SUM(amount) AS amount
    FROM rows_of
    WHERE kind <> 'order' AND cancels IS NOT NULL
    GROUP BY contact_id, source, cancels
),
effects AS (
    SELECT o.contact_id, o.ordered_at, o.amount - COALESCE(t.amount, 0) AS amount,
           CASE WHEN t.amount IS NOT NULL AND t.amount >= o.amount THEN 0 ELSE 1 END AS stands
    FROM rows_of o
    LEFT JOIN taken_back t ON t.contact_id = o.contact_id AND t.source = o.source AND t.cancels = o.external_id
    WHERE o.kind = 'order'
    UNION ALL
    SELECT r.contact_id, r.ordered_at, -r.amount, 0
    FROM rows_of r
    WHERE r.kind <> 'order'
      AND NOT EXISTS (
          SELECT 1 FROM rows_of o
          WHERE o.kind = 'order' AND o.contact_id = r.contact_id AND o.source = r.source AND o.external_id = r.cancels
      )
)
SELECT contact_id, CAST(SUM(stands) AS BIGINT) AS orders, CAST(SUM(amount) AS BIGINT) AS revenue
FROM effects
WHERE ordered_at > :since
GROUP BY contact_id
"""


class Customers(NamedTuple):
    """How many have ordered, and when the first of all orders was."""

    total: int
    first_order_at: int | None


def customers(tx: Transaction) -> Customers:
    """How many contacts have an order that stands, and since when there are any."""
    query = "SELECT COUNT(*) AS total, MIN(first_order_at) AS first_order_at FROM profiles WHERE order_count > 0"
    row = tx.execute(text(query)).one()
    return Customers(row.total, row.first_order_at)


def page(tx: Transaction, *, after: int, changed_since: int | None = None) -> list[Any]:
    """The next contacts with orders or scores beyond id `after`; with `changed_since`, those changed from there on."""
    where = _PAGE[changed_since is not None].format(scored=_SCORED)
    query = text(f"SELECT {', '.join(COLUMNS)} FROM profiles WHERE {where} LIMIT :limit")
    since = {} if changed_since is None else {"since": changed_since}
    return list(tx.execute(query, {"after": after, "limit": PAGE_CONTACTS, **since}))


def pages(tx: Transaction) -> Iterator[list[Any]]:
    """All contacts with orders or scores, page by page."""
    after = 0
    while rows := page(tx, after=after):
        yield rows
        after = rows[-1].contact_id


def ordered_since(tx: Transaction, ids: Collection[int], since: int) -> dict[int, tuple[int, int]]:
    """Orders that stand and their revenue after `since`, by contact, of those who ordered or returned before it too."""
    if not ids:
        return {}
    statement = text(_ORDERED_SINCE.format(ids=ids_in(tx)))
    rows = tx.execute(statement, {"ids": ids_value(tx, ids), "since": since})
    return {row.contact_id: (row.orders, row.revenue) for row in rows}


def scored_until(tx: Transaction) -> int | None:
    """The latest instant that scores are for; None before the first run."""
    return tx.scalar(select(watermarks.c.evaluated_at).where(watermarks.c.scope == SCOPE))


class Rescored(NamedTuple):
    """How many profiles were written, and how many of them came into another group."""

    written: int
    moved: int


def write(
    tx: Transaction,
    rows: Sequence[Sequence[Any]],
    seen: Mapping[int, int],
    moves: Mapping[int, str | None],
    *,
    now: int,
) -> Rescored:
    """Set scores where nobody has changed the contact since it was `seen` (its `changed`, by id).

    Each row holds the scores in the order of SCORES, the group and the contact's id; `moves` are the contacts who come
    into another group, or into none. Contacts whose groups are known beyond `now` are left alone.
    """
    free = held(tx, seen)
    free -= intervals.ahead_of(tx, group_history, free, now=now)
    moved = _move(tx, {who: group for who, group in moves.items() if who in free}, now=now)
    changed = stamp(tx)
    return Rescored(
        update_each(tx, _UPDATE, _TYPES, [(*row[:-1], changed, row[-1]) for row in rows if row[-1] in free]), moved
    )


def _move(tx: Transaction, groups: Mapping[int, str | None], *, now: int) -> int:
    """Close the interval of the group a contact has left and begin that of the new one; returns how many moved."""
    if not groups:
        return 0
    before = intervals.standing(tx, group_history, groups, now=now)
    stayed = {who for who, row in before.items() if row.name == groups[who]}
    intervals.close(tx, group_history, before.keys() - stayed, now=now)
    news = [(who, now, name) for who, name in groups.items() if name is not None and who not in stayed]
    intervals.begin(tx, group_history, ("contact_id", "since", "name"), news)
    return len(groups.keys() - stayed)


def transition_matrix(tx: Transaction, since: int, until: int) -> dict[str | None, dict[str | None, int]]:
    """From which group to which how many contacts moved after `since` and up to `until`.

    Each contact counts once, by the groups it was in at the two instants; None is no group: not yet, or no longer, a
    customer of the window. Who stayed is counted too, on the diagonal.
    """
    query = text(
        "SELECT b.name AS origin, a.name AS target, COUNT(*) AS moved FROM"
        " (SELECT DISTINCT contact_id FROM group_history WHERE since <= :until) AS known"
        " LEFT JOIN group_history b ON b.contact_id = known.contact_id"
        " AND b.since <= :since AND (b.until IS NULL OR b.until > :since)"
        " LEFT JOIN group_history a ON a.contact_id = known.contact_id"
        " AND a.since <= :until AND (a.until IS NULL OR a.until > :until)"
        " GROUP BY b.name, a.name"
    )
    found: dict[str | None, dict[str | None, int]] = {}
    for row in tx.execute(query, {"since": since, "until": until}):
        if row.origin is not None or row.target is not None:
            found.setdefault(row.origin, {})[row.target] = row.moved
    return found
