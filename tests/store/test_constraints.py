"""The database itself keeps things from happening twice; no code path can forget."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Table, insert
from sqlalchemy.exc import IntegrityError

from clm.domain.fact import FACTS
from clm.store.database import Database, Transaction
from clm.store.schema import (
    attempts,
    campaign_versions,
    consents,
    contacts,
    decisions,
    enrolments,
    events,
    messages,
    order_lines,
    orders,
    profiles,
    quarantine,
    source_cursors,
)

ROWS: dict[Table, dict[str, Any]] = {
    contacts: {"id": 1, "source": "shop", "external_id": "c1", "created_at": 0},
    consents: {
        "contact_id": 1, "channel": "email", "purpose": "marketing", "granted": True, "at": 5, "source": "shop",
        "recorded_at": 0,
    },
    orders: {
        "id": 1, "source": "shop", "external_id": "o1", "contact_id": 1, "kind": "order", "ordered_at": 0, "amount": 1,
        "currency": "GBP", "original_amount": 1, "fingerprint": 0, "recorded_at": 0,
    },
    order_lines: {"order_id": 1, "number": 1, "product_id": "p", "quantity": 1},
    events: {
        "source": "shop", "external_id": "e1", "contact_id": 1, "name": "view", "at": 0, "properties": "{}",
        "recorded_at": 0,
    },
    profiles: {
        "contact_id": 1, "order_count": 0, "revenue": 0, "revenue_365d": 0, "revenue_365d_since": 0,
        "email_consent": False, "sms_consent": False, "changed": 0,
    },
    campaign_versions: {"campaign": "nudge", "version": "1", "definition": "{}", "first_used_at": 0},
    enrolments: {
        "id": 1, "campaign": "nudge", "version": "1", "contact_id": 1, "trigger_key": "contact", "entered_at": 0,
        "status": "active", "position": 0, "next_due_at": 0,
    },
    messages: {
        "id": 1, "enrolment_id": 1, "contact_id": 1, "campaign": "nudge", "step": "hello", "channel": "email",
        "purpose": "marketing", "queue_rank": 50, "status": "queued", "due_at": 0, "expires_at": 0, "created_at": 0,
        "attempts": 0,
    },
    attempts: {"message_id": 1, "number": 1, "token": "t", "channel": "email", "intended_at": 0},
    decisions: {
        "contact_id": 1, "campaign": "nudge", "enrolment_id": 1, "kind": "entered", "reason": "enter.when holds",
        "at": 0,
    },
    quarantine: {
        "source": "shop", "feed": "orders", "file": "orders.csv", "line": 2, "reason": "is empty", "raw": "{}",
        "fingerprint": 7, "recorded_at": 0,
    },
    source_cursors: {"source": "shop", "feed": "orders", "file": "orders.csv", "cursor": "{}", "advanced_at": 0},
}  # fmt: skip

# What makes a row the same thing again: the columns of the key, and for each a value that makes it another thing.
KEYS: dict[str, tuple[Table, dict[str, Any]]] = {
    "a source's contact": (contacts, {"source": "crm", "external_id": "c2"}),
    "a statement of consent": (consents, {"channel": "sms", "purpose": "news", "granted": False, "at": 6}),
    "a source's order": (orders, {"source": "crm", "external_id": "o2"}),
    "a line of an order": (order_lines, {"number": 2}),
    "a source's event": (events, {"source": "crm", "external_id": "e2"}),
    "a version of a campaign": (campaign_versions, {"campaign": "other", "version": "2"}),
    "an enrolment": (enrolments, {"campaign": "other", "trigger_key": "order 2"}),
    "a step's message": (messages, {"step": "again"}),
    "an attempt": (attempts, {"number": 2}),
    "the decision to enter": (decisions, {"kind": "exited"}),
    "a bad row": (quarantine, {"source": "crm", "feed": "events", "fingerprint": 8}),
    "a cursor": (source_cursors, {"source": "crm", "feed": "events", "file": "other.csv"}),
}


@pytest.fixture
def tx(database: Database) -> Iterator[Transaction]:
    """A transaction with one row in every table, never committed."""
    with database.engine.connect() as connection:
        for table, row in ROWS.items():
            connection.execute(insert(table).values(row))
        yield connection
        connection.rollback()


def put(tx: Transaction, table: Table, **changes: Any) -> None:
    """Add a row like the first of `table`, changed, under an id of its own."""
    row = {name: value for name, value in ROWS[table].items() if name != "id"} | changes
    if "id" in table.c:
        row["id"] = changes.get("id", 1_000)
    with tx.begin_nested():
        tx.execute(insert(table).values(row))


@pytest.mark.parametrize("what", KEYS)
def test_the_same_thing_is_kept_once(tx: Transaction, what: str) -> None:
    """Each key refuses its like and takes what differs in any one of its columns."""
    table, others = KEYS[what]
    with pytest.raises(IntegrityError):
        put(tx, table)
    for number, (column, value) in enumerate(others.items()):
        put(tx, table, **{column: value}, **({"id": 2_000 + number} if "id" in table.c else {}))


def test_a_contact_is_being_sent_one_message_at_a_time(tx: Transaction) -> None:
    """Two messages to one contact may wait or be done, and only one may be on its way."""
    put(tx, messages, id=2, step="two", status="sending")
    put(tx, messages, id=3, step="three", status="sent")
    put(tx, messages, id=4, step="four", status="queued")
    with pytest.raises(IntegrityError):
        put(tx, messages, id=5, step="five", status="sending")
    put(tx, contacts, id=2, external_id="c2")
    put(tx, messages, id=6, step="six", status="sending", contact_id=2)


def test_reasons_to_stop_may_repeat(tx: Transaction) -> None:
    """Every refused message of an enrolment leaves its decision."""
    put(tx, decisions, id=2, kind="refused")
    put(tx, decisions, id=3, kind="refused")


@pytest.mark.parametrize(
    ("table", "column"),
    [(table, column.name) for table in ROWS for column in table.columns if column.foreign_keys],
    ids=lambda part: getattr(part, "name", part),
)
def test_nothing_belongs_to_what_is_not_there(tx: Transaction, table: Table, column: str) -> None:
    """A message, an order or a consent of nobody is refused, on SQLite too."""
    free = {"trigger_key": "2", "step": "again", "number": 3, "external_id": "x", "at": 9, "kind": "exited"}
    changes = {name: value for name, value in free.items() if name in table.c} | {column: 999}
    if "kind" in changes and table is orders:
        changes["kind"] = "order"
    with pytest.raises(IntegrityError):
        put(tx, table, **changes)


def test_every_time_fact_has_an_index() -> None:
    """A threshold on a time is a range of its index; without one, each tick would read every profile."""
    first = {next(iter(index.columns)).name for index in profiles.indexes}
    times = {fact.name for fact in FACTS.values() if fact.type == "time" and fact.scope == "contact"}
    assert times | {"lapse_80_at", "lapse_90_at", "changed", "birthday"} <= first
