"""Every table, with the constraints that make things happen once.

Instants are milliseconds since 1970 UTC, money is minor units of the base currency. Constraint names are stable because
migrations and `ON CONFLICT` clauses speak of them by their columns.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
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


def _known(column: str) -> Index:
    """An index on the rows in which the column is known, where most are not."""
    known = text(f"{column} IS NOT NULL")
    return Index(None, column, sqlite_where=known, postgresql_where=known)


def _big(*, nullable: bool = False) -> Column[int]:
    return Column(BigInteger, nullable=nullable)


def _count(start: int = 0) -> Column[int]:
    return Column(Integer, nullable=False, server_default=text(str(start)))


def _lot() -> Column[int]:
    return Column(BigInteger, nullable=False, server_default=text("0"))


def _no() -> Column[bool]:
    return Column(Boolean, nullable=False, server_default=false())


class Row(SQLModel):
    """What all tables share: one metadata with stable constraint names."""

    metadata = metadata


class Contact(Row, table=True):
    """A person as one source knows them."""

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        # whose address it is that somebody asks us to stop writing to
        Index(
            "ix_contacts_email_lower",
            text("lower(email)"),
            sqlite_where=text("email IS NOT NULL"),
            postgresql_where=text("email IS NOT NULL"),
        ),
        _known("phone"),
    )

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
    postcode: str | None = Field(default=None, sa_type=Text)
    born_on: int | None = Field(default=None, sa_column=_big(nullable=True))
    """The date of birth, as midnight UTC."""
    born_on_told_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    """When that date was first told, so that nobody gives today's date for today's present."""
    home_zone: str | None = Field(default=None, sa_type=Text)
    """The IANA zone the contact most likely lives in: as told, else by postcode, country or phone; null is unknown."""
    lot: int = Field(sa_column=_lot())
    """Drawn by lot from source and external id (clm.domain.lot), the same everywhere: for hold-outs and splits."""
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
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index("ix_events_contact_name_at", "contact_id", "name", "at"),
        Index("ix_events_name_at", "name", "at"),
    )

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
        Index(None, "changed"),
        Index(None, "revenue_365d_since"),
        Index(None, "revenue_365d_until"),
        _known("birthday"),
        _known("next_order_expected_at"),
        _known("lapse_80_at"),
        _known("lapse_90_at"),
        *(_known(name) for name in ("born_on", "born_on_told_at", "last_rated_at", "last_email_at", "last_sms_at")),
        *(_known(name) for name in ("last_reaction_at", "stage_since")),
        Index(
            "ix_profiles_rhythm_stale",
            "contact_id",
            sqlite_where=text("rhythm_stale"),
            postgresql_where=text("rhythm_stale"),
        ),
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
    """From when `revenue_365d` and the service facts are right; they change by themselves as time passes."""
    revenue_365d_until: int | None = Field(default=None, sa_column=_big(nullable=True))
    """Until when they are right; null means for ever."""
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
    home_zone: str | None = Field(default=None, sa_type=Text)
    born_on: int | None = Field(default=None, sa_column=_big(nullable=True))
    born_on_told_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    birthday: int | None = None
    """Month and day of `born_on` as a number: 229 is 29 February."""
    gap_50_ms: int | None = Field(default=None, sa_column=_big(nullable=True))
    """Quantile of the gaps between the contact's own orders, in milliseconds; needs three orders."""
    gap_80_ms: int | None = Field(default=None, sa_column=_big(nullable=True))
    gap_90_ms: int | None = Field(default=None, sa_column=_big(nullable=True))
    lapse_80_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    """The last order and gap_80_ms: usual_gap(0.8, …) is exceeded from here on."""
    lapse_90_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    next_order_expected_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    """The last order and gap_50_ms, the median of the own gaps: usual_gap(0.5, …) is exceeded from here on."""
    rhythm_stale: bool = Field(default=False, sa_column=_no())
    """An order was appended since the gaps' quantiles were computed; `clm.engine.profile.refresh` puts it right."""
    open_tickets: int = Field(default=0, sa_column=_count())
    last_rating: float | None = None
    last_rated_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    late_delivery: bool = Field(default=False, sa_column=_no())
    emails_sent: int = Field(default=0, sa_column=_count())
    """Marketing e-mails handed over, ever; written where a message is settled."""
    last_email_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    sms_sent: int = Field(default=0, sa_column=_count())
    last_sms_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    last_reaction_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    """Latest click, or opening by a person, of any message of ours."""
    recency_score: int | None = None
    frequency_score: int | None = None
    monetary_score: int | None = None
    rfm_group: str | None = Field(default=None, sa_type=Text)
    spend_percentile: float | None = None
    p_alive: float | None = None
    expected_orders_90d: float | None = None
    predicted_revenue_365d: int | None = Field(default=None, sa_column=_big(nullable=True))
    stage: str | None = Field(default=None, sa_type=Text)
    stage_since: int | None = Field(default=None, sa_column=_big(nullable=True))
    lifecycle_number: int = Field(default=1, sa_column=_count(1))
    lot: int = Field(sa_column=_lot())
    """As in contacts."""
    changed: int = Field(sa_column=_big())
    """Number of the transaction that changed the profile last (clm.store.changes); not a time."""


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
    holdout: str | None = Field(default=None, sa_type=Text)
    """campaign or global: enrolled and counted, and gets nothing; null for everybody else."""
    variant: str | None = Field(default=None, sa_type=Text)
    """The arms that splits drew, `subject=question,offer=plain`; null before the first split."""
    position: int
    """Index of the next node in the version's program (clm.domain.program)."""
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
    intended_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    """The instant of the latest intent; what caps and gaps are counted by."""
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
            sqlite_where=text("kind IN ('entered', 'held_out', 'exited', 'completed')"),
            postgresql_where=text("kind IN ('entered', 'held_out', 'exited', 'completed')"),
        ),
    )

    id: int | None = Field(default=None, sa_column=_id())
    contact_id: int = Field(sa_column=_contact())
    campaign: str = Field(sa_type=Text)
    enrolment_id: int | None = Field(default=None, sa_column=Column(_Id, ForeignKey("enrolments.id"), nullable=True))
    message_id: int | None = Field(default=None, sa_column=Column(_Id, ForeignKey("messages.id"), nullable=True))
    kind: str = Field(sa_type=Text)
    """entered, held_out, branched, split, exited, completed, suppressed; deferred; and what a message ended as without
    being sent: refused, expired, dead."""
    reason: str = Field(sa_type=Text)
    facts: str | None = Field(default=None, sa_type=Text)
    at: int = Field(sa_column=_big())


class Watermark(Row, table=True):
    """How far one evaluation (who enters a campaign, who has reached a goal, who is in which stage) has come."""

    __tablename__ = "watermarks"

    scope: str = Field(primary_key=True, sa_type=Text)
    """What is evaluated: `enter win_back`, `flight win_back 1a2b3c4d5e6f`, `stages`."""
    rules: int = Field(sa_column=_big())
    """Fingerprint of the conditions; others need a full pass."""
    evaluated_at: int = Field(sa_column=_big())
    """The latest instant evaluated for."""
    horizon: int = Field(sa_column=_big())
    """Every change with a lower number has been seen (clm.store.changes)."""
    instance: str = Field(sa_type=Text)
    """Which running database counted the changes; another one's numbers mean nothing."""
    backlog_since: int | None = Field(default=None, sa_column=_big(nullable=True))
    """A full pass found more people than may enter at once; the rest follow. Null when none are left."""
    backlog_taken: int = 0
    """How many of them have entered since `backlog_since`."""


class ChangeNumber(Row, table=True):
    """The number of the latest transaction that changed profiles, on SQLite; PostgreSQL counts by itself."""

    __tablename__ = "change_numbers"

    id: int = Field(primary_key=True)
    number: int = Field(sa_column=_big())


class StageInterval(Row, table=True):
    """A stretch of time that a contact spent in a lifecycle stage; the open one has no end."""

    __tablename__ = "stage_history"
    __table_args__ = (
        Index("ix_stage_history_name_since", "name", "since"),
        Index("ix_stage_history_name_until", "name", "until"),
    )

    contact_id: int = Field(sa_column=_contact(primary_key=True))
    since: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    until: int | None = Field(default=None, sa_column=_big(nullable=True))
    name: str = Field(sa_type=Text)
    lifecycle_number: int


class GroupInterval(Row, table=True):
    """A stretch of time that a contact spent in an RFM group; the open one has no end."""

    __tablename__ = "group_history"
    __table_args__ = (
        Index("ix_group_history_name_since", "name", "since"),
        Index("ix_group_history_name_until", "name", "until"),
    )

    contact_id: int = Field(sa_column=_contact(primary_key=True))
    since: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    until: int | None = Field(default=None, sa_column=_big(nullable=True))
    name: str = Field(sa_type=Text)


class ShopValue(Row, table=True):
    """A value that holds for the whole shop: usual gaps, RFM edges, the salt of suppressed addresses."""

    __tablename__ = "shop_values"

    name: str = Field(primary_key=True, sa_type=Text)
    value: str = Field(sa_type=Text)
    at: int = Field(sa_column=_big())


class Suppression(Row, table=True):
    """An address that gets nothing on a channel, kept as a salted hash so that it outlives the person's data."""

    __tablename__ = "suppressions"
    __table_args__ = (UniqueConstraint("address_hash", "channel", "reason"),)

    id: int | None = Field(default=None, sa_column=_id())
    address_hash: str = Field(sa_type=Text)
    channel: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    """unsubscribed, bounced, complained, invalid, stopped, sunset, manual."""
    source: str = Field(sa_type=Text)
    at: int = Field(sa_column=_big())
    lifted_at: int | None = Field(default=None, sa_column=_big(nullable=True))


class DeliveryEvent(Row, table=True):
    """What a provider told of a message after accepting it; late, repeated and reordered ones corrupt nothing."""

    __tablename__ = "delivery_events"
    __table_args__ = (UniqueConstraint("provider", "provider_event_id"), Index(None, "message_id", "kind"))

    id: int | None = Field(default=None, sa_column=_id())
    provider: str = Field(sa_type=Text)
    provider_event_id: str = Field(sa_type=Text)
    message_id: int | None = Field(default=None, sa_column=Column(_Id, ForeignKey("messages.id"), nullable=True))
    kind: str = Field(sa_type=Text)
    """delivered, opened, clicked, bounced, …"""
    by_machine: bool = False
    """Made by a mail reader's prefetching or a scanner, not by the person."""
    at: int = Field(sa_column=_big())
    detail: str | None = Field(default=None, sa_type=Text)
    recorded_at: int = Field(sa_column=_big())


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
watermarks: Table = metadata.tables["watermarks"]
change_numbers: Table = metadata.tables["change_numbers"]
stage_history: Table = metadata.tables["stage_history"]
group_history: Table = metadata.tables["group_history"]
shop_values: Table = metadata.tables["shop_values"]
suppressions: Table = metadata.tables["suppressions"]
delivery_events: Table = metadata.tables["delivery_events"]
quarantine: Table = metadata.tables["quarantine"]
source_cursors: Table = metadata.tables["source_cursors"]
