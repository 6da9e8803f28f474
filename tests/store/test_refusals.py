"""What the database refuses is told without the values it was given."""

from __future__ import annotations

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
