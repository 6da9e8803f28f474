"""Who is in which campaign, why, and how far each look has come."""

from __future__ import annotations

from sqlalchemy import Index, Text, UniqueConstraint
from sqlmodel import Field

from clm.store.schema.columns import Row, big, identity, of, of_contact, partial


class CampaignVersion(Row, table=True):
    """A campaign's definition as people entered it, so that they can stay on it."""

    __tablename__ = "campaign_versions"

    campaign: str = Field(primary_key=True, sa_type=Text)
    version: str = Field(primary_key=True, sa_type=Text)
    definition: str = Field(sa_type=Text)
    first_used_at: int = Field(sa_column=big())


class Enrolment(Row, table=True):
    """One contact in one campaign because of one fact."""

    __tablename__ = "enrolments"
    __table_args__ = (
        UniqueConstraint("campaign", "contact_id", "trigger_key"),
        Index(None, "contact_id"),
        Index(None, "campaign", "entered_at"),
        partial("ix_enrolments_due", "campaign", "version", "position", "next_due_at", where="status = 'active'"),
    )

    id: int | None = Field(default=None, sa_column=identity())
    campaign: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    contact_id: int = Field(sa_column=of_contact())
    trigger_key: str = Field(sa_type=Text)
    entered_at: int = Field(sa_column=big())
    status: str = Field(sa_type=Text)
    """active, completed or exited."""
    exit_reason: str | None = Field(default=None, sa_type=Text)
    ended_at: int | None = Field(default=None, sa_column=big(nullable=True))
    goal_at: int | None = Field(default=None, sa_column=big(nullable=True))
    holdout: str | None = Field(default=None, sa_type=Text)
    """campaign or global: enrolled and counted, and gets nothing; null for everybody else."""
    variant: str | None = Field(default=None, sa_type=Text)
    """The arms that splits drew, `subject=question,offer=plain`; null before the first split."""
    position: int
    """Index of the next node in the version's program (clm.domain.program)."""
    next_due_at: int = Field(sa_column=big())


class Decision(Row, table=True):
    """Why something did or did not happen to a contact; append-only."""

    __tablename__ = "decisions"
    __table_args__ = (
        Index(None, "contact_id", "at"),
        partial(
            "uq_decisions_enrolment_kind",
            "enrolment_id",
            "kind",
            where="kind IN ('entered', 'held_out', 'exited', 'completed')",
            unique=True,
        ),
    )

    id: int | None = Field(default=None, sa_column=identity())
    contact_id: int = Field(sa_column=of_contact())
    campaign: str = Field(sa_type=Text)
    enrolment_id: int | None = Field(default=None, sa_column=of("enrolments", nullable=True))
    message_id: int | None = Field(default=None, sa_column=of("messages", nullable=True))
    kind: str = Field(sa_type=Text)
    """entered, held_out, branched, split, exited, completed, suppressed; deferred; and what a message ended as without
    being sent: refused, expired, dead."""
    reason: str = Field(sa_type=Text)
    facts: str | None = Field(default=None, sa_type=Text)
    at: int = Field(sa_column=big())


class Watermark(Row, table=True):
    """How far one evaluation (who enters a campaign, who has reached a goal, who is in which stage) has come."""

    __tablename__ = "watermarks"

    scope: str = Field(primary_key=True, sa_type=Text)
    """What is evaluated: `enter win_back`, `flight win_back 1a2b3c4d5e6f`, `stages`."""
    rules: int = Field(sa_column=big())
    """Fingerprint of the conditions; others need a full pass."""
    evaluated_at: int = Field(sa_column=big())
    """The latest instant evaluated for."""
    horizon: int = Field(sa_column=big())
    """Every change with a lower number has been seen (clm.store.changes)."""
    snapshot: str | None = Field(default=None, sa_type=Text)
    """PostgreSQL: which of the higher numbers had been seen too."""
    instance: str = Field(sa_type=Text)
    """Which running database counted the changes; another one's numbers mean nothing."""
    backlog_since: int | None = Field(default=None, sa_column=big(nullable=True))
    """A full pass found more people than may enter at once; the rest follow. Null when none are left."""
    backlog_taken: int = 0
    """How many of them have entered since `backlog_since`."""


class ChangeNumber(Row, table=True):
    """The number of the latest transaction that changed profiles, on SQLite; PostgreSQL counts by itself."""

    __tablename__ = "change_numbers"

    id: int = Field(primary_key=True)
    number: int = Field(sa_column=big())
