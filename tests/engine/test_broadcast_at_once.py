"""Broadcasts that leave at once (`at: now`): at one instant for all, and not anew each time they are announced."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from threading import Event
from typing import Any

import pytest
from sqlalchemy import event, select

from clm.content.library import TemplateLibrary
from clm.domain.hours import Hours, QuietHours
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.policy import Policy
from clm.engine import broadcast as announcing
from clm.engine.broadcast import CalledOff, NotAnnouncedError, announce, call_off
from clm.engine.broadcast_plan import refuse
from clm.store.schema import enrolments
from tests.engine.guarded import NOON, Guarded
from tests.engine.rehearsal import Rehearsal
from tests.engine.steps import live_in
from tests.engine.test_broadcast import letter, outing, planned, told


def test_at_once_is_when_it_was_first_announced(rehearsal: Rehearsal, library: TemplateLibrary) -> None:
    """It leaves with the next run, to everybody at one instant; who is new later gets it until `within` is over."""
    once = letter(at="now")
    rehearsal.have(once)
    live_in(rehearsal, {"ada": "Asia/Tehran", "bob": None})
    plan = planned(rehearsal, library, once, at=NOON)
    assert (plan.new, plan.late, plan.first_at, plan.last_at) == (2, 0, NOON, NOON)
    assert outing(rehearsal, once).begun_at is None, "a look is no announcement"
    assert told(rehearsal, once, at=NOON) == 2
    assert outing(rehearsal, once).begun_at == NOON
    rehearsal.run(NOON)
    assert len(rehearsal.handed()) == 2
    live_in(rehearsal, {"cem": "Asia/Tehran"})
    last = NOON + DAY_MS - 1
    plan = planned(rehearsal, library, once, at=last)
    assert (plan.announced, plan.new, plan.first_at) == (2, 1, NOON)
    assert (told(rehearsal, once, at=last), outing(rehearsal, once).begun_at) == (1, NOON)
    rehearsal.run(last)
    assert len(rehearsal.handed()) == 3


def test_who_is_new_later_is_asked_about_as_of_then(guarded: Guarded, library: TemplateLibrary) -> None:
    """Quiet hours in which it was first announced hold up nobody who is taken in when they are over."""
    once = letter(at="now")
    quiet = QuietHours.model_validate({"every day": "14:00-20:00"})
    guarded.policy = Policy(hours={"email": Hours(quiet.week)})
    guarded.have(once)
    guarded.customer()
    plan = planned(guarded, library, once, at=NOON)
    assert (plan.sends, dict(plan.waits)) == (0, {"quiet hours": 1})
    told(guarded, once, at=NOON)
    guarded.customer("bob")
    plan = planned(guarded, library, once, at=NOON + 2 * HOUR_MS)
    assert (plan.new, plan.sends, dict(plan.waits)) == (1, 1, {})


def test_at_once_is_over_when_it_is_too_late(rehearsal: Rehearsal, library: TemplateLibrary) -> None:
    """Nobody is taken in whose letter could not leave any more; the instant does not begin anew."""
    once = letter(at="now")
    rehearsal.have(once)
    rehearsal.customer()
    told(rehearsal, once, at=NOON)
    rehearsal.customer("bob")
    late = NOON + DAY_MS
    with pytest.raises(NotAnnouncedError, match="was announced at 2024-10-04 12:00 UTC, and `within` is over"):
        refuse(planned(rehearsal, library, once, at=late), once)
    assert told(rehearsal, once, at=late) == 0
    rehearsal.run(late + 1)
    assert rehearsal.handed() == []


def test_two_who_announce_at_once_announce_one_instant(rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever goes on with it later, or beside, takes people in for the instant of the first."""
    once = letter(at="now")
    rehearsal.have(once)
    for name in ("ada", "bob", "cem"):
        rehearsal.customer(name)
    monkeypatch.setattr(announcing, "BATCH_CONTACTS", 1)

    def stopped(_looked_at: int) -> None:
        raise InterruptedError

    calls = iter(range(9))

    def clock() -> int:
        turn = next(calls)
        if turn == 1:  # the other looked for an instant too, and is the first to take somebody in
            with pytest.raises(InterruptedError):
                announce(rehearsal.database, rehearsal.journeys, once, clock=lambda: NOON + 7, progress=stopped)
        return NOON + turn

    assert announce(rehearsal.database, rehearsal.journeys, once, clock=clock) == 2
    with rehearsal.database.read() as tx:
        assert list(tx.scalars(select(enrolments.c.entered_at))) == [NOON + 7] * 3


def test_called_off_while_it_is_announced_nobody_gets_it(rehearsal: Rehearsal) -> None:
    """A batch that saw no calling-off is over before the calling-off looks for people: nobody comes in behind it."""
    once = letter(at="now")
    rehearsal.have(once)
    rehearsal.customer()
    engine, asked = rehearsal.database._durable, Event()

    def linger(_: Any, __: Any, statement: str, *_rest: Any) -> None:
        if "shop_values" in statement and not asked.is_set():  # whether it was called off: not yet
            asked.set()
            wait([calling], timeout=0.5)

    event.listen(engine, "after_cursor_execute", linger)
    try:
        with ThreadPoolExecutor(1) as pool:
            calling = pool.submit(lambda: asked.wait(5) and call_off(rehearsal.database, once, now=NOON))
            with suppress(NotAnnouncedError):  # its next batch, where the calling-off comes before that one
                told(rehearsal, once, at=NOON)
            assert calling.result() == CalledOff(waiting=1, queued=0, gone=0)
    finally:
        event.remove(engine, "after_cursor_execute", linger)
    rehearsal.run(NOON)
    assert rehearsal.handed() == []
