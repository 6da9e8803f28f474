"""What became of people's journeys, and ways of making things happen to them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from sqlalchemy import select, update

from clm.store.schema import contacts, decisions, enrolments, profiles
from tests.engine.rehearsal import TWO_DAYS, Rehearsal
from tests.engine.shop import order

REPEAT = "order_count >= 2"
"""Of whom this holds has ordered again."""
FOR_TEN_DAYS = {"when": REPEAT, "at_most": "10d"}
BY_VALUE = {
    "branch": [
        {"when": "order_count >= 3", "steps": [{"send": "last", "channel": "email"}]},
        {"when": "order_count >= 2", "steps": [{"send": "again", "channel": "email"}, TWO_DAYS]},
    ]
}


class Left(NamedTuple):
    """How an enrolment ended."""

    contact: str
    status: str
    reason: str | None


def journeys(rehearsal: Rehearsal) -> list[Left]:
    """Every enrolment by contact."""
    e, c = enrolments.c, contacts.c
    query = select(c.external_id, e.status, e.exit_reason).join(contacts, c.id == e.contact_id).order_by(c.external_id)
    with rehearsal.database.read() as tx:
        return [Left(*row) for row in tx.execute(query)]


def kept(rehearsal: Rehearsal, *kinds: str) -> list[tuple[str, str, dict[str, Any] | None]]:
    """Contact, reason and facts of every decision of these kinds."""
    d, c = decisions.c, contacts.c
    query = select(c.external_id, d.reason, d.facts).join(contacts, c.id == d.contact_id).where(d.kind.in_(kinds))
    with rehearsal.database.read() as tx:
        rows = tx.execute(query.order_by(c.external_id, d.id)).all()
    return [(row.external_id, row.reason, json.loads(row.facts) if row.facts else None) for row in rows]


def sent_to(rehearsal: Rehearsal, contact: str = "ada") -> list[str]:
    """The steps of which a message was made for the contact."""
    return [seen.step for seen in rehearsal.messages() if seen.contact == contact]


def buys_again(rehearsal: Rehearsal, contact: str = "ada", *, at: int) -> None:
    """A second order."""
    rehearsal.shop.tell(order(f"{contact}-2", contact, at=at), now=at)


def live_in(rehearsal: Rehearsal, zones: dict[str, str | None]) -> None:
    """Customers who live in these zones."""
    for name, zone in zones.items():
        rehearsal.customer(name)
        with rehearsal.database.write() as tx:
            contact = tx.scalars(select(contacts.c.id).where(contacts.c.external_id == name)).one()
            tx.execute(update(contacts).where(contacts.c.id == contact).values(home_zone=zone))
            tx.execute(update(profiles).where(profiles.c.contact_id == contact).values(home_zone=zone))
