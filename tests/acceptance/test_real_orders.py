"""A year of a real shop's orders: who enters which campaign is what pandas says."""

from __future__ import annotations

import contextlib
import csv
import gzip
from collections import defaultdict
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import select

from clm.config import load_configuration
from clm.domain.instant import to_ms
from clm.engine.enrol import enrol
from clm.engine.journey import Journeys
from clm.engine.profile import refresh
from clm.engine.score import score_contacts
from clm.store.database import Database
from clm.store.schema import contacts, enrolments, profiles
from tests.acceptance.by_pandas import NOBODY, Key, Year, ranked
from tests.acceptance.shop_home import ShopHome, printed
from tests.conftest import PROJECT

pytestmark = pytest.mark.slow

AS_OF = pd.Timestamp("2010-12-01T09:00:00Z")
LATER = pd.Timestamp("2010-12-04T09:00:00Z")
MODELLED = {"high_value": 50, "slipping_vip": 20}
"""Campaigns that ask for a fitted probability, which pandas does not have; at most so many enter a day."""
AGAIN_AFTER = {"feedback": 14, "referral": 180}
"""Days between two entries of one customer."""
WINDOW = pd.Timedelta(days=730)
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
    configuration = load_configuration(PROJECT / "config")
    journeys = Journeys(configuration)
    known: dict[str, set[Key]] = {one.campaign: set() for one in journeys.live()}
    with contextlib.closing(Database(shop_home.url)) as database:
        for now in (AS_OF, AS_OF, LATER):
            refresh(database, now=_ms(now))
            score_contacts(database, configuration.rfm, now=_ms(now))
            for name, wanted in year.entering(now, ranked(year, now, WINDOW)).items():
                before = {customer for customer, _ in known[name]} if name in AGAIN_AFTER else set()
                known[name] |= {key for key in wanted if key[0] not in before}
            for campaign in journeys.live():
                enrol(database, journeys, campaign, now=_ms(now))
            found = _enrolled(database)
            for name, at_most in MODELLED.items():
                known[name] = found.pop(name, set())
                assert len(known[name]) <= 2 * at_most
            assert found == {name: keys for name, keys in known.items() if keys and name not in MODELLED}


def test_the_numbers_of_this_year(year: Year) -> None:
    """What pandas says, written down, so that a changed campaign file or calculation is noticed."""
    assert {name: len(keys) for name, keys in year.entering(AS_OF, ranked(year, AS_OF, WINDOW)).items()} == {
        "feedback": 755,
        "first_purchase": 73,
        "reactivated": 61,
        "reorder": 54,
        "referral": 675,
        "second_purchase": 245,
        "win_back": 1_314,
        **dict.fromkeys(NOBODY, 0),
    }


@pytest.mark.slow
def test_clm_run_sends_what_pandas_says_and_nothing_twice(tmp_path: Path, orders_file: Path, year: Year) -> None:
    """`clm run` as a person types it, on the whole year: who enters, one mail each, the files; and three days later."""
    home = ShopHome(tmp_path / "home")
    home.import_orders(orders_file)
    first = year.entering(AS_OF, ranked(year, AS_OF, WINDOW))
    summary = home.clm("run", "--as-of", AS_OF.isoformat())
    assert summary["as_of"] == "2010-12-01T09:00:00Z"
    entered = summary["enrolled"]
    assert {name: entered[name] for name in first} == {name: len(keys) for name, keys in first.items()}
    listed = home.clm("messages")
    assert {frozenset(message) for message in listed} == {frozenset(KEYS)}
    _check_fairness(listed)
    letters = [message for message in listed if message["channel"] == "email"]
    mailed = {message["contact"] for message in letters if message["status"] == "sent"}
    waiting = {message["contact"] for message in letters if message["status"] == "queued"}
    assert waiting <= mailed, "whoever waits has just been written to"
    held_out = sum(row["held_out"] for row in home.clm("campaigns"))
    assert len({_what(message) for message in letters}) == len(letters) == sum(entered.values()) - held_out
    assert 0.05 <= held_out / sum(entered.values()) <= 0.1
    _check_mails(home, listed)

    second = year.entering(LATER, ranked(year, LATER, WINDOW))
    summary = home.clm("run", "--as-of", LATER.isoformat())
    for name, wanted in second.items():
        before = {customer for customer, _ in first[name]} if name in AGAIN_AFTER else set()
        assert summary["enrolled"][name] == len({key for key in wanted - first[name] if key[0] not in before}), name
    later = home.clm("messages")
    assert [message["id"] for message in later[: len(listed)]] == [message["id"] for message in listed]
    _check_fairness(later)
    _check_mails(home, later)


@pytest.mark.slow
def test_two_runs_at_once_send_nothing_twice(tmp_path: Path, orders_file: Path) -> None:
    """Two `clm run` at the same instant share the work, and a third finds nothing left to do."""
    some = tmp_path / "some.csv"
    _every_tenth_customer(orders_file, some)
    home = ShopHome(tmp_path / "home")
    home.import_orders(some)
    command = ("run", "--as-of", AS_OF.isoformat(), "--json")
    both = [home.start(*command), home.start(*command)]
    summaries = [printed(process) for process in both]
    standing = home.clm("campaigns")
    run = summaries[0]["enrolled"].keys()  # broadcasts are listed too, and take nobody in by themselves
    entered = {row["campaign"]: row["active"] + row["completed"] + row["exited"] for row in standing}
    assert sum(entered.values()) == sum(count for name, count in entered.items() if name in run) > 200
    assert {name: sum(one["enrolled"][name] for one in summaries) for name in run} == {
        name: count for name, count in entered.items() if name in run
    }
    listed = home.clm("messages")
    sent = [message for message in listed if message["status"] == "sent"]
    assert sum(one["messages"]["sent"] for one in summaries) == len(sent) == len(home.mails()) > 100
    assert len({_what(message) for message in listed}) == len(listed)
    _check_fairness(listed)

    again = home.clm("run", "--as-of", AS_OF.isoformat())
    assert not any(again["enrolled"].values())
    assert not again["messages"]["sent"]
    assert [_what(message) for message in home.clm("messages")] == [_what(message) for message in listed]


def _check_fairness(listed: list[dict[str, Any]]) -> None:
    """At most one marketing mail in 16 hours to anybody; what was not sent has a reason."""
    sent: dict[str, list[datetime]] = defaultdict(list)
    for message in listed:
        if message["status"] == "sent" and message["channel"] == "email":
            sent[message["contact"]].append(datetime.fromisoformat(message["sent_at"]))
        assert message["status"] == "sent" or message["reason"], message
    for times in sent.values():
        times.sort()
        assert all(later - earlier >= timedelta(hours=16) for earlier, later in pairwise(times))


def _ms(instant: pd.Timestamp) -> int:
    return to_ms(instant.to_pydatetime())


def _enrolled(database: Database) -> dict[str, set[Key]]:
    e = enrolments.c
    query = select(e.campaign, contacts.c.external_id, e.trigger_key).join(contacts, contacts.c.id == e.contact_id)
    found: dict[str, set[Key]] = defaultdict(set)
    with database.read() as tx:
        for row in tx.execute(query):
            found[row.campaign].add((row.external_id, row.trigger_key))
    return dict(found)


def _what(message: dict[str, Any]) -> tuple[str, str, str]:
    return message["campaign"], message["step"], message["contact"]


def _check_mails(home: ShopHome, listed: list[dict[str, Any]]) -> None:
    """One .eml for each sent message, named after it, to the right person or to the team."""
    mails = {path.stem: path for path in home.mails()}
    sent = [message for message in listed if message["status"] == "sent"]
    assert set(mails) == {str(message["id"]) for message in sent}
    for message in sent[:: max(1, len(sent) // 50)]:
        mail = message_from_bytes(mails[str(message["id"])].read_bytes(), policy=policy.default)
        whose = f"{message['contact']}@example.com" if message["channel"] == "email" else message["to"]
        assert (mail["To"], mail["Subject"]) == (whose, message["subject"])


def _every_tenth_customer(source: Path, target: Path) -> None:
    with gzip.open(source, "rt", newline="") as rows, target.open("w", newline="") as some:
        reader = csv.DictReader(rows)
        writer = csv.DictWriter(some, reader.fieldnames or ())
        writer.writeheader()
        writer.writerows(row for row in reader if row["customer_id"].endswith("7"))
