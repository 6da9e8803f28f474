"""Keeps facts right that change by themselves as time passes."""

from __future__ import annotations

from clm.store import profiles
from clm.store.database import Database

BATCH_CONTACTS = 5_000


def refresh(database: Database, *, now: int) -> int:
    """Recompute the profiles whose 365-day revenue is another at `now`; returns how many.

    The cost follows how many orders crossed the edge of their year since the last time, not how many contacts
    there are.
    """
    refreshed = 0
    while True:
        with database.write() as tx:
            stale = profiles.out_of_date(tx, now=now, limit=BATCH_CONTACTS)
            profiles.recompute(tx, stale, now=now)
        refreshed += len(stale)
        if len(stale) < BATCH_CONTACTS:
            return refreshed
