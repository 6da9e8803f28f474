"""Whom an address belongs to, and what a contact's own addresses are."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select, text

from clm.store import suppressions
from clm.store.database import Found, Transaction
from clm.store.dialect import texts_in, texts_value
from clm.store.schema import contacts

_COLUMNS = {"email": "lower(email)", "sms": "phone"}


def of(tx: Transaction, contact_id: int) -> Found | None:
    """The addresses and the locale of a contact; None where there is no such contact."""
    c = contacts.c
    return tx.execute(select(c.id, c.email, c.phone, c.locale).where(c.id == contact_id)).one_or_none()


def holders(tx: Transaction, channel: str, addresses: Iterable[str]) -> list[int]:
    """Every contact who has one of the addresses, in order."""
    given = {suppressions.normalised(channel, address) for address in addresses}
    query = text(f"SELECT id FROM contacts WHERE {_COLUMNS[channel]} IN {texts_in(tx)} ORDER BY id")
    return list(tx.scalars(query, {"texts": texts_value(tx, given)}))


def locale_of(tx: Transaction, contact_ids: Iterable[int]) -> str | None:
    """What the first of the contacts reads whose locale is known."""
    for contact_id in contact_ids:
        found = of(tx, contact_id)
        if found is not None and found.locale:
            locale: str = found.locale
            return locale
    return None
