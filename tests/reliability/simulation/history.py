"""What really happened, as the fake provider and the shop's people know it: the one history that is trusted.

clm's tables are compared with it and never the other way round. Whatever is found wrong is kept in `broken`, not
raised, because it is often found inside the engine, which may have its own way with exceptions.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from clm.domain.instant import to_ms
from clm.domain.provider_event import ProviderEvent
from tests.reliability.simulation import words
from tests.reliability.simulation.answers import AnswerBook
from tests.reliability.simulation.codes import CodeBook, Letter, Told

Address = tuple[str, str]
"""A channel, and an address there."""


class Person(NamedTuple):
    """A contact, as everybody outside clm knows them; `said_no` names the channels they want no marketing by."""

    name: str
    email: str | None
    phone: str | None
    zone: str
    said_no: frozenset[str] = frozenset()
    last_order_at: int = 0

    def address(self, channel: str) -> str | None:
        """Where they are reached by a channel."""
        return self.email if channel == "email" else self.phone


class Named(NamedTuple):
    """Which message it is: of whom, why, and until when."""

    id: int
    contact: str
    campaign: str
    trigger: str
    step: str
    channel: str
    purpose: str
    held_out: bool
    entered_at: int
    due_at: int
    expires_at: int

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What there is at most one message for."""
        return self.contact, self.campaign, self.trigger, self.step


class Authorised(NamedTuple):
    """What was committed when a dispatcher authorised its batch: nothing later can have been seen by it."""

    people: dict[str, Person]
    suppressed: dict[Address, frozenset[str]]
    told_of: frozenset[int]
    spent: frozenset[str]
    """Codes that had been used up."""
    owed: frozenset[str]
    """Who had given a low mark that nobody had put right."""
    clock: int


@dataclass(slots=True)
class HandOver:
    """One message given to the provider once."""

    message: Named
    reference: str
    to: str
    at: int  # the business time of sending
    order: int
    came_at: int
    turned: int
    """How often the clocks had been turned by then."""
    told: Told | None = None
    """The code that it says."""
    link: str | None = None
    """Where it asks its reader to answer."""
    accepted: bool = False
    answer: str | None = None
    """accepted, rejected, not_sent, in_doubt; None as long as nobody has told the dispatcher."""
    not_before: int = 0
    """Until when the provider asked to be spared."""
    settled: bool = False
    """Whether the answer has been recorded."""

    @property
    def may_have_left(self) -> bool:
        """Whether a dispatcher has to count it as sent."""
        return self.answer not in {"rejected", "not_sent"}


@dataclass(slots=True)
class History:
    """Everything in the order in which it came about."""

    people: dict[str, Person] = field(default_factory=dict)
    suppressed: dict[Address, frozenset[str]] = field(default_factory=dict)
    lifted: dict[tuple[Address, str], int] = field(default_factory=dict)
    """When each reason that stood was last taken back."""
    handed: list[HandOver] = field(default_factory=list)
    acknowledged: set[tuple[str, str]] = field(default_factory=set)
    """Events that we have answered 2xx to."""
    committed: set[tuple[str, str]] = field(default_factory=set)
    told: set[tuple[str, str]] = field(default_factory=set)
    told_of: set[int] = field(default_factory=set)
    """Messages that a committed event speaks of."""
    broken: list[str] = field(default_factory=list)
    codes: CodeBook = field(default_factory=lambda: CodeBook(words.OFFERS))
    answers: AnswerBook = field(default_factory=AnswerBook)
    message_of: dict[str, int] = field(default_factory=dict)
    """By the reference that the provider was given."""
    by_message: dict[int, list[HandOver]] = field(default_factory=lambda: defaultdict(list))
    by_key: dict[tuple[str, str, str, str], list[HandOver]] = field(default_factory=lambda: defaultdict(list))
    by_contact: dict[str, list[HandOver]] = field(default_factory=lambda: defaultdict(list))

    def authorised(self, clock: int) -> Authorised:
        """What is committed at this moment."""
        told_of, spent, owed = frozenset(self.told_of), self.codes.spent(), self.answers.owed()
        return Authorised(dict(self.people), dict(self.suppressed), told_of, spent, owed, clock)

    def hand_over(
        self, message: Named, *, reference: str, to: str, text: str, at: int, came_at: int, turned: int
    ) -> HandOver:
        """Note that a message has come to the provider."""
        said, asked = words.SAID.search(text), words.LINK.search(text)
        told = None if said is None else Told(said[1], self._last_second(said[2], message.contact))
        link = None if asked is None else asked[1]
        one = HandOver(message, reference, to, at, len(self.handed), came_at, turned, told, link)
        self.handed.append(one)
        self.by_message[message.id].append(one)
        self.by_key[message.key].append(one)
        self.by_contact[message.contact].append(one)
        return one

    def _last_second(self, day: str, name: str) -> int:
        """Of the day that a letter names, where its reader lives."""
        zone = ZoneInfo(self.people[name].zone)
        return to_ms(datetime.strptime(f"{day} 23:59:59", "%B %d, %Y %H:%M:%S").replace(tzinfo=zone))

    def accept(self, one: HandOver) -> str | None:
        """Note that the provider has taken a message, which its reader has then; returns what it says of a code."""
        one.accepted = True
        offer = words.GIVING.get((one.message.campaign, one.message.step))
        if one.told is None or offer is None:
            return None
        before = self.codes.latest.get((one.message.contact, offer))
        again = before is not None and before.told.code == one.told.code
        letter = Letter(one.message.contact, one.told, one.at)
        faults = self.codes.come(letter, offer, turned=one.turned > 0)
        self.broken += [f"message {one.message.id} {one.message.key} {fault}" for fault in faults]
        if before is None:
            return f"says a first code of {offer}"
        return f"says {'the same code' if again else 'another code'} of {offer}"

    def suppress(self, where: Address, reason: str, at: int) -> None:
        """Nothing may go there any more, unless they have said otherwise since then."""
        if at >= self.lifted.get((where, reason), at):
            self.suppressed[where] = self.suppressed.get(where, frozenset()) | {reason}

    def lift(self, where: Address, at: int) -> None:
        """They want to hear from us again."""
        self.lifted |= {(where, reason): at for reason in self.suppressed.pop(where, frozenset())}

    def commit(self, events: list[ProviderEvent]) -> None:
        """Events are stored; each does what it does once."""
        for event in events:
            key = event.provider, event.event_id
            if key in self.committed:
                continue
            self.committed.add(key)
            if event.reference in self.message_of:
                self.told_of.add(self.message_of[event.reference])
            if event.suppress is not None and event.address is not None:
                self.suppress((event.channel, event.address), event.suppress, event.at)

    def acknowledge(self, events: list[ProviderEvent]) -> None:
        """The provider was answered 2xx and will not come again of itself."""
        self.acknowledged |= {(event.provider, event.event_id) for event in events}
