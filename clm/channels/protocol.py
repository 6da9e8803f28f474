"""What every channel promises the dispatcher."""

from __future__ import annotations

from typing import Protocol

from clm.domain.content import Envelope
from clm.domain.outcome import Outcome


class Channel(Protocol):
    """Hands one message over and says what came of it.

    A channel never retries by itself, never looks anything up and never raises for what a provider may answer: every
    answer is an `Outcome`. `idempotent` is true only where handing the same message id over twice leaves one message;
    it lets the dispatcher repeat a hand-over whose answer was lost.
    """

    name: str
    idempotent: bool

    async def deliver(self, envelope: Envelope) -> Outcome:
        """Hand `envelope` over once."""
        ...
