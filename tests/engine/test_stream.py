"""The stream: the same promises as one batch after the other, with many messages on their way at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from clm.domain.content import Envelope
from clm.domain.delivery import Limits
from clm.domain.instant import SECOND_MS
from clm.domain.outcome import Accepted, InDoubt, NotSent, Outcome, Rejected
from clm.engine.handover import Handed
from clm.engine.stream import stream
from clm.errors import StoreError
from clm.store.database import Database
from clm.store.schema import attempts
from tests.engine.rehearsal import HELLO, Recorder, Rehearsal, campaign
from tests.engine.shop import NOW

TEXT = {"send": "hello", "channel": "sms"}


class Slow(Recorder):
    """A provider that takes its time, and remembers how many it was handed at once."""

    def __init__(self, *, at_once: int = 4, seconds: float = 0.002, timeout_seconds: float = 10) -> None:
        super().__init__("slow", idempotent=False)
        self.limits = Limits(at_once=at_once, timeout_seconds=timeout_seconds)
        self.seconds = seconds
        self.under_way = self.most = self.turns = 0

    async def turn(self) -> None:
        """Count who asks."""
        self.turns += 1

    async def deliver(self, envelope: Envelope) -> Outcome:
        """Remember, take the time, answer."""
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(self.seconds)
        self.under_way -= 1
        return await super().deliver(envelope)


def queued(rehearsal: Rehearsal, people: int, *steps: dict[str, str]) -> Slow:
    """So many people to whom the first step of each campaign is due, and a slow provider of their mail."""
    names = ("nudge", "other")
    rehearsal.have(*(campaign(name, steps=[step]) for name, step in zip(names, steps or (HELLO,), strict=False)))
    for number in range(people):
        rehearsal.customer(f"c{number:03}")
    rehearsal.decide()
    rehearsal.mail = Slow()
    return rehearsal.mail


def streamed(rehearsal: Rehearsal, now: int = NOW, **how: Any) -> Handed:
    """What became of it."""
    return stream(rehearsal.dispatcher(now), **how)


def test_everybody_gets_one_and_never_more_are_on_their_way_than_allowed(rehearsal: Rehearsal) -> None:
    """Forty people, four at once: forty messages, each handed over once, each with its attempt and its answer."""
    slow = queued(rehearsal, 40)
    handed = streamed(rehearsal)
    assert (handed.leased, handed.by_status, handed.pause_ms) == (40, {"sent": 40}, 0)
    assert Counter(envelope.to for envelope in slow.handed) == {f"c{number:03}@example.com": 1 for number in range(40)}
    assert slow.most == 4
    assert slow.turns == 40, "each asks for its turn"
    with rehearsal.database.read() as tx:
        assert set(tx.execute(select(attempts.c.outcome, attempts.c.number))) == {("accepted", 1)}
    assert streamed(rehearsal).leased == 0


def test_a_slow_channel_holds_up_no_other(rehearsal: Rehearsal) -> None:
    """All mail has left while SMS still wait for their provider: one line of work a channel."""
    by_mail, by_sms = ({"when": f"{channel}_consent", "once_per": "contact"} for channel in ("email", "sms"))
    rehearsal.have(campaign("nudge", steps=[HELLO], enter=by_mail), campaign("other", steps=[TEXT], enter=by_sms))
    for number in range(12):
        rehearsal.customer(f"m{number:03}", sms_consent=False)
        rehearsal.customer(f"s{number:03}", email_consent=False, phone=f"+4477009001{number:02}")
    rehearsal.decide()
    left: list[str] = []
    rehearsal.mail, rehearsal.sms = Slow(at_once=2), Slow(at_once=1, seconds=0.03)
    for channel in (rehearsal.mail, rehearsal.sms):
        channel.answer = lambda envelope: left.append(envelope.channel) or Accepted("p")
    handed = streamed(rehearsal)
    assert handed.by_status["sent"] == 24, handed
    assert left.index("sms", 3) > 3, "SMS are slow"
    assert "email" not in left[-4:]


def test_no_more_is_begun_once_it_is_stopping(rehearsal: Rehearsal) -> None:
    """What is on its way is settled, what was only leased is given back: nothing is left sending or in doubt."""
    slow = queued(rehearsal, 60)
    stopping = False

    def answer(_envelope: Envelope) -> Outcome:
        nonlocal stopping
        stopping = len(slow.handed) >= 10
        return Accepted("p")

    slow.answer = answer
    handed = streamed(rehearsal, stopping=lambda: stopping)
    seen = Counter(one.status for one in rehearsal.messages())
    assert set(seen) == {"sent", "queued"}
    assert seen["sent"] == len(slow.handed) == handed.by_status["sent"]
    assert seen["sent"] < 30
    rehearsal.lapse()  # those whose intent was recorded pause, as after any try
    assert streamed(rehearsal).by_status == {"sent": 60 - seen["sent"]}


def test_a_provider_that_is_away_is_not_asked_for_everybody(rehearsal: Rehearsal) -> None:
    """After some messages in a row that did not reach it, the others are given back and a pause is asked for."""
    slow = queued(rehearsal, 80)
    slow.answer = lambda _envelope: NotSent("connection refused")
    handed = streamed(rehearsal)
    assert handed.pause_ms > 0
    assert len(slow.handed) < 40
    assert {one.status for one in rehearsal.messages()} == {"queued"}
    slow.answer = lambda _envelope: Accepted("p")
    rehearsal.lapse()
    assert streamed(rehearsal).by_status == {"sent": 80}


def test_the_time_a_provider_asks_for_is_kept(rehearsal: Rehearsal) -> None:
    """Retry-After: the channel is left alone for so long, and then everybody gets theirs."""
    slow = queued(rehearsal, 30)
    slow.answer = lambda _envelope: NotSent("429", retry_after_ms=90 * SECOND_MS)
    handed = streamed(rehearsal)
    assert handed.pause_ms == 90 * SECOND_MS
    tried = len(slow.handed)
    assert tried <= 8
    slow.answer = lambda _envelope: Accepted("p")
    rehearsal.clock += 90 * SECOND_MS - 1
    assert streamed(rehearsal).leased == 0, "whoever asks, in whatever process"
    rehearsal.clock += 1
    assert streamed(rehearsal).by_status == {"sent": 30}


def test_a_channel_that_never_answers_leaves_its_message_in_doubt(rehearsal: Rehearsal) -> None:
    """A channel that does not keep to its own time-out is left; what it may have done nobody knows."""
    queued(rehearsal, 1)
    rehearsal.mail = Slow(seconds=60, timeout_seconds=0.01)
    patience = "clm.engine.stream._GRACE_SECONDS"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patience, 0.02)
        assert streamed(rehearsal).by_status == {"in_doubt": 1}
    assert rehearsal.messages()[0].reason == "no answer came in time"


def test_what_would_be_handed_over_after_its_lease_is_not(rehearsal: Rehearsal) -> None:
    """A process that was asleep wakes with an intent recorded: others have taken the message for lost by then."""
    slow = queued(rehearsal, 1)
    dispatcher = rehearsal.dispatcher(NOW)
    leased = dispatcher.lease()
    assert leased is not None
    batch = dispatcher.write(leased)
    (one,) = dispatcher.intend(batch, batch.next(1), Counter())
    rehearsal.lapse()
    rehearsal.reconcile()
    assert rehearsal.messages()[0].status == "in_doubt"
    answer = asyncio.run(dispatcher.hand_over(one))
    assert isinstance(answer.outcome, NotSent)
    assert slow.handed == []
    dispatcher.settle([answer])
    assert rehearsal.messages()[0].status == "queued", "who knows that nothing left may say so"


@pytest.mark.parametrize(
    ("answer", "status"),
    [(Accepted("p"), "sent"), (Rejected("no such mailbox"), "rejected"), (InDoubt("lost"), "in_doubt")],
)
def test_a_late_answer_is_taken(rehearsal: Rehearsal, answer: Outcome, status: str) -> None:
    """In doubt since the lease lapsed, and then the answer comes after all: it counts."""
    queued(rehearsal, 1).answer = lambda _envelope: answer
    dispatcher = rehearsal.dispatcher(NOW)
    leased = dispatcher.lease()
    assert leased is not None
    batch = dispatcher.write(leased)
    (one,) = dispatcher.intend(batch, batch.next(1), Counter())
    late = asyncio.run(dispatcher.hand_over(one))
    rehearsal.lapse()
    rehearsal.reconcile()
    assert rehearsal.messages()[0].status == "in_doubt"
    dispatcher.settle([late])
    assert rehearsal.messages()[0].status == status


def test_answers_outlast_a_database_that_is_away(rehearsal: Rehearsal) -> None:
    """Nobody else has them: recording is tried again until the database is back, and then every answer is there."""
    queued(rehearsal, 3)
    away = Away(rehearsal.database)
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        away.comes_back_after(waited, tries=6)

    dispatcher = replace(rehearsal.dispatcher(NOW), database=away.database, pause=pause)
    leased = dispatcher.lease()
    assert leased is not None
    batch = dispatcher.write(leased)
    handing = dispatcher.intend(batch, batch.next(3), Counter())
    answers = [asyncio.run(dispatcher.hand_over(one)) for one in handing]
    away.goes()
    settled = dispatcher.settle(answers)
    assert settled.by_status == {"sent": 3}
    assert sum(waited) > 1


class Away:
    """A database that can be away."""

    def __init__(self, real: Database) -> None:
        self.real = real
        self.database: Any = type("Database", (), {"read": self.read, "write": self.write, "dialect": real.dialect})()
        self.gone = False

    def goes(self) -> None:
        """Nobody answers any more."""
        self.gone = True

    def comes_back_after(self, waited: list[float], *, tries: int) -> None:
        """Answer again once it was waited for so often."""
        self.gone = len(waited) < tries

    def read(self, *_: Any, **how: Any) -> Any:
        """A look, where it is there."""
        return self._there(self.real.read, **how)

    def write(self, *_: Any, **how: Any) -> Any:
        """A transaction, where it is there."""
        return self._there(self.real.write, **how)

    def _there(self, opened: Callable[..., Any], **how: Any) -> Any:
        if self.gone:
            raise StoreError("the database is away")
        return opened(**how)
