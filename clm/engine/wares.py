"""Measures the shop's products once a day: who buys them, how soon again, what together, and what customers say.

What holds for the whole shop is kept among its values, as `proof`; the rest in product_figures and product_pairs.
"""

from __future__ import annotations

import json
from typing import Any

from clm.domain.instant import DAY_MS
from clm.store import product_figures, shop
from clm.store.database import Database, Transaction
from clm.store.dialect import lock

LATELY_MS = 90 * DAY_MS
TOGETHER_MS = 365 * DAY_MS
REORDERS_MS = 730 * DAY_MS
"""Longer than the others: whoever buys again after more than a year would otherwise never be seen to."""
RATINGS_MS = 365 * DAY_MS
REPEATERS_MIN = 10
RATINGS_MIN = 20
SUPPORT_MIN = 5
PAIRS_MAX = 5
BASKET_MAX = 20
ORDERS_MAX = 100_000
"""The pairs of so many orders are counted, the latest ones: enough for every pair worth showing, at a known cost."""

_PROOF = "proof"


def take(database: Database, *, now: int) -> None:
    """Measure all products as they are at `now`, and keep the result unless somebody has kept a later one."""
    with database.read() as tx:
        figures, pairs, proof = _figures(tx, now), _pairs(tx, now), _proof(tx, now)
    with database.write() as tx:
        lock(tx, "wares")
        standing = shop.get(tx, _PROOF)
        if standing is not None and json.loads(standing)["at"] > now:
            return
        product_figures.replace(tx, figures, pairs)
        shop.put(tx, _PROOF, json.dumps({"at": now, **proof}), now)


def proof(tx: Transaction) -> dict[str, Any]:
    """What customers say by their numbers: rating, ratings, customers; each only where there are enough."""
    found = json.loads(shop.get(tx, _PROOF) or "{}")
    return {name: found[name] for name in ("rating", "ratings", "customers") if name in found}


def _figures(tx: Transaction, now: int) -> list[tuple[Any, ...]]:
    again = product_figures.reorders(tx, since=now - REORDERS_MS, now=now, people=REPEATERS_MIN, shortest=DAY_MS)
    return [
        (*found, _days(again.get((found.source, found.product_id))))
        for found in product_figures.buyers(tx, lately=now - LATELY_MS, now=now)
    ]


def _days(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds / DAY_MS, 1)


def _pairs(tx: Transaction, now: int) -> list[Any]:
    return product_figures.pairs(
        tx,
        since=now - TOGETHER_MS,
        now=now,
        orders=ORDERS_MAX,
        basket=BASKET_MAX,
        support=SUPPORT_MIN,
        most=PAIRS_MAX,
    )


def _proof(tx: Transaction, now: int) -> dict[str, Any]:
    given, mean = product_figures.ratings(tx, since=now - RATINGS_MS, now=now)
    found: dict[str, Any] = {}
    if given >= RATINGS_MIN and mean is not None:
        found |= {"rating": round(float(mean), 1), "ratings": given}
    if customers := product_figures.customers(tx, since=now - LATELY_MS, now=now):
        found["customers"] = customers
    return found
