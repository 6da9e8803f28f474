"""Keeps facts right that change by themselves as time passes, or were left for later when an order came in."""

from __future__ import annotations

from clm.store import profiles
from clm.store.database import Database

BATCH_CONTACTS = 2_500
"""Per transaction and reason to recompute: about as long as a batch of ingest (clm.engine.ingest)."""


def refresh(database: Database, *, now: int) -> int:
    """Recompute the profiles whose 365-day revenue is another at `now`, or whose rhythm is stale; returns how many.

    The cost follows how many orders came in, or crossed the edge of their year, since the last time, not how many
    contacts there are.
    """
    refreshed = 0
    while True:
        with database.write() as tx:
            found = (
                profiles.out_of_date(tx, now=now, limit=BATCH_CONTACTS),
                profiles.stale_rhythms(tx, limit=BATCH_CONTACTS),
            )
            stale = set().union(*found)
            profiles.recompute(tx, stale, now=now)
        refreshed += len(stale)
        if all(len(one) < BATCH_CONTACTS for one in found):
            return refreshed
