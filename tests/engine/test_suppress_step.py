"""Suppressing those who were asked and gave no sign, and what is not done to those held out."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.outcome import InDoubt
from clm.store import suppressions
from clm.store.schema import contacts, enrolments
from tests.engine.rehearsal import HELLO, TWO_DAYS, Rehearsal, campaign
from tests.engine.shop import NOW
from tests.engine.steps import BY_VALUE, Left, buys_again, journeys, kept


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
    rehearsal.mail.idempotent = False
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
