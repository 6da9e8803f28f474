"""Every table, with the constraints that make things happen once.

Instants are milliseconds since 1970 UTC, money is minor units of the base currency. Constraint names are stable because
migrations and `ON CONFLICT` clauses speak of them by their columns.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, Table, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING)

# SQLite only counts ids up by itself for a column that is exactly INTEGER; it is 64 bits wide there all the same.
_Id = BigInteger().with_variant(Integer(), "sqlite")


def _id() -> Column[int]:
    return Column(_Id, primary_key=True, autoincrement=True)


def _contact(*, nullable: bool = False, primary_key: bool = False) -> Column[int]:
    return Column(_Id, ForeignKey("contacts.id"), nullable=nullable, primary_key=primary_key, autoincrement=False)


def _big(*, nullable: bool = False) -> Column[int]:
    return Column(BigInteger, nullable=nullable)


class Row(SQLModel):
    """What all tables share: one metadata with stable constraint names."""

    metadata = metadata


class Contact(Row, table=True):
    """A person as one source knows them."""

    __tablename__ = "contacts"
    __table_args__ = (UniqueConstraint("source", "external_id"),)

    id: int | None = Field(default=None, sa_column=_id())
    source: str = Field(sa_type=Text)
    external_id: str = Field(sa_type=Text)
    email: str | None = Field(default=None, sa_type=Text)
    phone: str | None = Field(default=None, sa_type=Text)
    first_name: str | None = Field(default=None, sa_type=Text)
    last_name: str | None = Field(default=None, sa_type=Text)
    country: str | None = Field(default=None, sa_type=Text)
    locale: str | None = Field(default=None, sa_type=Text)
    zone: str | None = Field(default=None, sa_type=Text)
    signed_up_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    acquisition_source: str | None = Field(default=None, sa_type=Text)
    fingerprint: int | None = Field(default=None, sa_column=_big(nullable=True))
    """Hash of what the contacts feed last said; null while only orders or events have named the contact."""
    created_at: int = Field(sa_column=_big())


class Consent(Row, table=True):
    """One statement of consent, given or withdrawn; append-only, the latest counts."""

    __tablename__ = "consents"
    __table_args__ = (UniqueConstraint("contact_id", "channel", "purpose", "at", "granted"),)

    id: int | None = Field(default=None, sa_column=_id())
    contact_id: int = Field(sa_column=_contact())
    channel: str = Field(sa_type=Text)
    purpose: str = Field(sa_type=Text)
    granted: bool
    at: int = Field(sa_column=_big())
    source: str = Field(sa_type=Text)
    recorded_at: int = Field(sa_column=_big())


class Order(Row, table=True):
    """An order, cancellation or refund; amounts are never negative, `kind` says which way they count."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index(None, "contact_id", "ordered_at"),
        Index(
            None,
            "source",
            "cancels",
            sqlite_where=text("cancels IS NOT NULL"),
            postgresql_where=text("cancels IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, sa_column=_id())
    source: str = Field(sa_type=Text)
    external_id: str = Field(sa_type=Text)
    contact_id: int = Field(sa_column=_contact())
    kind: str = Field(sa_type=Text)
    ordered_at: int = Field(sa_column=_big())
    amount: int = Field(sa_column=_big())
    currency: str = Field(sa_type=Text)
    original_amount: int = Field(sa_column=_big())
    cancels: str | None = Field(default=None, sa_type=Text)
    fingerprint: int = Field(sa_column=_big())
    recorded_at: int = Field(sa_column=_big())


class OrderLine(Row, table=True):
    """One product on an order."""

    __tablename__ = "order_lines"

    order_id: int = Field(sa_column=Column(_Id, ForeignKey("orders.id"), primary_key=True, autoincrement=False))
    number: int = Field(primary_key=True)
    product_id: str = Field(sa_type=Text)
    name: str | None = Field(default=None, sa_type=Text)
    category: str | None = Field(default=None, sa_type=Text)
    quantity: int
    amount: int | None = Field(default=None, sa_column=_big(nullable=True))


class Event(Row, table=True):
    """Something a contact did."""

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("source", "external_id"), Index(None, "contact_id", "at"))

    id: int | None = Field(default=None, sa_column=_id())
    source: str = Field(sa_type=Text)
    external_id: str = Field(sa_type=Text)
    contact_id: int = Field(sa_column=_contact())
    name: str = Field(sa_type=Text)
    at: int = Field(sa_column=_big())
    properties: str = Field(sa_type=Text)
    recorded_at: int = Field(sa_column=_big())


class Profile(Row, table=True):
    """The facts of one contact, kept current in the transaction that brings the facts (clm/store/sql/profile.sql)."""

    __tablename__ = "profiles"
    __table_args__ = (
        Index(None, "signed_up_at"),
        Index(None, "first_order_at"),
        Index(None, "last_order_at"),
        Index(None, "last_activity_at"),
        Index(None, "changed_at"),
        Index(None, "revenue_365d_since"),
        Index(None, "revenue_365d_until"),
    )

    contact_id: int = Field(sa_column=_contact(primary_key=True))
    signed_up_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    first_order_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    first_order_id: str | None = Field(default=None, sa_type=Text)
    last_order_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    last_order_id: str | None = Field(default=None, sa_type=Text)
    order_count: int
    revenue: int = Field(sa_column=_big())
    revenue_365d: int = Field(sa_column=_big())
    revenue_365d_since: int = Field(sa_column=_big())
    """From when `revenue_365d` is right; it changes by itself as orders grow older."""
    revenue_365d_until: int | None = Field(default=None, sa_column=_big(nullable=True))
    """Until when it is right; null means for ever."""
    average_order_value: int | None = Field(default=None, sa_column=_big(nullable=True))
    average_gap_days: float | None = None
    last_gap_days: float | None = None
    longest_gap_days: float | None = None
    last_activity_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    email_consent: bool
    sms_consent: bool
    country: str | None = Field(default=None, sa_type=Text)
    locale: str | None = Field(default=None, sa_type=Text)
    zone: str | None = Field(default=None, sa_type=Text)
    acquisition_source: str | None = Field(default=None, sa_type=Text)
    changed_at: int = Field(sa_column=_big())


class CampaignVersion(Row, table=True):
    """A campaign's definition as people entered it, so that they can stay on it."""

    __tablename__ = "campaign_versions"

    campaign: str = Field(primary_key=True, sa_type=Text)
    version: str = Field(primary_key=True, sa_type=Text)
    definition: str = Field(sa_type=Text)
    first_used_at: int = Field(sa_column=_big())


class Enrolment(Row, table=True):
    """One contact in one campaign because of one fact."""

    __tablename__ = "enrolments"
    __table_args__ = (
        UniqueConstraint("campaign", "contact_id", "trigger_key"),
        Index(None, "contact_id"),
        Index(None, "campaign", "entered_at"),
        Index(None, "campaign", "ended_at"),
        Index(
            "ix_enrolments_due",
            "campaign",
            "version",
            "position",
            "next_due_at",
            sqlite_where=text("status = 'active'"),
            postgresql_where=text("status = 'active'"),
        ),
    )

    id: int | None = Field(default=None, sa_column=_id())
    campaign: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    contact_id: int = Field(sa_column=_contact())
    trigger_key: str = Field(sa_type=Text)
    entered_at: int = Field(sa_column=_big())
    status: str = Field(sa_type=Text)
    """active, completed or exited."""
    exit_reason: str | None = Field(default=None, sa_type=Text)
    ended_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    goal_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    position: int
    """Index of the next step in the version's definition."""
    next_due_at: int = Field(sa_column=_big())


class Message(Row, table=True):
    """One message to one contact; this table is the outbox."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("enrolment_id", "step"),
        Index(
            "uq_messages_contact_sending",
            "contact_id",
            unique=True,
            sqlite_where=text("status = 'sending'"),
            postgresql_where=text("status = 'sending'"),
        ),
        Index(
            "ix_messages_queued",  # as they are leased: most urgent first
            "queue_rank",
            "due_at",
            "id",
            sqlite_where=text("status = 'queued'"),
            postgresql_where=text("status = 'queued'"),
        ),
        Index(None, "contact_id"),
        Index(None, "campaign", "status"),
        Index(None, "created_at"),
        Index(None, "ended_at"),
    )

    id: int | None = Field(default=None, sa_column=_id())
    enrolment_id: int = Field(sa_column=Column(_Id, ForeignKey("enrolments.id"), nullable=False))
    contact_id: int = Field(sa_column=_contact())
    campaign: str = Field(sa_type=Text)
    step: str = Field(sa_type=Text)
    channel: str = Field(sa_type=Text)
    purpose: str = Field(sa_type=Text)
    queue_rank: int
    """The lowest goes first: 100 less the campaign's priority, because an index counts upwards."""
    status: str = Field(sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    due_at: int = Field(sa_column=_big())
    expires_at: int = Field(sa_column=_big())
    created_at: int = Field(sa_column=_big())
    ended_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    sent_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    address: str | None = Field(default=None, sa_type=Text)
    """Where it went; kept from the moment of intent, because the contact's own may change."""
    locale: str | None = Field(default=None, sa_type=Text)
    subject: str | None = Field(default=None, sa_type=Text)
    lease_token: str | None = Field(default=None, sa_type=Text)
    lease_until: int | None = Field(default=None, sa_column=_big(nullable=True))
    """Wall-clock end of the lease, whatever instant the run is for: it is about a process being alive."""
    attempts: int = 0


class Attempt(Row, table=True):
    """One hand-over: the intent, and what came of it."""

    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("message_id", "number"),)

    id: int | None = Field(default=None, sa_column=_id())
    message_id: int = Field(sa_column=Column(_Id, ForeignKey("messages.id"), nullable=False))
    number: int
    token: str = Field(sa_type=Text)
    channel: str = Field(sa_type=Text)
    intended_at: int = Field(sa_column=_big())
    outcome: str | None = Field(default=None, sa_type=Text)
    """accepted, rejected, not_sent, in_doubt; null while nobody knows."""
    detail: str | None = Field(default=None, sa_type=Text)
    settled_at: int | None = Field(default=None, sa_column=_big(nullable=True))


class Decision(Row, table=True):
    """Why something did or did not happen to a contact; append-only."""

    __tablename__ = "decisions"
    __table_args__ = (
        Index(None, "contact_id", "at"),
        Index(
            "uq_decisions_enrolment_kind",
            "enrolment_id",
            "kind",
            unique=True,
            sqlite_where=text("kind IN ('entered', 'exited', 'completed')"),
            postgresql_where=text("kind IN ('entered', 'exited', 'completed')"),
        ),
    )

    id: int | None = Field(default=None, sa_column=_id())
    contact_id: int = Field(sa_column=_contact())
    campaign: str = Field(sa_type=Text)
    enrolment_id: int | None = Field(default=None, sa_column=Column(_Id, ForeignKey("enrolments.id"), nullable=True))
    message_id: int | None = Field(default=None, sa_column=Column(_Id, ForeignKey("messages.id"), nullable=True))
    kind: str = Field(sa_type=Text)
    """entered, exited, completed; and what a message ended as without being sent: refused, expired, dead."""
    reason: str = Field(sa_type=Text)
    facts: str | None = Field(default=None, sa_type=Text)
    at: int = Field(sa_column=_big())


class Quarantine(Row, table=True):
    """A row of a source that cannot be used, whole, with the reason."""

    __tablename__ = "quarantine"
    __table_args__ = (UniqueConstraint("source", "feed", "fingerprint"),)

    id: int | None = Field(default=None, sa_column=_id())
    source: str = Field(sa_type=Text)
    feed: str = Field(sa_type=Text)
    file: str = Field(sa_type=Text)
    line: int
    field: str | None = Field(default=None, sa_type=Text)
    reason: str = Field(sa_type=Text)
    raw: str = Field(sa_type=Text)
    fingerprint: int = Field(sa_column=_big())
    """Hash of file name, line and row: the same bad row is listed once however often the file is read."""
    recorded_at: int = Field(sa_column=_big())


class SourceCursor(Row, table=True):
    """How far a scheduled pull has read one file; advanced with the facts, never before them."""

    __tablename__ = "source_cursors"

    source: str = Field(primary_key=True, sa_type=Text)
    feed: str = Field(primary_key=True, sa_type=Text)
    file: str = Field(primary_key=True, sa_type=Text)
    cursor: str = Field(sa_type=Text)
    advanced_at: int = Field(sa_column=_big())


contacts: Table = metadata.tables["contacts"]
consents: Table = metadata.tables["consents"]
orders: Table = metadata.tables["orders"]
order_lines: Table = metadata.tables["order_lines"]
events: Table = metadata.tables["events"]
profiles: Table = metadata.tables["profiles"]
campaign_versions: Table = metadata.tables["campaign_versions"]
enrolments: Table = metadata.tables["enrolments"]
messages: Table = metadata.tables["messages"]
attempts: Table = metadata.tables["attempts"]
decisions: Table = metadata.tables["decisions"]
quarantine: Table = metadata.tables["quarantine"]
source_cursors: Table = metadata.tables["source_cursors"]
