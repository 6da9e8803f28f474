"""What is asked of a few rows costs as much as those few, however large the tables have grown."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from clm.store import addressees, attention, doubt, redemptions, suppressions
from clm.store.database import Database


@pytest.fixture
def small(sqlite_file: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database: it tells of a statement, by name, which tables it goes through."""
    path = tmp_path / "clm.db"
    shutil.copyfile(sqlite_file, path)
    with contextlib.closing(Database(f"sqlite:///{path}")) as opened:
        yield opened


@contextlib.contextmanager
def gone_through(database: Database) -> Iterator[list[str]]:
    """What the statements within went through from one end to the other."""
    found: list[str] = []

    def explain(_: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.lstrip().startswith(("SELECT", "UPDATE", "WITH")):
            plan = cursor.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            found.extend(row[3] for row in plan if row[3].startswith("SCAN ") and "VIRTUAL TABLE" not in row[3])

    event.listen(database.engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        event.remove(database.engine, "before_cursor_execute", explain)


def test_a_code_is_overused_by_its_own_orders(small: Database) -> None:
    """Whether a code that has just come with an order was used too often is asked of its own uses alone."""
    with small.write() as tx, gone_through(small) as found:
        redemptions.overused(tx, [1, 2])
    assert [one for one in found if one.split()[1] not in {"n", "(subquery-1)"}] == []


def test_every_staff_page_finds_what_is_in_doubt_among_what_is_open(small: Database) -> None:
    """What each page of the team asks costs as much as there is in doubt, not as much as was ever sent."""
    with small.write() as tx, gone_through(small) as found:
        attention.in_doubt(tx, before=1)
    assert found == []


def test_putting_right_looks_at_what_is_open_alone(small: Database) -> None:
    """What dead dispatchers left, and what is in doubt, is found without going through what was ever sent."""
    with small.write() as tx, gone_through(small) as found:
        doubt.recover(tx, idempotent=[], clock_now=1)
        doubt.told_of(tx, limit=1)
        doubt.silent(tx, now=1, silence=1, limit=1)
    assert [one for one in found if "messages" in one or one.split()[1] == "m"] == []


@pytest.mark.parametrize(("channel", "address"), [("email", "ada@example.com"), ("sms", "+447700900123")])
def test_whose_an_address_is_is_not_asked_of_everybody(small: Database, channel: str, address: str) -> None:
    """Who unsubscribes, whose mail bounces and whom the team suppresses are found by their address."""
    with small.write() as tx, gone_through(small) as found:
        addressees.holders(tx, channel, [address])
        suppressions.suppress(tx, channel=channel, address=address, reason="manual", source="test", at=1)
        suppressions.lift(tx, channel=channel, address=address, at=2)
    assert [one for one in found if one.split()[1] != "json_each"] == []
