"""The demo shop's orders and events hang together and look like a shop's."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clm.sources.demo.catalogue import CATEGORIES, PRODUCTS
from clm.sources.demo.seasons import festival_dates

if TYPE_CHECKING:
    from .conftest import Shop

EVENT_NAMES = {
    "app_used",
    "cart_updated",
    "checkout_started",
    "order_delivered",
    "order_late",
    "points_changed",
    "preference_set",
    "referral_made",
    "review_written",
    "survey_answered",
    "ticket_closed",
    "ticket_opened",
    "trial_started",
    "viewed_category",
    "viewed_product",
}


def instant(text: str) -> datetime:
    """An ISO 8601 instant."""
    return datetime.fromisoformat(text)


def test_nothing_happens_after_the_end(shop: Shop) -> None:
    """No sign-up, consent, order or event is later than `until`, and each states its zone."""
    texts = [contact[field] for contact in shop.contacts for field in ("signed_up_at", "consent_at")]
    texts += [line["ordered_at"] for line in shop.lines] + [event["at"] for event in shop.events]
    assert max(instant(text) for text in texts) <= shop.until
    assert min(instant(text) for text in texts) >= shop.until - timedelta(days=3 * 365.25 + 1)


def test_everything_belongs_to_a_customer_who_had_signed_up(shop: Shop) -> None:
    """Orders and events name a contact of contacts.csv and never come before the sign-up."""
    signed_up = {contact["contact"]: contact["signed_up_at"] for contact in shop.contacts}
    assert len(signed_up) == 2000
    assert all(line["ordered_at"] >= signed_up[line["contact"]] for line in shop.lines)
    assert all(event["at"] >= signed_up[event["contact"]] for event in shop.events)


def test_ids_are_unique_and_the_files_are_in_order_of_time(shop: Shop) -> None:
    """A cursor can follow orders and events from the first line to the last."""
    assert len({line["order_id"] for line in shop.lines}) == len(shop.lines)
    assert len({event["event_id"] for event in shop.events}) == len(shop.events)
    assert [line["ordered_at"] for line in shop.lines] == sorted(line["ordered_at"] for line in shop.lines)
    assert [event["at"] for event in shop.events] == sorted(event["at"] for event in shop.events)


def test_an_amount_is_the_sum_of_its_lines(shop: Shop) -> None:
    """Every line is price times quantity of a product in the catalogue, and the lines add up to the amount."""
    prices = {product.product_id: Decimal(product.price) / 100 for product in PRODUCTS}
    for line in shop.lines:
        assert line["currency"] == "GBP"
        assert Decimal(line["amount"]) == sum(Decimal(item["amount"]) for item in line["order_lines"]) > 0
        for item in line["order_lines"]:
            assert Decimal(item["amount"]) == prices[item["product_id"]] * item["quantity"]
            assert item["category"] in CATEGORIES
            assert item["name"]


def test_what_is_taken_back_was_bought(shop: Shop) -> None:
    """About 3 % of orders are cancelled or refunded, once, later, by the same customer, never beyond what was paid."""
    orders = {order["order_id"]: order for order in shop.orders}
    taken = [line for line in shop.lines if line["kind"] != "order"]
    assert 0.02 < len(taken) / len(orders) < 0.045
    assert len({line["cancels"] for line in taken}) == len(taken)
    partial = 0
    for line in taken:
        order = orders[line["cancels"]]
        bought = {item["product_id"]: item["quantity"] for item in order["order_lines"]}
        assert line["kind"] in {"cancellation", "refund"}
        assert line["contact"] == order["contact"]
        assert line["ordered_at"] > order["ordered_at"]
        assert Decimal(line["amount"]) <= Decimal(order["amount"])
        assert all(item["quantity"] <= bought[item["product_id"]] for item in line["order_lines"])
        assert line["kind"] == "refund" or line["amount"] == order["amount"]
        partial += Decimal(line["amount"]) < Decimal(order["amount"])
    assert partial >= 10
    assert {line["kind"] for line in taken} == {"cancellation", "refund"}
    assert not any("cancels" in order for order in shop.orders)


def test_some_orders_come_with_a_code(shop: Shop) -> None:
    """A few orders of £30 and more were placed with the shop's own code; what is taken back names none."""
    coded = [line for line in shop.lines if "coupon" in line]
    assert 0.02 < len(coded) / len(shop.orders) < 0.1
    assert {(line["kind"], line["coupon"]) for line in coded} == {("order", "FREESHIP")}
    assert min(Decimal(line["amount"]) for line in coded) >= 30


def test_customers_come_back_as_in_a_real_shop(shop: Shop) -> None:
    """About a quarter never buy; of the buyers somewhat under half bought once and a few twenty times or more."""
    counts = Counter(Counter(order["contact"] for order in shop.orders).values())
    buyers = sum(counts.values())
    assert 0.20 < 1 - buyers / 2000 < 0.30
    assert 0.38 < counts[1] / buyers < 0.52
    assert 5 <= sum(people for orders, people in counts.items() if orders >= 20) <= 40
    assert 2.2 < len(shop.orders) / buyers < 3.8


def test_people_have_favourite_categories(shop: Shop) -> None:
    """Customers with many orders buy most of their things from one or two of the six categories."""
    bought: dict[str, Counter[str]] = defaultdict(Counter)
    for order in shop.orders:
        for item in order["order_lines"]:
            bought[order["contact"]][item["category"]] += item["quantity"]
    regulars = [categories for categories in bought.values() if categories.total() >= 15]
    top_two = sum(sum(n for _, n in categories.most_common(2)) / categories.total() for categories in regulars)
    assert len(regulars) > 50
    assert top_two / len(regulars) > 0.7


def test_festivals_move_business(shop: Shop) -> None:
    """Britain and Russia buy for December, Iran for Nowruz, more than in the same year's spring or autumn."""

    def orders_per_day(country: str, first: date, last: date) -> float:
        here = {contact["contact"] for contact in shop.contacts if contact["country"] == country}
        days = [instant(order["ordered_at"]).date() for order in shop.orders if order["contact"] in here]
        return sum(first <= day <= last for day in days) / ((last - first).days + 1)

    for country in ("GB", "RU"):
        quiet = orders_per_day(country, date(2025, 9, 1), date(2025, 11, 10))
        assert orders_per_day(country, date(2025, 12, 1), date(2025, 12, 22)) > 1.3 * quiet, country
    quiet = orders_per_day("IR", date(2026, 1, 1), date(2026, 2, 10))
    assert orders_per_day("IR", date(2026, 2, 27), date(2026, 3, 17)) > 1.2 * quiet


def test_seasonal_goods_are_sold_in_season(shop: Shop) -> None:
    """Nobody buys an advent calendar in June."""
    season = {product.product_id: product.season for product in PRODUCTS if product.season}
    sold: Counter[str] = Counter()
    for order in shop.orders:
        day = instant(order["ordered_at"]).date()
        for item in order["order_lines"]:
            name = season.get(item["product_id"])
            if name is None:
                continue
            years = (day.year - 1, day.year, day.year + 1)
            dates = [when for year in years for known, when in festival_dates(year) if known == name]
            assert any(-4 <= (when - day).days <= 49 for when in dates), (item, day)
            sold[name] += 1
    assert len(sold) == len(set(season.values()))


def test_islamic_dates_are_those_of_the_calendar() -> None:
    """Computed Ramadan and Eid fall within a day of the dates the Emirates kept from 2023 to 2025."""
    kept = [("Ramadan", date(2023, 3, 23)), ("Ramadan", date(2024, 3, 11)), ("Ramadan", date(2025, 3, 1))]
    kept += [("Eid al-Fitr", date(2023, 4, 21)), ("Eid al-Fitr", date(2024, 4, 10)), ("Eid al-Fitr", date(2025, 3, 30))]
    kept += [("Eid al-Adha", date(2023, 6, 28)), ("Eid al-Adha", date(2024, 6, 16)), ("Eid al-Adha", date(2025, 6, 6))]
    for name, when in kept:
        computed = [day for known, day in festival_dates(when.year) if known == name]
        assert [abs((day - when).days) <= 1 for day in computed] == [True], (name, when, computed)


def test_events_surround_orders(shop: Shop) -> None:
    """Views, baskets and checkouts lead to most orders; others are left behind, some of them lately."""
    assert 20_000 <= len(shop.events) <= 50_000
    assert {event["name"] for event in shop.events} == EVENT_NAMES
    by_contact: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in shop.events:
        by_contact[event["contact"]].append(event)
    ordered: dict[str, list[datetime]] = defaultdict(list)
    for order in shop.orders:
        ordered[order["contact"]].append(instant(order["ordered_at"]))

    def checkouts_before(moment: datetime, contact: str) -> bool:
        return any(
            event["name"] == "checkout_started" and timedelta(0) < moment - instant(event["at"]) < timedelta(minutes=30)
            for event in by_contact[contact]
        )

    led = sum(checkouts_before(moment, contact) for contact, moments in ordered.items() for moment in moments)
    assert led / len(shop.orders) > 0.95
    left = [
        event
        for event in shop.events
        if event["name"] == "cart_updated"
        and not any(
            timedelta(0) < moment - instant(event["at"]) < timedelta(hours=4) for moment in ordered[event["contact"]]
        )
    ]
    assert len(left) > 100
    assert any(instant(event["at"]) > shop.until - timedelta(days=7) for event in left)


def test_views_name_the_product_and_its_category(shop: Shop) -> None:
    """A condition on a viewed category finds what the catalogue says of the product."""
    categories = {product.product_id: product.category for product in PRODUCTS}
    viewed = [event["properties"] for event in shop.events if event["name"] in {"viewed_product", "cart_updated"}]
    assert all(categories[properties["product_id"]] == properties["category"] for properties in viewed)


def test_tickets_close_once_and_some_are_open(shop: Shop) -> None:
    """A ticket is closed at most once, after it was opened; a few are open at the end."""
    orders = {order["order_id"]: order["contact"] for order in shop.orders}
    opened = {e["properties"]["ticket_id"]: e for e in shop.events if e["name"] == "ticket_opened"}
    closed = [e for e in shop.events if e["name"] == "ticket_closed"]
    assert len({e["properties"]["ticket_id"] for e in closed}) == len(closed) < len(opened)
    for event in closed:
        start = opened[event["properties"]["ticket_id"]]
        assert (start["contact"], True) == (event["contact"], start["at"] < event["at"])
    for event in opened.values():
        order = event["properties"].get("order_id")
        assert order is None or orders[order] == event["contact"]


def of(shop: Shop, name: str) -> list[dict[str, Any]]:
    """The events of one name."""
    return [event for event in shop.events if event["name"] == name]


def test_parcels_come_after_their_orders(shop: Shop) -> None:
    """Each order that was not cancelled is delivered once, within days; a few are late, some of those still to come."""
    orders = {order["order_id"]: order for order in shop.orders}
    cancelled = {line["cancels"] for line in shop.lines if line["kind"] == "cancellation"}
    delivered = {event["properties"]["order_id"]: event for event in of(shop, "order_delivered")}
    late = {event["properties"]["order_id"]: event for event in of(shop, "order_late")}
    assert len(delivered) == len(of(shop, "order_delivered"))
    assert cancelled.isdisjoint(delivered)
    for order_id, event in delivered.items():
        took = instant(event["at"]) - instant(orders[order_id]["ordered_at"])
        assert timedelta(days=1) < took < timedelta(days=5 if order_id not in late else 13)
        assert event["contact"] == orders[order_id]["contact"]
    assert all(instant(late[order]["at"]) < instant(delivered[order]["at"]) for order in late.keys() & delivered.keys())
    assert 0.02 < len(late) / len(orders) < 0.06
    waiting = orders.keys() - cancelled - delivered.keys()
    assert all(shop.until - instant(orders[order]["ordered_at"]) < timedelta(days=13) for order in waiting)
    assert late.keys() & waiting, "somebody is waiting for a late parcel"


def test_answers_are_about_what_was_delivered(shop: Shop) -> None:
    """Ratings of 1 to 5 and recommendations of 0 to 10, mostly good; a late parcel is rated lower."""
    delivered = {event["properties"]["order_id"]: event for event in of(shop, "order_delivered")}
    late = {event["properties"]["order_id"] for event in of(shop, "order_late")}
    ratings = [event for event in of(shop, "survey_answered") if event["properties"]["survey"] == "rating"]
    scores: dict[bool, list[int]] = {True: [], False: []}
    for event in ratings:
        order = event["properties"]["order_id"]
        assert delivered[order]["contact"] == event["contact"]
        assert delivered[order]["at"] < event["at"]
        assert event["properties"]["score"] in range(1, 6)
        scores[order in late].append(event["properties"]["score"])
    assert 0.12 < len(ratings) / len(delivered) < 0.28
    assert sum(scores[False]) / len(scores[False]) > sum(scores[True]) / len(scores[True]) + 0.7
    promoters = [e["properties"]["score"] for e in of(shop, "survey_answered") if e["properties"]["survey"] == "nps"]
    assert len(promoters) + len(ratings) == len(of(shop, "survey_answered"))
    assert set(promoters) <= set(range(11))
    assert sum(score >= 9 for score in promoters) > sum(score <= 6 for score in promoters) > 0


def test_baskets_have_an_id_and_a_value(shop: Shop) -> None:
    """A checkout is of a basket filled before, worth the same; a number, as conditions compare it."""
    carts = {event["properties"]["cart_id"]: event for event in of(shop, "cart_updated")}
    for event in of(shop, "checkout_started"):
        cart = carts[event["properties"]["cart_id"]]
        assert (cart["contact"], cart["properties"]["value"]) == (event["contact"], event["properties"]["value"])
        assert cart["at"] <= event["at"]
        assert cart["properties"]["items"] == event["properties"]["items"]
    assert all(isinstance(cart["properties"]["value"], (int, float)) for cart in carts.values())


def test_baskets_state_all_that_is_in_them(shop: Shop) -> None:
    """Each says every product and how many, the one that was just added among them; some hold several."""
    known = {product["product_id"] for product in shop.products}
    carts = [event["properties"] for event in of(shop, "cart_updated")]
    for cart in carts:
        assert {"product_id": cart["product_id"], "quantity": cart["quantity"]} in cart["items"]
        assert {one["product_id"] for one in cart["items"]} <= known
        assert all(one["quantity"] >= 1 for one in cart["items"])
    assert any(len(cart["items"]) > 1 for cart in carts)


def test_trials_are_used_by_some_and_forgotten_by_others(shop: Shop) -> None:
    """A few dozen people try the tea club, some lately; recommendations and reviews happen too."""
    trials = {event["contact"]: event for event in of(shop, "trial_started")}
    uses = Counter(
        use["contact"]
        for use in of(shop, "app_used")
        if use["contact"] in trials
        and timedelta(0) < instant(use["at"]) - instant(trials[use["contact"]]["at"]) < timedelta(days=30)
    )
    assert 60 < len(trials) < 200
    assert any(instant(event["at"]) > shop.until - timedelta(days=20) for event in trials.values())
    assert min(len(trials) - len(uses), sum(count >= 3 for count in uses.values())) > 5
    assert min(len(of(shop, "referral_made")), len(of(shop, "review_written"))) > 10


def test_points_are_a_sum_of_what_was_bought(shop: Shop) -> None:
    """Some buyers hear of their points after each order: a pound is one, and a tier above is so many away."""
    balances = defaultdict(list)
    for event in of(shop, "points_changed"):
        told = event["properties"]
        balances[event["contact"]].append(told["balance"])
        assert told["balance"] + told.get("to_next", 0) in {150, 400} or told["tier"] == "Gold"
        assert ("to_next" in told) == (told["balance"] < 400)
    assert 0.2 < len(balances) / shop.summary.buyers < 0.4
    taken_back = {line["contact"] for line in shop.lines if line["kind"] != "order"}
    assert all(told == sorted(told) for contact, told in balances.items() if contact not in taken_back)


def test_the_products_are_those_of_the_orders_in_five_languages(shop: Shop) -> None:
    """Each has a name in every language; what is made for a festival far away cannot be had, nor what has run out."""
    sold = {line["product_id"]: line for order in shop.lines for line in order["order_lines"]}
    products = {product["product_id"]: product for product in shop.products}
    assert sold.keys() <= products.keys()
    assert all(sold[one]["name"] == products[one]["name"] for one in sold)
    names = {value for product in shop.products for field, value in product.items() if field.startswith("name")}
    assert len(names) > 4.8 * len(products)
    assert all(all(product[f"{field}.{tag}"] for field in ("name", "category") for tag in ("fa", "ar", "th", "ru"))
               for product in shop.products)  # fmt: skip
    gone = {product["product_id"] for product in shop.products if product["available"] == "no"}
    assert {"P111", "P123", "P161"} <= gone
    assert gone.isdisjoint({"P101", "P113", "P160"})  # it is November: Christmas is near, Nowruz and Songkran are not
    assert {product["url"].rpartition("/")[0] for product in shop.products} == {"https://www.saffronandsage.example/p"}


def test_the_summary_says_what_the_files_say(shop: Shop) -> None:
    """Counts and net revenue, whole and per country, equal a count of the files."""
    country = {contact["contact"]: contact["country"] for contact in shop.contacts}
    revenue: Counter[str] = Counter()
    for line in shop.lines:
        pence = int(Decimal(line["amount"]) * 100)
        revenue[country[line["contact"]]] += pence if line["kind"] == "order" else -pence
    summary = shop.summary
    kinds = Counter(line["kind"] for line in shop.lines)
    assert (summary.orders, summary.cancellations, summary.refunds) == (
        kinds["order"],
        kinds["cancellation"],
        kinds["refund"],
    )
    assert (summary.customers, summary.events) == (2000, len(shop.events))
    assert summary.buyers == len({order["contact"] for order in shop.orders})
    assert {c.country: c.revenue for c in summary.countries} == dict(revenue)
    assert (summary.revenue, summary.currency) == (revenue.total(), "GBP")
    assert {c.country: c.customers for c in summary.countries} == dict(Counter(country.values()))


def test_times_can_be_compared_as_text(shop: Shop) -> None:
    """Every time in the files is in UTC and says so."""
    assert all(line["ordered_at"].endswith("Z") for line in shop.lines)
    assert all(event["at"].endswith("Z") for event in shop.events)
