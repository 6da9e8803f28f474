"""A year of a real shop's orders, with all its oddities."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from clm.domain.instant import iso
from clm.domain.record import OrderRecord
from clm.sources import FeedSpec, open_feed
from tests.sources.reading import MONEY, good

ORDERS = Path(__file__).parents[2].parent / "shared" / "data" / "online_retail_2009_2010.csv.gz"

SPEC = FeedSpec(
    source="retail",
    feed="orders",
    path=str(ORDERS),
    map={
        "order_id": "order_id",
        "contact": "customer_id",
        "ordered_at": "ordered_at",
        "amount": "amount_gbp",
        "kind": "kind",
        "country": "country",
    },
    set={"email": "{customer_id}@example.com", "email_consent": "true"},
    time_zone="Europe/London",
    currency="GBP",
)


@pytest.mark.skipif(not ORDERS.exists(), reason="the real orders are not beside the project")
def test_every_row_of_a_real_year_is_understood() -> None:
    """22,686 rows, none bad; the columns `lines` and `items` are counts and fill nothing."""
    reader = open_feed(SPEC, ORDERS, MONEY)
    orders: list[OrderRecord] = good(reader)
    assert reader.ignored == ["lines", "items"]
    assert Counter(order.kind for order in orders) == {"order": 18_439, "cancellation": 4_247}
    assert len({order.contact.external_id for order in orders}) == 4_336
    assert min(order.amount for order in orders) == 0
    first = orders[0]
    assert (first.external_id, first.amount, iso(first.ordered_at)) == ("489434", 50_530, "2009-12-01T07:45:00Z")
    assert first.contact.email == "13085@example.com"
    assert first.contact.email_consent is True
    assert {order.contact.country for order in orders if order.contact.country is None} == {None}
    assert reader.unplaced == {"Channel Islands": 46, "Unspecified": 11, "West Indies": 1}
