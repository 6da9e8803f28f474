"""What needs a person now: pools that run out, what was stopped, messages in doubt, rows that could not be read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from clm.domain.instant import DAY_MS
from clm.domain.offer import Offer
from clm.store import attention, coupons, stops
from clm.store.database import Database, Found
from clm.store.stops import Kind, Stop

DOUBT_DAYS = 1
"""Whatever closes a doubt by itself has mostly done so by then."""
QUARANTINE_DAYS = 7
"""Of older rows somebody has heard, or nobody cares."""
_WHY: dict[Kind, str] = {
    "refused": "the provider refuses us",
    "breaker": "too many bounces or complaints",
    "canary": "its first messages did badly",
    "blast_radius": "far more messages than usual",
}


@dataclass(frozen=True, slots=True)
class Pool:
    """The codes of an offer that the shop has to bring in, of which few are left."""

    offer: str
    left: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """A channel or campaign of which nothing goes out; `since` is milliseconds since 1970 UTC."""

    what: str
    """The campaign, or the channel."""
    campaign: str | None
    why: str
    reason: str
    since: int


@dataclass(frozen=True, slots=True)
class Attention:
    """All of it, at one moment."""

    pools: list[Pool]
    stopped: list[Stopped]
    in_doubt: list[Found]
    quarantined: list[Found]

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.pools or self.stopped or self.in_doubt or self.quarantined)


def attention_of(database: Database, offers: Iterable[Offer], *, now: int) -> Attention:
    """What needs a person at `now`, in a few statements that count to a thousand at most; raises StoreError."""
    with database.read() as tx:
        pools = [
            Pool(offer.name, left)
            for offer in offers
            if offer.pooled and (left := coupons.left(tx, offer.name, at_most=_enough(offer))) < _enough(offer)
        ]
        return Attention(
            pools,
            [_stopped(stop) for stop in stops.standing(tx) if _waits_for_somebody(stop)],
            attention.in_doubt(tx, before=now - DOUBT_DAYS * DAY_MS),
            attention.quarantined(tx, since=now - QUARANTINE_DAYS * DAY_MS),
        )


def _enough(offer: Offer) -> int:
    return max(offer.warn_below, 1)


def _waits_for_somebody(stop: Stop) -> bool:
    """A canary that is on its way, and a provider that asked for a moment, go on by themselves."""
    return stop.kind in _WHY and (stop.kind != "canary" or (not stop.allowed and stop.until is None))


def _stopped(stop: Stop) -> Stopped:
    first, *rest = stop.scope.split()
    campaign = rest[0] if first == "campaign" else None
    return Stopped(campaign or first, campaign, _WHY[stop.kind], stop.reason, stop.since)
