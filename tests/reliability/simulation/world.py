"""The engine and the world around it, on one database: all that depends on how the engine is called stands here."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

from sqlalchemy import text

from clm.domain.content import Envelope
from clm.domain.provider_event import ProviderEvent
from clm.engine.advance import advance
from clm.engine.dispatch import Dispatcher
from clm.engine.enrol import enrol
from clm.engine.handover import Answer
from clm.engine.journey import Journeys
from clm.engine.profile import refresh
from clm.engine.receive import receive
from clm.engine.reconcile import reconcile
from clm.store.database import Database, Transaction
from tests.reliability.simulation import promises, words
from tests.reliability.simulation.answers import ANSWERS, TICKETS, Answering, answer_faults
from tests.reliability.simulation.codes import CODES, REDEMPTIONS, Coupon, code_faults
from tests.reliability.simulation.customers import Customers
from tests.reliability.simulation.history import Authorised, HandOver, History, Named
from tests.reliability.simulation.moment import Moment, NextCommit
from tests.reliability.simulation.provider import Around, FakeProvider, Pending

_BATCH_MESSAGES, _LOT_MESSAGES = 6, 3
"""So few that several dispatchers find something to do."""
_MESSAGE = """
SELECT m.id, c.external_id, m.campaign, e.trigger_key, m.step, m.channel, m.purpose, e.holdout IS NOT NULL,
  e.entered_at, m.due_at, m.expires_at, m.status, m.intended_at
FROM messages m JOIN enrolments e ON e.id = m.enrolment_id JOIN contacts c ON c.id = m.contact_id WHERE m.id = {}
"""


class WatchedDatabase(Database):
    """A database that says when a transaction is about to be committed, and when it has ended."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.before_commit: Callable[[], None] = lambda: None
        self.committed: Callable[[], None] = lambda: None

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Transaction]:
        """As it is, and seen from outside."""
        with super().write(durable=durable) as tx:
            yield tx
            self.before_commit()
        self.committed()


class World:
    """A shop, its customers, a provider and the engine; what happens is up to whoever drives it."""

    def __init__(self, database: WatchedDatabase, chance: Random, around: Moment) -> None:
        self.database = database
        self.chance = chance
        self.history = History()
        self.moment = around
        outside = Around(self.arrive, around.wait, around.kill, lambda: around.time, around.note)
        self.mail = FakeProvider(self.history, outside, chance, "sendgrid")
        self.sms = FakeProvider(self.history, outside, chance, "twilio")
        self.ends = promises.Ends()
        self.edited = False
        self.notices_repeat = chance.random() < 0.5
        """Whether notices are sent at least once, rather than at most."""
        self.changed = False
        """Whether anything was committed since the last check."""
        self.commit = NextCommit()
        self.customers = Customers(database, self.history, around, self.commit)
        self.answering = Answering(database, self.history.answers, around, self.commit, self.look, self.history.broken)
        self._foreign = 0
        self._raw = sqlite3.connect(database.engine.url.database or "") if database.dialect == "sqlite" else None
        self._authorised: dict[int, Authorised] = {}
        self._attempts_seen = 0

    def close(self) -> None:
        """Give the connection of the checks back."""
        if self._raw is not None:
            self._raw.close()

    def look(self, query: str) -> Sequence[Sequence[Any]]:
        """Read what is committed, beside the engine."""
        if self._raw is not None:
            return self._raw.execute(query).fetchall()
        with self.database.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    # What the engine does.

    @property
    def journeys(self) -> Journeys:
        """The campaign files as they are now."""
        return words.journeys(self.edited, self.notices_repeat)

    @property
    def held(self) -> promises.Held:
        """What they promise."""
        configuration = self.journeys.configuration
        return promises.Held({one.campaign: one for one in configuration.campaigns}, configuration.policy)

    def run_campaigns(self) -> None:
        """One tick: refresh, enrol, advance."""
        now = self.moment.clock
        refresh(self.database, now=now)
        for one in self.journeys.live():
            enrol(self.database, self.journeys, one, now=now)
            advance(self.database, self.journeys, one, now=now)

    def dispatch(self, *, batches: int = 4) -> int:
        """Hand over what is due, at most so many batches; returns how many messages were leased.

        The steps are those of the stream, taken one after the other: lease, write, then a lot at a time, intend, hand
        over and settle.
        """
        leased = 0
        dispatcher = self._dispatcher()
        for _ in range(batches):
            taken = dispatcher.lease(limit=_BATCH_MESSAGES)
            if taken is None:
                break
            leased += len(taken.rows)
            batch = dispatcher.write(taken)
            while batch.waiting:
                handing = dispatcher.intend(batch, batch.next(_LOT_MESSAGES), Counter())
                answers = self._in_any_order([dispatcher.hand_over(one) for one in handing])
                if answers:
                    dispatcher.settle(answers)
        return leased

    def _dispatcher(self) -> Dispatcher:
        return Dispatcher(
            database=self.database,
            journeys=self.journeys,
            library=words.library(),
            brand=words.brand(),
            links=words.links(),
            channels={"email": self.mail, "sms": self.sms, "staff": self.mail},
            now=self.moment.clock,
            clock=lambda: self.moment.clock,
            pause=lambda seconds: self.moment.wait(round(seconds * 1_000)),
        )

    def _in_any_order(self, handing: Sequence[Coroutine[Any, Any, Answer]]) -> list[Answer]:
        """What an event loop does with hand-overs that are made at once; others go on while each is under way."""
        try:
            return [_by_hand(one) for one in self.chance.sample(handing, len(handing))]
        finally:
            for one in handing:
                one.close()

    def reconcile(self) -> None:
        """Find what was left behind."""
        clock = self.moment.clock
        reconcile(self.database, self.journeys, idempotent=(), now=clock, clock_now=clock)

    def due(self) -> list[tuple[FakeProvider, Pending]]:
        """What the provider would tell us now."""
        return [(provider, one) for provider in (self.mail, self.sms) for one in provider.due()]

    def receive(self, pending: Sequence[tuple[FakeProvider, Pending]], *, foreign: int = 0) -> None:
        """A webhook is called with these events and some that are not ours, and the provider hears our answer."""
        events = [one.event for _, one in pending]
        for _ in range(foreign):
            self._foreign += 1
            events.append(self.mail.foreign(self._foreign))
        if not events:
            return
        self.moment.telling = events
        receive(self.database, events, now=self.moment.clock)
        self.moment.telling = []
        self.history.acknowledge(events)
        for provider in (self.mail, self.sms):
            provider.acknowledged([one for whose, one in pending if whose is provider])

    # What is seen of it.

    def note_commit(self) -> None:
        """A transaction has been committed: remember what it may have been the first to know."""
        self.changed = True
        self.commit.happens()
        self.note_intents()
        if self.moment.telling:
            self.note_events(self.moment.telling)

    def note_events(self, events: Sequence[ProviderEvent]) -> None:
        """Remember which of the events that are being told are stored by now, told off or not."""
        ids = ", ".join(f"'{event.event_id}'" for event in events)
        stored = self.look(
            f"SELECT provider, provider_event_id FROM delivery_events WHERE provider_event_id IN ({ids})"
        )
        kept = {(row[0], row[1]) for row in stored}
        self.history.commit([event for event in events if (event.provider, event.event_id) in kept])

    def note_intents(self) -> None:
        """Remember what was committed when each intent was; called when a transaction has been."""
        fresh = self.look(f"SELECT id, message_id FROM attempts WHERE id > {self._attempts_seen} ORDER BY id")
        if fresh:
            self._attempts_seen = fresh[-1][0]
            authorised = self.history.authorised(self.moment.clock)
            self._authorised |= {message_id: authorised for _, message_id in fresh}

    def note_settlements(self) -> None:
        """Remember which answers have been recorded."""
        waiting = [one for one in self.history.handed if one.answer in {"accepted", "rejected"} and not one.settled]
        if waiting:
            known = {
                tuple(row) for row in self.look("SELECT message_id, outcome FROM attempts WHERE outcome IS NOT NULL")
            }
            for one in waiting:
                one.settled = (one.message.id, one.answer) in known

    def arrive(self, envelope: Envelope) -> HandOver:
        """A message comes to the provider: look at once whether it should have."""
        (row,) = self.look(_MESSAGE.format(envelope.message_id))
        message = Named(*row[:7], bool(row[7]), *row[8:11])
        one = self.history.hand_over(
            message,
            reference=envelope.reference,
            to=envelope.to,
            text=envelope.content.text,
            at=envelope.at_ms if row[12] is None else row[12],
            came_at=self.moment.time,
            turned=self.moment.turned,
        )
        faults = promises.hand_over_faults(
            one,
            self.history,
            self._authorised.get(message.id),
            self.held,
            status=row[11],
            clock=self.moment.clock,
        )
        self.history.broken += [f"message {message.id} {message.key}: {fault}" for fault in faults]
        if self.database.dialect == "sqlite" and self.database.engine.pool.checkedout():  # type: ignore[attr-defined]
            self.history.broken.append(f"message {message.id} is handed over inside a transaction")
        return one

    def rows(self) -> list[promises.Row]:
        """The messages as they stand."""
        return [
            promises.Row(*row)
            for row in self.look(
                "SELECT id, status, reason, campaign, contact_id, expires_at, ended_at FROM messages ORDER BY id"
            )
        ]

    def check(self, *, whole: bool = True) -> None:
        """Compare the tables with the history; raises AssertionError with all that does not fit."""
        self.changed = False
        self.note_settlements()
        broken = self.history.broken
        broken += self.ends.faults(self.rows(), self.history, self.held)
        if whole:
            stored = self.look("SELECT provider, provider_event_id FROM delivery_events")
            broken += promises.event_faults([(row[0], row[1]) for row in stored], self.history)
            attempts = self.look("SELECT message_id, number FROM attempts")
            broken += promises.attempt_faults([(row[0], row[1]) for row in attempts], self.history)
            broken += promises.cap_faults(self.history, self.held.policy)
            coupons = [Coupon(*row) for row in self.look(CODES)]
            broken += code_faults(coupons, [(row[0], row[1]) for row in self.look(REDEMPTIONS)], self.history.codes)
            kept, opened = self.look(ANSWERS), [row[0] for row in self.look(TICKETS)]
            broken += answer_faults([(row[0], row[1]) for row in kept], opened, self.history.answers)
        if broken:
            raise BrokenPromiseError(broken)


class BrokenPromiseError(AssertionError):
    """Something that clm promises did not hold."""

    def __init__(self, broken: Sequence[str]) -> None:
        super().__init__("; ".join(broken[:5]))
        self.broken = tuple(broken)


def _by_hand(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a coroutine to its end without an event loop, so that another process may be let go on in the middle."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        answer: Answer = end.value
        return answer
    raise AssertionError("the hand-over waits for something that nobody here does")
