"""What came of handing one message over; a refusal is a value, not an exception."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message."""

    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider refused the message for good."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing can have left; the message may be handed over again."""

    reason: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The answer was lost; nobody can know yet whether the message was accepted."""

    reason: str


Outcome = Accepted | Rejected | NotSent | InDoubt
