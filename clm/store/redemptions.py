"""Redemptions: orders for which a coupon was used."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import select, text

from clm.store.database import Found, Transaction
from clm.store.dialect import ids_in, ids_value, insert_many, texts_in, texts_value
from clm.store.schema import coupons, redemptions


class Matched(NamedTuple):
    """A coupon of ours whose code stood on an order."""

    id: int
    code: str
    offer: str
    contact_id: int | None
    """Whose it is; None while it is free."""
    issued_at: int | None
    for_friends: bool


class Redemption(NamedTuple):
    """A coupon used for an order."""

    coupon_id: int
    order_id: int
    contact_id: int
    """Who ordered."""
    at: int


def matching(tx: Transaction, codes: Collection[str]) -> dict[str, Matched]:
    """Those of the codes that are ours."""
    query = text(
        f"SELECT id, code, offer, contact_id, issued_at, for_friends FROM coupons WHERE code IN {texts_in(tx)}"
    )
    found = tx.execute(query, {"texts": texts_value(tx, codes)})
    return {row.code: Matched._make(row) for row in found}


def record(tx: Transaction, used: Sequence[Redemption], *, now: int) -> set[tuple[int, int]]:
    """Keep redemptions, and close what is used up; returns those that are new, each (coupon, order).

    What nobody had been given is closed as well: its code is known to somebody, and nobody else may get it. The coupons
    are locked first, so that two imports do not each count but one of two uses.
    """
    c, r = coupons.c, redemptions.c
    ids = sorted({one.coupon_id for one in used})
    given = text(f"coupons.id IN {ids_in(tx)}").bindparams(ids=ids_value(tx, ids))
    tx.execute(select(c.id).where(given).order_by(c.id).with_for_update()).all()
    known = text(f"redemptions.coupon_id IN {ids_in(tx)}").bindparams(ids=ids_value(tx, ids))
    before = {(row.coupon_id, row.order_id) for row in tx.execute(select(r.coupon_id, r.order_id).where(known))}
    fresh = {(one.coupon_id, one.order_id): one for one in used if (one.coupon_id, one.order_id) not in before}
    insert_many(tx, redemptions, Redemption._fields, list(fresh.values()), on_conflict="ON CONFLICT DO NOTHING")
    tx.execute(
        text(
            f"UPDATE coupons SET closed_at = :now WHERE id IN {ids_in(tx)} AND closed_at IS NULL AND (issued_at IS NULL"
            " OR uses <= (SELECT COUNT(*) FROM redemptions r WHERE r.coupon_id = coupons.id))"
        ),
        {"ids": ids_value(tx, ids), "now": now},
    )
    return set(fresh)


_STANDS = (
    "NOT EXISTS (SELECT 1 FROM orders b WHERE b.kind = 'cancellation' AND b.source = o.source"
    " AND b.cancels = o.external_id)"
)
"""Of an order: that it was not cancelled. A refund leaves it a use."""


class Overused(NamedTuple):
    """A code that came with more orders than it is good for, those that were cancelled not counted."""

    code: str
    offer: str
    uses: int
    orders: int


def overused(tx: Transaction, coupon_ids: Collection[int]) -> list[Overused]:
    """Those of the coupons that were used too often, by their codes."""
    query = text(_OVERUSED.format(whose=f"AND r.coupon_id IN {ids_in(tx)}") + " ORDER BY c.code")
    return [Overused(*row) for row in tx.execute(query, {"ids": ids_value(tx, coupon_ids)})]


def all_overused(tx: Transaction, *, limit: int) -> tuple[dict[str, int], list[Overused]]:
    """How many codes of each offer were used too often, and up to `limit` of each, those used most first."""
    found = _OVERUSED.format(whose="")
    ranked = (
        f"SELECT u.*, ROW_NUMBER() OVER (PARTITION BY u.offer ORDER BY u.orders DESC, u.code) AS place FROM ({found}) u"
    )
    counts = {
        row.offer: row.codes
        for row in tx.execute(text(f"SELECT offer, COUNT(*) AS codes FROM ({found}) u GROUP BY offer"))
    }
    query = text(f"SELECT code, offer, uses, orders FROM ({ranked}) v WHERE place <= :limit ORDER BY offer, place")
    return counts, [Overused(*row) for row in tx.execute(query, {"limit": limit})] if counts else []


_OVERUSED = (
    "SELECT c.code, c.offer, c.uses, n.orders FROM coupons c"
    " JOIN (SELECT r.coupon_id, COUNT(*) AS orders FROM redemptions r JOIN orders o ON o.id = r.order_id"
    # Whose is said here, so that no more is counted: neither database brings it in from outside of the grouping.
    f" WHERE {_STANDS} {{whose}} GROUP BY r.coupon_id) n ON n.coupon_id = c.id WHERE n.orders > c.uses"
)


def same_person(tx: Transaction, pairs: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of the pairs of contacts that have an e-mail address or a number in common."""
    ids = {one for pair in pairs for one in pair}
    query = text(f"SELECT id, lower(email) AS email, phone FROM contacts WHERE id IN {ids_in(tx)}")
    reached = {row.id: {row.email, row.phone} - {None} for row in tx.execute(query, {"ids": ids_value(tx, ids)})}
    return {pair for pair in pairs if pair[0] == pair[1] or reached[pair[0]] & reached[pair[1]]}


def not_first(tx: Transaction, order_ids: Collection[int]) -> set[int]:
    """Those of the orders before which whoever placed them had ordered, or with another of which a friend was rewarded.

    Whoever has an e-mail address or a number in common is one person; an order counts also where it was taken back.
    """
    query = text(
        "WITH asked AS (SELECT o.id, o.ordered_at, c.id AS contact_id, lower(c.email) AS email, c.phone FROM orders o"
        f" JOIN contacts c ON c.id = o.contact_id WHERE o.id IN {ids_in(tx)}),"
        " persons AS (SELECT id, ordered_at, contact_id FROM asked"
        " UNION SELECT a.id, a.ordered_at, c.id FROM asked a JOIN contacts c"
        " ON lower(c.email) = a.email AND c.email IS NOT NULL"
        " UNION SELECT a.id, a.ordered_at, c.id FROM asked a JOIN contacts c ON c.phone = a.phone)"
        " SELECT DISTINCT p.id FROM persons p JOIN orders e ON e.contact_id = p.contact_id AND e.id <> p.id"
        " WHERE e.kind = 'order' AND (e.ordered_at < p.ordered_at OR e.ordered_at = p.ordered_at AND e.id < p.id"
        " OR EXISTS (SELECT 1 FROM events v WHERE v.source = 'clm' AND v.external_id = 'referral order ' || e.id))"
    )
    return set(tx.scalars(query, {"ids": ids_value(tx, order_ids)}))


def of_coupon(tx: Transaction, coupon_id: int) -> list[Found]:
    """The orders for which a coupon was used, oldest first: the source's own ids of order and contact, and when."""
    query = text(
        "SELECT o.source, o.external_id AS order_id, c.external_id AS contact, r.contact_id, r.at FROM redemptions r"
        " JOIN orders o ON o.id = r.order_id JOIN contacts c ON c.id = r.contact_id"
        " WHERE r.coupon_id = :coupon ORDER BY r.at, r.order_id"
    )
    return list(tx.execute(query, {"coupon": coupon_id}))
