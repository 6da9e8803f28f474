"""What is known of each contact, and where they have been: profile, stages, groups; and of the whole shop."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Text
from sqlmodel import Field

from clm.store.schema.columns import Row, big, count, known, lot, no, of_contact, partial


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
        known("birthday"),
        known("next_order_expected_at"),
        known("lapse_80_at"),
        known("lapse_90_at"),
        *(known(name) for name in ("born_on", "born_on_told_at", "last_rated_at", "last_email_at", "last_sms_at")),
        *(known(name) for name in ("last_reaction_at", "stage_since")),
        partial("ix_profiles_rhythm_stale", "contact_id", where="rhythm_stale"),
    )

    contact_id: int = Field(sa_column=of_contact(primary_key=True))
    signed_up_at: int | None = Field(default=None, sa_column=big(nullable=True))
    first_order_at: int | None = Field(default=None, sa_column=big(nullable=True))
    first_order_id: str | None = Field(default=None, sa_type=Text)
    last_order_at: int | None = Field(default=None, sa_column=big(nullable=True))
    last_order_id: str | None = Field(default=None, sa_type=Text)
    order_count: int
    revenue: int = Field(sa_column=big())
    revenue_365d: int = Field(sa_column=big())
    revenue_365d_since: int = Field(sa_column=big())
    """From when `revenue_365d` and the service facts are right; they change by themselves as time passes."""
    revenue_365d_until: int | None = Field(default=None, sa_column=big(nullable=True))
    """Until when they are right; null means for ever."""
    average_order_value: int | None = Field(default=None, sa_column=big(nullable=True))
    average_gap_days: float | None = None
    last_gap_days: float | None = None
    longest_gap_days: float | None = None
    last_activity_at: int | None = Field(default=None, sa_column=big(nullable=True))
    email_consent: bool
    sms_consent: bool
    country: str | None = Field(default=None, sa_type=Text)
    locale: str | None = Field(default=None, sa_type=Text)
    zone: str | None = Field(default=None, sa_type=Text)
    acquisition_source: str | None = Field(default=None, sa_type=Text)
    home_zone: str | None = Field(default=None, sa_type=Text)
    born_on: int | None = Field(default=None, sa_column=big(nullable=True))
    born_on_told_at: int | None = Field(default=None, sa_column=big(nullable=True))
    birthday: int | None = None
    """Month and day of `born_on` as a number: 229 is 29 February."""
    gap_50_ms: int | None = Field(default=None, sa_column=big(nullable=True))
    """Quantile of the gaps between the contact's own orders, in milliseconds; needs three orders."""
    gap_80_ms: int | None = Field(default=None, sa_column=big(nullable=True))
    gap_90_ms: int | None = Field(default=None, sa_column=big(nullable=True))
    lapse_80_at: int | None = Field(default=None, sa_column=big(nullable=True))
    """The last order and gap_80_ms: usual_gap(0.8, …) is exceeded from here on."""
    lapse_90_at: int | None = Field(default=None, sa_column=big(nullable=True))
    next_order_expected_at: int | None = Field(default=None, sa_column=big(nullable=True))
    """The last order and gap_50_ms, the median of the own gaps: usual_gap(0.5, …) is exceeded from here on."""
    rhythm_stale: bool = Field(default=False, sa_column=no())
    """An order was appended since the gaps' quantiles were computed; `clm.engine.profile.refresh` puts it right."""
    open_tickets: int = Field(default=0, sa_column=count())
    last_rating: float | None = None
    last_rated_at: int | None = Field(default=None, sa_column=big(nullable=True))
    late_delivery: bool = Field(default=False, sa_column=no())
    emails_sent: int = Field(default=0, sa_column=count())
    """Marketing e-mails handed over, ever; written where a message is settled."""
    last_email_at: int | None = Field(default=None, sa_column=big(nullable=True))
    sms_sent: int = Field(default=0, sa_column=count())
    last_sms_at: int | None = Field(default=None, sa_column=big(nullable=True))
    last_reaction_at: int | None = Field(default=None, sa_column=big(nullable=True))
    """Latest click, or opening by a person, of any message of ours."""
    recency_score: int | None = None
    frequency_score: int | None = None
    monetary_score: int | None = None
    rfm_group: str | None = Field(default=None, sa_type=Text)
    spend_percentile: float | None = None
    p_alive: float | None = None
    expected_orders_90d: float | None = None
    predicted_revenue_365d: int | None = Field(default=None, sa_column=big(nullable=True))
    stage: str | None = Field(default=None, sa_type=Text)
    stage_since: int | None = Field(default=None, sa_column=big(nullable=True))
    lifecycle_number: int = Field(default=1, sa_column=count(1))
    lot: int = Field(sa_column=lot())
    """As in contacts."""
    changed: int = Field(sa_column=big())
    """Number of the transaction that changed the profile last (clm.store.changes); not a time."""


class StageInterval(Row, table=True):
    """A stretch of time that a contact spent in a lifecycle stage; the open one has no end."""

    __tablename__ = "stage_history"
    __table_args__ = (
        Index("ix_stage_history_name_since", "name", "since"),
        Index("ix_stage_history_name_until", "name", "until"),
    )

    contact_id: int = Field(sa_column=of_contact(primary_key=True))
    since: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    until: int | None = Field(default=None, sa_column=big(nullable=True))
    name: str = Field(sa_type=Text)
    lifecycle_number: int


class GroupInterval(Row, table=True):
    """A stretch of time that a contact spent in an RFM group; the open one has no end."""

    __tablename__ = "group_history"
    __table_args__ = (
        Index("ix_group_history_name_since", "name", "since"),
        Index("ix_group_history_name_until", "name", "until"),
    )

    contact_id: int = Field(sa_column=of_contact(primary_key=True))
    since: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    until: int | None = Field(default=None, sa_column=big(nullable=True))
    name: str = Field(sa_type=Text)


class ShopValue(Row, table=True):
    """A value that holds for the whole shop: usual gaps, RFM edges, the salt of suppressed addresses."""

    __tablename__ = "shop_values"

    name: str = Field(primary_key=True, sa_type=Text)
    value: str = Field(sa_type=Text)
    at: int = Field(sa_column=big())
