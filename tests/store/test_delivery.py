"""Delivery events: kept once, and what they change of a profile."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from clm.store.database import Database
from clm.store.delivery import Told, record
from clm.store.schema import contacts, delivery_events, enrolments, messages, profiles
from tests.databases import empty
from tests.engine.shop import NOW, Shop, event

MESSAGES = {1: "ada", 2: "ada", 3: "bob"}


def _send(database: Database) -> None:
    """Two messages to ada and one to bob; nothing has come back."""
    shop = Shop(database)
    shop.tell(event("e1", "ada"), event("e2", "bob"))
    with database.write() as tx:
        ids = {row.external_id: row.id for row in tx.execute(select(contacts))}
        for message_id, contact in MESSAGES.items():
            whose = {"contact_id": ids[contact], "campaign": "news"}
            tx.execute(
                insert(enrolments).values(
                    id=message_id, version="1", trigger_key=str(message_id), entered_at=0, status="active", position=0,
                    next_due_at=0, **whose,
                )
            )  # fmt: skip
            tx.execute(
                insert(messages).values(
                    id=message_id, enrolment_id=message_id, step="one", channel="email", purpose="marketing",
                    queue_rank=0, status="sent", due_at=0, expires_at=0, created_at=0, attempts=1, **whose,
                )
            )  # fmt: skip
        tx.execute(update(profiles).values(changed=0))


def _told(database: Database, *events: Told) -> int:
    with database.write() as tx:
        return len(record(tx, events, now=NOW))


def _profile(database: Database, contact: str) -> dict[str, Any]:
    found = Shop(database).profile(contact)
    return {"last_reaction_at": found["last_reaction_at"], "changed": found["changed"] > 0}


@pytest.fixture
def sent(database: Database) -> Database:
    """A database with three messages sent."""
    _send(database)
    return database


def test_an_event_is_kept_once_however_often_it_is_told(sent: Database) -> None:
    """In one delivery or in several; another provider's event of the same id is another event."""
    click = Told("sendgrid", "e1", 1, "clicked", at=7)
    assert _told(sent, click, click) == 1
    assert _told(sent, click._replace(at=9, message_id=3)) == 0
    assert _told(sent, click._replace(provider="twilio"), click) == 1
    with sent.read() as tx:
        rows = tx.execute(select(delivery_events).order_by(delivery_events.c.id)).all()
    assert [(row.provider, row.provider_event_id, row.message_id, row.at) for row in rows] == [
        ("sendgrid", "e1", 1, 7),
        ("twilio", "e1", 1, 7),
    ]
    assert _profile(sent, "bob") == {"last_reaction_at": None, "changed": False}


@pytest.mark.parametrize(
    ("kind", "by_machine", "reacts"),
    [
        ("opened", False, True),
        ("clicked", False, True),
        ("opened", True, False),
        ("clicked", True, False),
        ("delivered", False, False),
        ("bounced", False, False),
    ],
)
def test_only_what_a_person_did_is_a_reaction(sent: Database, kind: str, by_machine: bool, reacts: bool) -> None:
    """Whatever is told, the profile of that message's contact has changed, and nobody else's."""
    _told(sent, Told("sendgrid", "e1", 2, kind, at=7, by_machine=by_machine))
    assert _profile(sent, "ada") == {"last_reaction_at": 7 if reacts else None, "changed": True}
    assert _profile(sent, "bob") == {"last_reaction_at": None, "changed": False}


def test_nobody_reacts_in_days_to_come(sent: Database) -> None:
    """A provider tells what has happened: where its clock is ahead of ours, the reaction is of now."""
    _told(sent, Told("sendgrid", "e1", 1, "clicked", at=NOW + 9), Told("sendgrid", "e2", 3, "opened", at=NOW - 9))
    assert [_profile(sent, who)["last_reaction_at"] for who in ("ada", "bob")] == [NOW, NOW - 9]


def test_what_was_told_before_changes_nothing(sent: Database) -> None:
    """A repeated event does not make conditions look at its contact again."""
    opened = Told("sendgrid", "e1", 1, "opened", at=7)
    _told(sent, opened)
    with sent.write() as tx:
        tx.execute(update(profiles).values(changed=0))
    assert _told(sent, opened) == 0
    assert not _profile(sent, "ada")["changed"]


def test_an_event_of_a_message_we_do_not_know_is_kept(sent: Database) -> None:
    """The provider was told that we have it; it belongs to nobody."""
    assert _told(sent, Told("sendgrid", "e1", 99, "clicked", at=7), Told("sendgrid", "e2", 3, "clicked", at=8)) == 2
    with sent.read() as tx:
        found = tx.scalars(select(delivery_events.c.message_id).order_by(delivery_events.c.provider_event_id)).all()
    assert list(found) == [None, 3]
    assert _profile(sent, "bob")["last_reaction_at"] == 8
    assert _told(sent) == 0


told_events = st.builds(
    Told,
    st.just("sendgrid"),
    st.sampled_from(["a", "b", "c", "d", "e"]),
    st.sampled_from([1, 2, 3, 99]),
    st.sampled_from(["delivered", "opened", "clicked"]),
    at=st.integers(1, 20),
    by_machine=st.booleans(),
)


@settings(max_examples=40)
@given(deliveries=st.lists(st.lists(told_events, max_size=4), max_size=5))
def test_the_latest_reaction_is_that_of_what_was_kept(database: Database, deliveries: list[list[Told]]) -> None:
    """Late, repeated, reordered: the first word about an event counts, and the latest of the reactions."""
    empty(database)
    _send(database)
    kept: dict[str, Told] = {}
    for events in deliveries:
        before = len(kept)
        for one in events:
            kept.setdefault(one.provider_event_id, one)
        assert _told(database, *events) == len(kept) - before
    for contact in ("ada", "bob"):
        about = [one for one in kept.values() if MESSAGES.get(one.message_id) == contact]
        reactions = [one.at for one in about if one.kind != "delivered" and not one.by_machine]
        assert _profile(database, contact) == {
            "last_reaction_at": max(reactions, default=None),
            "changed": bool(about),
        }


def test_two_deliveries_at_once_keep_everything_once(database_url: str, sent: Database) -> None:
    """The same hundred events in opposite order: neither waits for the other for ever, none is lost or kept twice."""
    events = [Told("sendgrid", f"e{number}", 1 + number % 3, "opened", at=number) for number in range(100)]
    counts: list[int] = []

    def tell(what: list[Told]) -> None:
        with contextlib.closing(Database(database_url)) as other:
            counts.append(_told(other, *what))

    both = [threading.Thread(target=tell, args=(what,)) for what in (events, events[::-1])]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sum(counts) == 100
    assert (_profile(sent, "ada")["last_reaction_at"], _profile(sent, "bob")["last_reaction_at"]) == (99, 98)
