"""The demo shop's event stream: pages looked at, baskets filled and left, the app, questions to the shop.

| event | properties |
|---|---|
| viewed_category | category |
| viewed_product | product_id, name, category, price |
| cart_updated | cart_id, value, product_id, category, quantity; items, the whole basket: product_id, quantity |
| checkout_started | cart_id, value, items |
| app_used | platform |
| ticket_opened | ticket_id, topic, order_id where it is about one |
| ticket_closed | ticket_id, resolution |

Amounts are numbers of pounds. A basket without an order after it was left behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from clm.domain.instant import DAY_MS, HOUR_MS, SECOND_MS
from clm.sources.demo.catalogue import BasketLine, Shelf, Taste, basket_amount

if TYPE_CHECKING:
    import random

_TOPICS = ("late_delivery", "damaged_parcel", "wrong_item", "brewing_advice", "customs", "invoice")
_RESOLUTIONS = ("answered", "replaced", "voucher")
_FORGOTTEN = 0.04  # of the tickets nobody closes; they show what an open ticket holds back


Properties = Mapping[str, str | int | float | list[dict[str, str | int]]]


class Happening(NamedTuple):
    """One event of one customer, before it has an id."""

    at: int  # milliseconds
    name: str
    properties: Properties


def pounds(pence: int) -> str:
    """Decimal text of an amount, "24.50"."""
    return f"{pence // 100}.{pence % 100:02d}"


class Visitor:
    """One customer in the shop, on the site or in the app."""

    def __init__(self, rng: random.Random, taste: Taste, *, contact: str) -> None:
        self._rng = rng
        self._contact = contact
        self._carts = 0
        self._taste = taste
        self._platform = rng.choice(("ios", "android")) if rng.random() < 0.34 else None

    def look_around(self, shelf: Shelf, at: int) -> list[Happening]:
        """A visit that ends without an order; one in eight leaves a basket behind, half of those at the checkout."""
        rng = self._rng
        happenings = self._enter(at)
        product = before = None
        for _ in range(rng.choices((1, 2, 3, 4), (48, 30, 15, 7))[0]):
            at += rng.randint(15, 150) * SECOND_MS
            category = self._taste.category(rng)
            if rng.random() < 0.3:
                happenings.append(Happening(at, "viewed_category", {"category": category}))
                continue
            before, product = product, shelf.pick(rng, category)
            happenings.append(_viewed(BasketLine(product, 1), at))
        if product is not None and rng.random() < 0.125:
            added = [BasketLine(product, rng.choice((1, 1, 1, 2)))]
            whole = added if before is None or before == product else [BasketLine(before, 1), *added]
            happenings += self._fill(added, at, cart=whole, checks_out=rng.random() < 0.5)
        return happenings

    def buy(self, lines: list[BasketLine], *, ordered_at: int, not_before: int) -> list[Happening]:
        """The visit that led to an order: some of its goods looked at, the basket, the checkout."""
        rng = self._rng
        looked = lines[: rng.randint(1, 2)]
        start = max(ordered_at - rng.randint(6, 25) * 60 * SECOND_MS, not_before)
        happenings = self._enter(start)
        step = max((ordered_at - start) // (len(looked) + 3), SECOND_MS) // SECOND_MS * SECOND_MS
        for number, line in enumerate(looked, start=1):
            happenings.append(_viewed(line, start + number * step))
        happenings += self._fill(lines[-1:], start + len(looked) * step, step=step, cart=lines)
        return [happening for happening in happenings if happening.at < ordered_at]

    def _enter(self, at: int) -> list[Happening]:
        if self._platform is None or self._rng.random() < 0.3:
            return []
        return [Happening(at, "app_used", {"platform": self._platform})]

    def _fill(
        self,
        added: list[BasketLine],
        at: int,
        *,
        step: int | None = None,
        cart: list[BasketLine] | None = None,
        checks_out: bool = True,
    ) -> list[Happening]:
        whole = cart or added
        self._carts += 1
        cart_id, value = f"{self._contact}-{self._carts}", basket_amount(whole) / 100
        items: list[dict[str, str | int]] = [
            {"product_id": line.product.product_id, "quantity": line.quantity} for line in whole
        ]
        happenings = []
        for line in added:
            at += step or self._rng.randint(20, 120) * SECOND_MS
            properties: Properties = {
                "cart_id": cart_id,
                "value": value,
                "product_id": line.product.product_id,
                "category": line.product.category,
                "quantity": line.quantity,
                "items": items,
            }
            happenings.append(Happening(at, "cart_updated", properties))
        if checks_out:
            at += step or self._rng.randint(30, 200) * SECOND_MS
            happenings.append(Happening(at, "checkout_started", {"cart_id": cart_id, "value": value, "items": items}))
        return happenings


def ask(rng: random.Random, *, ticket: str, at: int, order: str | None, refunded_at: int | None) -> list[Happening]:
    """A question to the shop and its answer within three days; about a refund it ends with the money."""
    topic = rng.choice(_TOPICS[:3] if refunded_at else _TOPICS)
    opened: dict[str, str | int | float] = {"ticket_id": ticket, "topic": topic}
    if order is not None:
        opened["order_id"] = order
    happenings = [Happening(at, "ticket_opened", opened)]
    closed_at = refunded_at or at + rng.randint(HOUR_MS, 3 * DAY_MS) // SECOND_MS * SECOND_MS
    resolution = "refunded" if refunded_at else rng.choice(_RESOLUTIONS)
    if rng.random() > _FORGOTTEN:
        happenings.append(Happening(closed_at, "ticket_closed", {"ticket_id": ticket, "resolution": resolution}))
    return happenings


def _viewed(line: BasketLine, at: int) -> Happening:
    product = line.product
    return Happening(
        at,
        "viewed_product",
        {
            "product_id": product.product_id,
            "name": product.name,
            "category": product.category,
            "price": product.price / 100,
        },
    )
