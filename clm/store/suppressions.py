"""Suppressions: addresses that get nothing on a channel, whatever the purpose, each kept as a salted hash alone.

The hash outlives the person's data: who was erased and is imported again stays suppressed. The salt is drawn once per
database and never leaves it, so that two shops' lists cannot be compared.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection
from hashlib import sha256
from typing import Literal

from sqlalchemy import select, text, update

from clm.store import shop
from clm.store.changes import stamp
from clm.store.database import Found, Transaction
from clm.store.dialect import ids_in, ids_value, insert_many, texts_in, texts_value
from clm.store.schema import suppressions

Reason = Literal["unsubscribed", "bounced", "complained", "invalid", "stopped", "sunset", "manual"]
REASONS: tuple[Reason, ...] = ("unsubscribed", "bounced", "complained", "invalid", "stopped", "sunset", "manual")

_SALT = "suppression_salt"
_CHANNELS = ("email", "sms")
ADDRESS = {"email": "email IS NOT NULL AND lower(email)", "sms": "phone"}
"""What of a contact is compared with addresses. The index on addresses has only those that are known, which SQLite has
to be told: without the words it goes through all contacts."""
_DIGITS = frozenset("+0123456789")
_GRAVITY: tuple[str, ...] = (
    "complained", "stopped", "unsubscribed", "manual", "invalid", "bounced", "sunset",
)  # fmt: skip
"""Which of several reasons is told: the person's own word first."""


def suppress(tx: Transaction, *, channel: str, address: str, reason: str, source: str, at: int) -> bool:
    """Let nothing go to the address by this channel from now on; False where that stood already for this reason."""
    return suppress_all(tx, channel=channel, addresses=[address], reason=reason, source=source, at=at) == 1


def suppress_all(
    tx: Transaction,
    *,
    channel: str,
    addresses: Collection[str],
    reason: str,
    source: str,
    at: int,
    told_late: bool = False,
) -> int:
    """Let nothing go to any of the addresses; returns for how many that is new. What was lifted is opened again.

    Where it may be `told_late`, as providers do, only if it is not older than the lift; what somebody says now always,
    whatever their clock says.

    The contacts' profiles are stamped first, which waits for whoever is authorising a message to them at this moment:
    their intent is committed before this is, or sees it.
    """
    if reason not in REASONS:
        raise ValueError(f"`{reason}` is not a reason to suppress an address (known: {', '.join(REASONS)})")
    given = {normalised(channel, address) for address in addresses}
    _touch(tx, channel, given)
    salt = shop.put_once(tx, _SALT, secrets.token_hex(32), at)
    rows = [(_hash(salt, address), channel, reason, source, at) for address in sorted(given)]
    return insert_many(
        tx, suppressions, ("address_hash", "channel", "reason", "source", "at"), rows,
        on_conflict="ON CONFLICT (address_hash, channel, reason) DO UPDATE"
        " SET source = excluded.source, lifted_at = NULL,"
        " at = CASE WHEN excluded.at >= suppressions.lifted_at THEN excluded.at ELSE suppressions.lifted_at END"
        " WHERE " + ("excluded.at >= suppressions.lifted_at" if told_late else "suppressions.lifted_at IS NOT NULL"),
    )  # fmt: skip


def lift(tx: Transaction, *, channel: str, address: str, at: int, reason: str | None = None) -> int:
    """Let messages go to the address again; lifts all reasons, or one; returns how many stood."""
    salt = shop.get(tx, _SALT)
    if salt is None:
        return 0
    given = normalised(channel, address)
    _touch(tx, channel, {given})
    s = suppressions.c
    standing = [s.address_hash == _hash(salt, given), s.channel == channel, s.lifted_at.is_(None)]
    if reason is not None:
        standing.append(s.reason == reason)
    return tx.execute(update(suppressions).where(*standing).values(lifted_at=at)).rowcount


def suppressed(tx: Transaction, addresses: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Those of the (channel, address) that get nothing, with the gravest reason."""
    salt = shop.get(tx, _SALT)
    if salt is None or not addresses:
        return {}
    given: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for channel, address in addresses:
        given.setdefault((_hash(salt, normalised(channel, address)), channel), []).append((channel, address))
    query = text(
        "SELECT address_hash, channel, reason FROM suppressions"
        f" WHERE address_hash IN {texts_in(tx)} AND lifted_at IS NULL"
    )
    found: dict[tuple[str, str], str] = {}
    rows = tx.execute(query, {"texts": texts_value(tx, {hashed for hashed, _ in given})}).all()
    for row in sorted(rows, key=lambda row: _GRAVITY.index(row.reason)):
        for one in given.get((row.address_hash, row.channel), ()):
            found.setdefault(one, row.reason)
    return found


def standing(tx: Transaction, *, channel: str, address: str) -> list[Found]:
    """Every suppression of the address on the channel, lifted ones too, oldest first: reason, source, at, lifted_at."""
    salt = shop.get(tx, _SALT)
    if salt is None:
        return []
    s = suppressions.c
    query = select(s.reason, s.source, s.at, s.lifted_at)
    whose = (s.address_hash == _hash(salt, normalised(channel, address)), s.channel == channel)
    return list(tx.execute(query.where(*whose).order_by(s.at, s.id)))


def normalised(channel: str, address: str) -> str:
    """The address as it is hashed: mail in lower case, of a number the digits and the plus alone.

    Raises ValueError for a channel that reaches no contact.
    """
    if channel not in _CHANNELS:
        raise ValueError(f"`{channel}` is not a channel that reaches contacts (known: {', '.join(_CHANNELS)})")
    if channel == "email":
        return address.strip().lower()
    return "".join(character for character in address if character in _DIGITS)


def _touch(tx: Transaction, channel: str, addresses: Collection[str]) -> None:
    """Stamp the profiles of the contacts who have one of the addresses; locked in one order, as everywhere."""
    query = (
        f"SELECT contact_id FROM profiles WHERE contact_id IN"
        f" (SELECT id FROM contacts WHERE {ADDRESS[channel]} IN {texts_in(tx)}) ORDER BY contact_id"
    )
    if tx.dialect.name == "postgresql":
        query += " FOR UPDATE"
    ids = list(tx.scalars(text(query), {"texts": texts_value(tx, addresses)}))
    if ids:
        changed = text(f"UPDATE profiles SET changed = :changed WHERE contact_id IN {ids_in(tx)}")
        tx.execute(changed, {"changed": stamp(tx), "ids": ids_value(tx, ids)})


def _hash(salt: str, address: str) -> str:
    return hmac.new(bytes.fromhex(salt), address.encode(), sha256).hexdigest()
