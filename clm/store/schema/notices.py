"""What the team is to be told of by mail."""

from __future__ import annotations

from sqlalchemy import Text, UniqueConstraint
from sqlmodel import Field

from clm.store.schema.columns import Row, big, count, identity, partial


class TeamAlert(Row, table=True):
    """Something that a person should know of, of each kind and subject one; told again, it is this one again."""

    __tablename__ = "alerts"
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        partial("ix_alerts_untold", "status", where="status IN ('queued', 'sending')"),
    )

    id: int | None = Field(default=None, sa_column=identity())
    kind: str = Field(sa_type=Text)
    """What kind of thing it is: no_code, few_codes, overused, refused, breaker, …"""
    subject: str = Field(sa_type=Text)
    """What it is about: an offer, a code, a channel and its sender, a campaign."""
    text: str = Field(sa_type=Text)
    remedy: str | None = Field(default=None, sa_type=Text)
    """What to do, where there is something."""
    since: int = Field(sa_column=big())
    last_at: int = Field(sa_column=big())
    """When it was met last."""
    status: str = Field(sa_type=Text)
    """queued, sending, sent, rejected, in_doubt: of its latest mail."""
    mail: int | None = Field(default=None, sa_column=big(nullable=True))
    """The number of its latest mail, counted up over all; what goes in one mail has one number."""
    mailed_at: int | None = Field(default=None, sa_column=big(nullable=True))
    """The instant at which that was about to be handed over."""
    tries: int = Field(default=0, sa_column=count())
    lease_until: int | None = Field(default=None, sa_column=big(nullable=True))
    """Wall-clock end of the lease while it is sending, and of the pause after a try that did not reach the provider."""
    detail: str | None = Field(default=None, sa_type=Text)
    """What the provider said of its latest mail."""
