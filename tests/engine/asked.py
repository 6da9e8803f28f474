"""Messages that have asked for a survey, put into a database as if they had been sent."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from sqlalchemy import select

from clm.domain.instant import HOUR_MS
from clm.store.database import Database
from clm.store.schema import campaign_versions, contacts, enrolments, events, messages
from tests.engine.shop import NOW

_VERSIONS = count(1)


def ask(
    database: Database,
    contact: str = "ada",
    survey: str = "rating",
    *,
    channel: str = "email",
    at: int = NOW - HOUR_MS,
    reminded: bool = False,
) -> int:
    """Ask a contact for a survey in a version of a campaign of its own; returns the number of the (last) message."""
    version = f"v{next(_VERSIONS)}"
    steps = [{"send": step, "channel": channel, "survey": survey} for step in ("ask", "remind")]
    definition = json.dumps({"steps": [{"branch": [{"steps": steps}]}]}, separators=(",", ":"))
    with database.write() as tx:
        whose = tx.scalar(select(contacts.c.id).where(contacts.c.external_id == contact))
        tx.execute(campaign_versions.insert().values(
            campaign="asking", version=version, definition=definition, first_used_at=at,
        ))  # fmt: skip
        entered = tx.scalar(enrolments.insert().values(
            campaign="asking", version=version, contact_id=whose, trigger_key=version, entered_at=at,
            status="completed", position=1, next_due_at=at,
        ).returning(enrolments.c.id))  # fmt: skip
        found = 0
        for step in ("ask", "remind")[: 1 + reminded]:
            found = tx.scalar(messages.insert().values(
                enrolment_id=entered, contact_id=whose, campaign="asking", step=step, channel=channel,
                purpose="marketing", queue_rank=50, status="sent", due_at=at, expires_at=at + HOUR_MS, created_at=at,
                intended_at=at, sent_at=at, attempts=1,
            ).returning(messages.c.id)) or 0  # fmt: skip
    return found


def told(database: Database, name: str | None = None) -> list[dict[str, Any]]:
    """What clm itself has told of people, oldest first: the properties of its events, of all names or one."""
    e = events.c
    query = select(e.name, e.properties).where(e.source == "clm").order_by(e.at, e.id)
    with database.read() as tx:
        return [json.loads(row.properties) for row in tx.execute(query) if name in (None, row.name)]
