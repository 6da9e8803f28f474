"""Puts right what was left behind: messages of dead dispatchers, those in doubt, those that came too late, and stops.

A message in doubt is closed by evidence: a late answer (clm.engine.settling), an event of the provider
(clm.engine.receive), somebody who asked the provider (clm.engine.doubt); here by events that came before it was in
doubt, and by silence. Silence counts only where the provider spoke of later messages; then the campaign decides.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from clm.domain.policy import too_late
from clm.engine.journey import Journeys
from clm.faults import FaultPoint, reach
from clm.store import doubt, withheld
from clm.store.database import Database, Transaction
from clm.store.doubt import Silent

BATCH_MESSAGES = 1_000
SILENT = "in doubt, and its provider stayed silent"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How many messages were put right, and how."""

    requeued: int = 0
    """Of dead dispatchers, whose provider tells a repeated message."""
    in_doubt: int = 0
    """Of dead dispatchers, newly in doubt."""
    expired: int = 0
    sent: int = 0
    """Were in doubt, and the provider had told of them."""
    handed_over_again: int = 0
    """Were in doubt, and silence said that they had not gone; their campaign sends at least once."""
    dead: int = 0
    """The same, where it sends at most once."""


def reconcile(
    database: Database, journeys: Journeys, *, idempotent: Collection[str], now: int, clock_now: int
) -> Reconciled:
    """Take back what dead dispatchers held, close doubts, end what is too late.

    `idempotent` are the providers (not channels) that may be handed the same message twice.
    """
    with database.write(durable=True) as tx:
        requeued, in_doubt = doubt.recover(tx, idempotent=idempotent, clock_now=clock_now)
        reach(FaultPoint.INSIDE_RECOVERY)
    with database.write(durable=True) as tx:
        sent = doubt.accepted(tx, doubt.told_of(tx, limit=BATCH_MESSAGES), now=now)
    silence = journeys.configuration.policy.delivery.silence
    with database.write(durable=True) as tx:
        found = doubt.silent(tx, now=now, silence=silence, limit=BATCH_MESSAGES)
        again, dead = _after_silence(tx, found, journeys, now=now)
    return Reconciled(requeued, in_doubt, _expire(database, now=now, clock_now=clock_now), sent, again, dead)


def _after_silence(tx: Transaction, found: list[Silent], journeys: Journeys, *, now: int) -> tuple[int, int]:
    at_least_once = {one.campaign for one in journeys.configuration.campaigns if one.delivery == "at_least_once"}
    again = {one.id: "handed over again: its provider stayed silent" for one in found if one.campaign in at_least_once}
    ended = {one.id: f"{SILENT} ({one.reason})" if one.reason else SILENT for one in found if one.id not in again}
    return len(doubt.close(tx, again, "queued", now=now)), len(doubt.close(tx, ended, "dead", now=now))


def _expire(database: Database, *, now: int, clock_now: int) -> int:
    expired = 0
    while True:
        with database.write() as tx:
            late = withheld.expired(tx, now=now, clock_now=clock_now, limit=BATCH_MESSAGES)
            withheld.stop(tx, [withheld.Ended(row.id, "expired", too_late(row.waited_for)) for row in late], now=now)
        expired += len(late)
        if len(late) < BATCH_MESSAGES:
            return expired
