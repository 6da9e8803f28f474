"""Broadcasts: who is taken in and when, and what becomes of them."""

from __future__ import annotations

import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, select

from clm.content.library import TemplateLibrary
from clm.domain.broadcast import Broadcast
from clm.domain.content import Envelope
from clm.domain.delivery import Canary, Delivery
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.outcome import Accepted, InDoubt, NotSent, Outcome
from clm.domain.policy import Policy
from clm.domain.sms import segments
from clm.domain.wish import Wish
from clm.engine import broadcast as announcing
from clm.engine.advance import advance
from clm.engine.broadcast import CalledOff, NotAnnouncedError, announce, call_off
from clm.engine.broadcast_plan import BroadcastPlan, plan_broadcast, refuse
from clm.engine.doubt import resolve
from clm.engine.safety import judge
from clm.insight.broadcasts import Outing, outings
from clm.store import wishes
from clm.store.database import Database
from clm.store.schema import contacts, enrolments, messages
from tests.engine.guarded import Guarded
from tests.engine.rehearsal import HELLO, Rehearsal
from tests.engine.shop import NOW, order
from tests.engine.steps import kept, live_in

NINE = NOW + 9 * HOUR_MS
"""By the shop's clock; in Tehran it is nine at half past five."""
TEHRAN = NINE - 3 * HOUR_MS - HOUR_MS // 2
LETTER = HELLO | {"within": "1d"}


def letter(**changes: Any) -> Broadcast:
    """A mail at nine to everybody who has ordered, where each of them lives; changed as told."""
    plan: dict[str, Any] = {
        "campaign": "nudge", "title": "Nudge", "status": "live", "at": "2024-10-04 09:00", "where": "contact",
        "enter": {"when": "order_count >= 1", "once_per": "contact"}, "steps": [LETTER],
    }  # fmt: skip
    return Broadcast.model_validate(plan | changes)


def told(rehearsal: Rehearsal, broadcast: Broadcast, *, at: int = NOW) -> int:
    """Announce it; how many were taken in."""
    return announce(rehearsal.database, rehearsal.journeys, broadcast, clock=lambda: at)


def outing(rehearsal: Rehearsal, broadcast: Broadcast) -> Outing:
    """What became of it, as `clm broadcast --list` tells."""
    configuration = replace(rehearsal.journeys.configuration, campaigns=(), broadcasts=(broadcast,))
    return outings(rehearsal.database, configuration)[0]


def planned(rehearsal: Rehearsal, library: TemplateLibrary, broadcast: Broadcast, *, at: int = NOW) -> BroadcastPlan:
    """What announcing would come to."""
    lengths = {"en": segments("nudge hello")}
    return plan_broadcast(rehearsal.database, rehearsal.journeys, library, broadcast, lengths=lengths, now=at)


def test_it_leaves_once_announced_when_it_is_nine_where_each_of_them_lives(rehearsal: Rehearsal) -> None:
    """No run takes anybody in; nothing leaves before its time; who comes later is taken in by announcing it again."""
    once = letter()
    rehearsal.have(once)
    live_in(rehearsal, {"ada": "Asia/Tehran", "bob": "Europe/London", "cem": None})
    rehearsal.run(NOW)
    assert rehearsal.enrolments() == []
    assert told(rehearsal, once) == 3
    assert len(kept(rehearsal, "entered")) == 3
    rehearsal.run(TEHRAN - 1)
    assert rehearsal.handed() == []
    rehearsal.run(TEHRAN)
    assert [(one.contact, one.status) for one in rehearsal.messages()] == [("ada", "sent")]
    live_in(rehearsal, {"dora": None})
    rehearsal.run(NINE - 1)
    assert [(one.contact, one.status) for one in rehearsal.messages()] == [("ada", "sent"), ("bob", "sent")]
    assert (told(rehearsal, once, at=NINE - 1), told(rehearsal, once, at=NINE - 1)) == (1, 0)
    rehearsal.run(NINE)
    rehearsal.run(NINE + HOUR_MS)
    assert Counter(one.contact for one in rehearsal.messages()) == Counter(["ada", "bob", "cem", "dora"])
    assert len(rehearsal.handed()) == 4


def test_a_run_that_comes_too_late_sends_nothing(rehearsal: Rehearsal) -> None:
    """`within` counts from the letter's own time, not from when somebody got round to it."""
    once = letter()
    rehearsal.have(once)
    rehearsal.customer()
    told(rehearsal, once)
    rehearsal.run(NINE + DAY_MS + 1)
    assert [(one.status, one.reason) for one in rehearsal.messages()] == [("expired", "too late to be worth sending")]


def test_the_goal_counts_from_the_letter_on(rehearsal: Rehearsal) -> None:
    """Who orders before it leaves still gets it, and has not done what it asks for; who orders afterwards has."""
    once = letter(goal={"when": "ordered_since_entry", "within": "2d"})
    rehearsal.have(once)
    for name in ("ada", "bob"):
        rehearsal.customer(name)
    told(rehearsal, once, at=NOW - 5 * DAY_MS)
    rehearsal.shop.tell(order("ada-2", "ada", at=NOW))
    rehearsal.run(NINE)
    assert len(rehearsal.handed()) == 2
    rehearsal.shop.tell(order("bob-2", "bob", at=NINE + DAY_MS), now=NINE + DAY_MS)
    rehearsal.decide(NINE + DAY_MS + HOUR_MS)
    e = enrolments.c
    with rehearsal.database.read() as tx:
        who = select(contacts.c.external_id).join(enrolments, e.contact_id == contacts.c.id)
        assert list(tx.scalars(who.where(e.goal_at.is_not(None)))) == ["bob"]


def test_stopped_in_the_middle_it_goes_on_and_two_at_once_take_nobody_in_twice(
    rehearsal: Rehearsal, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch is whole or not there; the same person has one enrolment and one decision."""
    monkeypatch.setattr(announcing, "BATCH_CONTACTS", 2)
    once = letter()
    rehearsal.have(once)
    for number in range(9):
        rehearsal.customer(f"c{number}")

    def dies(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        announce(rehearsal.database, rehearsal.journeys, once, clock=lambda: NOW, progress=dies)
    assert len(rehearsal.enrolments()) == 2
    with (
        closing(Database(database_url)) as one,
        closing(Database(database_url)) as other,
        ThreadPoolExecutor(2) as both,
    ):
        journeys = rehearsal.journeys
        announced = both.map(lambda at: announce(at, journeys, once, clock=lambda: NOW), (one, other))
        assert sum(announced) == 7
    assert len(rehearsal.enrolments()) == len(kept(rehearsal, "entered")) == 9


def test_calling_it_off_ends_what_has_not_left(rehearsal: Rehearsal) -> None:
    """Of three one has it, one's is queued, one's time has not come; the two never get it, and nobody is taken in."""
    once = letter()
    rehearsal.have(once)
    live_in(rehearsal, {"ada": "Asia/Tehran", "bob": "Europe/London", "cem": None})
    told(rehearsal, once)
    rehearsal.run(TEHRAN)
    advance(rehearsal.database, rehearsal.journeys, once, now=NINE - HOUR_MS)
    assert call_off(rehearsal.database, once, now=NINE - HOUR_MS) == CalledOff(waiting=1, queued=1, gone=1)
    assert call_off(rehearsal.database, once, now=NINE - HOUR_MS) == CalledOff(waiting=0, queued=0, gone=1)
    rehearsal.run(NINE)
    assert [(one.contact, one.status, one.reason) for one in rehearsal.messages()] == [
        ("ada", "sent", None),
        ("bob", "refused", "called off"),
    ]
    assert rehearsal.enrolments()[1:] == [("contact", "exited", "called off")] * 2
    with pytest.raises(NotAnnouncedError, match="was called off"):
        told(rehearsal, once, at=NINE - HOUR_MS)


def test_called_off_it_is_not_tried_again_where_a_provider_gives_it_back(rehearsal: Rehearsal) -> None:
    """Bob's was in doubt, Ada's is being handed over and does not get through; Cem's does, and stays sent."""
    once = letter()
    rehearsal.have(once)
    live_in(rehearsal, {"ada": None, "bob": "Asia/Tehran", "cem": None})
    told(rehearsal, once)
    rehearsal.mail.idempotent = False

    def answer(envelope: Envelope) -> Outcome:
        if envelope.to == "bob@example.com":
            return InDoubt("no answer came in time")
        if envelope.to == "cem@example.com":
            return Accepted("p-1")
        assert call_off(rehearsal.database, once, now=NINE) == CalledOff(waiting=0, queued=0, gone=3)
        return NotSent("away")

    rehearsal.mail.answer = answer
    rehearsal.run(TEHRAN)
    rehearsal.run(NINE)
    with rehearsal.database.read() as tx:
        bob = tx.scalars(select(messages.c.id).where(messages.c.status == "in_doubt")).one()
    assert resolve(rehearsal.database, [bob], "not-sent", why="looked it up", now=NINE) == [bob]
    rehearsal.lapse()
    rehearsal.run(NINE + HOUR_MS)
    assert {(one.contact, one.status, one.reason) for one in rehearsal.messages()} == {
        ("ada", "refused", "left the campaign"),
        ("bob", "refused", "left the campaign"),
        ("cem", "sent", None),
    }
    assert len(rehearsal.mail.handed) == 3
    found = outing(rehearsal, once)
    assert (found.announced, found.called_off, found.standing.messages["sent"]) == (3, 2, 1)


def test_called_off_it_takes_nobody_in_though_nobody_was_waiting(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the next batch of an announcement under way, nor whoever comes later."""
    monkeypatch.setattr(announcing, "BATCH_CONTACTS", 2)
    once = letter(enter={"when": "order_count >= 2", "once_per": "contact"})
    rehearsal.have(once)
    for name in ("ada", "bob", "cem"):
        rehearsal.customer(name)
    rehearsal.shop.tell(order("cem-2", "cem", at=NOW - DAY_MS))

    def progress(_: int) -> None:
        assert call_off(rehearsal.database, once, now=NOW) == CalledOff(waiting=0, queued=0, gone=0)

    with pytest.raises(NotAnnouncedError, match="was called off"):
        announce(rehearsal.database, rehearsal.journeys, once, clock=lambda: NOW, progress=progress)
    assert (rehearsal.enrolments(), outing(rehearsal, once).state) == ([], "called off")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_batch_costs_the_same_however_many_have_been_taken_in(
    rehearsal: Rehearsal, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted in steps of SQLite's machine, tens of them; every batch holds the write lock."""
    monkeypatch.setattr(announcing, "BATCH_CONTACTS", 4)
    once = letter()
    rehearsal.have(once)
    rehearsal.shop.tell(*[order(f"o{number}", f"c{number}", at=NOW - DAY_MS) for number in range(80)])
    steps = 0
    costs: list[int] = []

    def count() -> None:
        nonlocal steps
        steps += 1

    def batch(_: int) -> None:
        costs.append(steps)

    with closing(Database(database_url)) as counted:

        def watch(connection: sqlite3.Connection, _: object) -> None:
            connection.set_progress_handler(count, 10)

        event.listen(counted.engine, "connect", watch)
        assert announce(counted, rehearsal.journeys, once, clock=lambda: NOW, progress=batch) == 80
    early, late = costs[2] - costs[1], costs[-1] - costs[-2]
    assert late < 1.2 * early, (early, late)


def test_an_edited_file_is_not_announced_beside_the_old_one(rehearsal: Rehearsal) -> None:
    """What people were promised stands; the title may change."""
    rehearsal.customer()
    rehearsal.have(letter())
    told(rehearsal, letter())
    assert told(rehearsal, letter(title="Another")) == 0
    with pytest.raises(NotAnnouncedError, match="its file says something else now"):
        told(rehearsal, letter(at="2024-10-05 09:00"))


def test_the_plan_says_what_then_happens(guarded: Guarded, library: TemplateLibrary) -> None:
    """Those without consent, the suppressed and those who want no word on it are told before, and refused then."""
    once = letter(topic="news", enter={"when": "order_count >= 1 or signed_up_at is not null", "once_per": "contact"})
    guarded.have(once)
    live_in(guarded, {"ada": "Asia/Tehran", "bob": None, "cem": None, "dora": None})
    guarded.customer("eve", email_consent=False)
    guarded.suppress("email", "bob@example.com")
    with guarded.database.write() as tx:
        cem = tx.scalars(select(contacts.c.id).where(contacts.c.external_id == "cem")).one()
        wishes.put(tx, cem, Wish(frozenset({"news"})), source="test", at=NOW)
    plan = planned(guarded, library, once)
    assert (plan.matching, plan.new, plan.held_out, plan.sampled) == (5, 5, 0, 5)
    assert plan.refused == {
        "no e-mail consent": 1, "address suppressed: unsubscribed": 1, "wants no word on news": 1,
    }  # fmt: skip
    assert (plan.first_at, plan.last_at, plan.locales) == (TEHRAN, NINE, {"en": 5})
    assert plan.zones == {"unknown": 3, "Asia/Tehran": 1, "Europe/London": 1}
    assert told(guarded, once) == 5
    for at in (TEHRAN, NINE):
        guarded.run(at)
    happened = Counter(one.reason for one in guarded.messages() if one.status == "refused")
    assert (happened, len(guarded.handed())) == (plan.refused, plan.sends)
    again = planned(guarded, library, once)
    assert (again.matching, again.announced, again.new, again.sampled) == (5, 5, 0, 0)


def test_the_plan_counts_those_held_out_and_what_sms_cost(guarded: Guarded, library: TemplateLibrary) -> None:
    """Hold-out by the same lot as then; of SMS the segments of those who would get one."""
    once = letter(holdout="50%", steps=[LETTER | {"channel": "sms"}])
    guarded.have(once)
    for number in range(12):
        guarded.customer(f"c{number}", sms_consent=number > 0)
    plan = planned(guarded, library, once)
    assert 0 < plan.held_out < 12
    assert plan.segments == plan.sends == plan.getting - plan.refused.total()
    told(guarded, once)
    guarded.run(NINE)
    assert len(kept(guarded, "held_out")) == plan.held_out
    assert len(guarded.sms.handed) == plan.sends


def test_a_time_that_has_passed_is_refused_with_what_to_do(rehearsal: Rehearsal, library: TemplateLibrary) -> None:
    """For some of them already; for those who are new later; and where nobody is meant."""
    once = letter()
    rehearsal.have(once)
    live_in(rehearsal, {"ada": "Asia/Tehran", "bob": None})
    late = planned(rehearsal, library, once, at=TEHRAN)
    assert (late.late, late.new) == (1, 1)
    with pytest.raises(NotAnnouncedError, match="has passed for 1 of them where they live; write a later `at`"):
        refuse(late, once)
    refuse(planned(rehearsal, library, once.model_copy(update={"where": "shop"}), at=TEHRAN), once)
    assert told(rehearsal, once, at=TEHRAN) == 1, "whose time has passed is never taken in"
    with pytest.raises(NotAnnouncedError, match="has passed for all 1 who are new where they live; announce"):
        refuse(planned(rehearsal, library, once, at=TEHRAN), once)
    with pytest.raises(NotAnnouncedError, match="`to` holds of nobody"):
        refuse(planned(rehearsal, library, letter(enter={"when": "order_count > 9", "once_per": "contact"})), once)


def test_the_shops_clock_is_advised_only_where_it_is_not_past_either(
    rehearsal: Rehearsal, library: TemplateLibrary
) -> None:
    """`where: shop` helps while `at` is to come there; once it has passed there too, only a later `at` does."""
    once = letter()
    rehearsal.have(once)
    live_in(rehearsal, {"ada": "Asia/Tehran", "bob": "America/New_York"})
    with pytest.raises(NotAnnouncedError, match=r"write a later `at`, `at: now`, or `where: shop`$"):
        refuse(planned(rehearsal, library, once, at=NINE - 1), once)
    for now in (NINE, NINE + DAY_MS):
        with pytest.raises(NotAnnouncedError, match=r"where they live; write a later `at`, or `at: now`$"):
            refuse(planned(rehearsal, library, once, at=now), once)


def test_a_time_of_the_shops_that_passes_while_it_is_announced_lets_nobody_in(rehearsal: Rehearsal) -> None:
    """Whether or not it is known where they live: by the shop's clock it has passed for all of them."""
    once = letter(where="shop")
    rehearsal.have(once)
    live_in(rehearsal, {"ada": "Asia/Tehran", "bob": None})
    assert told(rehearsal, once, at=NINE) == 0
    assert told(rehearsal, once, at=NINE - 1) == 2


@pytest.mark.parametrize(("people", "within", "sent"), [(5, "1h", 2), (5, "2h", 5), (2, "1h", 2)])
def test_a_letter_that_is_too_late_once_its_canary_has_been_looked_at_is_refused(
    guarded: Guarded, library: TemplateLibrary, people: int, within: str, sent: int
) -> None:
    """Who comes after the first letters of a broadcast waits for them, and has to have time left; a few need none."""
    guarded.mail.live = True
    guarded.policy = Policy(delivery=Delivery(canary=Canary(messages=2, wait=HOUR_MS)))
    once = letter(where="shop", steps=[LETTER | {"within": within}])
    guarded.have(once)
    for number in range(people):
        guarded.customer(f"c{number}")
    plan = planned(guarded, library, once)
    told(guarded, once)
    for now in range(NINE, NINE + 2 * HOUR_MS, HOUR_MS // 6):
        judge(guarded.database, guarded.policy.delivery, guarded.dispatcher(now).senders(), now=now - 1)
        guarded.run(now)
    assert len(guarded.handed()) == sent
    if sent == people:
        refuse(plan, once)
        return
    lost = r"the first 2 letters go ahead and the others wait 1 hour for them .*, but `within` ends 1 hour after `at`"
    with pytest.raises(NotAnnouncedError, match=lost + "; write `within: 2h` or more"):
        refuse(plan, once)
