"""PostgreSQL: what a look has seen, while somebody else's transaction takes its time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from clm.config import Configuration
from clm.domain.campaign import Campaign
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.policy import Policy
from clm.engine.enrol import enrol
from clm.engine.journey import Journeys
from clm.store.changes import stamp
from clm.store.database import Database, Transaction
from clm.store.schema import contacts, profiles
from tests.engine.shop import NOW, POUNDS, Shop, order

POLICY = Policy(backlog_entries=4, backlog_within_ms=DAY_MS)
LAPSED = Campaign.model_validate(
    {
        "campaign": "nudge",
        "title": "Nudge",
        "status": "live",
        "steps": [{"send": "hello", "channel": "email"}],
        "enter": {"when": "days_since(last_order_at) > 90", "once_per": "last_order"},
    }
)


@pytest.fixture
def postgres(database: Database) -> Database:
    """A database in which transactions pass each other."""
    if database.dialect == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    return database


def enter(database: Database, now: int = NOW) -> int:
    """One tick; how many entered."""
    return enrol(database, Journeys(Configuration(POUNDS, (LAPSED,), policy=POLICY)), LAPSED, now=now)


@contextlib.contextmanager
def slow(database: Database) -> Iterator[Transaction]:
    """A transaction that has begun to write, and is committed when the block ends."""
    with database.write() as tx:
        stamp(tx)
        yield tx


def test_people_left_over_wait_their_turn_while_somebody_writes(postgres: Database) -> None:
    """The import falls into somebody's long transaction: the backlog is still taken in slowly, the new at once."""
    shop = Shop(postgres)
    with slow(postgres):
        shop.tell(*(order(f"o{number}", f"c{number}", at=NOW - (200 - number) * DAY_MS) for number in range(10)))
        assert enter(postgres) == 4
        assert enter(postgres, NOW + HOUR_MS) == 0
        shop.tell(order("n1", "new", at=NOW - 95 * DAY_MS))
        assert enter(postgres, NOW + 2 * HOUR_MS) == 1
    assert enter(postgres, NOW + 3 * HOUR_MS) == 0
    assert enter(postgres, NOW + DAY_MS) == 4


def test_what_is_committed_after_a_look_is_seen_by_the_next(postgres: Database) -> None:
    """Looks go by while an order is being recorded, and later changes are seen; the order's customer enters with it."""
    shop = Shop(postgres)
    shop.tell(order("a1", "ada", at=NOW), order("b1", "bob", at=NOW))
    assert enter(postgres) == 0
    with slow(postgres) as tx:
        ada = tx.scalar(select(contacts.c.id).where(contacts.c.external_id == "ada"))
        changed = {"last_order_at": NOW - 95 * DAY_MS, "changed": stamp(tx)}
        tx.execute(profiles.update().where(profiles.c.contact_id == ada).values(changed))
        shop.tell(order("c1", "cid", at=NOW - 95 * DAY_MS))
        assert enter(postgres, NOW + HOUR_MS) == 1
        assert enter(postgres, NOW + 2 * HOUR_MS) == 0
    assert enter(postgres, NOW + 3 * HOUR_MS) == 1
    assert enter(postgres, NOW + 4 * HOUR_MS) == 0
