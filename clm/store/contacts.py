"""Contacts: who they are, as each source knows them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import text

from clm.domain.record import ContactRecord
from clm.store.database import Found, Transaction
from clm.store.dialect import insert_many, texts_in, texts_value, update_many
from clm.store.schema import contacts

DETAILS = (
    "email",
    "phone",
    "first_name",
    "last_name",
    "country",
    "locale",
    "zone",
    "signed_up_at",
    "acquisition_source",
)
_COLUMNS = ("source", "external_id", *DETAILS, "fingerprint", "created_at")


def known(tx: Transaction, source: str, external_ids: Collection[str]) -> dict[str, Found]:
    """Those of the ids that `source` has named before: id, external_id, fingerprint and details, by external id."""
    query = text(
        f"SELECT id, external_id, fingerprint, {', '.join(DETAILS)} FROM contacts"
        f" WHERE source = :source AND external_id IN {texts_in(tx)}"
    )
    rows = tx.execute(query, {"source": source, "texts": texts_value(tx, external_ids)}).all()
    return {row.external_id: row for row in rows}


def add(tx: Transaction, source: str, records: Iterable[tuple[ContactRecord, int | None]], *, now: int) -> None:
    """Add contacts with the fingerprint of what the contacts feed said of them, or none; leaves known ones alone."""
    rows = [
        (source, record.external_id, *(getattr(record, detail) for detail in DETAILS), fingerprint, now)
        for record, fingerprint in records
    ]
    insert_many(tx, contacts, _COLUMNS, rows, on_conflict="ON CONFLICT (source, external_id) DO NOTHING")


def change(tx: Transaction, rows: Sequence[Sequence[Any]]) -> None:
    """Set all details and the fingerprint of contacts; each row holds DETAILS, fingerprint, id."""
    update_many(tx, contacts, (*DETAILS, "fingerprint"), rows)
