"""Announces a broadcast, which takes in whoever it is for, and calls it off again.

What follows is what follows of any campaign: runs queue what is due, and dispatchers hand it over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from clm.domain.broadcast import CALLED_OFF, Broadcast
from clm.engine.enrol import entrance_of
from clm.engine.journey import Journeys
from clm.errors import ClmError
from clm.store import broadcasts, enrolments, entering, flight, withheld
from clm.store.database import Database, Transaction
from clm.store.dialect import lock
from clm.store.enrolments import Standing
from clm.store.entering import Entrance
from clm.store.flight import Flight
from clm.store.withheld import Ended

BATCH_CONTACTS = 5_000
"""Looked at per transaction, so that nobody waits long for the write lock."""
_TRIES_MAX = 100
_PAUSE_SECONDS = 0.1
"""Ten seconds in all, for dispatchers to decide on what they have in hand."""

Clock = Callable[[], int]
Progress = Callable[[int], None]


class NotAnnouncedError(ClmError):
    """A broadcast cannot be announced as it is; the text says why, and what to do."""


def refuse_changed(tx: Transaction, broadcast: Broadcast) -> None:
    """Raise NotAnnouncedError where it was called off, or announced when its file said something else."""
    name = broadcast.campaign
    if broadcasts.called_off(tx, [name]):
        raise NotAnnouncedError(f"{name} was called off; announce the letter under another name, in a file of its own")
    if broadcasts.versions(tx, name) - {broadcast.version}:
        raise NotAnnouncedError(
            f"{name} has been announced already, and its file says something else now; put the file back as it was,"
            f" or call it off (--cancel) and announce the letter under another name"
        )


def announcement(database: Database, journeys: Journeys, broadcast: Broadcast, *, now: int) -> Entrance:
    """Who is meant, who of them is held out, and when theirs is due, by the zone they live in."""
    if broadcast.at_once:
        with database.read() as tx:
            return _at_once(tx, entrance_of(journeys, broadcast), now=now)
    shop_zone = journeys.configuration.shop.time_zone
    homes: list[str | None] = [None]
    if broadcast.where == "contact":
        with database.read() as tx:
            homes += broadcasts.zones(tx)
    begins = {home: broadcast.due_at(home, shop_zone) for home in homes}
    return replace(entrance_of(journeys, broadcast), begins=begins)


def _at_once(tx: Transaction, entrance: Entrance, *, now: int) -> Entrance:
    """Due at the instant at which it was first announced, or now where it has not been."""
    return replace(entrance, begins={None: broadcasts.begun_at(tx, entrance.campaign) or now})


def announce(
    database: Database, journeys: Journeys, broadcast: Broadcast, *, clock: Clock, progress: Progress = lambda _: None
) -> int:
    """Take in everybody whom it is for and whose time has not passed; returns how many were new.

    Some thousand contacts at a time, each batch whole or not at all: whoever is stopped in the middle goes on by doing
    it again, and of two at once each takes in those whom the other has not. `clock` tells the time in milliseconds;
    `progress` is told how many contacts have been looked at.
    """
    entrance = announcement(database, journeys, broadcast, now=clock())
    name, version = broadcast.campaign, broadcast.version
    entered = after = 0
    while True:
        now = clock()
        with database.write(durable=True) as tx:
            lock(tx, f"broadcast {name}")
            refuse_changed(tx, broadcast)
            if broadcast.at_once:  # somebody else may have begun
                entrance = _at_once(tx, entrance, now=entrance.begins[None])
            late = [home for home, at in entrance.begins.items() if broadcast.is_late(at, now)]
            if len(late) == len(entrance.begins):
                return entered
            stretch = broadcasts.stretch(tx, after, size=BATCH_CONTACTS, left_out=late)
            if stretch is None:
                return entered
            new = entering.enter(tx, entrance, among=stretch.ids, limit=None, now=now)
            if new:
                definition = broadcast.definition()
                entering.keep_version(tx, campaign=name, version=version, definition=definition, now=now)
            if new and broadcast.at_once:
                broadcasts.begin(tx, name, at=entrance.begins[None], now=now)
        entered += new
        after = stretch.last
        progress(stretch.size)


@dataclass(frozen=True, slots=True)
class CalledOff:
    """What calling a broadcast off has come to, in people."""

    waiting: int
    """Their time had not come; those held out are among them."""
    queued: int
    """Their letter was about to leave."""
    gone: int
    """It has left, or may have: nobody can take it back."""


def call_off(
    database: Database, broadcast: Broadcast, *, now: int, pause: Callable[[float], None] = time.sleep
) -> CalledOff:
    """Take nobody in any more, and end the journeys of all to whom nothing has been sent yet, for good.

    What a provider has in hand may leave; where it comes back it is not tried again. Doing it again goes on where it
    was stopped.
    """
    name = broadcast.campaign
    with database.write(durable=True) as tx:
        # The batch of an announcement under way is over by then, and its people are found below; the next is refused.
        lock(tx, f"broadcast {name}")
        broadcasts.call_off(tx, name, now=now)
    waiting = queued = 0
    for _ in range(_TRIES_MAX):
        waiting += _end_waiting(database, name, now=now)
        queued += _end_queued(database, name, now=now)
        _end_in_hand(database, name, now=now)
        with database.read() as tx:
            left = broadcasts.still(tx, name) + broadcasts.count_in_hand(tx, name)
            gone = broadcasts.gone(tx, name)
        if not left:
            return CalledOff(waiting, queued, gone)
        pause(_PAUSE_SECONDS)  # a run or a dispatcher has the others in hand
    raise ClmError(f"{left:,} of {name} are in the hands of a run that does not end; calling it off again goes on")


def _end_waiting(database: Database, name: str, *, now: int) -> int:
    with database.read() as tx:
        versions = broadcasts.versions(tx, name)
    ended = 0
    for version in versions:
        more = True
        while more:
            with database.write(durable=True) as tx:
                who = flight.standing(tx, Flight(name, version), None, limit=BATCH_CONTACTS)
                enrolments.end(tx, who, campaign=name, reason=CALLED_OFF, now=now)
            ended += len(who)
            more = len(who) == BATCH_CONTACTS
    return ended


def _end_queued(database: Database, name: str, *, now: int) -> int:
    ended, more = 0, True
    while more:
        with database.write(durable=True) as tx:
            rows = broadcasts.queued(tx, name, limit=BATCH_CONTACTS)
            withheld.stop(tx, [Ended(row.id, "refused", CALLED_OFF) for row in rows], now=now)
            theirs = [Standing(row.enrolment_id, row.contact_id, held_out=False, status="completed") for row in rows]
            enrolments.end(tx, theirs, campaign=name, reason=CALLED_OFF, now=now)
        ended += len(rows)
        more = len(rows) == BATCH_CONTACTS
    return ended


def _end_in_hand(database: Database, name: str, *, now: int) -> None:
    """End the journeys of letters that somebody is handing over, or of which nobody knows whether they left."""
    more = True
    while more:
        with database.write(durable=True) as tx:
            rows = broadcasts.in_hand(tx, name, limit=BATCH_CONTACTS)
            theirs = [Standing(row.id, row.contact_id, held_out=False, status="completed") for row in rows]
            enrolments.end(tx, theirs, campaign=name, reason=CALLED_OFF, now=now)
        more = len(rows) == BATCH_CONTACTS
