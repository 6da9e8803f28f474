"""The words of one message, and the envelope a channel is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ChannelName = Literal["email", "sms", "staff"]
"""`staff` is a mail to the team about a contact: an alert, or something to do."""
CHANNELS: tuple[ChannelName, ...] = ("email", "sms", "staff")


@dataclass(frozen=True, slots=True)
class Content:
    """Rendered words: e-mail has a subject, HTML and text; a mail to staff subject and text; SMS text alone."""

    locale: str  # the locale whose template was used, after fall-back
    text: str
    subject: str | None = None
    html: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message as a channel hands it over; `message_id` is opaque and is all a provider learns about us."""

    message_id: int
    channel: ChannelName
    to: str  # e-mail address (the team's, where the channel is staff) or E.164 number
    to_name: str | None
    sender: str  # address, or the SMS sender's name or number
    sender_name: str | None
    content: Content
    at_ms: int  # the business time of sending, milliseconds since 1970 UTC
    headers: dict[str, str] = field(default_factory=dict)
