"""Whatever is told, in whatever order, profiles are what a plain recomputation of the accepted facts says."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from sqlalchemy import Table, select

from clm.domain.fact import FACTS
from clm.domain.instant import DAY_MS, to_ms
from clm.domain.record import ContactRecord, EventRecord, OrderRecord, Record
from clm.engine.profile import refresh
from clm.store.database import Database
from clm.store.schema import consents, contacts, events, orders, profiles
from tests.databases import empty
from tests.engine.recomputed import recomputed
from tests.engine.shop import ALL_FIELDS, NOW, Shop, order

pytestmark = pytest.mark.slow

YEAR_MS = 365 * DAY_MS


def _midnight(day: date) -> int:
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=UTC))


people = st.sampled_from(["ada", "Bob"])
order_ids = st.sampled_from(["o1", "O2", "o3", "o10", "ö4"])
# Few days, so that times coincide and meet the edges of the 365 days; not all whole, so that gaps are fractions.
times = st.one_of(
    st.builds(lambda days: NOW + days * DAY_MS, st.sampled_from([-800, -366, -365, -364, -30, -2, -1, 0, 1])),
    st.integers(NOW - 3 * YEAR_MS, NOW + 2 * DAY_MS),
)
amounts = st.sampled_from([0, 1, 3, 500, 1_000, 1_001])
maybe = st.none()

details = st.fixed_dictionaries(
    {},
    optional={
        "email_consent": st.booleans(),
        "sms_consent": st.booleans(),
        "consent_at": times,
        "country": st.sampled_from(["GB", "IR"]),
        "locale": st.just("fa"),
        "zone": st.just("Asia/Tehran"),
        "signed_up_at": times,
        "acquisition_source": st.just("friend"),
        "postcode": st.sampled_from(["SW1A 1AA", "2000"]),
        "phone": st.just("+61491570006"),
        "born_on": st.dates(date(1900, 1, 1), date(2024, 2, 29)).map(_midnight) | st.just(_midnight(date(2000, 2, 29))),
    },
)
contact_records = st.builds(lambda who, said: ContactRecord(who, **said), people, details)
order_records = st.one_of(
    st.builds(
        lambda number, who, at, amount, said: order(number, who, at=at, amount=amount, **said),
        order_ids, people, times, amounts, st.just({}) | details,
    ),
    st.builds(
        lambda number, who, at, amount, kind, cancels: order(
            number, who, at=at, amount=amount, kind=kind, cancels=cancels
        ),
        st.sampled_from(["x1", "x2", "o3"]), people, times, amounts, st.sampled_from(["cancellation", "refund"]),
        maybe | order_ids,
    ),
)  # fmt: skip
tickets = st.sampled_from(["t1", "T1", 7, "7", None, True, [7]])
answers = st.fixed_dictionaries(
    {"survey": st.sampled_from(["rating", "rating", "nps"])},
    optional={"score": st.integers(1, 5) | st.sampled_from([2.5, "4", None, True, 10**40])},
)
happenings = st.one_of(
    st.tuples(
        st.sampled_from(["ticket_opened", "ticket_closed"]), st.builds(lambda ticket: {"ticket_id": ticket}, tickets)
    ),
    st.tuples(
        st.sampled_from(["order_late", "order_delivered"]),
        st.builds(lambda number: {"order_id": number}, order_ids | tickets),
    ),
    st.tuples(st.just("survey_answered"), answers),
    st.tuples(st.sampled_from(["visited", "viewed_product"]), st.just({})),
)
event_records = st.builds(
    lambda number, who, what, at: EventRecord(f"{who}-{number}-{what}-{at}", who, what[0], at, json.dumps(what[1])),
    st.integers(1, 2), people, happenings, times,
)  # fmt: skip
batches: st.SearchStrategy[list[Record]] = st.one_of(
    st.lists(contact_records, min_size=1, max_size=3),
    st.lists(order_records, min_size=1, max_size=7),
    st.lists(order_records, min_size=1, max_size=7),
    st.lists(event_records, min_size=1, max_size=6),
    st.lists(event_records, min_size=1, max_size=6),
)
# Told at some instant, with the columns the file has, then refreshed for another.
moves = st.tuples(batches, times, st.sampled_from([ALL_FIELDS, ALL_FIELDS - {"country", "email_consent"}]), times)

# Written where messages are settled and where contacts are scored, not from what sources tell.
WRITTEN_ELSEWHERE = {
    "emails_sent", "last_email_at", "sms_sent", "last_sms_at", "last_reaction_at", "recency_score", "frequency_score",
    "monetary_score", "rfm_group", "spend_percentile", "p_alive", "expected_orders_90d", "predicted_revenue_365d",
    "stage", "stage_since", "lifecycle_number",
}  # fmt: skip
KEPT_BESIDES = {"home_zone", "birthday", "gap_50_ms", "gap_80_ms", "gap_90_ms", "lapse_80_at", "lapse_90_at"}
TOLD = {fact.name for fact in FACTS.values() if fact.scope == "contact"} - WRITTEN_ELSEWHERE | KEPT_BESIDES
MOVED_BY_TIME = {
    "revenue_365d", "last_activity_at", "open_tickets", "last_rating", "last_rated_at", "late_delivery",
}  # fmt: skip
RHYTHM = {"gap_50_ms", "gap_80_ms", "gap_90_ms", "lapse_80_at", "lapse_90_at", "next_order_expected_at"}


@settings(max_examples=50)
@given(story=st.lists(moves, min_size=1, max_size=6))
def test_profiles_are_what_the_facts_say(database: Database, story: list[Any]) -> None:
    """Late, repeated, back-dated, moved, cancelled, refunded: after every batch and at every instant."""
    empty(database)
    shop = Shop(database)
    said: dict[str, OrderRecord] = {}
    happened: dict[str, EventRecord] = {}
    for records, told_at, fields, refreshed_at in story:
        shop.tell(*records, now=told_at, fields=fields)
        for record in records:
            if isinstance(record, OrderRecord):
                said[record.external_id] = record  # the last word counts
            if isinstance(record, EventRecord):
                happened[record.external_id] = record
        _compare(database, told_at, note_as="told", ignore=MOVED_BY_TIME)
        refresh(database, now=refreshed_at)
        _compare(database, refreshed_at, note_as="refreshed")
    assert _orders_as_said(database) == {
        number: (record.contact.external_id, record.kind, record.ordered_at, record.amount, record.cancels)
        for number, record in said.items()
    }
    with database.read() as tx:
        assert set(tx.scalars(select(events.c.external_id))) == set(happened)


service_records = st.builds(
    lambda number, what, at: EventRecord(f"{number} {what} {at}", "ada", what[0], at, json.dumps(what[1])),
    st.integers(1, 2),
    st.one_of(
        st.tuples(
            st.sampled_from(["ticket_opened", "ticket_closed"]),
            st.sampled_from([{"ticket_id": "t1"}, {"ticket_id": "7"}, {"ticket_id": 7}, {}]),
        ),
        st.tuples(
            st.sampled_from(["order_late", "order_delivered"]),
            st.sampled_from([{"order_id": "o1"}, {"order_id": "o2"}, {}]),
        ),
        st.builds(lambda score: ("survey_answered", {"survey": "rating", "score": score}), st.integers(1, 5)),
    ),
    st.integers(NOW, NOW + 4),  # so close that many fall together
)
cancelled_orders = st.sampled_from([("o1", 0), ("o1", 400), ("o1", 1_000), ("o2", 1_000), ("o3", 1_000)])


@settings(max_examples=80)
@given(
    told=st.lists(st.lists(service_records, min_size=1, max_size=6), min_size=1, max_size=3),
    cancelled=st.lists(cancelled_orders, max_size=2),
    moments=st.lists(
        st.integers(NOW - 1, NOW + 5) | st.integers(NOW + 60 * DAY_MS, NOW + 60 * DAY_MS + 4), min_size=4, max_size=4
    ),
)
def test_service_facts_are_what_the_events_say(
    database: Database, told: list[list[EventRecord]], cancelled: list[tuple[str, int]], moments: list[int]
) -> None:
    """Opened and closed, late and delivered or cancelled, rated twice: in any order, repeated, at every instant."""
    empty(database)
    shop = Shop(database)
    shop.tell(order("o1"), order("o2"))
    for records, moment in zip(told, moments, strict=False):
        shop.tell(*records, now=moment)
        refresh(database, now=moment)
        _compare(database, moment, note_as="refreshed")
    for number, (cancels, amount) in enumerate(cancelled):
        shop.tell(order(f"x{number}", kind="refund", cancels=cancels, amount=amount), now=moments[0])
    for moment in moments:
        refresh(database, now=moment)
        _compare(database, moment, note_as="refreshed")


@settings(max_examples=60)
@given(
    gaps=st.lists(st.integers(0, 9) | st.integers(0, 400 * DAY_MS), min_size=2, max_size=12),
    batches=st.lists(st.integers(0, 3), min_size=13, max_size=13),
)
def test_usual_gaps_are_what_the_orders_say(database: Database, gaps: list[int], batches: list[int]) -> None:
    """For any number of orders, in whatever batches they come, however close or far apart."""
    empty(database)
    shop = Shop(database)
    times = [NOW + total - sum(gaps) for total in accumulate(gaps, initial=0)]
    for turn in range(4):
        told = [
            order(f"o{n}", at=at) for n, (at, batch) in enumerate(zip(times, batches, strict=False)) if batch == turn
        ]
        shop.tell(*told)
        refresh(database, now=NOW)
        _compare(database, NOW, note_as="refreshed")


def _compare(database: Database, now: int, *, note_as: str, ignore: frozenset[str] | set[str] = frozenset()) -> None:
    rows = {table: _rows(database, table) for table in (contacts, orders, events, consents, profiles)}
    found = {row["contact_id"]: row for row in rows[profiles]}
    assert set(found) == {contact["id"] for contact in rows[contacts]}, "everybody has a profile"
    for contact in rows[contacts]:
        theirs = [
            [row for row in rows[table] if row["contact_id"] == contact["id"]] for table in (orders, events, consents)
        ]
        wanted = recomputed(contact, *theirs, now)
        profile = found[contact["id"]]
        note(f"{note_as} {contact['external_id']} at {now}")
        assert set(wanted) == TOLD, "a new fact needs its plain computation too"
        assert note_as == "told" or not profile["rhythm_stale"]
        for name in TOLD - ignore - (RHYTHM if profile["rhythm_stale"] else set()):
            value = bool(profile[name]) if isinstance(wanted[name], bool) else profile[name]
            right = pytest.approx(wanted[name]) if isinstance(wanted[name], float) else wanted[name]
            assert value == right, name


def _rows(database: Database, table: Table) -> list[dict[str, Any]]:
    with database.read() as tx:
        return [dict(row._mapping) for row in tx.execute(select(table))]


def _orders_as_said(database: Database) -> dict[str, tuple[Any, ...]]:
    o = orders.c
    query = select(o.external_id, contacts.c.external_id.label("who"), o.kind, o.ordered_at, o.amount, o.cancels).join(
        contacts, contacts.c.id == o.contact_id
    )
    with database.read() as tx:
        return {row.external_id: tuple(row)[1:] for row in tx.execute(query)}


@pytest.mark.parametrize("told_at", [-900, -100, 0, 400])
def test_the_365_days_are_right_at_every_instant(database: Database, told_at: int) -> None:
    """Time may go forward and back, as in a back test: the sum follows, whenever and however orders were told."""
    days = [-800, -366, -365, -30, -1, 1]
    shop = Shop(database)
    for number, day in enumerate(days):
        shop.tell(order(f"o{number}", at=NOW + day * DAY_MS, amount=10**number), now=NOW + told_at * DAY_MS)
    for day in (0, -400, 1, -31, 364, 365, 366, -1, 0, -801, 2_000):
        refresh(database, now=NOW + day * DAY_MS)
        wanted = sum(10**number for number, ordered in enumerate(days) if day - 365 < ordered <= day)
        assert shop.profile()["revenue_365d"] == wanted, f"day {day}"
