"""Takes in what providers tell of messages, however it came: by webhook, by a question or by a sweep.

Everything of one call is stored in one transaction, so that whoever acknowledges it afterwards has it. Events are told
late, repeatedly and in any order; each counts once, at its own time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from clm.domain.provider_event import ProviderEvent
from clm.domain.reference import message_of
from clm.errors import StoreBusyError
from clm.faults import FaultPoint, reach
from clm.store import attempts, coupons, delivery, doubt, references, suppressions
from clm.store.database import Database, Transaction
from clm.store.delivery import Lapsed, Told

_TRIES_MAX = 5
EVENTS_MAX = 10_000
"""In one call; more is split by whoever calls."""


@dataclass(frozen=True, slots=True)
class Received:
    """How many events were new, had been told before, were about no message of ours; and what they changed."""

    new: int = 0
    repeated: int = 0
    unknown: int = 0
    """Of the new ones: kept, but about messages that are not ours."""
    resolved: int = 0
    """Messages in doubt, or being sent, that these events show to have been accepted."""
    suppressed: int = 0
    """Addresses that get nothing any more because of these events."""
    alerts: tuple[str, ...] = ()
    """What people should know of the new ones, each text once; no personal data."""


def receive(database: Database, events: Sequence[ProviderEvent], *, now: int) -> Received:
    """Store what has not been told before and act on it; committed, and on disk, when this returns.

    Raises StoreError when the database is away: then nothing of it is stored, and the provider has to tell it again.
    """
    if not events:
        return Received()
    if len(events) > EVENTS_MAX:
        raise ValueError(f"at most {EVENTS_MAX:,} events at once, not {len(events):,}")
    key = references.key(database, now=now)
    for tries_left in reversed(range(_TRIES_MAX)):
        try:
            with database.write(durable=True) as tx:
                received = _receive(tx, events, key, now=now)
                reach(FaultPoint.INSIDE_EVENTS)
        except StoreBusyError:
            if not tries_left:
                raise
            continue
        reach(FaultPoint.EVENTS_COMMITTED)
        return received
    raise AssertionError  # the last try returns or raises


def _receive(tx: Transaction, events: Sequence[ProviderEvent], key: str, *, now: int) -> Received:
    delivery.one_at_a_time(tx)
    ours = _ours(tx, events, key)
    # Messages before profiles, as everywhere: whoever settles holds the message and waits for the profile.
    known = doubt.about(tx, {message_id for message_id in ours if message_id is not None})
    told = {
        (event.provider, delivery.storable(event.event_id)): (
            event,
            Told(
                event.provider,
                event.event_id,
                message_id if message_id in known else None,
                event.kind,
                event.at,
                event.by_machine,
                event.detail,
                None if message_id in known else event.reference,
            ),
        )
        for event, message_id in reversed(list(zip(events, ours, strict=True)))
    }
    lapsed = {
        one.message_id: Lapsed(event.provider, event.provider_message_id, event.detail)
        for event, one in told.values()
        if event.lapsed and one.message_id is not None
    }
    if lapsed:
        delivery.hold(tx, known)
    resolved = doubt.accepted(tx, [one.message_id for _, one in told.values() if one.message_id is not None], now=now)
    if lapsed:
        delivery.note_lapsed(tx, lapsed)
    fresh = delivery.record(tx, [one for _, one in told.values()], now=now)
    coupons.never_seen(tx, lapsed.keys())
    new = [(told[one.provider, one.provider_event_id][0], one) for one in fresh]
    return Received(
        new=len(fresh),
        repeated=len(events) - len(fresh),
        unknown=sum(one.message_id is None for _, one in new),
        resolved=resolved,
        suppressed=_suppress(tx, new, known),
        alerts=tuple(dict.fromkeys(event.alert for event, _ in new if event.alert is not None)),
    )


def _ours(tx: Transaction, events: Sequence[ProviderEvent], key: str) -> list[int | None]:
    """Which message of ours each event is about: by our reference, else by the name that the provider gave it."""
    unnamed = {
        (event.provider, event.provider_message_id)
        for event in events
        if event.reference is None and event.provider_message_id is not None
    }
    by_name = attempts.named(tx, unnamed)
    return [
        by_name.get((event.provider, event.provider_message_id or ""))
        if event.reference is None
        else message_of(event.reference, key)
        for event in events
    ]


def _suppress(tx: Transaction, new: Sequence[tuple[ProviderEvent, Told]], known: dict[int, str | None]) -> int:
    """Let nothing go any more to whom it says so, at where the message went; what they took back is lifted."""
    count = 0
    for event, one in sorted(new, key=lambda pair: pair[0].at):
        if event.suppress is None and event.lift is None:
            continue
        address = (known.get(one.message_id) if one.message_id is not None else None) or event.address
        if address is None:
            continue
        if event.suppress is not None:
            count += suppressions.suppress_all(
                tx,
                channel=event.channel,
                addresses=[address],
                reason=event.suppress,
                source=event.provider,
                at=event.at,
                told_late=True,
            )
        elif event.lift is not None:
            suppressions.lift(tx, channel=event.channel, address=address, at=event.at, reason=event.lift)
    return count


def counted(received: Sequence[Received]) -> dict[str, int]:
    """The sum of several, by name, without zeros."""
    total: Counter[str] = Counter()
    for one in received:
        total.update({name: getattr(one, name) for name in Received.__slots__ if name != "alerts"})
    return {name: count for name, count in total.items() if count}
