"""Messages of which nobody knows whether a provider took them, and the evidence that says so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import select, text

from clm.domain.message import ENDS, MessageStatus
from clm.store import contacted, coupons
from clm.store.database import Found, Transaction
from clm.store.dialect import ids_in, ids_value
from clm.store.messages import move
from clm.store.schema import attempts, contacts, messages

_OPEN: tuple[MessageStatus, ...] = ("queued", "sending", "in_doubt")
_LATER_MAX = 20
UNSETTLED = "{m}.status IN ('sending', 'in_doubt')"
"""Of messages `m` with either status. Said beside the one that is meant, because SQLite knows by nothing less that the
index on these few will do: it would go through all messages there ever were."""
DIED = "the dispatcher died before an answer came"


def recover(tx: Transaction, *, idempotent: Collection[str], clock_now: int) -> tuple[int, int]:
    """Take back what dead dispatchers were sending: queued again where the provider is idempotent, else in doubt.

    Asked is who was to carry it then, whoever would today. Returns how many went each way.
    """
    m, a = messages.c, attempts.c
    lapsed = (
        select(m.id, a.provider)
        .join(attempts, (a.message_id == m.id) & (a.number == m.attempts))
        .where(m.status == "sending", text(UNSETTLED.format(m="messages")), m.lease_until <= clock_now)
        .order_by(m.id)
        .with_for_update(of=messages, skip_locked=True)
    )
    rows = tx.execute(lapsed).all()
    again = [(None, None, row.id) for row in rows if row.provider in idempotent]
    doubted = [(DIED, row.id) for row in rows if row.provider not in idempotent]
    move(tx, ("sending", "queued"), again, ("lease_token", "lease_until"))
    move(tx, ("sending", "in_doubt"), doubted, ("reason",))
    return len(again), len(doubted)


def about(tx: Transaction, message_ids: Collection[int]) -> dict[int, str | None]:
    """Those of the messages that there are, with the address each went to."""
    if not message_ids:
        return {}
    query = text(f"SELECT id, address FROM messages WHERE id IN {ids_in(tx)}")
    return {row.id: row.address for row in tx.execute(query, {"ids": ids_value(tx, message_ids)})}


def accepted(tx: Transaction, message_ids: Collection[int], *, now: int) -> int:
    """Make those sent of which nobody knew yet, because there is evidence; returns how many.

    One that is queued counts only where it has been handed over before: it was queued again after a silence that has
    now ended; a code that was held for saying it again goes back. Ends stay as they are.
    """
    rows = [row for row in _locked(tx, message_ids) if row.attempts > 0]
    contacted.hold(tx, [row.contact_id for row in rows])
    for status in _OPEN:
        moved = [(None, now, now, None, None, row.id) for row in rows if row.status == status]
        move(tx, (status, "sent"), moved, ("reason", "ended_at", "sent_at", "lease_token", "lease_until"))
    again = [row.id for row in rows if row.status == "queued"]
    if again:
        coupons.give_back(tx, again)
    sent = [(row.contact_id, row.channel) for row in rows if row.purpose == "marketing"]
    contacted.note_sent(tx, sent, now=now)
    return len(rows)


def close(tx: Transaction, told: Mapping[int, str], status: MessageStatus, *, now: int) -> list[int]:
    """Bring messages in doubt where evidence, or somebody's decision, says that they belong; each id with its reason.

    Sent and rejected are ends with evidence, dead is an end without, queued hands it over again. Returns those moved.
    """
    if status == "sent":
        moved = [row.id for row in _locked(tx, told) if row.status == "in_doubt"]
        accepted(tx, moved, now=now)
        return moved
    rows = [row for row in _locked(tx, told) if row.status == "in_doubt"]
    ended_at = now if status in ENDS else None
    moves = [(told[row.id], ended_at, None, None, row.id) for row in rows]
    move(tx, ("in_doubt", status), moves, ("reason", "ended_at", "lease_token", "lease_until"))
    return [row.id for row in rows]


def _locked(tx: Transaction, message_ids: Collection[int]) -> Sequence[Found]:
    """The messages that have not ended, locked in one order."""
    m = messages.c
    if not message_ids:
        return []
    given = text(f"messages.id IN {ids_in(tx)}").bindparams(ids=ids_value(tx, message_ids))
    query = (
        select(m.id, m.status, m.contact_id, m.channel, m.purpose, m.attempts)
        .where(given, m.status.in_(_OPEN))
        .order_by(m.id)
        .with_for_update()
    )
    return tx.execute(query).all()


def told_of(tx: Transaction, *, limit: int) -> list[int]:
    """Messages in doubt of which a provider has told something: it has them."""
    query = text(
        f"SELECT id FROM messages WHERE status = 'in_doubt' AND {UNSETTLED.format(m='messages')}"
        " AND EXISTS (SELECT 1 FROM delivery_events d WHERE d.message_id = messages.id) ORDER BY id LIMIT :limit"
    )
    return list(tx.scalars(query, {"limit": limit}))


class Silent(NamedTuple):
    """A message in doubt of which its provider says nothing, though it spoke of later ones."""

    id: int
    campaign: str
    reason: str | None


def silent(tx: Transaction, *, now: int, silence: int, limit: int) -> list[Silent]:
    """Messages in doubt for longer than `silence` milliseconds whose provider told of what was handed over after them.

    Of the messages that the provider accepted from the same sender in the time after, at most 20 are looked at, and
    half of them at least must have been told of: where our endpoint was down, they were not, and silence means nothing.
    """
    later = (
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM delivery_events d WHERE d.message_id = b.message_id) THEN 1 ELSE 0 END"
        " AS told FROM attempts b WHERE b.sender = a.sender AND b.intended_at >= a.intended_at"
        " AND b.intended_at <= a.intended_at + :silence AND b.provider = a.provider AND b.channel = a.channel"
        " AND b.outcome = 'accepted' ORDER BY b.intended_at, b.id LIMIT :most"
    )
    query = text(
        "SELECT m.id, m.campaign, m.reason FROM messages m"
        " JOIN attempts a ON a.message_id = m.id AND a.number = m.attempts"
        f" WHERE m.status = 'in_doubt' AND {UNSETTLED.format(m='m')}"
        " AND a.intended_at <= :before AND a.sender IS NOT NULL"
        f" AND (SELECT COUNT(*) > 0 AND 2 * SUM(told) >= COUNT(*) FROM ({later}) AS looked_at)"
        " ORDER BY a.intended_at, m.id LIMIT :limit"
    )
    given = {"before": now - silence, "silence": silence, "most": _LATER_MAX, "limit": limit}
    return [Silent(row.id, row.campaign, row.reason) for row in tx.execute(query, given)]


def listed(tx: Transaction, ids: Collection[int] | None = None) -> list[Found]:
    """Messages in doubt, oldest first: id, contact (the source's own id), campaign, step, channel, and the attempt."""
    m, a, c = messages.c, attempts.c, contacts.c
    query = (
        select(
            m.id, c.external_id.label("contact"), m.campaign, m.step, m.channel, m.reason, m.address, a.provider,
            a.intended_at, a.fingerprint, a.number,
        )
        .join(contacts, c.id == m.contact_id)
        .join(attempts, (a.message_id == m.id) & (a.number == m.attempts))
        .where(m.status == "in_doubt")
        .order_by(a.intended_at, m.id)
    )  # fmt: skip
    return list(tx.execute(query if ids is None else query.where(m.id.in_(ids))))
