"""Contacts: who they are, as each source knows them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import text

from clm.domain.lot import lot_of
from clm.domain.record import OWN_SOURCE, ContactRecord
from clm.domain.whereabouts import home_zone
from clm.store.database import Found, Transaction
from clm.store.dialect import insert_many, texts_in, texts_value, update_each, update_many
from clm.store.schema import contacts

DETAILS = (
    "email",
    "phone",
    "first_name",
    "last_name",
    "country",
    "postcode",
    "locale",
    "zone",
    "signed_up_at",
    "acquisition_source",
    "born_on",
)
_COLUMNS = (
    "source", "external_id", *DETAILS, "born_on_told_at", "home_zone", "lot", "fingerprint", "created_at",
)  # fmt: skip
_CHANGED = (*DETAILS, "home_zone", "fingerprint")
_TYPES = {column: contacts.c[column].type for column in (*_CHANGED, "id")} | {"now": contacts.c.created_at.type}
_CHANGE = (
    f"UPDATE contacts SET {', '.join(f'{column} = {{{column}}}' for column in _CHANGED)},"
    " born_on_told_at = CASE WHEN {born_on} = contacts.born_on THEN contacts.born_on_told_at"
    " WHEN {born_on} IS NOT NULL THEN {now} END {given} WHERE contacts.id = {id}"
)
_details = attrgetter(*DETAILS)
_place = itemgetter(*(DETAILS.index(detail) for detail in ("zone", "country", "postcode", "phone")))


def known(tx: Transaction, source: str, external_ids: Collection[str]) -> dict[str, Found]:
    """Those of the ids that `source` has named before: id, external_id, fingerprint and details, by external id."""
    query = text(
        f"SELECT id, external_id, fingerprint, {', '.join(DETAILS)} FROM contacts"
        f" WHERE source = :source AND external_id IN {texts_in(tx)}"
    )
    rows = tx.execute(query, {"source": source, "texts": texts_value(tx, external_ids)}).all()
    return {row.external_id: row for row in rows}


def adopt(tx: Transaction, source: str, records: Sequence[ContactRecord]) -> bool:
    """Let those who came by our own pages be whom `source` tells of by the same address; says whether anybody was.

    None of the records may be known yet. Where two of them, or two of ours, have one address, nobody can say who is
    who, and they stay apart.
    """
    told: dict[str, list[str]] = {}
    for record in records:
        if record.email:
            told.setdefault(record.email.lower(), []).append(record.external_id)
    own = {"own": OWN_SOURCE}
    anybody = text("SELECT 1 FROM contacts WHERE source = :own LIMIT 1")
    if source == OWN_SOURCE or not told or tx.scalar(anybody, own) is None:
        return False
    query = text(
        f"SELECT id, lower(email) AS email FROM contacts WHERE source = :own AND lower(email) IN {texts_in(tx)}"
    )
    ours: dict[str, list[int]] = {}
    for row in tx.execute(query, {**own, "texts": texts_value(tx, told)}):
        ours.setdefault(row.email, []).append(row.id)
    rows = [(source, told[email][0], ids[0]) for email, ids in ours.items() if len(ids) == len(told[email]) == 1]
    update_many(tx, contacts, ("source", "external_id"), rows)
    return bool(rows)


def signed_up(tx: Transaction, contact_id: int, *, at: int) -> None:
    """Count somebody of our own pages as signed up from now on: until they confirmed they had only asked."""
    statement = text("UPDATE contacts SET signed_up_at = :at WHERE id = :id AND source = :own")
    tx.execute(statement, {"at": at, "id": contact_id, "own": OWN_SOURCE})


def add(tx: Transaction, source: str, records: Iterable[tuple[ContactRecord, int | None]], *, now: int) -> None:
    """Add contacts with the fingerprint of what the contacts feed said of them, or none; leaves known ones alone."""
    told = ((record, _details(record), fingerprint) for record, fingerprint in records)
    rows = [
        (
            source,
            record.external_id,
            *details,
            None if record.born_on is None else now,
            _home_zone(details),
            lot_of(source, record.external_id),
            fingerprint,
            now,
        )
        for record, details, fingerprint in told
    ]
    insert_many(tx, contacts, _COLUMNS, rows, on_conflict="ON CONFLICT (source, external_id) DO NOTHING")


def change(tx: Transaction, rows: Sequence[Sequence[Any]], *, now: int) -> None:
    """Set all details and the fingerprint of contacts; each row holds DETAILS, fingerprint, id.

    A date of birth is told at `now` unless it is the one that was told before: today's date, given for today's
    present, stays today's.
    """
    update_each(tx, _CHANGE, _TYPES, [(*row[:-2], _home_zone(row), *row[-2:], now) for row in rows])


def _home_zone(details: Sequence[Any]) -> str | None:
    zone, country, postcode, phone = _place(details)
    return home_zone(zone=zone, country=country, postcode=postcode, phone=phone)
