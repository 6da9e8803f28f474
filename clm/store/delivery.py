"""Delivery events: what providers tell of messages after accepting them; append-only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import text

from clm.store import profiles
from clm.store.database import Transaction
from clm.store.dialect import ids_in, ids_value, insert_many, lock, texts_in, texts_value
from clm.store.schema import delivery_events

REACTIONS = frozenset({"opened", "clicked"})
"""Kinds that say that the person has looked, unless a machine made them."""


_TEXTS = ("provider_event_id", "detail", "reference")
_CHARACTERS_MAX = 500


class Told(NamedTuple):
    """One event of a provider, about one message of ours."""

    provider: str
    provider_event_id: str
    message_id: int | None
    kind: str
    at: int
    by_machine: bool = False
    detail: str | None = None
    reference: str | None = None
    """What the provider said that it was about, where that is no message of ours."""


def one_at_a_time(tx: Transaction) -> None:
    """Let nobody else take in events until the transaction ends, so that each is new to one of them alone.

    Taken before messages and profiles are locked, or two who take in events would wait for each other.
    """
    lock(tx, "delivery events")


def record(tx: Transaction, events: Sequence[Told], *, now: int) -> list[Told]:
    """Keep what has not been told before; returns those events.

    Their contacts' profiles have changed with them, and remember the latest reaction. An event about a message that
    we do not know is kept without one: what a provider was told that we have, we have.
    """
    one_at_a_time(tx)
    kept = [event._replace(**{name: storable(getattr(event, name)) for name in _TEXTS}) for event in events]
    told = {(event.provider, event.provider_event_id): event for event in reversed(kept)}  # of two the first counts
    known = _known(tx, told)
    # Sorted, so that two deliveries of the same events wait for each other instead of one for the other.
    fresh = [told[key] for key in sorted(told.keys() - known)]
    whose = _contacts(tx, {event.message_id for event in fresh if event.message_id is not None})
    rows = [
        (
            event.provider, event.provider_event_id, event.message_id if event.message_id in whose else None,
            event.kind, event.by_machine, event.at, event.detail, event.reference, now,
        )
        for event in fresh
    ]  # fmt: skip
    columns = (
        "provider", "provider_event_id", "message_id", "kind", "by_machine", "at", "detail", "reference", "recorded_at",
    )  # fmt: skip
    insert_many(tx, delivery_events, columns, rows, on_conflict="ON CONFLICT (provider, provider_event_id) DO NOTHING")
    reacted: dict[int, int | None] = {whose[event.message_id]: None for event in fresh if event.message_id in whose}
    for event in sorted(fresh, key=lambda event: event.at):
        if event.kind in REACTIONS and not event.by_machine and event.message_id in whose:
            reacted[whose[event.message_id]] = event.at
    profiles.note_reactions(tx, reacted)
    return fresh


def storable(text: Any, *, characters_max: int = _CHARACTERS_MAX) -> Any:
    """A text from outside as every database takes it: no NUL, no half of a surrogate pair, not without end."""
    if text is None:
        return None
    return text[:characters_max].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _known(tx: Transaction, told: dict[tuple[str, str], Told]) -> set[tuple[str, str]]:
    query = text(
        "SELECT provider, provider_event_id FROM delivery_events"
        f" WHERE provider IN {texts_in(tx, 'providers')} AND provider_event_id IN {texts_in(tx)}"
    )
    given = {
        "providers": texts_value(tx, {provider for provider, _ in told}),
        "texts": texts_value(tx, {event_id for _, event_id in told}),
    }
    return {(row.provider, row.provider_event_id) for row in tx.execute(query, given)}


def _contacts(tx: Transaction, message_ids: set[int]) -> dict[int, int]:
    """The contact of each message that there is."""
    query = text(f"SELECT id, contact_id FROM messages WHERE id IN {ids_in(tx)}")
    return {row.id: row.contact_id for row in tx.execute(query, {"ids": ids_value(tx, message_ids)})}
