"""Looking only at whom something may have come true of finds whom looking at everybody finds."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, text

from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.record import EventRecord
from clm.store.database import Database
from clm.store.schema import decisions, enrolments, watermarks
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
