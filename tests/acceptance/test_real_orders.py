"""A year of a real shop's orders: who enters which campaign is what pandas says."""

from __future__ import annotations

import contextlib
import csv
import gzip
from collections import Counter
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import select

from clm.config import load_configuration
from clm.domain.instant import to_ms
from clm.engine.advance import advance
from clm.engine.enrol import enrol
from clm.engine.journey import Journeys
from clm.engine.profile import refresh
from clm.store.database import Database
from clm.store.schema import contacts, enrolments, profiles
from tests.acceptance.by_pandas import Key, Year
from tests.acceptance.shop_home import ShopHome, printed
from tests.conftest import PROJECT

AS_OF = pd.Timestamp("2010-12-01T09:00:00Z")
LATER = pd.Timestamp("2010-12-04T09:00:00Z")
FIRST_STEPS = {
    "feedback": "rating",
    "win_back": "news",
    "second_purchase": "incentive",
    "welcome": "hello",
    "high_value": "thanks",
}
KEYS = {
    "id", "contact", "campaign", "step", "channel", "locale", "status", "reason", "due_at", "sent_at", "to", "subject",
}  # fmt: skip


def test_every_customers_facts_are_what_pandas_says(shop_home: ShopHome, year: Year) -> None:
    """Order count, first and last order, and the spend of the last 365 days, of all 4,336 customers."""
    people = year.customers(AS_OF)
    p = profiles.c
    facts = (p.order_count, p.first_order_id, p.last_order_id, p.last_order_at, p.revenue_365d)
    with contextlib.closing(Database(shop_home.url)) as database:
        refresh(database, now=_ms(AS_OF))
        with database.read() as tx:
            query = select(contacts.c.external_id, *facts).join(contacts, contacts.c.id == p.contact_id)
            found = {row.external_id: tuple(row)[1:] for row in tx.execute(query)}
    assert found == {
        str(customer): (
            row["count"],
            None if row["count"] == 0 else row["first_id"],
            None if row["count"] == 0 else row["last_id"],
            None if row["count"] == 0 else _ms(row["last_at"]),
            row["spend"],
        )
        for customer, row in people.iterrows()
    }


def test_those_enter_whom_pandas_names(shop_home: ShopHome, year: Year) -> None:
    """For each campaign the same people, because of the same orders, now and three days later; nobody enters twice."""
    journeys = Journeys(load_configuration(PROJECT / "config"))
    known: dict[str, set[Key]] = {name: set() for name in FIRST_STEPS}
    with contextlib.closing(Database(shop_home.url)) as database:
        for now in (AS_OF, AS_OF, LATER):
            refresh(database, now=_ms(now))
            wanted = year.entering(now)
            for campaign in journeys.live():
                new = wanted[campaign.campaign] - known[campaign.campaign]
                assert enrol(database, journeys, campaign, now=_ms(now)) == len(new), campaign.campaign
                known[campaign.campaign] |= wanted[campaign.campaign]
        assert _enrolled(database) == known
        queued = {one.campaign: advance(database, journeys, one, now=_ms(LATER)) for one in journeys.live()}
    assert queued == {name: len(keys) for name, keys in known.items()}


def test_the_numbers_of_this_year(year: Year) -> None:
    """What pandas says, written down, so that a changed campaign file or calculation is noticed."""
    assert {name: len(keys) for name, keys in year.entering(AS_OF).items()} == {
        "feedback": 755,
        "win_back": 1_393,
        "second_purchase": 245,
        "welcome": 0,
        "high_value": 1_700,
    }


@pytest.mark.slow
def test_clm_run_sends_what_pandas_says_and_nothing_twice(tmp_path: Path, orders_file: Path, year: Year) -> None:
    """`clm run` as a person types it, on the whole year: the counts, the messages, the outbox, and three days later."""
    home = ShopHome(tmp_path / "home")
    home.import_orders(orders_file)
    first = year.entering(AS_OF)
    summary = home.clm("run", "--as-of", AS_OF.isoformat())
    assert summary["as_of"] == "2010-12-01T09:00:00Z"
    assert summary["enrolled"] == {name: len(keys) for name, keys in first.items()}
    total = sum(map(len, first.values()))
    assert _nonzero(summary["messages"]) == {"sent": total}
    listed = home.clm("messages")
    assert {frozenset(message) for message in listed} == {frozenset(KEYS)}
    assert Counter(_what(message) for message in listed) == Counter(
        (name, FIRST_STEPS[name], customer) for name, keys in first.items() for customer, _ in keys
    )
    _check_mails(home, listed)

    second = {name: keys - first[name] for name, keys in year.entering(LATER).items()}
    summary = home.clm("run", "--as-of", LATER.isoformat())
    assert summary["enrolled"] == {name: len(keys) for name, keys in second.items()}
    reminders = len(first["feedback"])  # three days after the rating
    assert _nonzero(summary["messages"]) == {"sent": reminders + sum(map(len, second.values()))}
    later = home.clm("messages")
    assert later[:total] == listed
    assert max(Counter(_what(message) for message in later if message["campaign"] == "high_value").values()) == 1
    _check_mails(home, later)


@pytest.mark.slow
def test_two_runs_at_once_send_nothing_twice(tmp_path: Path, orders_file: Path) -> None:
    """Two `clm run` at the same instant share the work, and a third finds nothing left to do."""
    some = tmp_path / "some.csv"
    _every_tenth_customer(orders_file, some)
    wanted = Year.read(some).entering(AS_OF)
    total = sum(map(len, wanted.values()))
    home = ShopHome(tmp_path / "home")
    home.import_orders(some)
    command = ("run", "--as-of", AS_OF.isoformat(), "--json")
    both = [home.start(*command), home.start(*command)]
    summaries = [printed(process) for process in both]
    assert {name: sum(one["enrolled"][name] for one in summaries) for name in wanted} == {
        name: len(keys) for name, keys in wanted.items()
    }
    assert sum(one["messages"]["sent"] for one in summaries) == total
    listed = home.clm("messages")
    assert len({_what(message) for message in listed}) == len(listed) == total
    assert {message["status"] for message in listed} == {"sent"}
    assert len(home.mails()) == total

    again = home.clm("run", "--as-of", AS_OF.isoformat())
    assert not any(again["enrolled"].values())
    assert not _nonzero(again["messages"])
    assert home.clm("messages") == listed


def _ms(instant: pd.Timestamp) -> int:
    return to_ms(instant.to_pydatetime())


def _enrolled(database: Database) -> dict[str, set[Key]]:
    e = enrolments.c
    query = select(e.campaign, contacts.c.external_id, e.trigger_key).join(contacts, contacts.c.id == e.contact_id)
    found: dict[str, set[Key]] = {name: set() for name in FIRST_STEPS}
    with database.read() as tx:
        for row in tx.execute(query):
            found[row.campaign].add((row.external_id, row.trigger_key))
    return found


def _nonzero(counts: dict[str, int]) -> dict[str, int]:
    return {status: count for status, count in counts.items() if count}


def _what(message: dict[str, Any]) -> tuple[str, str, str]:
    return message["campaign"], message["step"], message["contact"]


def _check_mails(home: ShopHome, listed: list[dict[str, Any]]) -> None:
    """One .eml for each sent message, named after it, to the right person."""
    mails = {path.stem: path for path in home.mails()}
    assert set(mails) == {str(message["id"]) for message in listed}
    for message in listed[:: max(1, len(listed) // 50)]:
        mail = message_from_bytes(mails[str(message["id"])].read_bytes(), policy=policy.default)
        assert (mail["To"], mail["Subject"]) == (f"{message['contact']}@example.com", message["subject"])


def _every_tenth_customer(source: Path, target: Path) -> None:
    with gzip.open(source, "rt", newline="") as rows, target.open("w", newline="") as some:
        reader = csv.DictReader(rows)
        writer = csv.DictWriter(some, reader.fieldnames or ())
        writer.writeheader()
        writer.writerows(row for row in reader if row["customer_id"].endswith("7"))
