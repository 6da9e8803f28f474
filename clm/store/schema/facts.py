"""What sources tell: contacts, consents, orders and their lines, events; and how far they have been read."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Text, UniqueConstraint, text
from sqlmodel import Field

from clm.store.schema.columns import Id, Row, big, identity, known, lot, of_contact, partial


class Contact(Row, table=True):
    """A person as one source knows them."""

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        # whose address it is that somebody asks us to stop writing to
        partial("ix_contacts_email_lower", text("lower(email)"), where="email IS NOT NULL"),
        known("phone"),
    )

    id: int | None = Field(default=None, sa_column=identity())
    source: str = Field(sa_type=Text)
    external_id: str = Field(sa_type=Text)
    email: str | None = Field(default=None, sa_type=Text)
    phone: str | None = Field(default=None, sa_type=Text)
    first_name: str | None = Field(default=None, sa_type=Text)
    last_name: str | None = Field(default=None, sa_type=Text)
    country: str | None = Field(default=None, sa_type=Text)
    locale: str | None = Field(default=None, sa_type=Text)
    zone: str | None = Field(default=None, sa_type=Text)
    signed_up_at: int | None = Field(default=None, sa_column=big(nullable=True))
    acquisition_source: str | None = Field(default=None, sa_type=Text)
    postcode: str | None = Field(default=None, sa_type=Text)
    born_on: int | None = Field(default=None, sa_column=big(nullable=True))
    """The date of birth, as midnight UTC."""
    born_on_told_at: int | None = Field(default=None, sa_column=big(nullable=True))
    """When that date was first told, so that nobody gives today's date for today's present."""
    home_zone: str | None = Field(default=None, sa_type=Text)
    """The IANA zone the contact most likely lives in: as told, else by postcode, country or phone; null is unknown."""
    lot: int = Field(sa_column=lot())
    """Drawn by lot from source and external id (clm.domain.lot), the same everywhere: for hold-outs and splits."""
    fingerprint: int | None = Field(default=None, sa_column=big(nullable=True))
    """Hash of what the contacts feed last said; null while only orders or events have named the contact."""
    created_at: int = Field(sa_column=big())


class Consent(Row, table=True):
    """One statement of consent, given or withdrawn; append-only, the latest counts."""

    __tablename__ = "consents"
    __table_args__ = (UniqueConstraint("contact_id", "channel", "purpose", "at", "granted"),)

    id: int | None = Field(default=None, sa_column=identity())
    contact_id: int = Field(sa_column=of_contact())
    channel: str = Field(sa_type=Text)
    purpose: str = Field(sa_type=Text)
    granted: bool
    at: int = Field(sa_column=big())
    source: str = Field(sa_type=Text)
    recorded_at: int = Field(sa_column=big())


class Order(Row, table=True):
    """An order, cancellation or refund; amounts are never negative, `kind` says which way they count."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index(None, "contact_id", "ordered_at"),
        partial(None, "source", "cancels", where="cancels IS NOT NULL"),
    )

    id: int | None = Field(default=None, sa_column=identity())
    source: str = Field(sa_type=Text)
    external_id: str = Field(sa_type=Text)
    contact_id: int = Field(sa_column=of_contact())
    kind: str = Field(sa_type=Text)
    ordered_at: int = Field(sa_column=big())
    amount: int = Field(sa_column=big())
    currency: str = Field(sa_type=Text)
    original_amount: int = Field(sa_column=big())
    cancels: str | None = Field(default=None, sa_type=Text)
    coupon: str | None = Field(default=None, sa_type=Text)
    """The code that was entered at the checkout, in capitals."""
    fingerprint: int = Field(sa_column=big())
    recorded_at: int = Field(sa_column=big())


class OrderLine(Row, table=True):
    """One product on an order."""

    __tablename__ = "order_lines"

    order_id: int = Field(sa_column=Column(Id, ForeignKey("orders.id"), primary_key=True, autoincrement=False))
    number: int = Field(primary_key=True)
    product_id: str = Field(sa_type=Text)
    name: str | None = Field(default=None, sa_type=Text)
    category: str | None = Field(default=None, sa_type=Text)
    quantity: int
    amount: int | None = Field(default=None, sa_column=big(nullable=True))


class Event(Row, table=True):
    """Something a contact did."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index("ix_events_contact_name_at", "contact_id", "name", "at"),
        Index("ix_events_name_at", "name", "at"),
    )

    id: int | None = Field(default=None, sa_column=identity())
    source: str = Field(sa_type=Text)
    external_id: str = Field(sa_type=Text)
    contact_id: int = Field(sa_column=of_contact())
    name: str = Field(sa_type=Text)
    at: int = Field(sa_column=big())
    properties: str = Field(sa_type=Text)
    recorded_at: int = Field(sa_column=big())


class Quarantine(Row, table=True):
    """A row of a source that cannot be used, whole, with the reason."""

    __tablename__ = "quarantine"
    __table_args__ = (UniqueConstraint("source", "feed", "fingerprint"),)

    id: int | None = Field(default=None, sa_column=identity())
    source: str = Field(sa_type=Text)
    feed: str = Field(sa_type=Text)
    file: str = Field(sa_type=Text)
    line: int
    field: str | None = Field(default=None, sa_type=Text)
    reason: str = Field(sa_type=Text)
    raw: str = Field(sa_type=Text)
    fingerprint: int = Field(sa_column=big())
    """Hash of file name, line and row: the same bad row is listed once however often the file is read."""
    recorded_at: int = Field(sa_column=big())


class SourceCursor(Row, table=True):
    """How far a scheduled pull has read one file; advanced with the facts, never before them."""

    __tablename__ = "source_cursors"

    source: str = Field(primary_key=True, sa_type=Text)
    feed: str = Field(primary_key=True, sa_type=Text)
    file: str = Field(primary_key=True, sa_type=Text)
    cursor: str = Field(sa_type=Text)
    advanced_at: int = Field(sa_column=big())
