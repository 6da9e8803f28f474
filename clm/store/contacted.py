"""What each contact has been sent: what caps and gaps count, and the counters that conditions speak of.

A message counts from the moment its intent is recorded: `intended_at` says that it may have left. It is taken back only
where nothing can have reached anybody: of each attempt the channel says that nothing left, or the provider that it
refused it for good, or let it lapse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import BigInteger, Integer, text
from sqlalchemy.types import TypeEngine

from clm.store.changes import stamp
from clm.store.database import Found, Transaction
from clm.store.dialect import ids_in, ids_value, update_each

CHANNELS = ("email", "sms")
"""The channels that reach contacts; what goes to the team counts for nobody."""

NOT_LEFT = ("not_sent", "rejected", "bounced")
"""Outcomes of attempts by which nothing can have reached anybody."""

_COUNTED: dict[str, TypeEngine[Any]] = {
    "contact_id": BigInteger(),
    "sent": Integer(),
    "at": BigInteger(),
    "changed": BigInteger(),
}


def hold(tx: Transaction, contact_ids: Collection[int]) -> None:
    """Let nobody else decide on these contacts, or change what is known of them, until the transaction ends.

    What is read after this is all that was committed before: eight dispatchers count one after the other, and an
    opt-out is either seen or waits. On SQLite the whole transaction is that already.
    """
    if tx.dialect.name == "postgresql":
        query = f"SELECT contact_id FROM profiles WHERE contact_id IN {ids_in(tx)} ORDER BY contact_id FOR UPDATE"
        tx.execute(text(query), {"ids": ids_value(tx, sorted(set(contact_ids)))})


def history(tx: Transaction, contact_ids: Collection[int], *, since: int) -> dict[int, list[Found]]:
    """The marketing messages that may have left for each contact after `since`: id, channel, intended_at."""
    query = text(
        "SELECT id, contact_id, channel, intended_at FROM messages"
        f" WHERE contact_id IN {ids_in(tx)} AND purpose = 'marketing' AND channel IN ('email', 'sms')"
        " AND intended_at > :since AND (status NOT IN ('rejected', 'sent') OR status = 'sent' AND reason IS NULL"
        " OR EXISTS (SELECT 1 FROM attempts a WHERE a.message_id = messages.id"
        f" AND (a.outcome IS NULL OR a.outcome NOT IN {NOT_LEFT})))"
    )
    found: dict[int, list[Found]] = {}
    for row in tx.execute(query, {"ids": ids_value(tx, set(contact_ids)), "since": since}):
        found.setdefault(row.contact_id, []).append(row)
    return found


def note_sent(tx: Transaction, sent: Iterable[tuple[int, str]], *, now: int) -> None:
    """Count marketing messages, each (contact, channel), that have just become sent; their profiles are held."""
    counted = Counter(sent)
    changed = stamp(tx) if counted else 0
    for channel in CHANNELS:
        times, latest = ("emails_sent", "last_email_at") if channel == "email" else ("sms_sent", "last_sms_at")
        statement = (
            f"UPDATE profiles SET {times} = {times} + {{sent}}, changed = {{changed}},"
            f" {latest} = CASE WHEN {latest} > {{at}} THEN {latest} ELSE {{at}} END"
            " {given} WHERE profiles.contact_id = {contact_id}"
        )
        rows = [
            (contact_id, count, now, changed) for (contact_id, by), count in sorted(counted.items()) if by == channel
        ]
        update_each(tx, statement, _COUNTED, rows)
