"""Whom an address belongs to, and what a contact's own addresses are."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select, text

from clm.store import suppressions
from clm.store.database import Found, Transaction
from clm.store.dialect import texts_in, texts_value
from clm.store.schema import contacts


def of(tx: Transaction, contact_id: int) -> Found | None:
    """The addresses and the locale of a contact; None where there is no such contact."""
    c = contacts.c
    return tx.execute(select(c.id, c.email, c.phone, c.locale).where(c.id == contact_id)).one_or_none()


def named(tx: Transaction, external_id: str, source: str | None = None) -> dict[str, int]:
    """The number of each contact that a source knows by this id, by source."""
    c = contacts.c
    query = select(c.source, c.id).where(c.external_id == external_id).order_by(c.source)
    if source is not None:
        query = query.where(c.source == source)
    return {row.source: row.id for row in tx.execute(query)}


def zone_of(tx: Transaction, contact_id: int) -> str | None:
    """The IANA zone that a contact most likely lives in."""
    zone: str | None = tx.scalar(select(contacts.c.home_zone).where(contacts.c.id == contact_id))
    return zone


def holders(tx: Transaction, channel: str, addresses: Iterable[str]) -> list[int]:
    """Every contact who has one of the addresses, in order."""
    told = list(addresses)
    given = {suppressions.normalised(channel, address) for address in told}
    if channel == "email":  # SQLite lowers the letters of ASCII alone
        given |= {_lower_ascii(address.strip()) for address in told}
    query = text(f"SELECT id FROM contacts WHERE {suppressions.ADDRESS[channel]} IN {texts_in(tx)} ORDER BY id")
    return list(tx.scalars(query, {"texts": texts_value(tx, given)}))


def _lower_ascii(text: str) -> str:
    return "".join(one.lower() if one.isascii() else one for one in text)


def locale_of(tx: Transaction, contact_ids: Iterable[int]) -> str | None:
    """What the first of the contacts reads whose locale is known."""
    for contact_id in contact_ids:
        found = of(tx, contact_id)
        if found is not None and found.locale:
            locale: str = found.locale
            return locale
    return None
