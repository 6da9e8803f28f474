"""Looking only at whoever a threshold was passed by misses nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from clm.domain.condition import Condition, Not, Or, evaluate, terms_of
from clm.domain.condition_parser import parse_condition
from clm.domain.instant import DAY_MS, HOUR_MS, to_ms
from clm.store.crossing import candidates
from clm.store.database import Database, Transaction
from clm.store.narrowing import possible
from clm.store.schema import profiles
from clm.store.watermarks import Mark
from tests.any_condition import conditions, timed
from tests.people import CAMPAIGN, NOW, Person, people, put, put_shop_gap, somebody

_NEVER = 2**60
"""A horizon above every change: nobody's facts have changed since the mark."""

spans = st.sampled_from([0, 1, HOUR_MS, DAY_MS // 2, DAY_MS, 2 * DAY_MS, 3 * DAY_MS, 9 * DAY_MS]) | st.integers(
    0, 3 * DAY_MS
)
turning = timed | timed.map(Not) | st.builds(Or, st.tuples(timed, timed)) | conditions


@pytest.mark.slow
@settings(max_examples=120)
@given(condition=turning, everybody=st.lists(people, min_size=3, max_size=5), shop_gap=st.booleans(), span=spans)
def test_whoever_a_condition_turns_true_of_is_found(
    database: Database, condition: Condition, everybody: list[Person], shop_gap: bool, span: int
) -> None:
    """Of whomever a condition did not hold at the last look and does now, with the same facts: they are looked at."""
    since = NOW - span
    everybody = [replace(person, shop_gap=shop_gap) for person in everybody]
    terms = list(terms_of(condition))
    with database.engine.connect() as tx:
        if shop_gap:
            put_shop_gap(tx)
        ids = [put(tx, number, person) for number, person in enumerate(everybody, 1)]
        found = _found(tx, condition, since)
        tx.rollback()
    turned = {
        contact_id
        for contact_id, person in zip(ids, everybody, strict=True)
        if evaluate(condition, person.values(terms, NOW), NOW)
        and not evaluate(condition, person.values(terms, since), since)
    }
    assert found is None or turned <= found


@settings(max_examples=40)
@given(condition=turning, everybody=st.lists(people, min_size=3, max_size=5), span=spans)
def test_whoever_a_refusal_ends_for_is_found(
    database: Database, condition: Condition, everybody: list[Person], span: int
) -> None:
    """`unless` may end by itself, and what it kept out comes in."""
    since = NOW - span
    terms = list(terms_of(condition))
    with database.engine.connect() as tx:
        ids = [put(tx, number, person) for number, person in enumerate(everybody, 1)]
        found = _found(tx, Not(condition), since)
        tx.rollback()
    free = {
        contact_id
        for contact_id, person in zip(ids, everybody, strict=True)
        if evaluate(condition, person.values(terms, since), since)
        and not evaluate(condition, person.values(terms, NOW), NOW)
    }
    assert found is None or free <= found


@pytest.mark.slow
@settings(max_examples=100)
@given(condition=turning, everybody=st.lists(people, min_size=3, max_size=5))
def test_whoever_meets_a_condition_is_possible(
    database: Database, condition: Condition, everybody: list[Person]
) -> None:
    """A look at everybody leaves out only those of whom the condition cannot hold."""
    terms = list(terms_of(condition))
    with database.engine.connect() as tx:
        ids = [put(tx, number, person) for number, person in enumerate(everybody, 1)]
        found = _ids(tx, possible(condition, NOW))
        tx.rollback()
    meeting = {
        contact_id
        for contact_id, person in zip(ids, everybody, strict=True)
        if evaluate(condition, person.values(terms, NOW), NOW)
    }
    assert found is None or meeting <= found


@pytest.mark.parametrize(
    ("text", "narrow"),
    [
        ("hours_since(last('viewed')) <= 72", True),
        ("order_count >= 1 and days_since(last_order_at) between 30 and 50", True),
        ("did('viewed', 7) or entered_group('champions', 7)", True),
        ("days_until(next_order_expected_at) <= 3", True),
        ("anniversary(born_on)", True),
        ("anniversary(first_order_at)", False),
        ("did('viewed', 7) or order_count >= 1", False),
        ("not did('viewed', 7)", False),
        ("days_since(last_order_at) > 90", False),
        ("days_since(last_order_at) between 30 and 400", False),
    ],
)
def test_what_an_index_can_tell_is_asked_of_it(text: str, narrow: bool) -> None:
    """A stretch of some days is a range of an index; of a long one, or none, everybody is read."""
    assert (possible(parse_condition(text), NOW) is not None) is narrow


_MINUTES = 5 * 60_000
_SINCE = NOW - _MINUTES
_JUST_NOW = NOW - 60_000
_DAYS_AGO = _JUST_NOW - 2 * DAY_MS

THRESHOLDS: list[tuple[str, dict[str, Any]]] = [
    ("days_since(last_order_at) > 2", {"last_order_at": _DAYS_AGO}),
    ("days_since(last_order_at) < 2", {"last_order_at": _JUST_NOW}),
    ("not days_since(last_order_at) < 2", {"last_order_at": _DAYS_AGO}),
    ("days_since(last_order_at) > usual_gap(0.8, 2)", {"last_order_at": _DAYS_AGO}),
    ("days_since(last_order_at) > usual_gap(0.8, 9)", {"last_order_at": _DAYS_AGO, "gap_80_ms": 2 * DAY_MS}),
    ("days_since(last_order_at) > usual_gap(0.5, 9)", {"last_order_at": _DAYS_AGO, "gap_50_ms": 2 * DAY_MS}),
    ("days_since(first_order_at) > usual_gap(0.8, 2)", {"first_order_at": _DAYS_AGO}),
    ("days_until(next_order_expected_at) <= 2", {"next_order_expected_at": _JUST_NOW + 2 * DAY_MS}),
    ("not days_until(next_order_expected_at) > 2", {"next_order_expected_at": _JUST_NOW + 2 * DAY_MS}),
    ("not days_until(next_order_expected_at) < 2", {"next_order_expected_at": _JUST_NOW}),
    ("last_order_at < now", {"last_order_at": _JUST_NOW}),
    ("did('viewed', 2)", {"events": [("viewed", _JUST_NOW, {})]}),
    ("not did('viewed', 2)", {"events": [("viewed", _DAYS_AGO, {})]}),
    ("did_since_entry('viewed')", {"events": [("viewed", _JUST_NOW, {})]}),
    ("last('viewed') is not null", {"events": [("viewed", _JUST_NOW, {})]}),
    ("days_since(last('viewed')) > 2", {"events": [("viewed", _DAYS_AGO, {})]}),
    ("last('viewed') > last_order_at", {"events": [("viewed", _JUST_NOW, {})], "last_order_at": _DAYS_AGO}),
    ("entered_group('champions', 2)", {"groups": [("champions", _JUST_NOW, None)]}),
    ("not entered_group('champions', 2)", {"groups": [("champions", _DAYS_AGO, None)]}),
    ("left_stage('champions', 2)", {"stages": [("champions", _DAYS_AGO, _JUST_NOW)]}),
    ("days_since(entered_at) > 2", {"entered_at": _DAYS_AGO}),
]


@pytest.mark.parametrize(("text", "known"), THRESHOLDS, ids=[text for text, _ in THRESHOLDS])
def test_every_kind_of_threshold_is_noticed(database: Database, text: str, known: dict[str, Any]) -> None:
    """Whoever passes one between two ticks is looked at; a bystander of whom nothing is known is not."""
    condition = parse_condition(text, scope="enrolment")
    plain = somebody(1).columns | {name: None for name, column in somebody(1).columns.items() if _nullable(name)}
    lists = {name: known[name] for name in ("events", "groups", "stages") if name in known}
    facts = plain | {name: value for name, value in known.items() if name in plain}
    person = Person(facts, known.get("entered_at", _SINCE - 9 * DAY_MS), **lists)
    bystander = Person(plain, _SINCE - 9 * DAY_MS)
    terms = list(terms_of(condition))
    assert evaluate(condition, person.values(terms, NOW), NOW)
    assert not evaluate(condition, person.values(terms, _SINCE), _SINCE)
    with database.engine.connect() as tx:
        ids = [put(tx, 1, person), put(tx, 2, bystander)]
        found = _found(tx, condition, _SINCE)
        tx.rollback()
    assert found == {ids[0]}


@pytest.mark.parametrize(
    ("text", "since", "found"),
    [
        ("local_hour >= 12", "2024-10-04T10:59Z", {"London"}),  # 11:59 in London, summer time
        ("local_hour = 7", "2024-10-04T10:30Z", {"New_York"}),
        ("local_weekday in ('sat')", "2024-10-04T09:30Z", {"Kiritimati"}),  # fourteen hours ahead
        ("local_weekday in ('sat')", "2024-10-04T10:30Z", set()),
        ("anniversary(born_on)", "2024-10-04T09:59Z", {"Kiritimati"}),
        ("anniversary(born_on)", "2024-10-04T10:00Z", set()),
    ],
)
def test_clocks_and_days_turn_where_people_live(database: Database, text: str, since: str, found: set[str]) -> None:
    """At eleven in Greenwich, everybody here being born on 5 October."""
    condition = parse_condition(text)
    homes = {"London": "Europe/London", "New_York": "America/New_York", "Kiritimati": "Pacific/Kiritimati"}
    born = {"born_on": to_ms(datetime(1990, 10, 5, tzinfo=UTC))}
    with database.engine.connect() as tx:
        ids = {
            put(tx, number, Person(somebody(1).columns | born | {"home_zone": zone}, NOW - 9 * DAY_MS)): name
            for number, (name, zone) in enumerate(homes.items())
        }
        ids_found = _found(tx, condition, to_ms(datetime.fromisoformat(since)))
        tx.rollback()
    assert ids_found is not None
    assert {ids[contact_id] for contact_id in ids_found} == found


def test_a_date_that_comes_makes_everybody_worth_a_look(database: Database) -> None:
    """`now >= '2024-10-04'` turns for everybody at midnight and for nobody five minutes later."""
    condition = parse_condition("now >= '2024-10-04T10:58'")
    with database.read() as tx:
        assert candidates(tx, [condition], Mark(_SINCE, _NEVER), NOW) is None
        assert _ids(tx, candidates(tx, [condition], Mark(NOW, _NEVER), NOW + _MINUTES)) == set()


def test_nobody_is_looked_at_when_nothing_happened(database: Database) -> None:
    """Five minutes in which nobody changes and nobody passes 90 days cost no look at anybody."""
    condition = parse_condition("order_count >= 1 and days_since(last_order_at) > 90")
    with database.write() as tx:
        tx.exec_driver_sql("INSERT INTO contacts (id, source, external_id, created_at) VALUES (1, 'shop', 'a', 0)")
        tx.execute(
            profiles.insert().values(
                contact_id=1, order_count=1, revenue=1, revenue_365d=1, revenue_365d_since=0, email_consent=True,
                sms_consent=False, changed=7, last_order_at=NOW - 90 * DAY_MS - 1,
            )
        )  # fmt: skip
        minutes = 5 * 60_000
        assert _ids(tx, candidates(tx, [condition], Mark(NOW + minutes, 8), NOW + 2 * minutes)) == set()
        assert _ids(tx, candidates(tx, [condition], Mark(NOW - minutes, 8), NOW)) == {1}  # passed it in between
        assert _ids(tx, candidates(tx, [condition], Mark(NOW + minutes, 7), NOW + 2 * minutes)) == {1}  # changed


def _found(tx: Transaction, condition: Condition, since: int) -> set[int] | None:
    return _ids(tx, candidates(tx, [condition], Mark(since, _NEVER), NOW, campaign=CAMPAIGN))


def _ids(tx: Transaction, query: object) -> set[int] | None:
    if query is None:
        return None
    return set(tx.scalars(select(profiles.c.contact_id).where(profiles.c.contact_id.in_(query))))


def _nullable(name: str) -> bool:
    return bool(profiles.c[name].nullable)
