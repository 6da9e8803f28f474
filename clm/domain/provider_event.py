"""What a provider tells of a message after it was handed over, whichever provider and however it came to us."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EventKind = Literal[
    "processed",  # taken, and on its way
    "deferred",  # the receiving server asked to come again
    "delivered",
    "bounced",  # refused for good by the receiving server: a hard bounce
    "blocked",  # refused for now, or for what was in it
    "dropped",  # the provider itself did not send it
    "opened",
    "clicked",
    "complained",
    "unsubscribed",
    "resubscribed",
    "sent",  # of an SMS: handed to the carrier
    "failed",  # of an SMS: the provider or the carrier did not send it
    "undelivered",
]
"""Kinds that clm tells apart; a provider's own word stands in `detail` where it says more."""


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """One event. Instants are milliseconds since 1970 UTC."""

    provider: str
    event_id: str
    """Unique per provider: the same event told twice has the same."""
    kind: EventKind
    at: int
    channel: Literal["email", "sms"]
    reference: str | None = None
    """As we gave it (clm.domain.reference); None where the provider gives none back."""
    provider_message_id: str | None = None
    address: str | None = None
    """Whom it was about, for what suppresses an address although the message is not known here."""
    by_machine: bool = False
    """Made by a mail reader's prefetching or a scanner, not by the person."""
    suppress: str | None = None
    """For what reason nothing may go to the address any more (clm.store.suppressions.REASONS)."""
    lift: str | None = None
    """Which reason no longer holds, because the person has said so."""
    alert: str | None = None
    """What people should be told, because the next message may meet the same; never an address."""
    lapsed: bool = False
    """The provider took it, let it lapse and sent it to nobody: nothing can have arrived."""
    detail: str | None = None
    """At most 500 characters of what else was told; never an address."""
