"""A contact as dispatching finds them, without any message: for looking at what they would be sent."""

from __future__ import annotations

from sqlalchemy import literal, select

from clm.store.database import Found, Transaction
from clm.store.leases import CONTACT_FACTS
from clm.store.schema import contacts, profiles

NO_MESSAGE = 0
"""The id of a message that there is none of."""


def contact_id(tx: Transaction, external_id: str) -> int | None:
    """The contact with the shop's own id, the first told of where several sources use the same."""
    c = contacts.c
    found: int | None = tx.scalar(select(c.id).where(c.external_id == external_id).order_by(c.id).limit(1))
    return found


def as_if_leased(
    tx: Transaction, contact_id: int, *, campaign: str, version: str, step: str, channel: str, now: int
) -> Found | None:
    """A row such as `leases.leased` gives for a message of that step, at `now`; None where there is no such contact."""
    c, p = contacts.c, profiles.c
    query = (
        select(
            *(p[name].label(f"fact_{name}") for name in CONTACT_FACTS),
            p.home_zone, literal(NO_MESSAGE).label("id"), c.id.label("contact_id"),
            literal(NO_MESSAGE).label("enrolment_id"), literal(campaign).label("campaign"), literal(step).label("step"),
            literal(channel).label("channel"), literal(version).label("version"), literal(now).label("due_at"),
            literal(now).label("expires_at"), literal(now).label("entered_at"), c.source, c.external_id, c.email,
            c.phone, c.first_name, c.last_name, c.country, c.locale, c.zone, c.postcode,
        )
        .join(profiles, p.contact_id == c.id)
        .where(c.id == contact_id)
    )  # fmt: skip
    return tx.execute(query).one_or_none()
