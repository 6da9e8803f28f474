"""Coupons that were made or uploaded, whom they were given to, and which orders they were used for."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Text, UniqueConstraint
from sqlmodel import Field

from clm.store.schema.columns import Id, Row, big, count, identity, known, no, of, of_contact, partial


class Coupon(Row, table=True):
    """One code of an offer: free, held for a contact, given to them, closed."""

    __tablename__ = "coupons"
    __table_args__ = (
        UniqueConstraint("code"),
        # one at a time for each contact and offer: whoever is written to again gets the same while it holds
        partial(
            "uq_coupons_standing",
            "contact_id",
            "offer",
            where="contact_id IS NOT NULL AND closed_at IS NULL",
            unique=True,
        ),
        partial("ix_coupons_free", "offer", "id", where="contact_id IS NULL"),
        # what a message that is never sent gives back
        known("message_id"),
        # whose they were, closed ones too
        known("contact_id"),
    )

    id: int | None = Field(default=None, sa_column=identity())
    offer: str = Field(sa_type=Text)
    """Its name in config/offers.yaml."""
    code: str = Field(sa_type=Text)
    """In capitals, as it is compared."""
    pooled: bool
    """Whether the shop made it and uploaded it; the others are made here."""
    uses: int = Field(default=1, sa_column=count(1))
    """How many orders it is good for, as the offer said when it was held."""
    for_friends: bool = Field(default=False, sa_column=no())
    """Whether it is there to be handed on, as the offer said then."""
    created_at: int = Field(sa_column=big())
    contact_id: int | None = Field(default=None, sa_column=of("contacts", nullable=True))
    """Null while it is free."""
    issued_at: int | None = Field(default=None, sa_column=big(nullable=True))
    """When the intent to send it was recorded; null while it is only held for a message that is being written."""
    expires_at: int | None = Field(default=None, sa_column=big(nullable=True))
    message_id: int | None = Field(default=None, sa_column=of("messages", nullable=True))
    """The message that it is held for, and then the first that carried it."""
    carried_again: bool = Field(default=False, sa_column=no())
    """Whether another message has carried it after that one."""
    closed_at: int | None = Field(default=None, sa_column=big(nullable=True))
    """Used up, or run out and replaced; a closed one is never given out again."""


class Redemption(Row, table=True):
    """One order for which a coupon was used."""

    __tablename__ = "redemptions"
    __table_args__ = (Index(None, "contact_id"),)

    coupon_id: int = Field(sa_column=Column(Id, ForeignKey("coupons.id"), primary_key=True, autoincrement=False))
    order_id: int = Field(sa_column=Column(Id, ForeignKey("orders.id"), primary_key=True, autoincrement=False))
    contact_id: int = Field(sa_column=of_contact())
    """Who ordered: a friend, where the code was handed on."""
    at: int = Field(sa_column=big())
