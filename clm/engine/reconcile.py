"""Finds what was left behind: messages of dead dispatchers, and messages that came too late."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from clm.domain.policy import too_late
from clm.store import messages, withheld
from clm.store.database import Database

BATCH_MESSAGES = 1_000


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How many messages were put right, and how."""

    requeued: int
    in_doubt: int
    expired: int


def reconcile(database: Database, *, idempotent: Collection[str], now: int, clock_now: int) -> Reconciled:
    """Take back what dead dispatchers held and end what is too late; `idempotent` are the channels that may repeat."""
    with database.write(durable=True) as tx:
        requeued, in_doubt = messages.recover(tx, idempotent=idempotent, clock_now=clock_now)
    expired = 0
    while True:
        with database.write() as tx:
            late = withheld.expired(tx, now=now, clock_now=clock_now, limit=BATCH_MESSAGES)
            withheld.stop(tx, [withheld.Ended(row.id, "expired", too_late(row.waited_for)) for row in late], now=now)
        expired += len(late)
        if len(late) < BATCH_MESSAGES:
            return Reconciled(requeued, in_doubt, expired)
