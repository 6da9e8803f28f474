"""Waiting until something holds or until a time of day: who goes on when."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from clm.domain.instant import DAY_MS, HOUR_MS, to_ms
from clm.domain.record import EventRecord
from tests.engine.rehearsal import AGAIN, HELLO, LAST, TWO_DAYS, Rehearsal, campaign
from tests.engine.shop import NOW
from tests.engine.steps import FOR_TEN_DAYS, REPEAT, Left, buys_again, journeys, kept, live_in, sent_to


@pytest.mark.parametrize("otherwise", ["continue", "exit", "last"])
def test_waiting_ends_as_soon_as_the_condition_holds(rehearsal: Rehearsal, otherwise: str) -> None:
    """Whoever it comes true of goes on with the run that sees it; the others are held."""
    until = FOR_TEN_DAYS | {"otherwise": otherwise}
    rehearsal.have(campaign(steps=[HELLO, {"wait_until": until}, AGAIN, TWO_DAYS, LAST]))
    rehearsal.customer("ada")
    rehearsal.customer("bob")
    rehearsal.run(NOW)
    rehearsal.run(NOW + DAY_MS)
    assert rehearsal.handed() == ["nudge hello", "nudge hello"]
    buys_again(rehearsal, at=NOW + 2 * DAY_MS)
    rehearsal.run(NOW + 3 * DAY_MS)
    assert (sent_to(rehearsal, "ada"), sent_to(rehearsal, "bob")) == (["hello", "again"], ["hello"])


def test_who_fulfils_it_already_does_not_wait(rehearsal: Rehearsal) -> None:
    """A condition that holds when somebody comes to it holds nobody up."""
    rehearsal.have(campaign(steps=[HELLO, {"wait_until": FOR_TEN_DAYS}, AGAIN]))
    rehearsal.customer()
    buys_again(rehearsal, at=NOW - HOUR_MS)
    rehearsal.decide(NOW)
    assert sent_to(rehearsal) == ["hello", "again"]


@pytest.mark.parametrize(
    ("otherwise", "steps", "left", "why"),
    [
        ("continue", ["hello", "again", "last"], Left("ada", "completed", None), []),
        ("last", ["hello", "last"], Left("ada", "completed", None), ["wait_until-1: 10 days went by without `X`"]),
        ("exit", ["hello"], Left("ada", "exited", "10 days went by without `X`"), ["10 days went by without `X`"]),
    ],
)
def test_waiting_ends_with_its_deadline(
    rehearsal: Rehearsal, otherwise: str, steps: list[str], left: Left, why: list[str]
) -> None:
    """Not an hour before: then they go on, leave with the reason, or go to the step that is named."""
    until = FOR_TEN_DAYS | {"otherwise": otherwise}
    rehearsal.have(campaign(steps=[HELLO, {"wait_until": until}, AGAIN, LAST]))
    rehearsal.customer()
    rehearsal.decide(NOW)
    rehearsal.decide(NOW + 10 * DAY_MS - HOUR_MS)
    assert sent_to(rehearsal) == ["hello"]
    rehearsal.decide(NOW + 10 * DAY_MS)
    assert sent_to(rehearsal) == steps
    reason = None if left.reason is None else left.reason.replace("X", REPEAT)
    assert journeys(rehearsal) == [left._replace(reason=reason)]
    assert [reason for _, reason, _ in kept(rehearsal, "branched", "exited")] == [
        one.replace("X", REPEAT) for one in why
    ]


def test_a_late_run_sees_what_came_true_before_the_deadline(rehearsal: Rehearsal) -> None:
    """Nobody ran for a month in which she bought: she goes on as one of whom it came true."""
    rehearsal.have(campaign(steps=[HELLO, {"wait_until": FOR_TEN_DAYS | {"otherwise": "exit"}}, AGAIN]))
    rehearsal.customer()
    rehearsal.decide(NOW)
    buys_again(rehearsal, at=NOW + DAY_MS)
    rehearsal.decide(NOW + 30 * DAY_MS)
    assert sent_to(rehearsal) == ["hello", "again"]


def test_time_alone_can_end_the_waiting(rehearsal: Rehearsal) -> None:
    """A threshold passed without any new fact is seen, by the first run after it."""
    until = {"when": "days_since(last_order_at) >= 5", "at_most": "30d"}
    rehearsal.have(campaign(steps=[HELLO, {"wait_until": until}, AGAIN]))
    rehearsal.customer("ada", at=NOW - DAY_MS)
    rehearsal.customer("bob", at=NOW - 2 * DAY_MS)
    rehearsal.decide(NOW)
    rehearsal.decide(NOW + 3 * DAY_MS)
    assert (sent_to(rehearsal, "ada"), sent_to(rehearsal, "bob")) == (["hello"], ["hello", "again"])
    rehearsal.decide(NOW + 4 * DAY_MS)
    assert sent_to(rehearsal, "ada") == ["hello", "again"]


def test_an_event_can_end_the_waiting(rehearsal: Rehearsal) -> None:
    """What somebody did counts from the run after it was told."""
    until = {"when": "did_since_entry('app_used')", "at_most": "30d", "otherwise": "exit"}
    rehearsal.have(campaign(steps=[HELLO, {"wait_until": until}, AGAIN]))
    rehearsal.customer()
    rehearsal.decide(NOW)
    rehearsal.shop.tell(EventRecord("e1", "ada", "app_used", NOW + HOUR_MS, "{}"), now=NOW + 2 * HOUR_MS)
    rehearsal.decide(NOW + 2 * HOUR_MS)
    assert sent_to(rehearsal) == ["hello", "again"]


def test_who_begins_to_wait_at_an_earlier_instant_is_asked_for_the_latest(rehearsal: Rehearsal) -> None:
    """A run for four days ago comes after today's look: what has come true by time in between is not missed."""
    until = {"when": "days_since(last_order_at) >= 5", "at_most": "30d"}
    lately = {"when": "days_since(last_order_at) < 6", "once_per": "contact"}
    rehearsal.have(campaign(enter=lately, steps=[{"wait_until": until}, AGAIN]))
    rehearsal.customer("ada", at=NOW - DAY_MS)
    rehearsal.customer("bob", at=NOW + 3 * DAY_MS)
    rehearsal.decide(NOW + 6 * DAY_MS)
    assert [left.contact for left in journeys(rehearsal)] == ["bob"]
    rehearsal.decide(NOW + 2 * DAY_MS)
    assert [left.contact for left in journeys(rehearsal)] == ["ada", "bob"]
    rehearsal.decide(NOW + 7 * DAY_MS)
    assert sent_to(rehearsal, "ada") == ["again"]


def ms(text: str) -> int:
    """An instant written in UTC."""
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))


AT_NINE = {"wait_until": {"at": "09:00"}}


def test_at_nine_is_at_nine_where_people_live(rehearsal: Rehearsal) -> None:
    """One after the other as the day goes round; who lives nobody knows where, by the shop's clock."""
    rehearsal.have(campaign(steps=[AT_NINE, HELLO]))
    live_in(rehearsal, {"apia": "Pacific/Apia", "kath": "Asia/Kathmandu", "york": "America/New_York", "none": None})
    start = ms("2024-10-03T09:30")
    order_of = {}
    for hour in range(25):
        rehearsal.decide(start + hour * HOUR_MS)
        for seen in rehearsal.messages():
            order_of.setdefault(seen.contact, hour)
    # 09:00 is 13:00 UTC in New York, 20:00 in Apia, 03:15 in Kathmandu.
    assert order_of == {"york": 4, "apia": 11, "kath": 18, "none": 24}


def test_who_comes_at_nine_sharp_goes_on(rehearsal: Rehearsal) -> None:
    """Nobody waits a day for the minute that has begun."""
    rehearsal.have(campaign(steps=[AT_NINE, HELLO]))
    live_in(rehearsal, {"ada": "Europe/London"})
    rehearsal.decide(ms("2024-10-03T08:00") + 30_000)
    assert sent_to(rehearsal) == ["hello"]


def test_on_a_weekday_and_at_most_so_long(rehearsal: Rehearsal) -> None:
    """Only on the days named, and not longer than allowed whatever the clock says."""
    monday = {"at": "09:00", "on": ["mon"]}
    rehearsal.have(
        campaign("nudge", steps=[{"wait_until": monday}, HELLO]),
        campaign("other", steps=[{"wait_until": monday | {"at_most": "2d"}}, HELLO]),
    )
    live_in(rehearsal, {"ada": "UTC"})
    thursday = ms("2024-10-03T10:00")
    made = {}
    for hours in (0, 47, 48, 24 * 4 - 2, 24 * 4 - 1):
        rehearsal.decide(thursday + hours * HOUR_MS)
        for name in ("nudge", "other"):
            if rehearsal.messages(name):
                made.setdefault(name, hours)
    assert made == {"other": 48, "nudge": 24 * 4 - 1}


def test_when_the_clocks_go_forward_over_it(rehearsal: Rehearsal) -> None:
    """At half past two, on the day that has none: at three, which is when it would have been."""
    rehearsal.have(campaign(steps=[{"wait_until": {"at": "02:30"}}, HELLO]))
    live_in(rehearsal, {"ada": "America/New_York"})
    for minutes, made in ((-60, []), (-1, []), (0, ["hello"])):
        rehearsal.decide(ms("2024-03-10T07:00") + minutes * 60_000)
        assert sent_to(rehearsal) == made
