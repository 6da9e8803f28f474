"""Facts in: once, whatever the order, the repeats and the interruptions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from clm.domain.instant import DAY_MS, to_ms
from clm.domain.record import BadRow, ContactRecord, EventRecord, Record
from clm.engine import ingest
from clm.engine.profile import refresh
from clm.engine.pull import pull_feed
from clm.store import quarantine
from clm.store.schema import orders
from clm.store.schema import quarantine as quarantine_table
from tests.engine.shop import NOW, POUNDS, Shop, csv_of, event, order

ROWS_BAD = "order_id,contact,ordered_at,amount\n" + "o1,ada,2024-01-01,10\no2,ada,soon,10\no3,,2024-01-01,10\n"


def test_importing_a_file_twice_brings_nothing_new(shop: Shop, tmp_path: Path) -> None:
    """`clm import` may be repeated: the second time everything is unchanged."""
    path = tmp_path / "orders.csv"
    path.write_text(csv_of(100))
    counts = {"read": 100, "new": 0, "changed": 0, "unchanged": 0, "quarantined": 0}
    assert shop.import_(path) == counts | {"new": 100}
    before = shop.profile("c1")
    assert shop.import_(path, now=NOW + DAY_MS) == counts | {"unchanged": 100}
    assert shop.profile("c1") == before


def test_a_changed_row_changes_its_order_and_its_profile(shop: Shop) -> None:
    """A corrected amount is the order's amount; the order is not counted again."""
    shop.tell(order("o1", amount=1_000), order("o2", amount=500))
    counts = shop.tell(order("o1", amount=700), order("o2", amount=500), order("o3", amount=1))
    assert (counts.new, counts.changed, counts.unchanged) == (1, 1, 1)
    assert {name: shop.profile()[name] for name in ("order_count", "revenue")} == {"order_count": 3, "revenue": 1_201}


def test_bad_rows_are_kept_once_with_their_reason(shop: Shop, tmp_path: Path) -> None:
    """A row that cannot be used lies in quarantine with file, line, field and reason; reading again adds none."""
    path = tmp_path / "orders.csv"
    path.write_text(ROWS_BAD)
    for _ in range(2):
        assert shop.import_(path)["quarantined"] == 2
    with shop.database.read() as tx:
        rows = sorted(quarantine.listed(tx, source="shop", limit=10), key=lambda row: row.line)
    assert [(row.file, row.line, row.field) for row in rows] == [
        ("orders.csv", 3, "ordered_at"),
        ("orders.csv", 4, "contact"),
    ]
    assert "soon" in rows[0].reason
    assert '"o2"' in rows[0].raw
    assert rows[1].reason == "is empty"
    assert shop.order_ids() == ["o1"]


def test_an_order_from_the_future_is_quarantined(shop: Shop, tmp_path: Path) -> None:
    """A slip in the year puts nobody out of reach of campaigns: the row is kept aside, the contact is as before."""
    path = tmp_path / "orders.csv"
    path.write_text("order_id,contact,ordered_at,amount\no1,ada,2024-01-01,10\no2,ada,2099-01-01,10\n")
    counts = shop.import_(path)
    assert (counts["new"], counts["quarantined"]) == (1, 1)
    assert (shop.order_ids(), shop.profile()["last_order_id"]) == (["o1"], "o1")


@pytest.mark.parametrize("as_of", [NOW - 300 * DAY_MS, NOW, NOW + 300 * DAY_MS])
def test_what_lies_ahead_is_told_by_the_clock(shop: Shop, tmp_path: Path, as_of: int) -> None:
    """A replay of the past pulls what has been ordered since; the instant of a run decides nothing of it."""
    path = tmp_path / "orders.csv"
    times = {"before": NOW - DAY_MS, "today": NOW + DAY_MS, "ahead": NOW + DAY_MS + 1}
    rows = [f"{name},ada,{at},10" for name, at in times.items()]
    path.write_text("\n".join(["order_id,contact,ordered_at,amount", *rows]) + "\n")
    pulled = pull_feed(shop.database, POUNDS, shop.spec(path), now=as_of, read_at=NOW)
    assert (pulled.counts.new, pulled.counts.quarantined) == (2, 1)
    assert shop.order_ids() == ["before", "today"]


def test_a_batch_is_stored_whole_or_not_at_all(shop: Shop) -> None:
    """When a batch fails, neither its rows nor its bad rows nor its profiles stay."""

    def fail(*_: Any) -> None:
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError, match="the power went"):
        shop.tell(order("o1"), BadRow(2, "amount", "is empty", "{}"), after_batch=fail)
    with shop.database.read() as tx:
        assert tx.scalar(select(func.count()).select_from(quarantine_table)) == 0
    assert shop.order_ids() == []


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of ten rows, so that a hundred are several."""
    monkeypatch.setattr(ingest, "BATCH_ROWS", 10)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("failing_batch", [1, 4, 10])
def test_an_interrupted_pull_goes_on_where_it_stopped(shop: Shop, tmp_path: Path, failing_batch: int) -> None:
    """Nothing is lost and nothing is read twice: the cursor is stored with the rows, never before them."""
    path = tmp_path / "orders.csv"
    path.write_text(csv_of(100))
    batches = 0

    def fail(_reader: object) -> None:
        nonlocal batches
        batches += 1
        if batches == failing_batch:
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError, match="the power went"):
        shop.pull(path, progress=fail)
    stored = (failing_batch - 1) * 10
    assert len(shop.order_ids()) == stored
    counts = shop.pull(path).counts.as_dict()
    assert counts == {"read": 100 - stored, "new": 100 - stored, "changed": 0, "unchanged": 0, "quarantined": 0}
    assert sum(shop.profile(f"c{number}")["revenue"] for number in range(7)) == 100 * 101 // 2 * 100
    assert shop.pull(path).files == 0


def test_a_growing_file_is_read_from_where_it_was_left(shop: Shop, tmp_path: Path) -> None:
    """A shop that appends to its export every hour costs what is new, not the whole file."""
    path = tmp_path / "orders.csv"
    path.write_text(csv_of(50))
    assert shop.pull(path).counts.new == 50
    assert shop.pull(path).files == 0
    with path.open("a") as file:
        file.write(csv_of(5, first=51))
    counts = shop.pull(path).counts
    assert (counts.read, counts.new) == (5, 5)


def test_a_rewritten_file_is_read_again_and_changes_what_differs(shop: Shop, tmp_path: Path) -> None:
    """A file that is not the old one with more lines is another file; reading it all changes nothing twice."""
    path = tmp_path / "orders.csv"
    path.write_text(csv_of(50))
    shop.pull(path)
    path.write_text(csv_of(50).replace("o7,c0,2024-01-01T00:00:07Z,7.00", "o7,c0,2024-01-01T00:00:07Z,8.00"))
    counts = shop.pull(path).counts
    assert (counts.read, counts.new, counts.changed, counts.unchanged) == (50, 0, 1, 49)


def test_orders_may_come_late_and_back_dated(shop: Shop) -> None:
    """An older order that comes to light becomes the first; the last stays the last."""
    shop.tell(order("o2", at=NOW - 10 * DAY_MS))
    shop.tell(order("o3", at=NOW - 3 * DAY_MS))
    shop.tell(order("o1", at=NOW - 110 * DAY_MS))
    found = shop.profile()
    assert (found["first_order_id"], found["last_order_id"], found["order_count"]) == ("o1", "o3", 3)
    assert (found["last_gap_days"], found["longest_gap_days"], found["average_gap_days"]) == (7.0, 100.0, 53.5)


@pytest.mark.parametrize("cancellation_first", [False, True])
def test_a_cancelled_order_does_not_stand(shop: Shop, cancellation_first: bool) -> None:
    """A cancellation that names its order takes it out of count, revenue and times, in whichever order they come."""
    shop.tell(order("o1", at=NOW - 10 * DAY_MS, amount=300))
    told = [
        order("o2", at=NOW - 2 * DAY_MS, amount=1_000),
        order("x2", at=NOW - DAY_MS, amount=1_000, kind="cancellation", cancels="o2"),
    ]
    for record in reversed(told) if cancellation_first else told:
        shop.tell(record)
    found = shop.profile()
    assert (found["order_count"], found["revenue"], found["last_order_id"]) == (1, 300, "o1")
    assert found["last_activity_at"] == NOW - DAY_MS


def test_a_partial_refund_lowers_its_order_which_stands(shop: Shop) -> None:
    """Money given back lowers revenue at the order's own time; the order is still one."""
    shop.tell(order("o1", at=NOW - 400 * DAY_MS, amount=1_000))
    shop.tell(order("r1", at=NOW - DAY_MS, amount=400, kind="refund", cancels="o1"))
    found = shop.profile()
    assert (found["order_count"], found["revenue"], found["average_order_value"]) == (1, 600, 600)
    assert found["revenue_365d"] == 0  # the refund belongs to last year's order
    shop.tell(order("r2", at=NOW, amount=600, kind="refund", cancels="o1"))
    assert (shop.profile()["order_count"], shop.profile()["revenue"], shop.profile()["first_order_id"]) == (0, 0, None)


@pytest.mark.parametrize("cancels", [None, "unknown"])
def test_a_cancellation_of_nothing_we_know_is_negative_revenue(shop: Shop, cancels: str | None) -> None:
    """Where it cannot be told which order was cancelled, the money counts at the cancellation's own time."""
    shop.tell(order("o1", at=NOW - 400 * DAY_MS, amount=1_000))
    shop.tell(order("x1", at=NOW - DAY_MS, amount=250, kind="cancellation", cancels=cancels))
    found = shop.profile()
    assert (found["order_count"], found["revenue"], found["revenue_365d"]) == (1, 750, -250)


def test_another_persons_cancellation_does_not_touch_an_order(shop: Shop) -> None:
    """A cancellation counts for the contact it names, even when it names somebody else's order."""
    shop.tell(order("o1", "ada", amount=1_000))
    shop.tell(order("x1", "bob", amount=1_000, kind="cancellation", cancels="o1"))
    assert (shop.profile("ada")["revenue"], shop.profile("bob")["revenue"]) == (1_000, -1_000)


def test_an_order_that_moves_to_another_contact_leaves_the_first(shop: Shop) -> None:
    """When a shop says that an order was somebody else's, both profiles follow."""
    shop.tell(order("o1", "ada"), order("o2", "ada"))
    assert shop.tell(order("o2", "bob")).changed == 1
    assert (shop.profile("ada")["order_count"], shop.profile("bob")["order_count"]) == (1, 1)
    assert shop.profile("ada")["last_order_id"] == "o1"


def test_two_shops_may_use_the_same_ids(shop: Shop) -> None:
    """Ids are a source's own: another shop's order 1 of customer ada is another order of another contact."""
    other = Shop(shop.database, source="other")
    shop.tell(order("o1", amount=100))
    other.tell(order("o1", amount=5), order("x1", kind="cancellation", cancels="o1", amount=1))
    assert (shop.profile()["revenue"], other.profile()["revenue"]) == (100, 4)


def test_orders_with_the_same_time_have_one_last_on_every_database(shop: Shop) -> None:
    """Of two orders in one minute the id decides, the same way wherever it runs, so that nobody enters twice."""
    shop.tell(order("a10", at=NOW), order("A9", at=NOW), order("b1", at=NOW), order("B2", at=NOW))
    assert (shop.profile()["first_order_id"], shop.profile()["last_order_id"]) == ("A9", "b1")


def test_an_event_is_activity_and_nothing_else(shop: Shop) -> None:
    """A page view moves the last activity forward, never back, and is taken once; the profile has changed with it."""
    shop.tell(order("o1", at=NOW - 5 * DAY_MS))
    before = shop.profile()
    assert shop.tell(event("e1", at=NOW - 2 * DAY_MS), event("e0", at=NOW - 9 * DAY_MS)).new == 2
    assert shop.tell(event("e1", at=NOW - 2 * DAY_MS)).unchanged == 1
    found = shop.profile()
    assert found == before | {"last_activity_at": NOW - 2 * DAY_MS, "changed": found["changed"]}


def happened(name: str, at: int = NOW - DAY_MS, **properties: Any) -> EventRecord:
    """Something that ada did, or that was done for her."""
    return EventRecord(f"{name} {at} {properties}", "ada", name, at, json.dumps(properties))


@pytest.mark.parametrize(
    "news",
    [
        ContactRecord("ada", country="FR"),
        ContactRecord("ada", email_consent=False),
        ContactRecord("ada", born_on=0),
        order("o2", at=NOW),
        order("o0", at=NOW - 90 * DAY_MS),
        order("x1", kind="refund", amount=1, cancels="o1"),
        happened("visited", at=NOW - 99 * DAY_MS),
        happened("ticket_opened", ticket_id="t"),
    ],
    ids=["detail", "consent", "birth", "next order", "late order", "refund", "old visit", "ticket"],
)
def test_whatever_is_told_anew_marks_the_profile_as_changed(shop: Shop, news: Record) -> None:
    """A condition may depend on any of it, an event of long ago included; what was told before marks nothing."""
    shop.tell(ContactRecord("ada", email_consent=True, country="GB"))
    shop.tell(order("o1", at=NOW - 5 * DAY_MS))
    before = shop.profile()["changed"]
    shop.tell(news)
    after = shop.profile()["changed"]
    assert after > before
    shop.tell(news)
    assert shop.profile()["changed"] == after


@pytest.mark.parametrize("backwards", [False, True])
def test_service_facts_follow_from_events_in_any_order(shop: Shop, backwards: bool) -> None:
    """Tickets stay open until closed, an order is late until delivered, and the latest rating counts."""
    told = [
        happened("ticket_opened", NOW - 9 * DAY_MS, ticket_id="t1"),
        happened("ticket_opened", NOW - 8 * DAY_MS, ticket_id=2),
        happened("ticket_closed", NOW - 7 * DAY_MS, ticket_id="t1"),
        happened("ticket_opened", NOW - 7 * DAY_MS),  # names none, so nothing could ever close it
        happened("survey_answered", NOW - 6 * DAY_MS, survey="rating", score=4.5),
        happened("survey_answered", NOW - 5 * DAY_MS, survey="rating", score=2),
        happened("survey_answered", NOW - 4 * DAY_MS, survey="nps", score=10),
        happened("order_late", NOW - 3 * DAY_MS, order_id="o1"),
    ]
    for record in reversed(told) if backwards else told:
        shop.tell(record)
    found = shop.profile()
    assert (found["open_tickets"], bool(found["late_delivery"])) == (1, True)
    assert (found["last_rating"], found["last_rated_at"]) == (2.0, NOW - 5 * DAY_MS)
    shop.tell(happened("order_delivered", NOW - 2 * DAY_MS, order_id="o1"), happened("ticket_closed", ticket_id="2"))
    found = shop.profile()
    assert (found["open_tickets"], bool(found["late_delivery"])) == (0, False)


def test_a_ticket_opened_again_is_open(shop: Shop) -> None:
    """What was closed before does not close what was opened later; at one instant it does."""
    shop.tell(
        happened("ticket_opened", NOW - 9, ticket_id="t"),
        happened("ticket_closed", NOW - 8, ticket_id="t"),
        happened("ticket_opened", NOW - 7, ticket_id="t"),
    )
    assert shop.profile()["open_tickets"] == 1
    shop.tell(happened("ticket_closed", NOW - 7, ticket_id="t"))
    assert shop.profile()["open_tickets"] == 0


def test_nobody_waits_for_an_order_that_was_cancelled(shop: Shop) -> None:
    """A late order that is taken back whole is late no more; taken back in part, or not known, it still is."""
    shop.tell(order("o1", amount=1_000))
    shop.tell(happened("order_late", order_id="o1"))
    shop.tell(order("x1", kind="refund", cancels="o1", amount=400))
    assert shop.profile()["late_delivery"]
    shop.tell(order("x2", kind="refund", cancels="o1", amount=600))
    assert not shop.profile()["late_delivery"]
    shop.tell(happened("order_late", order_id="elsewhere"))
    assert shop.profile()["late_delivery"]


def test_nobody_waits_for_a_late_order_for_ever(shop: Shop) -> None:
    """Sixty days after it was told to be late, an order nobody spoke of again holds no promotion back any more."""
    shop.tell(happened("order_late", NOW, order_id="o1"))
    for passed, late in ((60 * DAY_MS - 1, True), (60 * DAY_MS, False), (60 * DAY_MS - 1, True)):
        refresh(shop.database, now=NOW + passed)
        assert bool(shop.profile()["late_delivery"]) == late
    shop.tell(happened("order_late", NOW + DAY_MS, order_id="o1"))
    refresh(shop.database, now=NOW + 60 * DAY_MS)
    assert shop.profile()["late_delivery"], "told again, it is waited for anew"


def test_service_events_count_when_their_time_comes(shop: Shop) -> None:
    """A rating dated ahead by a wrong clock hides no real one; nor is a ticket open, or an order late, in advance."""
    shop.tell(happened("survey_answered", NOW - 1, survey="rating", score=2))
    ahead = NOW + 300 * DAY_MS
    shop.tell(
        happened("survey_answered", ahead, survey="rating", score=5),
        happened("ticket_opened", ahead, ticket_id="t"),
        happened("order_late", ahead, order_id="o"),
    )
    for now, expected in ((NOW, (2.0, 0, False)), (ahead - 1, (2.0, 0, False)), (ahead, (5.0, 1, True))):
        refresh(shop.database, now=now)
        found = shop.profile()
        assert (found["last_rating"], found["open_tickets"], bool(found["late_delivery"])) == expected


def test_a_usual_gap_is_the_quantile_that_numpy_computes(shop: Shop) -> None:
    """Linear interpolation between the neighbouring gaps, to the millisecond; with two orders there is none."""
    gaps = [3 * DAY_MS + 1, 77, 41 * DAY_MS, 12 * DAY_MS + 5, DAY_MS, 8 * DAY_MS + 333]
    at = NOW - 100 * DAY_MS
    for number, gap in enumerate([0, *gaps]):
        at += gap
        shop.tell(order(f"o{number}", at=at))
        refresh(shop.database, now=NOW)
        assert (shop.profile()["gap_80_ms"] is None) == (number < 2)
    found = shop.profile()
    for name, q in (("gap_50_ms", 0.5), ("gap_80_ms", 0.8), ("gap_90_ms", 0.9)):
        assert abs(found[name] - np.quantile(gaps, q)) <= 0.5, name
    assert found["lapse_80_at"] == at + found["gap_80_ms"]
    assert found["next_order_expected_at"] == at + found["gap_50_ms"]


@pytest.mark.parametrize(
    ("day", "birthday"),
    [("1900-01-01", 101), ("1969-12-31", 1231), ("1972-02-29", 229), ("2000-03-01", 301), ("2024-02-28", 228)],
)
def test_a_birthday_is_month_and_day(shop: Shop, day: str, birthday: int) -> None:
    """As a number that an index can find, for dates before and after 1970, in leap years and others."""
    born_on = to_ms(datetime.fromisoformat(day).replace(tzinfo=UTC))
    shop.tell(ContactRecord("ada", born_on=born_on))
    assert (shop.profile()["born_on"], shop.profile()["birthday"]) == (born_on, birthday)


def test_events_make_the_contacts_they_name(shop: Shop) -> None:
    """Somebody first seen on a page is a contact with a profile."""
    shop.tell(event("e1", "eve", at=NOW))
    found = shop.profile("eve")
    assert (found["last_activity_at"], found["order_count"], found["email_consent"]) == (NOW, 0, False)


def test_a_contacts_row_says_only_what_its_file_has_columns_for(shop: Shop) -> None:
    """A file without a country column leaves the country; one with an empty country takes it away."""
    shop.tell(ContactRecord("ada", email="ada@example.com", country="GB"))
    shop.tell(ContactRecord("ada", email="ada@example.org"), fields=frozenset({"contact", "email"}))
    assert shop.profile()["country"] == "GB"
    shop.tell(ContactRecord("ada", email="ada@example.net"))
    assert shop.profile()["country"] is None


def test_orders_fill_gaps_of_a_contact_and_change_nothing(shop: Shop) -> None:
    """What the contacts feed said stands; an order only adds what nobody has said."""
    shop.tell(ContactRecord("ada", country="GB"))
    shop.tell(order("o1", country="FR", locale="fr"))
    assert (shop.profile()["country"], shop.profile()["locale"]) == ("GB", "fr")


def test_recorded_amounts_are_those_of_the_source(shop: Shop) -> None:
    """The order row keeps what was said, whatever the profile makes of it."""
    shop.tell(order("o1", amount=1_000), order("r1", kind="refund", amount=10, cancels="o1"))
    with shop.database.read() as tx:
        rows = tx.execute(select(orders.c.external_id, orders.c.kind, orders.c.amount).order_by(orders.c.id)).all()
    assert [tuple(row) for row in rows] == [("o1", "order", 1_000), ("r1", "refund", 10)]
