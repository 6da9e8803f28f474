"""What the database refuses is told without the values it was given."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from sqlalchemy import text

from clm.errors import StoreError
from clm.store.database import Database


def test_a_refused_statement_quotes_no_values(database: Database) -> None:
    """Prefect keeps what a task raises, so an error names its kind and the statement, never a name or an address."""
    statement = text("INSERT INTO contacts (source, external_id, email, created_at) VALUES ('shop', :email, :email, 0)")

    def add() -> None:
        with database.write() as tx:
            tx.execute(statement, {"email": "planted.address@example.com"})

    add()
    with pytest.raises(StoreError, match="the database refused") as refusal:
        add()
    chain = refusal.value
    assert "planted" not in str(chain)
    assert "INSERT INTO contacts" in str(chain)
    assert chain.__cause__ is None
    assert chain.__suppress_context__


def test_more_than_there_are_connections_are_told_that_it_is_busy(database: Database) -> None:
    """Whoever gets no connection in time learns that the database is busy, which pages tell as its being away."""
    pool: Any = database.engine.pool
    pool._timeout = 0.05
    with contextlib.ExitStack() as held:
        for _ in range(pool.size() + pool._max_overflow):
            held.enter_context(database.read())
        with pytest.raises(StoreError, match="busy"), database.read():
            pass
