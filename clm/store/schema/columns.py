"""What all tables are made of: one metadata with stable names, and the columns that come again and again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, false, text
from sqlmodel import SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING)

# SQLite only counts ids up by itself for a column that is exactly INTEGER; it is 64 bits wide there all the same.
Id = BigInteger().with_variant(Integer(), "sqlite")


class Row(SQLModel):
    """What all tables share: one metadata with stable constraint names."""

    metadata = metadata


def identity() -> Column[int]:
    """The row's own number."""
    return Column(Id, primary_key=True, autoincrement=True)


def of(table: str, *, nullable: bool = False) -> Column[int]:
    """The number of a row of another table."""
    return Column(Id, ForeignKey(f"{table}.id"), nullable=nullable)


def of_contact(*, primary_key: bool = False) -> Column[int]:
    """Whose row it is."""
    return Column(Id, ForeignKey("contacts.id"), nullable=False, primary_key=primary_key, autoincrement=False)


def big(*, nullable: bool = False) -> Column[int]:
    """An instant, an amount of money, or another number of 64 bits."""
    return Column(BigInteger, nullable=nullable)


def count(start: int = 0) -> Column[int]:
    """A number that begins at `start` for rows of before the column."""
    return Column(Integer, nullable=False, server_default=text(str(start)))


def lot() -> Column[int]:
    """The contact's lot (clm.domain.lot)."""
    return Column(BigInteger, nullable=False, server_default=text("0"))


def no() -> Column[bool]:
    """A truth that nobody has told yet."""
    return Column(Boolean, nullable=False, server_default=false())


def partial(name: str | None, *columns: Any, where: str, unique: bool = False) -> Index:
    """An index on the rows of which `where` holds."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


def known(column: str) -> Index:
    """An index on the rows in which the column is known, where most are not."""
    return partial(None, column, where=f"{column} IS NOT NULL")
