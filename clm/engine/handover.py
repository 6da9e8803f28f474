"""What is passed from step to step while messages are handed over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from clm.domain.content import Content, Envelope
from clm.domain.outcome import Outcome
from clm.engine.coupons import Codes
from clm.engine.journey import Journey
from clm.engine.material import Material
from clm.store.database import Found
from clm.store.leases import Asked

Clock = Callable[[], int]
"""Wall-clock milliseconds: for leases, and for how long a run has been under way."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What became of some messages: how many were leased, and where they went."""

    leased: int
    by_status: Mapping[str, int]
    pause_ms: int = 0
    """How long to wait before the next are handed over, because the provider is away or asked for it."""
    alerts: Sequence[str] = ()
    """What people should know: a channel that stopped, a refusal that concerns more than one message."""


@dataclass(frozen=True, slots=True)
class Leased:
    """Messages leased under one token, and what is known for making their words."""

    token: str
    rows: Sequence[Found]
    journeys: Mapping[tuple[str, str], Journey | None]
    asked: tuple[Asked, ...]
    """What conditions ask for beside the contacts' own facts."""
    material: Material
    codes: Codes = field(default_factory=Codes)


@dataclass(slots=True)
class Batch:
    """Leased messages with their words made and nothing decided yet, most urgent first."""

    token: str
    journeys: Mapping[tuple[str, str], Journey | None]
    asked: tuple[Asked, ...]
    contents: Mapping[int, Content]
    unrenderable: Mapping[int, str]
    waiting: list[tuple[int, int]] = field(default_factory=list)
    """Message and contact of those on which nothing has been decided."""
    codes: Codes = field(default_factory=Codes)

    def next(self, most: int) -> Mapping[int, int]:
        """Take the next lot from those that wait: contacts by message."""
        lot, self.waiting = self.waiting[:most], self.waiting[most:]
        return dict(lot)

    @property
    def ids(self) -> Collection[int]:
        """The messages that still wait."""
        return [message_id for message_id, _ in self.waiting]


@dataclass(frozen=True, slots=True)
class HandOver:
    """One message whose intent is recorded: it may be handed over, once, while its lease lasts."""

    envelope: Envelope
    number: int
    """Of the attempt, from 1."""
    token: str
    lease_until: int
    """Wall-clock milliseconds; afterwards others take it for lost, and it must not be handed over any more."""
    sender: str
    version: str
    """Of its campaign, as the contact entered it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of handing one message over."""

    of: HandOver
    outcome: Outcome
    doubted: bool = False
    """Whether the answer was lost: it may have left, and goes again to a provider that tells a repeated message."""
