"""What came of handing one message over; a refusal is a value, not an exception."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message."""

    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider refused the message for good.

    `suppress` is the reason (clm.store.suppressions) for which nothing may go to the address any more; `alert` says
    that a person has to look, because the next message may meet the same.
    """

    reason: str
    suppress: str | None = None
    alert: bool = False


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing can have left; the message may be handed over again.

    `retry_after_ms` is how long the provider asks us to wait. `stop` says that the fault is ours (a wrong key, no
    right to send), so that every other message would meet it too: the channel stops and people are told.
    """

    reason: str
    retry_after_ms: int | None = None
    stop: bool = False


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The answer was lost; nobody can know yet whether the message was accepted."""

    reason: str


Outcome = Accepted | Rejected | NotSent | InDoubt
