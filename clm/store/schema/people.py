"""What customers wish of our messages, and who of the team may look at them."""

from __future__ import annotations

from sqlalchemy import Text
from sqlmodel import Field

from clm.store.schema.columns import Row, big, of_contact


class Wish(Row, table=True):
    """What a contact has chosen on the preference page beside channels; the latest choice stands."""

    __tablename__ = "wishes"

    contact_id: int = Field(sa_column=of_contact(primary_key=True))
    topics_off: str = Field(sa_type=Text)
    """A JSON list of the topics (config/topics.yaml) they do not want."""
    frequency: str = Field(sa_type=Text)
    """all, weekly or monthly: the most marketing e-mails they want."""
    at: int = Field(sa_column=big())
    source: str = Field(sa_type=Text)


class StaffAccount(Row, table=True):
    """Somebody of the team who may sign in to the staff pages."""

    __tablename__ = "staff_accounts"

    name: str = Field(primary_key=True, sa_type=Text)
    password_hash: str = Field(sa_type=Text)
    created_at: int = Field(sa_column=big())
