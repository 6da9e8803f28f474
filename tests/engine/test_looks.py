"""Looking only at whom something may have come true of finds whom looking at everybody finds."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, text

from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.record import EventRecord
from clm.store import flight, withheld
from clm.store.database import Database
from clm.store.enrolments import leave
from clm.store.flight import Flight, Looking
from clm.store.schema import decisions, enrolments, messages, watermarks
from clm.store.withheld import Ended
from tests.databases import empty
from tests.engine.rehearsal import AGAIN, HELLO, LAST, TWO_DAYS, Rehearsal, campaign
from tests.engine.shop import NOW, order

STEPS = [
    HELLO,
    {"wait_until": {"when": "days_since(last_order_at) > 3", "at_most": "9d", "otherwise": "last"}, "name": "quiet"},
    {"wait_until": {"when": "did('app_used', within = 2) or order_count >= 3", "at_most": "5d"}, "name": "used"},
    AGAIN,
    TWO_DAYS,
    LAST,
    {"wait": "9d"},
]
RULES: dict[str, Any] = {
    "enter": {"when": "order_count >= 1", "once_per": "last_order"},
    "goal": {"when": "order_count >= 4 and days_since(entered_at) > 1", "within": "6d"},
    "exit": [
        {"when": "open_tickets > 0", "reason": "ticket"},
        {"when": "days_since(last('app_used')) between 3 and 4", "reason": "used it long ago"},
    ],
    "steps": STEPS,
}

Acts = list[tuple[str, str, int]]
ACTS = st.lists(
    st.tuples(st.sampled_from(["order", "use", "ticket", "tick", "tick"]), st.sampled_from("ab"), st.integers(0, 80)),
    min_size=4,
    max_size=14,
)
"""What is done, by whom, and how many hours after the act before."""


@pytest.mark.slow
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_looking_at_some_is_as_good_as_looking_at_all(rehearsal: Rehearsal, acts: Acts) -> None:
    """Two campaigns alike, one of which forgets before every run what it has seen: all of their journeys are alike."""
    empty(rehearsal.database)
    rehearsal.have(campaign("nudge", **RULES), campaign("other", **RULES))
    for name in "ab":
        rehearsal.customer(name)
    now = NOW
    for number, (act, who, hours) in enumerate([("tick", "a", 0), *acts, ("tick", "a", 30 * 24)]):
        now += hours * HOUR_MS
        match act:
            case "order":
                rehearsal.shop.tell(order(f"{who}-{number + 2}", who, at=now), now=now)
            case "use":
                rehearsal.shop.tell(EventRecord(f"e{number}", who, "app_used", now - HOUR_MS, "{}"), now=now)
            case "ticket":
                told = EventRecord(f"e{number}", who, "ticket_opened", now, '{"ticket_id": "t"}')
                rehearsal.shop.tell(told, now=now)
            case _:
                with rehearsal.database.write() as tx:
                    tx.execute(delete(watermarks).where(watermarks.c.scope.like("flight other%")))
                rehearsal.decide(now)
                assert _journeys(rehearsal.database, "nudge") == _journeys(rehearsal.database, "other")


def _journeys(database: Database, name: str) -> list[tuple[Any, ...]]:
    """Everything that is kept of a campaign's journeys, whatever their ids."""
    e = enrolments.c
    query = select(
        e.contact_id, e.trigger_key, e.status, e.exit_reason, e.goal_at, e.ended_at, e.position, e.next_due_at
    ).where(e.campaign == name)
    with database.read() as tx:
        return sorted(map(tuple, tx.execute(query)), key=str)


def test_a_look_is_at_those_who_changed_alone(rehearsal: Rehearsal) -> None:
    """Of all people in flight one ordered: the others are not asked."""
    rehearsal.have(campaign(goal={"when": "order_count >= 2"}, steps=[HELLO, {"wait": "30d"}, AGAIN]))
    for number in range(3):
        rehearsal.customer(f"c{number}")
    rehearsal.decide(NOW)
    rehearsal.decide(NOW + HOUR_MS)
    with rehearsal.database.write() as tx:
        tx.execute(text("UPDATE profiles SET order_count = 2"))  # behind the engine's back, and without a stamp
    rehearsal.shop.tell(order("c1-2", "c1", at=NOW + HOUR_MS), now=NOW + HOUR_MS)
    rehearsal.decide(NOW + DAY_MS)
    with rehearsal.database.read() as tx:
        ended = tx.scalar(select(func.count()).where(decisions.c.kind == "exited"))
    # PostgreSQL looks again at what changed while the oldest transaction of the whole server was under way.
    assert ended == 1 or rehearsal.database.dialect == "postgresql"


def test_nobody_is_missed_where_ids_come_twice(rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six rows are read, and they are of three people who have just come: of ada only time tells, and she is found."""
    rule = {"when": "days_since(last('app_used')) > 1", "reason": "long ago"}
    rehearsal.have(campaign(exit=[rule], steps=[HELLO, {"wait": "30d"}]))
    rehearsal.customer("ada")
    rehearsal.shop.tell(EventRecord("e", "ada", "app_used", NOW - HOUR_MS, "{}"))
    rehearsal.decide(NOW)
    rehearsal.decide(NOW + HOUR_MS)
    for name in ("bob", "cem", "dan"):
        rehearsal.customer(name)
    monkeypatch.setattr(flight, "CANDIDATES_MAX", 6)
    rehearsal.decide(NOW + DAY_MS)
    assert [reason for _, _, reason in rehearsal.enrolments()] == ["long ago", None, None, None]


@pytest.mark.parametrize("how", ["due", "standing", "look", "leave"])
def test_who_moves_people_and_who_writes_to_them_do_not_wait_for_each_other(
    postgres_url: str, library: TemplateLibrary, own_brand: Brand, how: str
) -> None:
    """A decision on a message refers to its enrolment, which a run has in hand on PostgreSQL: it is kept at once."""
    with contextlib.closing(Database(postgres_url)) as one, contextlib.closing(Database(postgres_url)) as two:
        empty(one)
        rehearsal = Rehearsal(one, library, own_brand)
        nudge = campaign(steps=[HELLO, TWO_DAYS, AGAIN])
        rehearsal.have(nudge)
        rehearsal.customer()
        rehearsal.decide()
        theirs = Flight("nudge", nudge.version)
        condition = rehearsal.journeys.configuration.parse("order_count >= 1")
        with one.write() as moving, two.write() as writing:
            match how:
                case "due":
                    assert flight.due(moving, theirs, 2, now=NOW + 2 * DAY_MS, limit=1)
                case "standing":
                    assert flight.standing(moving, theirs, 2, limit=1)
                case "look":
                    looking = Looking(moving, theirs, asking=[condition], now=NOW, limit=2)
                    assert list(looking.fulfilled(condition))
                case _:
                    leave(moving, {moving.scalars(select(enrolments.c.id)).one(): "enough"}, now=NOW)
            writing.execute(text("SET LOCAL lock_timeout = '2s'"))
            message = writing.scalars(select(messages.c.id)).one()
            withheld.stop(writing, [Ended(message, "expired", "too late")], now=NOW)


def test_who_dispatches_passes_over_a_journey_that_is_being_moved(
    postgres_url: str, library: TemplateLibrary, own_brand: Brand
) -> None:
    """It holds the profile, which the run that moves them may wait for: neither waits for the other in turn."""
    with contextlib.closing(Database(postgres_url)) as one, contextlib.closing(Database(postgres_url)) as two:
        empty(one)
        rehearsal = Rehearsal(one, library, own_brand)
        nudge = campaign(steps=[HELLO, TWO_DAYS, AGAIN])
        rehearsal.have(nudge)
        rehearsal.customer()
        rehearsal.decide()
        with one.write() as moving, two.write() as leaving:
            leaving.execute(text("SET LOCAL lock_timeout = '2s'"))
            (standing,) = flight.standing(moving, Flight("nudge", nudge.version), 2, limit=1)
            leave(leaving, {standing.id: "enough"}, now=NOW)
        assert rehearsal.enrolments() == [("contact", "active", None)]
