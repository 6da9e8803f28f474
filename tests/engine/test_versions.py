"""Campaign files edited while people are on their way: they stay on what they entered, or move with the file."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select, update

from clm.domain.campaign import Campaign
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.engine.advance import advance
from clm.store.schema import campaign_versions, enrolments
from tests.engine.rehearsal import AGAIN, HELLO, LAST, TWO_DAYS, Rehearsal, campaign
from tests.engine.shop import NOW, order

BEFORE = campaign(steps=[HELLO, TWO_DAYS, AGAIN, TWO_DAYS, LAST])


def edited(*steps: dict[str, Any], **more: Any) -> Campaign:
    """The campaign after an edit that people in flight are to follow."""
    return campaign(steps=list(steps), in_flight="move", **more)


def made(rehearsal: Rehearsal) -> list[str]:
    """The steps of which messages were made."""
    return [seen.step for seen in rehearsal.messages()]


def version(rehearsal: Rehearsal) -> str:
    """The version that the only enrolment is on."""
    with rehearsal.database.read() as tx:
        return tx.scalars(select(enrolments.c.version)).one()


def test_people_follow_an_edited_file_where_it_says_so(rehearsal: Rehearsal) -> None:
    """Who waits for a step waits for the step of that name, wherever it stands now, and no longer than before."""
    rehearsal.have(BEFORE)
    rehearsal.customer()
    rehearsal.run(NOW)
    after = edited(HELLO, {"wait": "9d"}, {"branch": [{"when": "order_count >= 5", "steps": []}]}, AGAIN)
    rehearsal.have(after)
    rehearsal.run(NOW + DAY_MS)
    assert version(rehearsal) == after.version
    rehearsal.run(NOW + 2 * DAY_MS)
    assert rehearsal.handed() == ["nudge hello", "nudge again"]
    assert rehearsal.enrolments() == [("contact", "completed", None)]


def test_people_stay_where_it_does_not(rehearsal: Rehearsal) -> None:
    """The same edit without `in_flight: move` is for those who enter from now on."""
    rehearsal.have(BEFORE)
    rehearsal.customer()
    rehearsal.run(NOW)
    rehearsal.have(campaign(steps=[HELLO, {"wait": "9d"}, AGAIN]))
    for day in (2, 4):
        rehearsal.run(NOW + day * DAY_MS)
    assert version(rehearsal) == BEFORE.version
    assert rehearsal.handed() == ["nudge hello", "nudge again", "nudge last"]


def test_a_step_that_was_removed_ends_the_journey_with_that_reason(rehearsal: Rehearsal) -> None:
    """Nobody is stuck before a step that is not there any more, and nobody is sent something else instead."""
    rehearsal.have(BEFORE)
    rehearsal.customer()
    rehearsal.run(NOW)
    rehearsal.have(edited(HELLO, TWO_DAYS, LAST))
    rehearsal.run(NOW + DAY_MS)
    reason = "step `again` was removed from the campaign"
    assert rehearsal.enrolments() == [("contact", "exited", reason)]
    assert rehearsal.decisions()[-1] == ("exited", reason)
    rehearsal.run(NOW + 9 * DAY_MS)
    assert rehearsal.handed() == ["nudge hello"]


def test_nothing_is_sent_twice_when_steps_change_places(rehearsal: Rehearsal) -> None:
    """Whoever has had a step that now comes later again is not sent it again."""
    rehearsal.have(campaign(steps=[HELLO, TWO_DAYS, AGAIN]))
    rehearsal.customer()
    rehearsal.run(NOW)
    rehearsal.have(edited(AGAIN, TWO_DAYS, HELLO))
    for day in (2, 4, 6):
        rehearsal.run(NOW + day * DAY_MS)
    assert rehearsal.handed() == ["nudge hello", "nudge again"]
    assert rehearsal.enrolments() == [("contact", "completed", None)]


def test_who_is_held_is_asked_the_new_question_at_once(rehearsal: Rehearsal) -> None:
    """Nothing changed about her but what is asked: she goes on with the run that moves her."""
    until = {"at_most": "30d", "when": "order_count >= 9"}
    rehearsal.have(campaign(steps=[HELLO, {"name": "patience", "wait_until": until}, AGAIN]))
    rehearsal.customer("ada")
    rehearsal.run(NOW)
    rehearsal.run(NOW + HOUR_MS)
    after = edited(HELLO, {"name": "patience", "wait_until": until | {"when": "order_count >= 1"}}, AGAIN)
    _look_before_anybody_moves(rehearsal, after)
    rehearsal.have(after)
    rehearsal.run(NOW + DAY_MS)
    assert sorted((seen.contact, seen.step) for seen in rehearsal.messages()) == [
        ("ada", "again"), ("ada", "hello"), ("bob", "again"), ("bob", "hello"),
    ]  # fmt: skip


def _look_before_anybody_moves(rehearsal: Rehearsal, after: Campaign) -> None:
    """Somebody enters today's version, and its next look is at what changes from here on."""
    rehearsal.have(after.model_copy(update={"in_flight": "stay"}))
    rehearsal.customer("bob")
    rehearsal.run(NOW + 2 * HOUR_MS)
    rehearsal.run(NOW + 3 * HOUR_MS)


def test_the_deadline_of_who_is_held_stays(rehearsal: Rehearsal) -> None:
    """Waiting for a condition goes on from when it began."""
    until = {"at_most": "3d", "when": "order_count >= 9"}
    rehearsal.have(campaign(steps=[HELLO, {"name": "patience", "wait_until": until}, AGAIN]))
    rehearsal.customer()
    rehearsal.run(NOW)
    rehearsal.have(edited(HELLO, TWO_DAYS, {"name": "patience", "wait_until": until | {"at_most": "9d"}}, AGAIN))
    rehearsal.decide(NOW + 3 * DAY_MS - 1)
    assert made(rehearsal) == ["hello"]
    rehearsal.decide(NOW + 3 * DAY_MS)
    assert made(rehearsal) == ["hello", "again"]


def test_a_goal_of_the_new_file_holds_for_those_who_moved(rehearsal: Rehearsal) -> None:
    """People who come to another version are looked at under its rules, whether anything else changed or not."""
    rehearsal.have(BEFORE)
    rehearsal.customer()
    rehearsal.shop.tell(order("ada-2", at=NOW - HOUR_MS))
    rehearsal.run(NOW)
    rehearsal.run(NOW + HOUR_MS)
    after = edited(HELLO, TWO_DAYS, AGAIN, goal={"when": "order_count >= 2"})
    _look_before_anybody_moves(rehearsal, after)
    rehearsal.have(after)
    rehearsal.run(NOW + DAY_MS)
    assert rehearsal.enrolments()[0] == ("contact", "exited", "goal reached")


def test_saying_that_people_follow_moves_those_who_stayed_so_far(rehearsal: Rehearsal) -> None:
    """`in_flight` is no part of what people entered: adding it alone makes no new version, and counts for all."""
    rehearsal.have(BEFORE)
    rehearsal.customer()
    rehearsal.run(NOW)
    after = campaign(steps=[HELLO, {"wait": "9d"}, AGAIN])
    rehearsal.have(after)
    rehearsal.run(NOW + HOUR_MS)
    assert version(rehearsal) == BEFORE.version
    moving = after.model_copy(update={"in_flight": "move"})
    assert moving.version == after.version
    rehearsal.have(moving)
    rehearsal.run(NOW + DAY_MS)
    assert version(rehearsal) == after.version


OLD = (
    '{"campaign":"nudge","enter":{"once_per":"contact","when":"order_count >= 1"},"goal":null,"purpose":"marketing",'
    '"steps":[{"channel":"email","send":"hello","within":259200000},{"wait":172800000},'
    '{"channel":"email","send":"again","within":259200000}],"unless":null}'
)
"""As clm 0.1 kept it."""


def test_who_entered_under_an_older_clm_goes_on(rehearsal: Rehearsal) -> None:
    """A definition from before there were branches reads as it was meant, and positions mean what they meant."""
    rehearsal.have(campaign(steps=[HELLO, TWO_DAYS, AGAIN]))
    assert campaign(steps=[HELLO, TWO_DAYS, AGAIN]).definition() == OLD, "so that nobody is on another version"
    rehearsal.customer()
    rehearsal.decide(NOW)
    rehearsal.have(campaign(steps=[LAST]))
    with rehearsal.database.write() as tx:
        tx.execute(update(campaign_versions).values(definition=OLD))
        tx.execute(update(enrolments).values(position=2, next_due_at=NOW + 2 * DAY_MS))
    rehearsal.run(NOW + DAY_MS)
    assert made(rehearsal) == ["hello"]
    rehearsal.run(NOW + 2 * DAY_MS)
    assert made(rehearsal) == ["hello", "again"]
    assert rehearsal.enrolments() == [("contact", "completed", None)]


SPEAKS_OF_A_SEGMENT = {"branch": [{"when": "segment('loyal')", "steps": []}]}
UNREADABLE = "its version of the campaign cannot be read any more"


def _forget_the_segment(rehearsal: Rehearsal, *steps: dict[str, Any], **more: Any) -> None:
    """Ada is before the second of these steps; a later one speaks of a segment that then is taken away."""
    before = campaign(steps=[HELLO, TWO_DAYS, AGAIN], **more)
    rehearsal.have(before)
    rehearsal.customer()
    rehearsal.run(NOW)
    definition = json.loads(before.definition())
    definition["steps"] = list(steps)
    with rehearsal.database.write() as tx:
        tx.execute(update(campaign_versions).values(definition=json.dumps(definition)))


def test_who_is_on_a_version_that_cannot_be_read_any_more_leaves(rehearsal: Rehearsal) -> None:
    """A segment it speaks of was taken away: nobody stays in a campaign that goes nowhere, and it is told why."""
    _forget_the_segment(rehearsal, HELLO, TWO_DAYS, SPEAKS_OF_A_SEGMENT)
    rehearsal.have(campaign(steps=[HELLO]))
    rehearsal.run(NOW + HOUR_MS)
    assert rehearsal.enrolments() == [("contact", "exited", UNREADABLE)]
    assert rehearsal.decisions()[-1] == ("exited", UNREADABLE)


def test_who_leaves_a_version_that_cannot_be_read_may_come_again(rehearsal: Rehearsal) -> None:
    """They enter today's version when their time has come."""
    again = {"when": "order_count >= 1", "once_per": "contact", "again_after": "2d"}
    _forget_the_segment(rehearsal, HELLO, TWO_DAYS, SPEAKS_OF_A_SEGMENT, enter=again)
    rehearsal.have(campaign(steps=[HELLO], enter=again))
    for day in (3, 4):  # the first of which looks for who enters before anybody leaves
        rehearsal.run(NOW + day * DAY_MS)
    assert [status for _, status, _ in rehearsal.enrolments()] == ["exited", "completed"]


def test_who_is_on_a_version_that_cannot_be_read_moves_where_the_file_says_so(rehearsal: Rehearsal) -> None:
    """Its steps can still be told, if not what they ask: the step of the same name takes them."""
    _forget_the_segment(rehearsal, HELLO, TWO_DAYS, AGAIN, SPEAKS_OF_A_SEGMENT)
    after = edited(HELLO, {"wait": "9d"}, AGAIN, TWO_DAYS)
    rehearsal.have(after)
    rehearsal.run(NOW + 2 * DAY_MS)
    assert version(rehearsal) == after.version
    assert rehearsal.handed() == ["nudge hello", "nudge again"]


def test_who_is_on_a_version_without_steps_that_can_be_told_leaves(rehearsal: Rehearsal) -> None:
    """Its steps are of a kind that there is not any more: even where the file moves people, these leave."""
    _forget_the_segment(rehearsal, HELLO, TWO_DAYS, {"telegram": "stop"})
    rehearsal.have(edited(HELLO, TWO_DAYS, LAST))
    rehearsal.run(NOW + HOUR_MS)
    assert rehearsal.enrolments() == [("contact", "exited", UNREADABLE)]


def test_a_campaign_that_is_paused_lets_nobody_leave(rehearsal: Rehearsal) -> None:
    """Asked for its people all the same, it has none that are stranded."""
    rehearsal.have(BEFORE)
    rehearsal.customer()
    rehearsal.run(NOW)
    paused = BEFORE.model_copy(update={"status": "paused"})
    rehearsal.have(paused)
    advance(rehearsal.database, rehearsal.journeys, paused, now=NOW + HOUR_MS)
    assert rehearsal.enrolments() == [("contact", "active", None)]
