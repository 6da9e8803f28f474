"""What every channel promises the dispatcher, and what some can be asked afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from clm.domain.content import Envelope
from clm.domain.delivery import Limits
from clm.domain.outcome import Outcome
from clm.domain.provider_event import ProviderEvent


@runtime_checkable
class Channel(Protocol):
    """Hands one message over and says what came of it.

    A channel never retries by itself, never looks anything up and never raises for what a provider may answer: every
    answer is an `Outcome`. `idempotent` is true only where handing the same message id over twice leaves one message;
    it lets the dispatcher repeat a hand-over whose answer was lost.
    """

    name: str
    """The provider: sendgrid, twilio, smtp, webhook, outbox."""
    idempotent: bool
    live: bool
    """Whether its messages leave this machine."""
    limits: Limits

    async def turn(self) -> None:
        """Wait until one more message may be handed over, as `limits` has it; asked before each is."""
        ...

    async def deliver(self, envelope: Envelope) -> Outcome:
        """Hand `envelope` over once; connections are opened when needed, in the event loop that is running."""
        ...

    async def close(self) -> None:
        """Give the connections of the running event loop back; the channel may be used again afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """A message of which nobody knows whether the provider accepted it."""

    reference: str
    to: str
    intended_at: int  # milliseconds
    fingerprint: int | None
    """Of the words that were handed over (clm.domain.fingerprint), where the provider keeps them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider says of it: `found` is None where its records cannot tell."""

    found: bool | None
    provider_id: str | None = None
    detail: str | None = None


@runtime_checkable
class Asked(Protocol):
    """A provider that can be asked about one message."""

    async def ask(self, question: Question) -> Answer:
        """Ask; raises ClmError with what a person has to do where the provider does not answer."""
        ...


@runtime_checkable
class Swept(Protocol):
    """A provider whose records can be read beside the events it sends, in case those did not come."""

    async def sweep(self, *, since: int, until: int) -> Sequence[ProviderEvent]:
        """What it recorded between two instants (milliseconds); raises ClmError where it does not answer."""
        ...
