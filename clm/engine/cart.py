"""What somebody has left in a basket, as the shop's events tell it.

The latest event that tells what is in it states the whole basket: `items` all of it, `product_id` alone that one
product. One that tells neither (a checkout with nothing but a sum) says nothing of it, and the one before it counts.
What is told may be anything: whatever is not of the right kind is passed over, and never more than ITEMS_MAX looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from clm.domain.instant import DAY_MS
from clm.domain.survey import own_words
from clm.store.events import Told

EVENTS = ("cart_updated", "checkout_started")
LEFT_MS = 30 * DAY_MS
"""What was put into a basket longer ago is not shown: most shops have emptied it by then."""
TOLD_MAX = 5
"""So many events of one contact are looked at, the latest first."""
ITEMS_MAX = 100
_QUANTITY_MAX = 9_999
_ID_CHARACTERS_MAX = 200
_NAME_CHARACTERS_MAX = 500


class Item(NamedTuple):
    """One product of a basket."""

    product_id: str
    quantity: int | None
    """None where nobody has told it."""
    name: str | None
    """What the event calls it, for products that no feed tells of."""


@dataclass(frozen=True, slots=True)
class Cart:
    """A basket as it was at an instant."""

    source: str
    at: int
    items: tuple[Item, ...]

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Source and product id of each."""
        return [(self.source, item.product_id) for item in self.items]


def cart_of(told: Sequence[Told]) -> Cart | None:
    """The basket by what was told of it, latest first; None where nothing was, or where it was emptied."""
    for event in told:
        said = json.loads(event.properties)
        items = _items(said)
        if items is not None:
            return Cart(event.source, event.at, items) if items else None
    return None


def _items(said: Mapping[str, Any]) -> tuple[Item, ...] | None:
    """What an event says is in the basket; nothing of an emptied one, None of one that tells no contents."""
    if said.get("value") == 0 and type(said["value"]) is not bool:
        return ()
    listed = said.get("items")
    if isinstance(listed, str):  # as a file of CSV has it
        try:
            listed = json.loads(listed)
        except (ValueError, RecursionError):
            listed = None
    if isinstance(listed, list):
        return _each_once(_item(one) for one in islice(listed, ITEMS_MAX))
    alone = _item(said)
    return None if alone is None else _each_once([alone])


def _each_once(found: Iterable[Item | None]) -> tuple[Item, ...]:
    """The items, each product in its first place, with all that was told of its quantity."""
    items: dict[str, Item] = {}
    for one in found:
        if one is None or one.quantity == 0:
            continue
        before = items.get(one.product_id)
        if before is None:
            items[one.product_id] = one
        elif before.quantity is not None and one.quantity is not None:
            together = min(before.quantity + one.quantity, _QUANTITY_MAX)
            items[one.product_id] = before._replace(quantity=together)
    return tuple(items.values())


def _item(said: Any) -> Item | None:
    """One product, of whatever an event holds; None where it names none."""
    if not isinstance(said, dict):
        return None
    product_id = said.get("product_id")
    if type(product_id) is int:
        product_id = str(product_id)
    if not isinstance(product_id, str):
        return None
    product_id = product_id.strip()
    if not 0 < len(product_id) <= _ID_CHARACTERS_MAX or not product_id.isprintable():
        return None
    return Item(product_id, _quantity(said.get("quantity")), _name(said.get("name")))


def _quantity(said: Any) -> int | None:
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return None
    try:
        return min(max(int(float(said)), 0), _QUANTITY_MAX)
    except (ValueError, OverflowError):
        return None


def _name(said: Any) -> str | None:
    """A name on one line; without control characters, which would stop the whole letter."""
    if not isinstance(said, str):
        return None
    return " ".join((own_words(said[:_NAME_CHARACTERS_MAX]) or "").split()) or None
