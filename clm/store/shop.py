"""Values that hold for the whole shop, by name: usual gaps, RFM edges, the salt of suppressed addresses."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select, text

from clm.store.database import Transaction
from clm.store.schema import shop_values


def get(tx: Transaction, name: str) -> str | None:
    """The value as it stands; None where nobody has put one."""
    value: str | None = tx.scalar(select(shop_values.c.value).where(shop_values.c.name == name))
    return value


def there(tx: Transaction, names: Collection[str]) -> set[str]:
    """Those of the values that somebody has put."""
    return set(tx.scalars(select(shop_values.c.name).where(shop_values.c.name.in_(list(names)))))


def put(tx: Transaction, name: str, value: str, at: int) -> None:
    """Set the value, in place of what stood there."""
    statement = (
        "INSERT INTO shop_values (name, value, at) VALUES (:name, :value, :at)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = excluded.at"
    )
    tx.execute(text(statement), {"name": name, "value": value, "at": at})


def put_once(tx: Transaction, name: str, value: str, at: int) -> str:
    """The value that stands, which is `value` where there was none; of two who put at once, both are given one.

    The insert waits for another's of the same name to be committed, and the next statement sees it.
    """
    statement = "INSERT INTO shop_values (name, value, at) VALUES (:name, :value, :at) ON CONFLICT (name) DO NOTHING"
    tx.execute(text(statement), {"name": name, "value": value, "at": at})
    return get(tx, name) or value


def is_due(tx: Transaction, name: str, *, every: int, now: int) -> bool:
    """Whether something was done `every` milliseconds ago or longer, or never; then it counts as done now."""
    before = get(tx, name)
    if before is not None and abs(now - int(before)) < every:
        return False
    put(tx, name, str(now), now)
    return True
