"""The words of one message, and the envelope a channel is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ChannelName = Literal["email", "sms", "staff", "webhook"]
"""`staff` is a mail to the team about a contact: an alert, or something to do; `webhook` tells a program the same."""
CHANNELS: tuple[ChannelName, ...] = ("email", "sms", "staff", "webhook")
TEAM: frozenset[ChannelName] = frozenset({"staff", "webhook"})
"""The channels that reach the shop's own people and programs, not contacts; no consent or cap is asked for them."""


@dataclass(frozen=True, slots=True)
class Content:
    """Rendered words: e-mail has a subject, HTML and text; what goes to the team subject and text; SMS text alone."""

    locale: str  # the locale whose template was used, after fall-back
    text: str
    subject: str | None = None
    html: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message as a channel hands it over; `reference` is opaque and is all a provider learns about us."""

    message_id: int
    reference: str  # names the message to us alone (clm.domain.reference); comes back with the provider's events
    channel: ChannelName
    to: str  # e-mail address (the team's, where the channel is staff), E.164 number, or the URL of a webhook
    to_name: str | None
    sender: str  # address, or the SMS sender's name or number
    sender_name: str | None
    content: Content
    at_ms: int  # the business time of sending, milliseconds since 1970 UTC
    headers: dict[str, str] = field(default_factory=dict)
    """E-mail headers beside those every mail has: Reply-To, List-Unsubscribe, List-Unsubscribe-Post."""
    labels: tuple[str, ...] = ()
    """Campaign and step, for the provider's own statistics; never anything personal."""
    sender_name_ascii: str | None = None
    """The sender's name for providers that carry no other letters in From: the brand's own, whatever the language."""
    good_until_ms: int | None = None
    """Of SMS: when it is too late to arrive, its deadline or quiet hours; on the clock of `at_ms`."""
