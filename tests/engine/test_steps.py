"""What each kind of step does: who goes on when, by which way, and what is kept of it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select, update

from clm.domain.instant import DAY_MS, HOUR_MS, to_ms
from clm.domain.outcome import InDoubt
from clm.domain.record import ContactRecord, EventRecord
from clm.store import suppressions
from clm.store.schema import contacts, decisions, enrolments, profiles
from tests.engine.rehearsal import AGAIN, HELLO, LAST, TWO_DAYS, Rehearsal, Seen, campaign
from tests.engine.shop import NOW, order

REPEAT = "order_count >= 2"
"""Of whom this holds has ordered again."""
FOR_TEN_DAYS = {"when": REPEAT, "at_most": "10d"}


class Left(NamedTuple):
    """How an enrolment ended."""

    contact: str
    status: str
    reason: str | None


def journeys(rehearsal: Rehearsal) -> list[Left]:
    """Every enrolment by contact."""
    e, c = enrolments.c, contacts.c
    query = select(c.external_id, e.status, e.exit_reason).join(contacts, c.id == e.contact_id).order_by(c.external_id)
    with rehearsal.database.read() as tx:
        return [Left(*row) for row in tx.execute(query)]


def kept(rehearsal: Rehearsal, *kinds: str) -> list[tuple[str, str, dict[str, Any] | None]]:
    """Contact, reason and facts of every decision of these kinds."""
    d, c = decisions.c, contacts.c
    query = select(c.external_id, d.reason, d.facts).join(contacts, c.id == d.contact_id).where(d.kind.in_(kinds))
    with rehearsal.database.read() as tx:
        rows = tx.execute(query.order_by(c.external_id, d.id)).all()
    return [(row.external_id, row.reason, json.loads(row.facts) if row.facts else None) for row in rows]


def sent_to(rehearsal: Rehearsal, contact: str = "ada") -> list[str]:
    """The steps of which a message was made for the contact."""
    return [seen.step for seen in rehearsal.messages() if seen.contact == contact]


def buys_again(rehearsal: Rehearsal, contact: str = "ada", *, at: int) -> None:
    """A second order."""
    rehearsal.shop.tell(order(f"{contact}-2", contact, at=at), now=at)


def live_in(rehearsal: Rehearsal, zones: dict[str, str | None]) -> None:
    """Customers who live in these zones."""
    for name, zone in zones.items():
        rehearsal.customer(name)
        with rehearsal.database.write() as tx:
            contact = tx.scalars(select(contacts.c.id).where(contacts.c.external_id == name)).one()
            tx.execute(update(contacts).where(contacts.c.id == contact).values(home_zone=zone))
            tx.execute(update(profiles).where(profiles.c.contact_id == contact).values(home_zone=zone))


# Waiting until a condition holds


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


# Waiting until a time of day


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


# Branches


BY_VALUE = {
    "branch": [
        {"when": "order_count >= 3", "steps": [{"send": "last", "channel": "email"}]},
        {"when": "order_count >= 2", "steps": [{"send": "again", "channel": "email"}, TWO_DAYS]},
    ]
}


def three_customers(rehearsal: Rehearsal) -> None:
    """Who ordered once, twice and three times."""
    for number, name in enumerate(("ada", "bob", "cyd")):
        rehearsal.customer(name)
        for again in range(number):
            rehearsal.shop.tell(order(f"{name}-{again + 2}", name, at=NOW - HOUR_MS))


def test_the_first_arm_that_fits_is_taken_and_nobody_is_lost(rehearsal: Rehearsal) -> None:
    """Three orders are also two, and take the first arm; one order takes none and goes on after the branch."""
    rehearsal.have(campaign(steps=[BY_VALUE, HELLO]))
    three_customers(rehearsal)
    rehearsal.decide(NOW)
    rehearsal.decide(NOW + 2 * DAY_MS)
    assert {name: sent_to(rehearsal, name) for name in ("ada", "bob", "cyd")} == {
        "ada": ["hello"],
        "bob": ["again", "hello"],
        "cyd": ["last", "hello"],
    }
    assert {left.status for left in journeys(rehearsal)} == {"completed"}


def test_everybody_else_takes_the_arm_without_a_condition(rehearsal: Rehearsal) -> None:
    """Unknown is not enough for an arm, and is enough for otherwise."""
    unknown = {"when": "days_since(last_rated_at) < 14", "steps": [LAST]}
    rehearsal.have(campaign(steps=[{"branch": [unknown, {"steps": [AGAIN]}], "name": "rated"}]))
    rehearsal.customer()
    rehearsal.decide(NOW)
    assert sent_to(rehearsal) == ["again"]
    assert kept(rehearsal, "branched") == [("ada", "rated: otherwise", {"last_rated_at": None})]


def test_a_branch_keeps_which_arm_and_by_which_facts(rehearsal: Rehearsal) -> None:
    """Why somebody got this and not that can be told later."""
    rehearsal.have(campaign(steps=[BY_VALUE, HELLO]))
    three_customers(rehearsal)
    rehearsal.decide(NOW)
    assert kept(rehearsal, "branched") == [
        ("ada", "branch-1: none of its conditions holds", {"order_count": 1}),
        ("bob", "branch-1: order_count >= 2", {"order_count": 2}),
        ("cyd", "branch-1: order_count >= 3", {"order_count": 3}),
    ]


def test_going_on_at_a_later_step(rehearsal: Rehearsal) -> None:
    """An arm may skip what stands between, and an exit ends the journey with its reason."""
    skip = {"branch": [{"when": REPEAT, "steps": [{"go_to": "last"}]}]}
    rehearsal.have(campaign(steps=[skip, HELLO, {"exit": "no interest shown"}, LAST]))
    rehearsal.customer("ada")
    rehearsal.customer("bob")
    buys_again(rehearsal, at=NOW - HOUR_MS)
    rehearsal.decide(NOW)
    assert (sent_to(rehearsal, "ada"), sent_to(rehearsal, "bob")) == (["last"], ["hello"])
    assert journeys(rehearsal) == [Left("ada", "completed", None), Left("bob", "exited", "no interest shown")]
    assert ("exited", "no interest shown") in rehearsal.decisions()


# Splits


DRAWN = [
    "subject=plain,split-1=late",
    "subject=plain,split-1=late",
    "subject=question,split-1=late",
    "subject=plain,split-1=late",
]


def test_a_split_draws_by_weight_and_always_the_same(rehearsal: Rehearsal) -> None:
    """Shares are near the weights, the arm is kept, and another database draws the same."""
    arms = [{"name": "question", "weight": 1, "steps": [AGAIN]}, {"name": "plain", "weight": 3, "steps": [LAST]}]
    second = [{"name": "early", "weight": 1, "steps": []}, {"name": "late", "weight": 1, "steps": [TWO_DAYS]}]
    rehearsal.have(campaign(steps=[{"split": arms, "name": "subject"}, {"split": second}, HELLO]))
    people = [f"c{number}" for number in range(200)]
    rehearsal.shop.tell(*(ContactRecord(name, email_consent=True) for name in people))
    rehearsal.shop.tell(*(order(f"{name}-1", name) for name in people))
    rehearsal.decide(NOW)
    e, c = enrolments.c, contacts.c
    with rehearsal.database.read() as tx:
        query = select(c.external_id, e.variant).join(contacts, c.id == e.contact_id)
        variants: dict[str, str] = {row.external_id: row.variant for row in tx.execute(query)}
    drawn = Counter(variants.values())
    asked = sum(count for variant, count in drawn.items() if variant.startswith("subject=question"))
    late = sum(count for variant, count in drawn.items() if variant.endswith("split-1=late"))
    assert 30 <= asked <= 70
    assert 75 <= late <= 125
    assert len(drawn) == 4, "one split says nothing about the other"
    assert [variants[name] for name in people[:4]] == DRAWN, "which depends on source and id alone"
    for name in people:
        first = "again" if variants[name].startswith("subject=question") else "last"
        assert sent_to(rehearsal, name)[0] == first
    assert Counter(reason for _, reason, _ in kept(rehearsal, "split"))["subject: question"] == asked


# Exits and goals


def test_an_exit_rule_ends_the_journey_between_sends(rehearsal: Rehearsal) -> None:
    """With the run that sees it, with its reason and the facts, and nothing is sent any more."""
    rules = [{"when": "order_count >= 9", "reason": "nine orders"}, {"when": REPEAT, "reason": "bought again"}]
    rehearsal.have(campaign(exit=rules, steps=[HELLO, TWO_DAYS, AGAIN]))
    rehearsal.customer("ada")
    rehearsal.customer("bob")
    rehearsal.run(NOW)
    buys_again(rehearsal, at=NOW + HOUR_MS)
    rehearsal.run(NOW + DAY_MS)
    assert journeys(rehearsal) == [Left("ada", "exited", "bought again"), Left("bob", "active", None)]
    assert kept(rehearsal, "exited") == [("ada", "bought again", {"order_count": 2})]
    rehearsal.run(NOW + 2 * DAY_MS)
    assert (sent_to(rehearsal, "ada"), sent_to(rehearsal, "bob")) == (["hello"], ["hello", "again"])


def test_time_alone_can_end_a_journey(rehearsal: Rehearsal) -> None:
    """An exit rule by a threshold is seen when it is passed, of people of whom nothing is new."""
    rules = [{"when": "days_since(entered_at) >= 3", "reason": "took too long"}]
    rehearsal.have(campaign(exit=rules, steps=[HELLO, {"wait": "30d"}, AGAIN]))
    rehearsal.customer()
    for day, status in ((0, "active"), (2, "active"), (3, "exited")):
        rehearsal.decide(NOW + day * DAY_MS)
        assert journeys(rehearsal)[0].status == status


def test_a_goal_keeps_the_facts_that_reached_it(rehearsal: Rehearsal) -> None:
    """What was true when the journey ended can be told later."""
    rehearsal.have(campaign(goal={"when": REPEAT}, steps=[HELLO, TWO_DAYS, AGAIN]))
    rehearsal.customer()
    rehearsal.run(NOW)
    buys_again(rehearsal, at=NOW + HOUR_MS)
    rehearsal.run(NOW + DAY_MS)
    assert kept(rehearsal, "exited") == [("ada", "goal reached", {"order_count": 2})]


def test_who_enters_with_the_goal_reached_is_sent_nothing(rehearsal: Rehearsal) -> None:
    """Those who have just entered are looked at like those whose facts changed, in every run."""
    rehearsal.have(campaign(goal={"when": REPEAT}))
    rehearsal.customer("ada")
    rehearsal.run(NOW)
    rehearsal.customer("bob")
    buys_again(rehearsal, "bob", at=NOW + HOUR_MS)
    rehearsal.run(NOW + DAY_MS)
    assert [seen.contact for seen in rehearsal.messages()] == ["ada"]


def test_a_rule_that_is_new_is_asked_of_everybody(rehearsal: Rehearsal) -> None:
    """What a condition means may change under people in flight, with a segment; then all are looked at again."""
    rules = [{"when": "revenue > 15", "reason": "enough"}]
    rehearsal.have(campaign(exit=rules, steps=[HELLO, {"wait": "30d"}, AGAIN]))
    rehearsal.customer()
    buys_again(rehearsal, at=NOW - HOUR_MS)
    with rehearsal.database.write() as tx:
        tx.execute(update(profiles).values(revenue=1_000))
    rehearsal.decide(NOW)
    rehearsal.decide(NOW + HOUR_MS)
    with rehearsal.database.write() as tx:
        tx.execute(update(profiles).values(revenue=2_000))  # unstamped: nothing tells that it changed
    rehearsal.decide(NOW + DAY_MS)
    # PostgreSQL looks again at what changed while the oldest transaction of the whole server was under way.
    assert journeys(rehearsal)[0].status == "active" or rehearsal.database.dialect == "postgresql"
    with rehearsal.database.write() as tx:
        tx.exec_driver_sql("UPDATE watermarks SET rules = rules + 1")
    rehearsal.decide(NOW + 2 * DAY_MS)
    assert journeys(rehearsal)[0].reason == "enough"


# Suppressing, and those held out


def test_suppressing_stops_whatever_would_follow(rehearsal: Rehearsal) -> None:
    """The address is on the list and the decision is kept; whoever has no address was not asked."""
    rehearsal.have(campaign(steps=[HELLO, TWO_DAYS, {"suppress": "email", "name": "sunset"}]))
    rehearsal.customer("ada")
    rehearsal.customer("bob", email=None)
    rehearsal.run(NOW)
    rehearsal.run(NOW + 2 * DAY_MS)
    with rehearsal.database.read() as tx:
        found = suppressions.suppressed(tx, [("email", "ada@example.com"), ("email", "bob@example.com")])
        assert found == {("email", "ada@example.com"): "sunset"}
        (standing,) = suppressions.standing(tx, channel="email", address="ada@example.com")
    assert standing.source == "campaign nudge"
    assert kept(rehearsal, "suppressed") == [("ada", "sunset: no more messages by email", None)]
    assert journeys(rehearsal) == [Left("ada", "completed", None), Left("bob", "exited", UNASKED)]


SUNSET = campaign(steps=[HELLO, TWO_DAYS, {"suppress": "email", "name": "sunset"}])
UNASKED = "nobody was asked: not suppressed"


def suppressed(rehearsal: Rehearsal) -> bool:
    """Whether ada gets no more mail."""
    with rehearsal.database.read() as tx:
        return bool(suppressions.suppressed(tx, [("email", "ada@example.com")]))


def test_who_may_still_get_the_question_is_not_suppressed_yet(rehearsal: Rehearsal) -> None:
    """Nothing was handed over so far: they stand before the step until it is known what became of the message."""
    rehearsal.have(SUNSET)
    rehearsal.customer()
    for day in (0, 2, 2):
        rehearsal.decide(NOW + day * DAY_MS)
    assert not suppressed(rehearsal)
    assert journeys(rehearsal) == [Left("ada", "active", None)]
    assert rehearsal.hand_over(NOW + 2 * DAY_MS) == {"sent": 1}
    rehearsal.decide(NOW + 2 * DAY_MS + HOUR_MS)
    assert suppressed(rehearsal)
    assert journeys(rehearsal) == [Left("ada", "completed", None)]


def test_many_who_wait_before_they_are_suppressed_are_taken_once(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than a batch of them stand there, and the pass comes to its end."""
    monkeypatch.setattr("clm.engine.advance.BATCH_ENROLMENTS", 2)
    rehearsal.have(SUNSET)
    for number in range(5):
        rehearsal.customer(f"c{number}")
    rehearsal.decide(NOW)
    rehearsal.decide(NOW + 2 * DAY_MS)
    assert {left.status for left in journeys(rehearsal)} == {"active"}


def test_who_was_never_asked_is_not_suppressed(rehearsal: Rehearsal) -> None:
    """The message came to nothing, so that silence says nothing: the journey ends with that reason."""
    rehearsal.have(SUNSET)
    rehearsal.customer(email_consent=False)
    rehearsal.run(NOW)
    rehearsal.run(NOW + 2 * DAY_MS)
    assert [seen.status for seen in rehearsal.messages()] == ["refused"]
    assert not suppressed(rehearsal)
    assert journeys(rehearsal) == [Left("ada", "exited", UNASKED)]


def test_a_message_by_another_channel_asks_nobody(rehearsal: Rehearsal) -> None:
    """Only what was handed over by the channel that is to be closed counts."""
    steps = [{"send": "hello", "channel": "sms"}, TWO_DAYS, {"suppress": "email"}]
    rehearsal.have(campaign(steps=steps))
    rehearsal.customer()
    assert rehearsal.run(NOW + 12 * HOUR_MS) == {"sent": 1}
    rehearsal.run(NOW + 3 * DAY_MS)
    assert not suppressed(rehearsal)
    assert journeys(rehearsal) == [Left("ada", "exited", UNASKED)]


def test_an_answer_that_was_lost_may_have_been_a_question(rehearsal: Rehearsal) -> None:
    """What is in doubt counts as handed over."""
    rehearsal.have(SUNSET)
    rehearsal.customer()
    rehearsal.mail.answer = lambda _envelope: InDoubt("nobody knows")
    rehearsal.run(NOW)
    rehearsal.run(NOW + 2 * DAY_MS)
    assert suppressed(rehearsal)


def test_held_out_people_go_through_everything_and_get_nothing(rehearsal: Rehearsal) -> None:
    """They wait, branch, draw and reach the goal like the others, and are neither written to nor suppressed."""
    arms = [{"name": "one", "weight": 1, "steps": []}, {"name": "two", "weight": 1, "steps": []}]
    steps = [HELLO, BY_VALUE, {"split": arms}, {"suppress": "email"}, {"wait": "9d"}]
    rehearsal.have(campaign(holdout="50%", goal={"when": "ordered_since_entry"}, steps=steps))
    people = [f"c{number}" for number in range(12)]
    for name in people:
        rehearsal.customer(name)
    rehearsal.run(NOW)
    rehearsal.run(NOW + HOUR_MS)
    e, c = enrolments.c, contacts.c
    with rehearsal.database.read() as tx:
        query = select(c.external_id).join(contacts, c.id == e.contact_id).where(e.holdout == "campaign")
        held = set(tx.scalars(query))
        assert set(tx.scalars(select(e.position))) == {8}
        assert None not in set(tx.scalars(select(e.variant)))
        addresses = [("email", f"{name}@example.com") for name in people]
        assert {address for _, address in suppressions.suppressed(tx, addresses)} == {
            f"{name}@example.com" for name in people if name not in held
        }
    assert 0 < len(held) < len(people)
    assert {seen.contact for seen in rehearsal.messages()} == set(people) - held
    one = min(held)
    buys_again(rehearsal, one, at=NOW + DAY_MS)
    rehearsal.run(NOW + 2 * DAY_MS)
    assert [left for left in journeys(rehearsal) if left.status != "active"] == [Left(one, "exited", "goal reached")]
    rehearsal.run(NOW + 9 * DAY_MS + HOUR_MS)
    assert {left.status for left in journeys(rehearsal) if left.contact != one} == {"completed"}


# What cannot be sent any more


def test_a_step_whose_words_are_gone_ends_its_message_with_the_reason(rehearsal: Rehearsal) -> None:
    """Somebody removed the words of a step that people in flight still come to: dead, told, and the journey goes on."""
    rehearsal.have(campaign(steps=[{"send": "vanished", "channel": "email"}, TWO_DAYS, HELLO]))
    rehearsal.customer()
    assert rehearsal.run(NOW) == {"dead": 1}
    (message,) = rehearsal.messages()
    assert message[:3] == ("ada", "vanished", "dead")
    assert "vanished" in (message.reason or "")
    assert rehearsal.run(NOW + 2 * DAY_MS) == {"sent": 1}
    assert rehearsal.messages()[-1] == Seen("ada", "hello", "sent", None)
