"""What a day's measure says of the products: counted from orders that stand, once a day, the latest measure kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from clm.domain.instant import DAY_MS
from clm.domain.record import EventRecord, OrderLine, OrderRecord
from clm.engine import wares
from clm.engine.score import score_contacts
from clm.rfm_file import RfmRules
from clm.store import product_figures as stored
from clm.store.database import Database
from clm.store.schema import product_figures, product_pairs
from tests.engine.shop import NOW, Shop, order


def basket(number: int, *products: str, days: int = 10, contact: str | None = None) -> OrderRecord:
    """An order of these products, by a customer of its own."""
    lines = tuple(OrderLine(product, None, None, 1, 100) for product in products)
    return order(f"o{number}", contact or f"c{number}", at=NOW - days * DAY_MS)._replace(lines=lines)


def figures(database: Database) -> dict[str, tuple[Any, ...]]:
    """Buyers of 90 days, buyers and days until it is bought again, by product."""
    with database.read() as tx:
        rows = tx.execute(select(product_figures))
        return {row.product_id: (row.buyers_90d, row.buyers, row.reorder_days) for row in rows}


def pairs(database: Database) -> dict[tuple[str, str], tuple[int, int, float]]:
    """Place, orders and lift of each pair, rounded."""
    with database.read() as tx:
        rows = tx.execute(select(product_pairs))
        return {(row.product_id, row.other_id): (row.place, row.orders, round(row.lift, 3)) for row in rows}


def test_lift_is_how_much_more_often_than_by_chance(shop: Shop) -> None:
    """Of 20 orders A is in 8, B in 11, both in 6: 6 · 20 / (8 · 11) = 1.364.

    A and C are together less than five times; B and C five times, which is less than by chance (5 · 20 / (11 · 14)).
    """
    told = [("A", "B")] * 6 + [("A", "C")] * 2 + [("B", "C")] * 5 + [("C",)] * 7
    shop.tell(*(basket(number, *products) for number, products in enumerate(told)))
    huge = [f"x{number}" for number in range(wares.BASKET_MAX - 1)]
    shop.tell(*(basket(100 + number, "A", "C", *huge) for number in range(9)))  # resellers say nothing of a kitchen
    shop.tell(*(basket(200 + number, "A", "C", days=400) for number in range(9)))  # nor does what was in fashion then
    wares.take(shop.database, now=NOW)
    assert pairs(shop.database) == {("A", "B"): (1, 6, 1.364), ("B", "A"): (1, 6, 1.364)}


def test_buyers_are_counted_once_by_orders_that_stand(shop: Shop) -> None:
    """A second order of the same customer, one taken back whole, and one of tomorrow count for nothing more."""
    shop.tell(
        basket(1, "A", contact="ada"),
        basket(2, "A", contact="ada", days=200),
        basket(3, "A", contact="bob", days=100),
        basket(4, "A", contact="eve"),
        basket(5, "A", contact="kim", days=-1),
        order("back", "eve", kind="cancellation", cancels="o4", at=NOW - 9 * DAY_MS),
    )
    wares.take(shop.database, now=NOW)
    assert figures(shop.database) == {"A": (1, 2, None)}


def test_ratings_are_those_of_people(shop: Shop) -> None:
    """A second thought takes the place of the first; who rates each order counts once, by the mean of their marks."""
    said: list[tuple[str, dict[str, str | int]]] = [
        ("ada", {"score": 1, "message_id": 7}),
        ("ada", {"score": 5, "message_id": 7}),
        ("ada", {"message_id": 7}),  # a word, and no mark
        ("bob", {"score": 1, "order_id": "o1", "message_id": 8}),
        ("bob", {"score": 4, "order_id": "o1", "message_id": 9}),  # once reminded
        ("bob", {"score": 2, "order_id": "o2"}),
        ("eve", {"score": 4}),
        ("eve", {"score": 3}),
        ("kim", {"score": 9}),
    ]
    shop.tell(
        *(
            EventRecord(f"e{at}", who, "survey_answered", NOW + at, json.dumps({"survey": "rating", **properties}))
            for at, (who, properties) in enumerate(said)
        ),
        now=NOW + 99,
    )
    with shop.database.read() as tx:
        # 5, the mean of 4 and 2, and the mean of 4 and 3
        assert stored.ratings(tx, since=NOW - 1, now=NOW + 99) == (3, pytest.approx((5 + 3 + 3.5) / 3))


def test_the_time_until_it_is_bought_again_is_the_median_of_people(shop: Shop) -> None:
    """Ten who do so make a figure, nine do not; who buys each week counts once, by the mean of their own gaps."""
    many = [basket(number, "A", "B", days=7 * number + 1, contact="weekly") for number in range(1, 50)]
    for person in range(9):
        many += [
            basket(1_000 + 10 * person + turn, "A", *("B" for _ in range(person < 8)), days=days, contact=f"c{person}")
            for turn, days in enumerate((1, 31 + 2 * person))
        ]
    shop.tell(*many)
    wares.take(shop.database, now=NOW)
    found = figures(shop.database)
    # 7, 30, 32, …, 46: the middle of ten is between the fifth and the sixth.
    assert (found["A"][2], found["B"][2]) == (37.0, None)


def test_the_measure_is_taken_with_the_scores_and_never_replaced_by_an_older_one(shop: Shop) -> None:
    """A late run for yesterday leaves today's figures as they are; what is gone from the orders is gone from them."""
    shop.tell(basket(1, "A", days=0))
    score_contacts(shop.database, RfmRules(), now=NOW)
    assert figures(shop.database) == {"A": (1, 1, None)}
    wares.take(shop.database, now=NOW - DAY_MS)
    assert figures(shop.database) == {"A": (1, 1, None)}
    wares.take(shop.database, now=NOW + 100 * DAY_MS)
    assert figures(shop.database) == {"A": (0, 1, None)}
