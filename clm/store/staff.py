"""Accounts of those who may look at the staff pages: a name, and a hash of the password."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update

from clm.store.database import Found, Transaction
from clm.store.schema import staff_accounts


def password_hash(tx: Transaction, name: str) -> str | None:
    """What an account's password is checked against; None where there is no such account."""
    a = staff_accounts.c
    found: str | None = tx.scalar(select(a.password_hash).where(a.name == name))
    return found


def accounts(tx: Transaction) -> list[Found]:
    """Every account, by name: name, created_at."""
    a = staff_accounts.c
    return list(tx.execute(select(a.name, a.created_at).order_by(a.name)))


def add(tx: Transaction, name: str, hashed: str, *, now: int) -> None:
    """Make an account; the caller has seen that there is none of that name."""
    tx.execute(insert(staff_accounts).values(name=name, password_hash=hashed, created_at=now))


def change(tx: Transaction, name: str, hashed: str) -> None:
    """Give an account another password."""
    tx.execute(update(staff_accounts).where(staff_accounts.c.name == name).values(password_hash=hashed))


def remove(tx: Transaction, name: str) -> bool:
    """Take an account away; whether there was one."""
    return tx.execute(delete(staff_accounts).where(staff_accounts.c.name == name)).rowcount > 0
