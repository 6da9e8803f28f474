"""The quick way of keeping profiles while orders come in by their time gives what computing them afresh gives."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from clm.domain.instant import DAY_MS
from clm.domain.record import OrderRecord
from clm.engine.profile import refresh
from clm.store import profiles as stored_profiles
from clm.store.database import Database
from clm.store.schema import profiles
from tests.databases import empty
from tests.engine.shop import NOW, Shop, order

pytestmark = pytest.mark.slow

YEAR_MS = 365 * DAY_MS
RHYTHM = {"rhythm_stale", "gap_50_ms", "gap_80_ms", "gap_90_ms", "lapse_80_at", "lapse_90_at", "next_order_expected_at"}

# How long after the order before; nothing at all now and then, so that two come at one instant.
gaps = st.sampled_from([0, 1, 3_600_000, DAY_MS, 17 * DAY_MS + 12_345, 200 * DAY_MS, YEAR_MS])
amounts = st.sampled_from([0, 1, 999, 1_000, 33_333])
steps = st.lists(st.tuples(gaps, amounts, st.booleans()), min_size=1, max_size=5)


def _unlike_afresh(shop: Shop, now: int) -> dict[str, tuple[object, object]]:
    """Facts that computing afresh would change: before and after.

    The quantiles of the gaps are left for the refresh, and the profile says so; what is derived from them has moved
    along with the last order.
    """
    kept = shop.profile()
    rhythm = (("gap_80_ms", "lapse_80_at"), ("gap_90_ms", "lapse_90_at"), ("gap_50_ms", "next_order_expected_at"))
    for gap, derived in rhythm:
        assert kept[derived] == (None if kept[gap] is None else kept["last_order_at"] + kept[gap]), derived
    for_later = {"changed"} | (RHYTHM if kept["rhythm_stale"] else set())
    with shop.database.write() as tx:
        stored_profiles.recompute(tx, list(tx.scalars(select(profiles.c.contact_id))), now=now)
    afresh = shop.profile()
    return {name: (kept[name], afresh[name]) for name in kept if kept[name] != afresh[name] and name not in for_later}


@settings(max_examples=60)
@given(batches=st.lists(steps, min_size=1, max_size=5), begins=st.sampled_from([-900, -500, -364, 0]))
def test_appending_orders_gives_what_computing_afresh_gives(
    database: Database, batches: list[list[tuple[int, int, bool]]], begins: int
) -> None:
    """To the last bit; also for orders yet to come, and those whose cancellation was told before them."""
    empty(database)
    shop = Shop(database, fields=frozenset())
    at, number = NOW + begins * DAY_MS, 0
    told_early = [
        order(f"x{100 + step}", at=at + DAY_MS, amount=400, kind="cancellation", cancels=f"o{100 + step}")
        for step, (_, _, taken_back) in enumerate(step for batch in batches for step in batch)
        if taken_back
    ]
    shop.tell(order("o000", at=at), *told_early[::2])
    for batch in batches:
        records: list[OrderRecord] = []
        for gap, amount, _ in batch:
            at += gap
            records.append(order(f"o{100 + number}", at=at, amount=amount))
            number += 1
        now = max(NOW, at - DAY_MS)
        shop.tell(*records, now=now)
        assert _unlike_afresh(shop, now) == {}


def test_a_year_that_has_gone_by_is_noticed(database: Database) -> None:
    """An order that comes after older ones have left their 365 days does not bring their revenue back."""
    shop = Shop(database, fields=frozenset())
    shop.tell(order("o1", at=NOW - 300 * DAY_MS, amount=5_000))
    later = NOW + 100 * DAY_MS
    shop.tell(order("o2", at=later - DAY_MS, amount=700), now=later)
    assert shop.profile()["revenue_365d"] == 700
    assert _unlike_afresh(shop, later) == {}


def test_the_third_order_and_each_later_one_leave_the_usual_gaps_for_the_refresh(database: Database) -> None:
    """Appending marks the profile and moves what follows from the gaps along; the refresh computes them, once."""
    shop = Shop(database, fields=frozenset())
    stale = []
    for number, day in enumerate((-100, -90, -60, -50)):
        shop.tell(order(f"o{number}", at=NOW + day * DAY_MS), now=NOW)
        stale.append(bool(shop.profile()["rhythm_stale"]))
        if number == 2:
            assert shop.profile()["gap_50_ms"] is None
            assert (refresh(database, now=NOW), refresh(database, now=NOW)) == (1, 0)
    assert stale == [False, False, True, True]
    found = shop.profile()
    assert (found["gap_50_ms"], found["next_order_expected_at"]) == (20 * DAY_MS, NOW - 30 * DAY_MS)
    assert (found["gap_80_ms"], found["lapse_80_at"]) == (26 * DAY_MS, NOW - 24 * DAY_MS)
    assert refresh(database, now=NOW) == 1
    found = shop.profile()
    assert (found["gap_50_ms"], found["next_order_expected_at"]) == (10 * DAY_MS, NOW - 40 * DAY_MS)
    assert _unlike_afresh(shop, NOW) == {}


@pytest.mark.parametrize("orders", [2, 4, 5, 30])
def test_many_orders_of_one_contact_in_one_file_all_count(database: Database, orders: int) -> None:
    """However many orders of somebody known a file holds, in whatever order it lists them."""
    shop = Shop(database, fields=frozenset())
    shop.tell(order("first", at=NOW - 50 * DAY_MS))
    shop.tell(*(order(f"o{number}", at=NOW - number * DAY_MS, amount=100) for number in range(1, orders + 1)))
    profile = shop.profile()
    assert (profile["order_count"], profile["revenue"]) == (orders + 1, 1_000 + 100 * orders)
    assert profile["last_order_id"] == "o1"
    assert _unlike_afresh(shop, NOW) == {}
