"""Journeys: who enters, what they get and when, and what ends it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from clm.domain.instant import DAY_MS, HOUR_MS, SECOND_MS
from clm.domain.record import ContactRecord
from clm.engine.advance import advance
from clm.engine.enrol import enrol
from clm.store.schema import decisions, enrolments
from tests.engine.rehearsal import AGAIN, HELLO, LAST, TWO_DAYS, Rehearsal, Seen, campaign
from tests.engine.shop import NOW, order

MINUTE_MS = 60 * SECOND_MS
JOURNEY = campaign(steps=[HELLO, TWO_DAYS, AGAIN, TWO_DAYS, LAST])


def test_a_journey_takes_people_step_by_step(rehearsal: Rehearsal) -> None:
    """Mail now, another after two days, the last after two more, and then it is completed."""
    rehearsal.have(JOURNEY)
    rehearsal.customer()
    for day, handed in ((0, 1), (1, 1), (2, 2), (3, 2), (4, 3), (5, 3)):
        rehearsal.run(NOW + day * DAY_MS)
        assert len(rehearsal.handed()) == handed, f"day {day}"
    assert rehearsal.handed() == ["nudge hello", "nudge again", "nudge last"]
    assert rehearsal.enrolments() == [("contact", "completed", None)]
    assert rehearsal.decisions() == [("entered", "enter.when holds"), ("completed", "all steps done")]


@pytest.mark.parametrize("hours", [0, 1, 24 * 100])
def test_running_again_does_nothing_twice(rehearsal: Rehearsal, hours: int) -> None:
    """At the same instant or later, nobody enters again and no message is made or sent again."""
    rehearsal.have(campaign())
    rehearsal.customer("ada")
    rehearsal.customer("bob")
    assert rehearsal.run() == {"sent": 2}
    before = rehearsal.messages()
    later = NOW + hours * HOUR_MS
    assert rehearsal.decide(later) == {"nudge": (0, 0)}
    assert rehearsal.run(later) == {}
    assert rehearsal.messages() == before
    assert len(rehearsal.handed()) == 2


@pytest.mark.parametrize(
    ("once_per", "keys"), [("contact", ["contact"]), ("first_order", ["ada-1"]), ("last_order", ["ada-1", "ada-2"])]
)
def test_people_enter_once_per_the_fact_that_names_it(rehearsal: Rehearsal, once_per: str, keys: list[str]) -> None:
    """Once for ever, once per first order, or again after each new order."""
    rehearsal.have(campaign(enter={"when": "order_count >= 1", "once_per": once_per}))
    rehearsal.customer()
    rehearsal.run()
    rehearsal.shop.tell(order("ada-2", at=NOW + HOUR_MS))
    rehearsal.run(NOW + DAY_MS)
    rehearsal.run(NOW + 2 * DAY_MS)
    assert [key for key, _, _ in rehearsal.enrolments()] == keys
    assert len(rehearsal.handed()) == len(keys)


def test_only_those_enter_of_whom_the_condition_holds(rehearsal: Rehearsal) -> None:
    """Unknown is not enough: who never ordered is not somebody who ordered long ago."""
    rehearsal.have(campaign(enter={"when": "days_since(last_order_at) > 90", "once_per": "contact"}))
    rehearsal.customer("ada", at=NOW - 91 * DAY_MS)
    rehearsal.customer("bob", at=NOW - 89 * DAY_MS)
    rehearsal.shop.tell(ContactRecord("eve", email="eve@example.com", email_consent=True))
    rehearsal.run()
    assert [seen.contact for seen in rehearsal.messages()] == ["ada"]
    rehearsal.run(NOW + 2 * DAY_MS)
    assert [seen.contact for seen in rehearsal.messages()] == ["ada", "bob"]


def test_the_facts_of_entering_are_kept(rehearsal: Rehearsal) -> None:
    """Why somebody entered can be told later, when the facts have long changed."""
    rehearsal.have(campaign(enter={"when": "order_count >= 1 and country = 'GB'", "once_per": "contact"}))
    rehearsal.customer(country="GB")
    rehearsal.run()
    with rehearsal.database.read() as tx:
        kept = tx.scalars(select(decisions.c.facts).where(decisions.c.kind == "entered")).one()
    assert json.loads(kept) == {"order_count": 1, "country": "GB"}


GOAL = {"when": "ordered_since_entry", "within": "30d"}


def test_reaching_the_goal_ends_the_journey(rehearsal: Rehearsal) -> None:
    """Who buys gets no more reminders, and the enrolment says that and when the goal was reached."""
    rehearsal.have(JOURNEY.model_copy(update={"goal": campaign(goal=GOAL).goal}))
    rehearsal.customer()
    rehearsal.run()
    rehearsal.shop.tell(order("ada-2", at=NOW + DAY_MS))
    for day in (2, 4, 6):
        assert rehearsal.run(NOW + day * DAY_MS) == {}
    assert rehearsal.enrolments() == [("contact", "exited", "goal reached")]
    assert rehearsal.decisions()[-1] == ("exited", "goal reached")
    with rehearsal.database.read() as tx:
        assert tx.scalars(select(enrolments.c.goal_at)).one() == NOW + 2 * DAY_MS


def test_a_goal_is_noted_after_the_last_mail_too(rehearsal: Rehearsal) -> None:
    """A campaign of one mail reaches its goal days later; after its time it does not."""
    rehearsal.have(campaign(goal=GOAL))
    rehearsal.customer("ada")
    rehearsal.customer("bob")
    rehearsal.run()
    rehearsal.shop.tell(order("ada-2", "ada", at=NOW + DAY_MS))
    rehearsal.decide(NOW + 2 * DAY_MS)
    rehearsal.shop.tell(order("bob-2", "bob", at=NOW + 31 * DAY_MS))
    rehearsal.decide(NOW + 32 * DAY_MS)
    with rehearsal.database.read() as tx:
        found = tx.execute(select(enrolments.c.goal_at, enrolments.c.status).order_by(enrolments.c.contact_id)).all()
    assert [tuple(row) for row in found] == [(NOW + 2 * DAY_MS, "completed"), (None, "completed")]


def test_a_queued_message_stops_when_the_goal_is_reached(rehearsal: Rehearsal) -> None:
    """An order between queueing and handing over is seen: the message is refused with the reason."""
    rehearsal.have(campaign(goal=GOAL))
    rehearsal.customer()
    rehearsal.decide()
    rehearsal.shop.tell(order("ada-2", at=NOW + 1))
    assert rehearsal.hand_over(NOW + HOUR_MS) == {"refused": 1}
    assert rehearsal.messages() == [Seen("ada", "hello", "refused", "goal reached")]
    assert rehearsal.mail.handed == []


def test_unless_keeps_people_out_and_takes_them_out(rehearsal: Rehearsal) -> None:
    """It is asked before entering and again before each mail; whoever it takes out gets nothing more."""
    rehearsal.have(campaign(unless="order_count >= 3", steps=[HELLO, TWO_DAYS, AGAIN, TWO_DAYS, LAST]))
    rehearsal.customer("ada")
    rehearsal.customer("bob")
    rehearsal.shop.tell(order("bob-2", "bob"), order("bob-3", "bob"))
    rehearsal.run()
    assert [seen.contact for seen in rehearsal.messages()] == ["ada"]
    rehearsal.shop.tell(order("ada-2", "ada"), order("ada-3", "ada"))
    assert rehearsal.run(NOW + 2 * DAY_MS) == {"refused": 1}
    assert rehearsal.messages()[-1] == Seen("ada", "again", "refused", "no longer eligible (unless)")
    assert rehearsal.enrolments() == [("contact", "exited", "no longer eligible (unless)")]
    assert rehearsal.run(NOW + 4 * DAY_MS) == {}


def test_unless_takes_out_everybody_it_holds_of(rehearsal: Rehearsal) -> None:
    """All whom one batch finds to be no longer eligible leave, each with the decision."""
    rehearsal.have(campaign(unless="order_count >= 2", steps=[HELLO, TWO_DAYS, AGAIN, TWO_DAYS, LAST]))
    names = ("ada", "bob", "cyd")
    for name in names:
        rehearsal.customer(name)
    rehearsal.run()
    for name in names:
        rehearsal.shop.tell(order(f"{name}-2", name))
    assert rehearsal.run(NOW + 2 * DAY_MS) == {"refused": 3}
    assert rehearsal.enrolments() == [("contact", "exited", "no longer eligible (unless)")] * 3
    assert rehearsal.decisions().count(("exited", "no longer eligible (unless)")) == 3


def test_an_unless_of_the_enrolment_lets_people_in(rehearsal: Rehearsal) -> None:
    """What only exists after entering cannot keep anybody from entering."""
    rehearsal.have(campaign(unless="ordered_since_entry", steps=[HELLO, TWO_DAYS, AGAIN]))
    rehearsal.customer()
    assert rehearsal.run() == {"sent": 1}
    rehearsal.shop.tell(order("ada-2", at=NOW + DAY_MS))
    assert rehearsal.run(NOW + 2 * DAY_MS) == {"refused": 1}


@pytest.mark.parametrize("status", ["paused", "draft"])
def test_a_campaign_that_is_not_live_does_nothing(rehearsal: Rehearsal, status: str) -> None:
    """Paused or draft, it takes nobody in, moves nobody on and sends nothing, what is queued included."""
    rehearsal.have(JOURNEY)
    rehearsal.customer("ada")
    rehearsal.decide()
    rehearsal.have(JOURNEY.model_copy(update={"status": status}))
    rehearsal.customer("bob")
    assert rehearsal.run(NOW + DAY_MS) == {}
    assert rehearsal.messages() == [Seen("ada", "hello", "queued", None)]
    assert len(rehearsal.enrolments()) == 1


def test_a_resumed_campaign_goes_on(rehearsal: Rehearsal) -> None:
    """What waited is sent while it is worth sending, and everybody moves on from where they were."""
    rehearsal.have(JOURNEY)
    rehearsal.customer()
    rehearsal.decide()
    rehearsal.have(JOURNEY.model_copy(update={"status": "paused"}))
    rehearsal.run(NOW + DAY_MS)
    rehearsal.have(JOURNEY)
    assert rehearsal.run(NOW + DAY_MS) == {"sent": 1}
    assert rehearsal.run(NOW + 2 * DAY_MS) == {"sent": 1}


def test_people_in_flight_stay_on_the_version_they_entered(rehearsal: Rehearsal) -> None:
    """A changed wait and a removed step are for those who enter from now on."""
    rehearsal.have(JOURNEY)
    rehearsal.customer("ada")
    rehearsal.run()
    rehearsal.have(campaign(steps=[HELLO, {"wait": "10d"}, LAST]))
    rehearsal.customer("bob")
    for day in range(1, 11):
        rehearsal.run(NOW + day * DAY_MS)
    sent = {
        contact: [seen.step for seen in rehearsal.messages() if seen.contact == contact] for contact in ("ada", "bob")
    }
    assert sent == {"ada": ["hello", "again", "last"], "bob": ["hello"]}
    rehearsal.run(NOW + 11 * DAY_MS)
    assert rehearsal.messages()[-1] == Seen("bob", "last", "sent", None)


def test_a_changed_file_takes_nobody_in_again(rehearsal: Rehearsal) -> None:
    """Another version is the same campaign: who has been in it has been in it."""
    rehearsal.have(campaign())
    rehearsal.customer()
    rehearsal.run()
    rehearsal.have(campaign(steps=[HELLO, TWO_DAYS, AGAIN]))
    assert rehearsal.decide(NOW + DAY_MS) == {"nudge": (0, 0)}


def test_a_changed_goal_is_for_those_who_enter_from_now_on(rehearsal: Rehearsal) -> None:
    """Conditions are part of what people entered; title, status and priority are today's."""
    rehearsal.have(campaign(steps=[HELLO, TWO_DAYS, AGAIN]))
    rehearsal.customer()
    rehearsal.run()
    rehearsal.have(campaign(steps=[HELLO, TWO_DAYS, AGAIN], unless="order_count >= 1", priority=99))
    assert rehearsal.run(NOW + 2 * DAY_MS) == {"sent": 1}


def test_a_late_run_does_what_is_due_and_no_more(rehearsal: Rehearsal) -> None:
    """After a month of silence people get the next mail, not three at once, and waits count from then."""
    rehearsal.have(JOURNEY)
    rehearsal.customer()
    rehearsal.run()
    assert rehearsal.run(NOW + 30 * DAY_MS) == {"sent": 1}
    assert rehearsal.run(NOW + 31 * DAY_MS) == {}
    assert rehearsal.run(NOW + 32 * DAY_MS) == {"sent": 1}
    assert rehearsal.handed() == ["nudge hello", "nudge again", "nudge last"]


def test_two_campaigns_may_want_the_same_person(rehearsal: Rehearsal) -> None:
    """The more urgent message goes first, the other after it, and each once."""
    rehearsal.have(campaign("other", priority=10), campaign("nudge", priority=90))
    rehearsal.customer()
    assert rehearsal.run() == {"sent": 2}
    assert rehearsal.handed() == ["nudge hello", "other hello"]


def test_many_people_move_in_batches(rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small a batch is, everybody is moved on and nobody twice."""
    monkeypatch.setattr("clm.engine.advance.BATCH_ENROLMENTS", 3)
    monkeypatch.setattr("clm.engine.dispatch.BATCH_MESSAGES", 4)
    monkeypatch.setattr("clm.engine.profile.BATCH_CONTACTS", 2)
    rehearsal.have(JOURNEY)
    for number in range(9):
        rehearsal.customer(f"c{number}")
    for day in (0, 2, 4):
        assert rehearsal.run(NOW + day * DAY_MS) == {"sent": 9}
    assert len(rehearsal.handed()) == 27


@pytest.mark.parametrize("how", ["completed", "removed", "goal reached", "left"])
def test_who_leaves_in_a_run_that_is_late_comes_again(rehearsal: Rehearsal, how: str) -> None:
    """Somebody has looked for who enters beyond the instant at which they leave: the next look finds them all the same.

    They entered once, may come again two days later, and were on their way for five.
    """
    plan: dict[str, Any] = {
        "enter": {"when": "order_count >= 1", "once_per": "contact", "again_after": "2d"},
        "steps": [HELLO, {"wait": "5d"}, *([] if how == "completed" else [AGAIN, TWO_DAYS])],
        "goal": {"when": "order_count >= 2", "within": "30d"} if how == "goal reached" else None,
        "exit": [{"when": "order_count >= 2", "reason": "enough"}] if how == "left" else [],
    }
    rehearsal.have(campaign(**plan))
    rehearsal.customer()
    rehearsal.run(NOW)
    end = NOW + 5 * DAY_MS
    if how in {"goal reached", "left"}:
        rehearsal.shop.tell(order("ada-2", at=NOW + DAY_MS), now=NOW + DAY_MS)
    if how == "removed":
        rehearsal.have(campaign(**plan | {"steps": [HELLO], "in_flight": "move"}))
    (nudge,) = rehearsal.journeys.live()
    assert enrol(rehearsal.database, rehearsal.journeys, nudge, now=end + 10 * MINUTE_MS) == 0
    advance(rehearsal.database, rehearsal.journeys, nudge, now=end)
    assert enrol(rehearsal.database, rehearsal.journeys, nudge, now=end + 15 * MINUTE_MS) == 1
    assert [status for _, status, _ in rehearsal.enrolments()][-1] == "active"


def test_who_may_not_come_again_is_not_looked_at_again(rehearsal: Rehearsal) -> None:
    """Their profiles have not changed because a journey is over."""
    rehearsal.have(campaign(steps=[{"wait": "1d"}, HELLO]))
    rehearsal.customer()
    rehearsal.decide(NOW)
    before = rehearsal.shop.profile()["changed"]
    rehearsal.decide(NOW + DAY_MS)
    assert rehearsal.enrolments() == [("contact", "completed", None)]
    assert rehearsal.shop.profile()["changed"] == before
