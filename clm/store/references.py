"""The key with which messages are named to providers; drawn once per database (clm.domain.reference)."""

from __future__ import annotations

import secrets

from clm.store import shop
from clm.store.database import Database

_KEY = "reference_key"


def key(database: Database, *, now: int) -> str:
    """The database's own key, made when it is first asked for."""
    with database.read() as tx:
        found = shop.get(tx, _KEY)
    if found is not None:
        return found
    with database.write(durable=True) as tx:
        return shop.put_once(tx, _KEY, secrets.token_hex(32), now)
