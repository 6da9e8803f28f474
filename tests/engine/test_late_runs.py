"""Days without a scheduler, versions that can't be read any more, and channels that break."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select, update

from clm.domain.content import Envelope
from clm.domain.instant import DAY_MS
from clm.domain.outcome import Outcome
from clm.store.schema import campaign_versions, enrolments
from tests.engine.rehearsal import AGAIN, HELLO, TWO_DAYS, Rehearsal, Seen, campaign
from tests.engine.shop import NOW, order

GOAL = {"when": "ordered_since_entry", "within": "3d"}
JOURNEY = campaign(steps=[HELLO, TWO_DAYS, AGAIN], goal=GOAL)


def goal_at(rehearsal: Rehearsal) -> int | None:
    """When the only enrolment's goal was noted."""
    with rehearsal.database.read() as tx:
        return tx.scalars(select(enrolments.c.goal_at)).one()


def test_a_run_after_the_window_neither_writes_to_a_buyer_nor_forgets_them(rehearsal: Rehearsal) -> None:
    """She bought within the goal's window, the next run comes after it: no reminder, and the goal counts."""
    rehearsal.customer()
    rehearsal.have(JOURNEY)
    rehearsal.run(NOW)
    rehearsal.shop.tell(order("ada-2", at=NOW + DAY_MS), now=NOW + DAY_MS)
    rehearsal.run(NOW + 4 * DAY_MS)
    assert rehearsal.handed() == ["nudge hello"]
    assert rehearsal.enrolments() == [("contact", "exited", "goal reached")]
    assert goal_at(rehearsal) == NOW + 4 * DAY_MS


def test_buying_after_the_window_ends_the_journey_without_counting(rehearsal: Rehearsal) -> None:
    """Who buys too late for the goal is still not reminded to buy."""
    rehearsal.customer()
    rehearsal.have(JOURNEY)
    rehearsal.run(NOW)
    rehearsal.shop.tell(order("ada-2", at=NOW + 5 * DAY_MS), now=NOW + 5 * DAY_MS)
    rehearsal.run(NOW + 6 * DAY_MS)
    assert rehearsal.handed() == ["nudge hello"]
    assert goal_at(rehearsal) is None


def test_a_goal_seen_at_hand_over_is_counted_by_the_next_run(rehearsal: Rehearsal) -> None:
    """A purchase between queueing and hand-over stops the message, and the campaign gets the credit."""
    rehearsal.customer()
    rehearsal.have(JOURNEY)
    rehearsal.decide(NOW)
    rehearsal.shop.tell(order("ada-2", at=NOW + 1), now=NOW + 1)
    assert rehearsal.hand_over(NOW + 2) == Counter(refused=1)
    rehearsal.run(NOW + 3)
    assert rehearsal.messages() == [Seen("ada", "hello", "refused", "goal reached")]
    assert goal_at(rehearsal) == NOW + 3


def test_an_earlier_run_does_not_end_what_began_later(rehearsal: Rehearsal) -> None:
    """A run for an instant before somebody entered leaves them alone."""
    rehearsal.customer()
    rehearsal.have(JOURNEY)
    rehearsal.run(NOW)
    rehearsal.shop.tell(order("ada-2", at=NOW + 1), now=NOW + 1)
    rehearsal.run(NOW - DAY_MS)
    assert rehearsal.enrolments() == [("contact", "active", None)]


def test_a_version_that_cannot_be_read_stops_its_own_messages_alone(rehearsal: Rehearsal) -> None:
    """A definition of an older clm ends its queued messages with a reason; other campaigns go on."""
    rehearsal.customer()
    rehearsal.have(campaign("nudge"), campaign("other"))
    rehearsal.decide(NOW)
    with rehearsal.database.write() as tx:
        nudge = campaign_versions.c.campaign == "nudge"
        old = campaign(unless="order_count >= 99").definition().replace("order_count", "orders_counted")
        tx.execute(update(campaign_versions).where(nudge).values(definition=old))
    assert rehearsal.hand_over(NOW) == Counter(dead=1, sent=1)
    assert Seen("ada", "hello", "dead", "its version of the campaign cannot be read any more") in rehearsal.messages()
    rehearsal.run(NOW + DAY_MS)


def test_a_channel_that_breaks_over_one_message_does_not_hold_the_others(rehearsal: Rehearsal) -> None:
    """An unforeseen fault in a channel is that message's alone: it may be tried again, the others are sent once."""
    for name in ("ada", "bob", "cyd"):
        rehearsal.customer(name)
    rehearsal.have(campaign())
    answer = rehearsal.mail.answer

    def breaks_over_bob(envelope: Envelope) -> Outcome:
        if envelope.to.startswith("bob"):
            raise RuntimeError("bob@example.com is more than I can bear")
        return answer(envelope)

    rehearsal.mail.answer = breaks_over_bob
    assert rehearsal.run(NOW) == Counter(sent=2, queued=1)
    reason = next(seen.reason for seen in rehearsal.messages() if seen.contact == "bob")
    assert reason == "the channel failed: RuntimeError"
    rehearsal.mail.answer = answer
    rehearsal.lapse()
    assert rehearsal.hand_over(NOW) == Counter(sent=1)
    assert Counter(envelope.to for envelope in rehearsal.mail.handed)["ada@example.com"] == 1
