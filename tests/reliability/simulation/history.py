"""What really happened, as the fake provider and the shop's people know it: the one history that is trusted.

clm's tables are compared with it and never the other way round. Whatever is found wrong is kept in `broken`, not
raised, because it is often found inside the engine, which may have its own way with exceptions.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from clm.domain.provider_event import ProviderEvent

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
    message_of: dict[str, int] = field(default_factory=dict)
    """By the reference that the provider was given."""
    by_message: dict[int, list[HandOver]] = field(default_factory=lambda: defaultdict(list))
    by_key: dict[tuple[str, str, str, str], list[HandOver]] = field(default_factory=lambda: defaultdict(list))
    by_contact: dict[str, list[HandOver]] = field(default_factory=lambda: defaultdict(list))

    def authorised(self, clock: int) -> Authorised:
        """What is committed at this moment."""
        return Authorised(dict(self.people), dict(self.suppressed), frozenset(self.told_of), clock)

    def hand_over(self, message: Named, *, reference: str, to: str, at: int, came_at: int, turned: int) -> HandOver:
        """Note that a message has come to the provider."""
        one = HandOver(message, reference, to, at, len(self.handed), came_at, turned)
        self.handed.append(one)
        self.by_message[message.id].append(one)
        self.by_key[message.key].append(one)
        self.by_contact[message.contact].append(one)
        return one

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
