"""Delivery events: what providers tell of messages after accepting them; append-only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import or_, select, text

from clm.store import profiles
from clm.store.contacted import NOT_LEFT
from clm.store.database import Found, Transaction
from clm.store.dialect import ids_in, ids_value, insert_many, lock, texts_in, texts_value, update_many
from clm.store.schema import attempts, delivery_events, messages

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
            reacted[whose[event.message_id]] = min(event.at, now)  # it has happened, whatever their clock says
    profiles.note_reactions(tx, reacted)
    return fresh


class Lapsed(NamedTuple):
    """A message that its provider took and sent to nobody."""

    provider: str
    provider_message_id: str | None
    detail: str | None


def hold(tx: Transaction, message_ids: Collection[int]) -> None:
    """Let nobody else change these messages until the transaction ends; in one order, and before any profile is."""
    if tx.dialect.name == "postgresql":
        query = f"SELECT id FROM messages WHERE id IN {ids_in(tx)} ORDER BY id FOR UPDATE"
        tx.execute(text(query), {"ids": ids_value(tx, sorted(message_ids))})


def note_lapsed(tx: Transaction, lapsed: Mapping[int, Lapsed]) -> None:
    """Say of messages that are held that their attempt reached nobody, and why, so that it counts for no cap.

    The message stays `sent`, which is an end, with that for its reason; unless another attempt of it may have left.
    """
    a, m = attempts.c, messages.c
    mine = text(f"attempts.message_id IN {ids_in(tx)}").bindparams(ids=ids_value(tx, lapsed))
    may_have_left = or_(a.outcome.is_(None), a.outcome.not_in(NOT_LEFT))
    open_: dict[int, list[Found]] = {}
    for row in tx.execute(select(a.id, a.message_id, a.provider, a.provider_id).where(mine, may_have_left)):
        open_.setdefault(row.message_id, []).append(row)
    reasons = {
        message_id: storable(f"not delivered, its provider dropped it: {one.detail or 'too late'}")
        for message_id, one in lapsed.items()
    }
    meant = {
        message_id: row
        for message_id, rows in open_.items()
        for row in rows
        if _is_meant(row, lapsed[message_id], alone=len(rows) == 1)
    }
    told = [("not_sent", reasons[message_id], row.id) for message_id, row in meant.items()]
    update_many(tx, attempts, ("outcome", "detail"), told)
    alone = [message_id for message_id in meant if len(open_[message_id]) == 1]
    those = text(f"messages.id IN {ids_in(tx)}").bindparams(ids=ids_value(tx, alone))
    sent = tx.scalars(select(m.id).where(those, m.status == "sent")).all()
    update_many(tx, messages, ("reason",), [(reasons[message_id], message_id) for message_id in sent])


def _is_meant(attempt: Found, one: Lapsed, *, alone: bool) -> bool:
    """Whether an attempt is the one that lapsed; where its answer was lost, the only one that may have left is."""
    if attempt.provider != one.provider:
        return False
    return attempt.provider_id == one.provider_message_id if attempt.provider_id is not None else alone


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
