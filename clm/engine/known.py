"""Looks up what the letters of one batch speak of, each kind in one statement for all whose letters speak of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from clm.domain.instant import DAY_MS
from clm.engine import cart, low_mark, wares
from clm.engine.best_sold import BestSold
from clm.engine.cart import Cart, cart_of
from clm.engine.shelf import Key, Shelf, favourite, last_of
from clm.store import events, orders, products
from clm.store.database import Found, Transaction
from clm.store.events import Told
from clm.store.orders import BoughtLine
from clm.store.products import Bought, Views
from clm.store.profiles import LOW_MARK_MS

BOUGHT_MS = 730 * DAY_MS
VIEWED_MS = 30 * DAY_MS
OF_LAST_ORDER = ("last_order.products", "help")
OF_BOUGHT = ("products.again", "products.together", "products.due", "products.viewed")
OF_VIEWED = ("products.viewed", "viewed.category")
OF_CART = "products.cart"
OF_ANSWERS = "low_marks"

One = TypeVar("One", Bought, BoughtLine, Told, Views)
Wanted = Mapping[str, Sequence[Found]]
"""The messages whose words speak of each block."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was looked up for one batch, by contact."""

    shelf: Shelf
    lines: Mapping[int, Sequence[BoughtLine]]
    """Of the last order, dearest first."""
    bought: Mapping[int, Sequence[Bought]]
    favourites: Mapping[int, tuple[str, str]]
    """Source and category that they have looked at most."""
    points: Mapping[int, Mapping[str, Any]]
    """What the shop has told last, as it told it."""
    proof: Mapping[str, Any]
    carts: Mapping[int, Cart]
    answers: Mapping[int, Sequence[Told]]
    """What they have answered to surveys lately, latest first."""

    def keys(self, block: str, row: Found, now: int) -> Sequence[Key]:
        """The products of a block for the contact of a message."""
        bought = self.bought.get(row.contact_id, ())
        match block:
            case "products.again":
                return self.shelf.again(bought)
            case "products.together":
                return self.shelf.together(bought)
            case "products.due":
                return self.shelf.due(bought, now)
            case "products.viewed":
                best = self.favourites.get(row.contact_id)
                left = self.carts.get(row.contact_id)
                return self.shelf.viewed(*best, bought, now, left.keys if left else ()) if best else ()
            case _:
                return self.shelf.best_sellers(row.source)


def look_up(tx: Transaction, wanted: Wanted, best: BestSold, now: int) -> Known:
    """Everything that the wanted blocks are made of; what sells best from what was looked up of it before."""

    def whose(*blocks: str) -> set[int]:
        return {row.contact_id for block in blocks for row in wanted.get(block, ())}

    lines: dict[int, list[BoughtLine]] = {}
    bought: dict[int, list[Bought]] = {}
    views: dict[int, list[Views]] = {}
    told: dict[int, str] = {}
    if ids := whose(*OF_LAST_ORDER):
        lines = _by_contact(orders.last_order_lines(tx, ids))
    told_of_carts = _told(tx, whose(OF_CART), cart.EVENTS, now - cart.LEFT_MS, now, cart.TOLD_MAX)
    carts = {who: left for who, theirs in told_of_carts.items() if (left := cart_of(theirs)) is not None}
    if ids := whose(*OF_BOUGHT) | carts.keys():
        bought = _by_contact(products.bought(tx, ids, since=now - BOUGHT_MS, now=now))
    if ids := whose(*OF_VIEWED):
        views = _by_contact(products.viewed(tx, ids, since=now - VIEWED_MS, now=now))
    if ids := whose("points"):
        told = events.latest(tx, ids, "points_changed", now=now)
    named = {_key(line) for theirs in lines.values() for line in theirs}
    named |= {key for left in carts.values() for key in left.keys}
    favourites = {who: most for who, theirs in views.items() if (most := favourite(theirs))}
    return Known(
        shelf=_shelf(tx, wanted, best, named, bought, favourites),
        lines=lines,
        bought=bought,
        favourites=favourites,
        points={who: json.loads(properties) for who, properties in told.items()},
        proof=wares.proof(tx) if "proof" in wanted else {},
        carts=carts,
        answers=_told(tx, whose(OF_ANSWERS), (low_mark.EVENT,), now - LOW_MARK_MS, now, low_mark.TOLD_MAX),
    )


def _told(
    tx: Transaction, ids: set[int], names: Sequence[str], since: int, now: int, most: int
) -> dict[int, list[Told]]:
    return _by_contact(events.lately(tx, ids, names, since=since, now=now, most=most)) if ids else {}


def _shelf(
    tx: Transaction,
    wanted: Wanted,
    best: BestSold,
    named: set[Key],
    bought: Mapping[int, Sequence[Bought]],
    favourites: Mapping[int, tuple[str, str]],
) -> Shelf:
    """The products that may be shown, and in which order; `named` are those of last orders and baskets."""
    keys = named | {_key(one) for theirs in bought.values() for one in theirs}
    going_with: dict[Key, list[tuple[float, Key]]] = {}
    if theirs := wanted.get("products.together"):
        last = {_key(one) for row in theirs for one in last_of(bought.get(row.contact_id, ()))}
        for pair in products.going_with(tx, *_apart(last)) if last else ():
            going_with.setdefault(_key(pair), []).append((pair.lift, (pair.source, pair.other_id)))
            keys.add((pair.source, pair.other_id))
    sellers = best.sellers(tx, {row.source for row in wanted.get("products.best_sellers", ())})
    of = best.of(tx, set(favourites.values()))
    found = {_key(ware): ware for wares_ in (*sellers.values(), *of.values()) for ware in wares_}
    if keys := keys - found.keys():
        found |= {_key(ware): ware for ware in products.of(tx, *_apart(keys))}
    return Shelf(
        found,
        going_with,
        {source: [_key(ware) for ware in theirs] for source, theirs in sellers.items()},
        {category: [_key(ware) for ware in theirs] for category, theirs in of.items()},
    )


def _by_contact(rows: Iterable[One]) -> dict[int, list[One]]:
    found: dict[int, list[One]] = {}
    for row in rows:
        found.setdefault(row.contact_id, []).append(row)
    return found


def _key(one: Any) -> Key:
    return one.source, one.product_id


def _apart(pairs: Iterable[tuple[str, str]]) -> tuple[set[str], set[str]]:
    """Sources and names; a name that another source has too may be found of both."""
    sources, names = zip(*pairs, strict=True)
    return set(sources), set(names)
