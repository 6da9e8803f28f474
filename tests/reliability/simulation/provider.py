"""A provider that does everything real ones do at their worst, and writes down what it really did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import NamedTuple

from clm.domain.content import Envelope
from clm.domain.delivery import Limits
from clm.domain.instant import HOUR_MS, SECOND_MS
from clm.domain.outcome import Accepted, InDoubt, NotSent, Outcome, Rejected
from clm.domain.provider_event import EventKind, ProviderEvent
from tests.reliability.simulation.history import HandOver, History

LEASE_MS = 30 * SECOND_MS


class Fate(StrEnum):
    """What becomes of one hand-over."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    TOO_MANY = "429"
    UNREACHABLE = "connection refused"
    FAILED_BEFORE = "5xx, not accepted"
    FAILED_AFTER = "5xx, accepted"
    LOST_BEFORE = "timeout, not accepted"
    LOST_AFTER = "timeout, accepted"
    SLOW = "accepted, beyond the lease"
    SLOW_IN_VAIN = "not accepted, and no answer within the lease"
    SLOW_TO_REFUSE = "not accepted, which is told long after the silence"
    KILLED_BEFORE = "killed, not accepted"
    KILLED_AFTER = "killed, accepted"


WEIGHTS: dict[Fate, int] = {
    Fate.ACCEPTED: 50,
    Fate.REJECTED: 3,
    Fate.TOO_MANY: 6,
    Fate.UNREACHABLE: 4,
    Fate.FAILED_BEFORE: 4,
    Fate.FAILED_AFTER: 4,
    Fate.LOST_BEFORE: 5,
    Fate.LOST_AFTER: 5,
    Fate.SLOW: 4,
    Fate.SLOW_IN_VAIN: 3,
    Fate.SLOW_TO_REFUSE: 4,
    Fate.KILLED_BEFORE: 4,
    Fate.KILLED_AFTER: 4,
}
_ACCEPTS = {Fate.ACCEPTED, Fate.FAILED_AFTER, Fate.LOST_AFTER, Fate.SLOW, Fate.KILLED_AFTER}
_IN_DOUBT = {Fate.FAILED_BEFORE, Fate.FAILED_AFTER, Fate.LOST_BEFORE, Fate.LOST_AFTER, Fate.SLOW_IN_VAIN}


class Around(NamedTuple):
    """What the provider needs of the world it stands in."""

    arrive: Callable[[Envelope], HandOver]
    """Writes a hand-over down, and looks whether it should have been."""
    wait: Callable[[int], None]
    """Takes so many milliseconds, in which others go on."""
    kill: Callable[[], None]
    """Ends the dispatcher that is handing over."""
    time: Callable[[], int]
    note: Callable[[str], None]


@dataclass(slots=True)
class Pending:
    """An event on its way to us."""

    event: ProviderEvent
    at: int
    copies: int


@dataclass(slots=True)
class FakeProvider:
    """Both channels' provider; keeps the protocol of clm.channels, and the only log that is believed."""

    history: History
    around: Around
    chance: Random
    name: str = "sendgrid"
    weights: dict[Fate, int] = field(default_factory=lambda: dict(WEIGHTS))
    next_fates: list[Fate] = field(default_factory=list)
    """What becomes of the next hand-overs, where it is not left to chance."""
    loses: float = 0.12
    """The share of messages of which no event ever comes."""
    on_their_way: list[Pending] = field(default_factory=list)
    _told: int = 0
    idempotent: bool = False
    live: bool = True
    limits: Limits = field(default_factory=Limits)

    async def deliver(self, envelope: Envelope) -> Outcome:
        """Do with it what chance, or the test, will have done."""
        one = self.around.arrive(envelope)
        fate = self._fate()
        self.around.note(fate.value)
        if fate in _ACCEPTS:
            self._accept(one, envelope)
        self.around.wait(self._takes(fate))
        if fate in {Fate.KILLED_BEFORE, Fate.KILLED_AFTER}:
            self.around.kill()
        outcome = self._outcome(fate, one)
        one.answer = _ANSWERS[type(outcome)]
        if isinstance(outcome, NotSent) and outcome.retry_after_ms:
            one.not_before = self.around.time() + outcome.retry_after_ms
        return outcome

    async def turn(self) -> None:
        """There is no rate to keep to."""

    async def close(self) -> None:
        """Nothing is kept open."""

    def _fate(self) -> Fate:
        if self.next_fates:
            return self.next_fates.pop(0)
        return self.chance.choices(list(self.weights), list(self.weights.values()))[0]

    def _takes(self, fate: Fate) -> int:
        if fate is Fate.SLOW_TO_REFUSE:
            return self.chance.randint(2 * HOUR_MS, 8 * HOUR_MS)
        if fate in {Fate.SLOW, Fate.SLOW_IN_VAIN}:
            return self.chance.randint(LEASE_MS + 1, 4 * LEASE_MS)
        return self.chance.randint(20, 2_000)

    def _outcome(self, fate: Fate, one: HandOver) -> Outcome:
        if fate in _IN_DOUBT:
            return InDoubt(fate.value)
        match fate:
            case Fate.REJECTED:
                return Rejected("refused by the provider")
            case Fate.TOO_MANY:
                return NotSent(fate.value, retry_after_ms=self.chance.choice([None, SECOND_MS, HOUR_MS]))
            case Fate.UNREACHABLE | Fate.SLOW_TO_REFUSE:
                return NotSent(fate.value)
            case _:
                return Accepted(f"p-{one.order}")

    def _accept(self, one: HandOver, envelope: Envelope) -> None:
        """Take it, and have something to tell of it later."""
        if (said := self.history.accept(one)) is not None:
            self.around.note(said)
        self.history.message_of[envelope.reference] = envelope.message_id
        if self.chance.random() < self.loses:
            return
        for kind, suppress in self._kinds():
            late = self.chance.choice([0, 30 * SECOND_MS, HOUR_MS, 5 * HOUR_MS, 26 * HOUR_MS])
            copies = self.chance.choices([1, 2, 46], [80, 18, 2])[0]
            self.tell(one, kind, suppress, late=self.chance.randint(0, late), copies=copies)
            if self.chance.random() < 0.1:
                self.on_their_way.pop()  # this one is lost on the way

    def tell(self, one: HandOver, kind: EventKind, suppress: str | None, *, late: int = 0, copies: int = 1) -> None:
        """Have something to tell of a message that it took."""
        self._told += 1
        event = ProviderEvent(
            provider=self.name,
            event_id=f"{self.name}-{self._told}",
            kind=kind,
            at=self.around.time(),
            channel="sms" if one.message.channel == "sms" else "email",
            reference=one.reference,
            provider_message_id=f"p-{one.order}",
            address=one.to,
            suppress=suppress,
        )
        self.history.told.add((event.provider, event.event_id))
        self.on_their_way.append(Pending(event, self.around.time() + late, copies))

    def _kinds(self) -> Iterator[tuple[EventKind, str | None]]:
        yield "processed", None
        fate = self.chance.random()
        if fate < 0.04:
            yield "bounced", "bounced"
            return
        yield "delivered", None
        if fate < 0.3:
            yield "opened", None
        if fate < 0.08:
            yield "complained", "complained"
        elif fate < 0.12:
            yield "unsubscribed", "unsubscribed"

    def due(self) -> list[Pending]:
        """What it would tell us now."""
        return [one for one in self.on_their_way if one.at <= self.around.time()]

    def acknowledged(self, pending: Sequence[Pending]) -> None:
        """What was answered 2xx is not told again, but for its copies."""
        for one in pending:
            one.copies -= 1
        self.on_their_way = [one for one in self.on_their_way if one.copies > 0]

    def foreign(self, number: int) -> ProviderEvent:
        """An event about somebody else's message, which names one of ours without our seal."""
        self.history.told.add((self.name, f"f{number}"))
        reference = self.chance.choice([None, f"m{number % 40}-0123456789ab", "not ours", f"m{number}"])
        return ProviderEvent(
            self.name, f"f{number}", "delivered", self.around.time(), "email", reference, address="x@example.org"
        )


_ANSWERS = {Accepted: "accepted", Rejected: "rejected", NotSent: "not_sent", InDoubt: "in_doubt"}
