"""The sources that anything is kept of."""

from __future__ import annotations

from sqlalchemy import select, union

from clm.store.database import Transaction
from clm.store.schema import contacts, products, quarantine, source_cursors

_TELLING = (contacts, products, quarantine, source_cursors)


def told(tx: Transaction) -> list[str]:
    """Every source of which a contact, a product, a bad row or a file is known, by name."""
    return sorted(tx.scalars(union(*(select(table.c.source) for table in _TELLING))))
