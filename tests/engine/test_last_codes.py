"""The last codes of a pool, where several dispatchers ask for them at one moment (PostgreSQL)."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.domain.instant import HOUR_MS
from clm.store import coupons as stored
from clm.store.coupons import Holder, Terms
from clm.store.database import Database
from clm.store.schema import coupons, messages
from tests.databases import empty
from tests.engine.guarded import NOON
from tests.engine.rehearsal import campaign
from tests.engine.test_coupons import EMPTY, FROM_POOL, Giving

TOLD = [f"{EMPTY}; `clm coupons add pool FILE` adds more"]
FEW = "the pool of offer `pool` is down to 0; `clm coupons add pool FILE` adds more"


@pytest.fixture
def other(postgres_url: str) -> Iterator[Database]:
    """The database as another dispatcher has it, empty."""
    with contextlib.closing(Database(postgres_url)) as opened:
        empty(opened)
        yield opened


@pytest.fixture
def giving(postgres_url: str, other: Database, library: TemplateLibrary, own_brand: Brand) -> Iterator[Giving]:
    """Letters with codes for Ada and Bob, both due; the other dispatcher is busy with Zoe's."""
    with contextlib.closing(Database(postgres_url)) as opened:
        giving = Giving(opened, library, own_brand)
        giving.have(campaign(steps=[FROM_POOL]))
        for name in ("zoe", "ada", "bob"):
            giving.customer(name)
        giving.decide(NOON)
        with other.write() as tx:
            tx.execute(messages.update().where(messages.c.id == zoe(other).message_id).values(due_at=NOON + HOUR_MS))
        yield giving


def zoe(database: Database) -> Holder:
    """Zoe, with her message: the first of all."""
    with database.read() as tx:
        row = tx.execute(select(messages.c.contact_id, messages.c.id).order_by(messages.c.id)).first()
    assert row is not None
    return Holder(*row)


def queued(giving: Giving) -> Counter[str | None]:
    """Why messages wait that are due."""
    return Counter(one.reason for one in giving.messages("nudge") if one.status == "queued" and one.contact != "zoe")


class _DiedError(Exception):
    """The other dispatcher's transaction leaves nothing behind."""


@pytest.mark.parametrize("kept", [False, True])
def test_codes_that_others_have_in_hand_are_waited_for(giving: Giving, other: Database, kept: bool) -> None:
    """Nobody is put off for an hour or alerted before it is known whether they are gone; no code is given twice."""
    giving.stock("A")
    with contextlib.suppress(_DiedError), other.write() as tx:
        assert stored.take(tx, "pool", [zoe(other)], Terms(1, False)) == ["A"]
        giving.stock("B")
        tx.execute(select(coupons.c.id).where(coupons.c.code == "B").with_for_update())
        handed = giving.dispatcher(NOON).batch()
        assert (handed.by_status, list(handed.alerts)) == ({}, [])
        assert queued(giving) == {None: 2}
        if not kept:
            raise _DiedError
    handed = giving.dispatcher(NOON + 1).batch()
    expected = ({"sent": 1, "deferred": 1}, TOLD) if kept else ({"sent": 2}, [FEW])
    assert (handed.by_status, list(handed.alerts)) == expected
    assert queued(giving) == ({EMPTY: 1} if kept else {})
    with other.read() as tx:
        whose = tx.scalars(select(coupons.c.contact_id).where(coupons.c.contact_id.is_not(None))).all()
    assert len(whose) == len(set(whose)) == 2


def test_more_than_others_have_in_hand_is_lacking(giving: Giving, other: Database) -> None:
    """One code may come back: the most urgent message waits for it; for the other the pool is empty."""
    giving.stock("A")
    with other.write() as tx:
        assert stored.take(tx, "pool", [zoe(other)], Terms(1, False)) == ["A"]
        handed = giving.dispatcher(NOON).batch()
        assert (handed.by_status, list(handed.alerts)) == ({"deferred": 1}, TOLD)
        assert queued(giving) == {None: 1, EMPTY: 1}
    handed = giving.dispatcher(NOON + 1).batch()
    assert (handed.by_status, list(handed.alerts)) == ({"deferred": 1}, [])
    assert queued(giving) == {EMPTY: 2}


def test_what_comes_back_in_a_moment_is_taken_in_the_same_batch(giving: Giving, other: Database) -> None:
    """The dispatcher asks again after a moment, in which the other one has given the code back."""
    giving.stock("A", "B")
    waited: list[float] = []
    with contextlib.suppress(_DiedError), other.write() as tx:
        assert stored.take(tx, "pool", [zoe(other)], Terms(1, False)) == ["A"]

        def moment(seconds: float) -> None:
            waited.append(seconds)
            tx.rollback()

        handed = replace(giving.dispatcher(NOON), pause=moment).batch()
        assert (handed.by_status, list(handed.alerts), len(waited)) == ({"sent": 2}, [FEW], 1)
        raise _DiedError
