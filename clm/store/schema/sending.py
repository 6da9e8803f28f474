"""What goes out: messages, attempts, what providers told of them, and where nothing may go."""

from __future__ import annotations

from sqlalchemy import Index, Text, UniqueConstraint
from sqlmodel import Field

from clm.store.schema.columns import Row, big, count, identity, known, of, of_contact, partial


class Message(Row, table=True):
    """One message to one contact; this table is the outbox."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("enrolment_id", "step"),
        partial("uq_messages_contact_sending", "contact_id", where="status = 'sending'", unique=True),
        # who has messages of a contact in hand
        partial("ix_messages_in_hand", "contact_id", where="lease_token IS NOT NULL"),
        partial("ix_messages_unsettled", "status", "id", where="status IN ('sending', 'in_doubt')"),
        # as they are leased: by channel, most urgent first
        partial("ix_messages_queued", "channel", "queue_rank", "due_at", "id", where="status = 'queued'"),
        Index(None, "contact_id"),
        Index(None, "campaign", "status"),
        Index(None, "created_at"),
        Index(None, "ended_at"),
    )

    id: int | None = Field(default=None, sa_column=identity())
    enrolment_id: int = Field(sa_column=of("enrolments"))
    contact_id: int = Field(sa_column=of_contact())
    campaign: str = Field(sa_type=Text)
    step: str = Field(sa_type=Text)
    channel: str = Field(sa_type=Text)
    purpose: str = Field(sa_type=Text)
    queue_rank: int
    """The lowest goes first: 100 less the campaign's priority, because an index counts upwards."""
    status: str = Field(sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    due_at: int = Field(sa_column=big())
    expires_at: int = Field(sa_column=big())
    created_at: int = Field(sa_column=big())
    ended_at: int | None = Field(default=None, sa_column=big(nullable=True))
    intended_at: int | None = Field(default=None, sa_column=big(nullable=True))
    """The instant of the latest intent; what caps and gaps are counted by."""
    sent_at: int | None = Field(default=None, sa_column=big(nullable=True))
    address: str | None = Field(default=None, sa_type=Text)
    """Where it went; kept from the moment of intent, because the contact's own may change."""
    locale: str | None = Field(default=None, sa_type=Text)
    subject: str | None = Field(default=None, sa_type=Text)
    lease_token: str | None = Field(default=None, sa_type=Text)
    lease_until: int | None = Field(default=None, sa_column=big(nullable=True))
    """Wall-clock end of the lease, whatever instant the run is for: it is about a process being alive."""
    attempts: int = 0
    segments: int | None = None
    """Of an SMS: how many segments it takes (clm.domain.sms)."""
    cost: float | None = None
    """Of an SMS: what it is estimated to cost, in the base currency."""


class Attempt(Row, table=True):
    """One hand-over: the intent, and what came of it."""

    __tablename__ = "attempts"
    __table_args__ = (
        UniqueConstraint("message_id", "number"),
        known("provider_id"),
        Index(None, "sender", "intended_at"),
    )

    id: int | None = Field(default=None, sa_column=identity())
    message_id: int = Field(sa_column=of("messages"))
    number: int
    token: str = Field(sa_type=Text)
    channel: str = Field(sa_type=Text)
    intended_at: int = Field(sa_column=big())
    provider: str | None = Field(default=None, sa_type=Text)
    """Who was to carry it: sendgrid, twilio, smtp, webhook, outbox."""
    sender: str | None = Field(default=None, sa_type=Text)
    """The domain of an e-mail's sender, or the sender of an SMS: what a breaker stops."""
    fingerprint: int | None = Field(default=None, sa_column=big(nullable=True))
    """Of the words that were handed over, so that a provider's records can be told to be of this message."""
    provider_id: str | None = Field(default=None, sa_type=Text)
    """The provider's own name for it, from its answer."""
    outcome: str | None = Field(default=None, sa_type=Text)
    """accepted, rejected, bounced (rejected, because of the address), not_sent, in_doubt; null while nobody knows."""
    detail: str | None = Field(default=None, sa_type=Text)
    settled_at: int | None = Field(default=None, sa_column=big(nullable=True))


class DeliveryEvent(Row, table=True):
    """What a provider told of a message after accepting it; late, repeated and reordered ones corrupt nothing."""

    __tablename__ = "delivery_events"
    __table_args__ = (
        UniqueConstraint("provider", "provider_event_id"),
        Index(None, "message_id", "kind"),
        # what a breaker counts, among many more deliveries and openings
        partial("ix_delivery_events_harm", "kind", "at", where="kind IN ('bounced', 'complained')"),
        partial("ix_delivery_events_failures", "recorded_at", where="kind IN ('failed', 'undelivered')"),
    )

    id: int | None = Field(default=None, sa_column=identity())
    provider: str = Field(sa_type=Text)
    provider_event_id: str = Field(sa_type=Text)
    message_id: int | None = Field(default=None, sa_column=of("messages", nullable=True))
    kind: str = Field(sa_type=Text)
    """delivered, opened, clicked, bounced, …"""
    by_machine: bool = False
    """Made by a mail reader's prefetching or a scanner, not by the person."""
    at: int = Field(sa_column=big())
    detail: str | None = Field(default=None, sa_type=Text)
    reference: str | None = Field(default=None, sa_type=Text)
    """What it said that it was about, where that is no message of ours."""
    recorded_at: int = Field(sa_column=big())


class Reply(Row, table=True):
    """An SMS that somebody sent us, and what was understood."""

    __tablename__ = "replies"
    __table_args__ = (UniqueConstraint("provider", "provider_event_id"), Index(None, "contact_id"))

    id: int | None = Field(default=None, sa_column=identity())
    provider: str = Field(sa_type=Text)
    provider_event_id: str = Field(sa_type=Text)
    contact_id: int | None = Field(default=None, sa_column=of("contacts", nullable=True))
    text: str = Field(sa_type=Text)
    meaning: str | None = Field(default=None, sa_type=Text)
    """stop, start, help, or answer (to a survey); null for anything else."""
    answer: str | None = Field(default=None, sa_type=Text)
    """What it was answered with (stopped, started, help, answered), so that a callback told again gets the same."""
    at: int = Field(sa_column=big())
    recorded_at: int = Field(sa_column=big())


class Stop(Row, table=True):
    """Why nothing goes out for now by a channel, or for a campaign; the open one has not been released."""

    __tablename__ = "stops"
    __table_args__ = (
        partial("uq_stops_standing", "kind", "scope", where="released_at IS NULL", unique=True),
        Index(None, "scope", "since"),
    )

    id: int | None = Field(default=None, sa_column=identity())
    kind: str = Field(sa_type=Text)
    """refused (401, 403), asked (Retry-After), breaker, canary, blast_radius."""
    scope: str = Field(sa_type=Text)
    """What it stops: `email saffronandsage.example`, `sms SaffronSage`; `campaign win_back`."""
    reason: str = Field(sa_type=Text)
    since: int = Field(sa_column=big())
    until: int | None = Field(default=None, sa_column=big(nullable=True))
    """When it is looked at again by itself; null is when a person releases it."""
    allowed: int = Field(default=0, sa_column=count())
    """How many messages may go all the same: the probes of a breaker that is half-open."""
    probed_since: int | None = Field(default=None, sa_column=big(nullable=True))
    """Half-open since: what was sent from then on decides whether it ends. Null while it only waits."""
    times: int = Field(default=1, sa_column=count(1))
    """How often in a row a breaker has opened."""
    released_at: int | None = Field(default=None, sa_column=big(nullable=True))
    released_by: str | None = Field(default=None, sa_type=Text)


class Suppression(Row, table=True):
    """An address that gets nothing on a channel, kept as a salted hash so that it outlives the person's data."""

    __tablename__ = "suppressions"
    __table_args__ = (UniqueConstraint("address_hash", "channel", "reason"),)

    id: int | None = Field(default=None, sa_column=identity())
    address_hash: str = Field(sa_type=Text)
    channel: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    """unsubscribed, bounced, complained, invalid, stopped, sunset, manual."""
    source: str = Field(sa_type=Text)
    at: int = Field(sa_column=big())
    lifted_at: int | None = Field(default=None, sa_column=big(nullable=True))
