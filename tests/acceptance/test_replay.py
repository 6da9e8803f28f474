"""A year of a real shop, day by day: looking at what changed enrols whom looking at everybody enrols."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select

from clm.config import Configuration, load_configuration
from clm.domain.instant import to_ms
from clm.domain.record import OrderRecord
from clm.engine.advance import advance
from clm.engine.enrol import enrol
from clm.engine.ingest import Ingest
from clm.engine.journey import Journeys
from clm.engine.profile import refresh
from clm.engine.pull import money_of
from clm.engine.score import score_contacts
from clm.engine.stage import place_contacts
from clm.sources import FeedSpec, open_feed
from clm.store.database import Database
from clm.store.schema import contacts, enrolments, watermarks
from tests.acceptance.by_pandas import NOBODY
from tests.conftest import PROJECT

LONDON = ZoneInfo("Europe/London")
FIRST_DAY = datetime(2009, 12, 2, 9, tzinfo=LONDON)
DAYS = 374
SCORED_EVERY_DAYS = 30
"""Fitting the purchase model daily would be most of the test's time, and both worlds are scored alike anyway."""


class World:
    """One database in which the year passes."""

    def __init__(self, database: Database, configuration: Configuration, *, whole: bool) -> None:
        self.database = database
        self.configuration = configuration
        self.whole = whole
        told = tuple(one for one in configuration.campaigns if one.campaign not in NOBODY)
        self.journeys = Journeys(replace(configuration, campaigns=told, _parsed={}))

    def day(self, orders: list[OrderRecord], number: int, now: int) -> None:
        """What a day brings, and the lifecycle at nine in the morning after it; nothing is dispatched."""
        fields = frozenset({"email", "email_consent"})
        Ingest(self.database, "retail", "orders", "orders.csv", lambda: fields, now).run(orders)
        refresh(self.database, now=now)
        if self.whole:
            with self.database.write() as tx:
                tx.execute(delete(watermarks).where(watermarks.c.scope != "scores"))
        if number % SCORED_EVERY_DAYS == 0:
            score_contacts(self.database, self.configuration.rfm, now=now)
        place_contacts(self.database, self.configuration.stages, now=now)
        for campaign in self.journeys.live():
            enrol(self.database, self.journeys, campaign, now=now)
            advance(self.database, self.journeys, campaign, now=now)

    def enrolled(self) -> set[tuple[Any, ...]]:
        """Who is enrolled where, since when, by what, and how it went."""
        e = enrolments.c
        what = (e.campaign, e.trigger_key, e.entered_at, e.holdout, e.status, e.exit_reason, e.ended_at, e.goal_at)
        query = select(contacts.c.external_id, *what).join(contacts, contacts.c.id == e.contact_id)
        with self.database.read() as tx:
            return {tuple(row) for row in tx.execute(query)}


@pytest.mark.slow
def test_a_year_day_by_day_enrols_the_same_people_either_way(tmp_path: Path, orders_file: Path) -> None:
    """On 374 mornings, by what changed and in full: the same people, instants, goals and ends.

    All campaigns that the file's facts can bring anybody into; the others would double the time and find nobody.
    """
    configuration = load_configuration(PROJECT / "config")
    by_day: dict[int, list[OrderRecord]] = defaultdict(list)
    for record in _orders(orders_file, configuration):
        by_day[_day_of(record.ordered_at)].append(record)
    with _database(tmp_path / "quick.db") as quick, _database(tmp_path / "whole.db") as whole:
        worlds = [World(quick, configuration, whole=False), World(whole, configuration, whole=True)]
        for number in range(DAYS):
            now = to_ms(FIRST_DAY + timedelta(days=number))
            for world in worlds:
                world.day(by_day.get(number, []), number, now)
        quickly, wholly = (world.enrolled() for world in worlds)
    assert quickly == wholly
    entered = {campaign for _, campaign, *_ in quickly}
    assert {"feedback", "win_back", "second_purchase", "first_purchase", "reactivated", "high_value"} <= entered
    assert len(quickly) > 10_000


def _orders(path: Path, configuration: Configuration) -> Iterator[OrderRecord]:
    spec = FeedSpec(
        source="retail", feed="orders", path=str(path), map={"contact": "customer_id", "amount": "amount_gbp"},
        set={"email": "{customer_id}@example.com", "email_consent": "true"}, time_zone="Europe/London", currency="GBP",
    )  # fmt: skip
    for row in open_feed(spec, path, money_of(configuration.shop)).rows():
        assert isinstance(row, OrderRecord)
        yield row


def _day_of(ordered_at: int) -> int:
    """The morning on which an order is known; those before the first belong to it."""
    return max(0, -((to_ms(FIRST_DAY) - ordered_at) // 86_400_000))


@contextlib.contextmanager
def _database(path: Path) -> Iterator[Database]:
    with contextlib.closing(Database(f"sqlite:///{path}")) as database:
        database.upgrade()
        yield database
