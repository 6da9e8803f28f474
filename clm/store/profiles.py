"""Profiles: the facts of each contact, one row each."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path

from sqlalchemy import or_, select, text

from clm.domain.instant import DAY_MS
from clm.store.database import Transaction
from clm.store.dialect import ids_in, ids_value
from clm.store.schema import profiles

YEAR_MS = 365 * DAY_MS
_SINCE_EVER = -(2**62)


@cache
def _statement(name: str) -> str:
    return (Path(__file__).parent / "sql" / name).read_text(encoding="utf-8")


def recompute(tx: Transaction, contact_ids: Collection[int], *, now: int) -> None:
    """Bring the profiles of these contacts up to what is known of them, as of `now`."""
    if not contact_ids:
        return
    statement = _statement("profile.sql").format(
        ids=ids_in(tx), no="0" if tx.dialect.name == "sqlite" else "false", never=_SINCE_EVER
    )
    tx.execute(text(statement), {"ids": ids_value(tx, sorted(contact_ids)), "now": now, "day": DAY_MS, "year": YEAR_MS})


def note_activity(tx: Transaction, latest: dict[int, int], *, now: int) -> None:
    """Move `last_activity_at` of contacts forward to an event's time; an event changes no other fact."""
    statement = text(
        "UPDATE profiles SET last_activity_at = :at, changed_at = :now"
        " WHERE contact_id = :id AND (last_activity_at IS NULL OR last_activity_at < :at)"
    )
    if latest:
        tx.execute(statement, [{"id": contact_id, "at": at, "now": now} for contact_id, at in sorted(latest.items())])


def out_of_date(tx: Transaction, *, now: int, limit: int) -> list[int]:
    """Contacts whose 365-day revenue is another at `now` than when it was computed; two index ranges."""
    query = (
        select(profiles.c.contact_id)
        .where(or_(profiles.c.revenue_365d_until <= now, profiles.c.revenue_365d_since > now))
        .limit(limit)
    )
    return list(tx.scalars(query))


def newest_fact_at(tx: Transaction) -> int | None:
    """The time of the latest activity of anybody, in milliseconds."""
    return tx.scalar(
        select(profiles.c.last_activity_at)
        .where(profiles.c.last_activity_at.is_not(None))
        .order_by(profiles.c.last_activity_at.desc())
        .limit(1)
    )
