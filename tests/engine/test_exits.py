"""How journeys end before their last step, and what cannot be sent any more."""

from __future__ import annotations

from sqlalchemy import update

from clm.domain.instant import DAY_MS, HOUR_MS
from clm.store.schema import profiles
from tests.engine.rehearsal import AGAIN, HELLO, TWO_DAYS, Rehearsal, Seen, campaign
from tests.engine.shop import NOW
from tests.engine.steps import REPEAT, Left, buys_again, journeys, kept, sent_to


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
