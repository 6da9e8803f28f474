"""The schema in the database is the schema in code, however it came there."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Index, Row, Table, inspect, text

import clm.store.database
from clm.engine.profile import refresh
from clm.errors import StoreError
from clm.store.database import HEAD, Database, Transaction
from clm.store.schema import metadata


@pytest.fixture
def bare(bare_url: str) -> Iterator[Database]:
    """A database without any table."""
    with contextlib.closing(Database(bare_url)) as database:
        yield database


@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_migrating_an_empty_database_arrives_at_the_schema_in_code(bare: Database) -> None:
    """After `clm db upgrade`, alembic finds no difference between the tables and the code."""
    bare.upgrade()
    with bare.read() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    bare.require_current()


@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_partial_indexes_arrive_with_their_conditions(bare: Database) -> None:
    """Alembic does not compare the WHERE of an index, and the rule "one being sent per contact" lives in one."""
    bare.upgrade()
    where = f"{bare.dialect}_where"
    with bare.read() as tx:
        found = {
            index["name"]: (bool(index["unique"]), index.get("dialect_options", {}).get(where) is not None)
            for table in metadata.tables
            for index in inspect(tx).get_indexes(table)
        }
    for table in metadata.sorted_tables:
        for index in set(table.indexes) - _unreflected(bare, table):
            assert found[index.name] == (index.unique, index.dialect_options[bare.dialect]["where"] is not None)


def _unreflected(database: Database, table: Table) -> set[Index]:
    """Indexes on expressions, which SQLAlchemy cannot read back from SQLite."""
    return {one for one in table.indexes if one.expressions and not one.columns and database.dialect == "sqlite"}


def test_the_index_on_an_expression_arrives(bare: Database) -> None:
    """Whose address it is that somebody asks us to stop writing to is not looked for in the whole table."""
    bare.upgrade()
    catalogue = "sqlite_master WHERE name" if bare.dialect == "sqlite" else "pg_indexes WHERE indexname"
    with bare.read() as tx:
        assert tx.scalar(text(f"SELECT COUNT(*) FROM {catalogue} = 'ix_contacts_email_lower'")) == 1


def test_upgrading_twice_changes_nothing(bare: Database) -> None:
    """`clm db upgrade` may be typed again at any time."""
    bare.upgrade()
    with bare.write() as tx:
        tx.execute(text("INSERT INTO contacts (source, external_id, created_at) VALUES ('shop', 'c1', 0)"))
    bare.upgrade()
    with bare.read() as tx:
        assert tx.scalar(text("SELECT COUNT(*) FROM contacts")) == 1


_BEFORE = """
INSERT INTO contacts (id, source, external_id, created_at, zone, country, phone) VALUES
    (1, 'shop', 'c1', 0, NULL, 'GB', NULL), (2, 'shop', 'c2', 0, NULL, NULL, NULL),
    (3, 'shop', 'c3', 0, 'Asia/Tehran', 'GB', NULL), (4, 'shop', 'c4', 0, NULL, NULL, '+4915112345678'),
    (5, 'shop', 'c5', 0, 'nowhere', NULL, NULL);
INSERT INTO profiles (
    contact_id, order_count, revenue, revenue_365d, revenue_365d_since, email_consent, sms_consent, changed_at
) VALUES (1, 1, 10, 10, 0, true, false, 1700000000000), (2, 0, 0, 0, 0, true, false, 1700000000000);
INSERT INTO events (source, external_id, contact_id, name, at, properties, recorded_at) VALUES
    ('shop', 'e1', 2, 'ticket_opened', 3, '{"ticket_id": "t1"}', 3);
INSERT INTO enrolments (
    id, campaign, version, contact_id, trigger_key, entered_at, status, position, next_due_at
) VALUES (1, 'welcome', 'v', 1, 'contact', 5, 'active', 0, 5);
INSERT INTO messages (
    id, enrolment_id, contact_id, campaign, step, channel, purpose, queue_rank, status, due_at, expires_at, created_at,
    attempts, sent_at
) VALUES
    (1, 1, 1, 'welcome', 'hello', 'email', 'marketing', 50, 'sent', 5, 9, 5, 1, 8),
    (2, 1, 1, 'welcome', 'again', 'email', 'marketing', 50, 'sent', 5, 9, 5, 1, 6),
    (3, 1, 1, 'welcome', 'text', 'sms', 'marketing', 50, 'sent', 5, 9, 5, 1, 9),
    (4, 1, 1, 'welcome', 'never', 'sms', 'marketing', 50, 'expired', 5, 9, 5, 1, NULL),
    (5, 1, 1, 'welcome', 'receipt', 'email', 'transactional', 50, 'sent', 5, 9, 5, 1, 10);
INSERT INTO attempts (message_id, number, token, channel, intended_at) VALUES (1, 1, 't', 'email', 7)
"""


def test_what_was_known_before_the_campaign_engine_is_kept(bare: Database) -> None:
    """0001 → 0002: contacts draw a lot and find home, profiles are computed anew, and what was sent counts."""
    _upgrade_to(bare, "0001")
    with bare.write() as tx:
        for statement in _BEFORE.split(";"):
            tx.execute(text(statement))
    bare.upgrade()
    bare.require_current()
    with bare.read() as tx:
        assert len(set(tx.scalars(text("SELECT lot FROM contacts")))) == 5
        homes = dict(tx.execute(text("SELECT id, home_zone FROM contacts")).tuples().all())
        for row in _profiles(tx):
            assert (row.changed, row.lot, bool(row.rhythm_stale), row.lifecycle_number) == (0, row.own, True, 1)
        assert tx.scalar(text("SELECT intended_at FROM messages WHERE id = 1")) == 7
    assert homes == {1: "Europe/London", 2: None, 3: "Asia/Tehran", 4: "Europe/Berlin", 5: None}
    refresh(bare, now=10)
    with bare.read() as tx:
        ada, bob = _profiles(tx)
    assert (ada.home_zone, bob.home_zone, ada.open_tickets, bob.open_tickets) == ("Europe/London", None, 0, 1)
    assert (ada.emails_sent, ada.last_email_at, ada.sms_sent, ada.last_sms_at) == (2, 8, 1, 9)
    assert (bob.emails_sent, bob.last_email_at, bob.sms_sent, bob.last_sms_at) == (0, None, 0, None)


def test_every_contact_of_before_finds_home(bare: Database) -> None:
    """0001 → 0002: however many there are, in batches of 5,000."""
    _upgrade_to(bare, "0001")
    numbers = [
        {"id": number, "name": f"c{number}", "country": None if number % 500 == 0 else "GB"}
        for number in range(1, 10_003)
    ]
    with bare.write() as tx:
        tx.execute(
            text(
                "INSERT INTO contacts (id, source, external_id, country, created_at)"
                " VALUES (:id, 'shop', :name, :country, 0)"
            ),
            numbers,
        )
    bare.upgrade()
    with bare.read() as tx:
        found = set(tx.scalars(text("SELECT id FROM contacts WHERE home_zone = 'Europe/London'")))
    assert found == {one["id"] for one in numbers if one["country"]}


def _profiles(tx: Transaction) -> Sequence[Row[Any]]:
    query = "SELECT p.*, c.lot AS own FROM profiles p JOIN contacts c ON c.id = p.contact_id ORDER BY c.id"
    return tx.execute(text(query)).all()


def _upgrade_to(database: Database, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(clm.store.database.__file__).parent / "migrations"))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _upgrade(url: str) -> None:
    with contextlib.closing(Database(url)) as database:
        database.upgrade()
        database.require_current()


def test_several_upgrades_at_once_are_safe(bare_url: str) -> None:
    """Machines of one deployment start together, and each may upgrade."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["clm.store.database"])
    processes = [context.Process(target=_upgrade, args=(bare_url,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]


def test_a_database_without_tables_is_refused_with_the_remedy(bare: Database) -> None:
    """Nobody is left alone with `no such table`."""
    assert bare.is_empty()
    with pytest.raises(StoreError, match="no clm tables yet; run `clm db upgrade`"):
        bare.require_current()


def test_a_database_of_a_newer_clm_is_refused_with_the_remedy(database: Database) -> None:
    """An old clm never writes into tables it does not know."""
    _pretend_revision(database, "9999")
    with pytest.raises(StoreError, match=r"made by a newer clm \(9999\); install that one"):
        database.require_current()
    _pretend_revision(database, HEAD)


def test_the_code_knows_its_newest_migration() -> None:
    """The revision the code asks for is the last of its migrations."""
    assert ScriptDirectory(str(Path(clm.store.database.__file__).parent / "migrations")).get_current_head() == HEAD


def test_a_database_of_an_older_clm_is_refused_with_the_remedy(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new clm does not migrate unasked: the person decides when."""
    monkeypatch.setattr("clm.store.database.HEAD", "9998")
    with pytest.raises(StoreError, match=rf"is older than this clm \({HEAD}, needs 9998\); run `clm db upgrade`"):
        database.require_current()


def _pretend_revision(database: Database, revision: str) -> None:
    with database.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://root@localhost/clm", "names mysql; clm keeps its facts in SQLite or PostgreSQL"),
        ("not a url", "is not a database URL"),
        ("postgresql://127.0.0.1:1/nowhere", "cannot open postgresql.*127.0.0.1:1/nowhere"),
        ("sqlite:////proc/nowhere/clm.db", "cannot open"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused_in_words(url: str, says: str) -> None:
    """A wrong CLM_DATABASE_URL is told as such, without a traceback."""
    with pytest.raises(StoreError, match=says), contextlib.closing(Database(url)) as database:
        database.upgrade()


def test_passwords_are_never_shown() -> None:
    """Messages about the database name it without its password."""
    with contextlib.closing(Database("postgresql://clm:hunter2@127.0.0.1:1/clm")) as database:
        assert "hunter2" not in database.shown
        with pytest.raises(StoreError) as refusal:
            database.require_current()
    assert "hunter2" not in str(refusal.value)
