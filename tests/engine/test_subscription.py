"""What a person says about messages: one transaction, idempotent, and never outdone by what was said before."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from clm.domain.record import ContactRecord
from clm.engine.subscription import LIFTED, choose, masked, subscriber, unsubscribe
from clm.store import suppressions
from clm.store.database import Database
from tests.databases import empty
from tests.engine.shop import NOW, Shop


@pytest.fixture
def shop(database: Database) -> Shop:
    """Ada, who has agreed to everything."""
    return with_ada(database)


def with_ada(database: Database) -> Shop:
    """A shop that knows Ada alone."""
    found = Shop(database)
    found.tell(
        ContactRecord(
            "ada",
            email="ada@example.com",
            phone="+447700900123",
            email_consent=True,
            sms_consent=True,
            consent_at=NOW - 9,
        )
    )
    return found


def ada_of(database: Database) -> int:
    """Ada's number."""
    with database.read() as tx:
        found = tx.scalar(text("SELECT MIN(id) FROM contacts"))
    assert isinstance(found, int)
    return found


def gets(database: Database) -> tuple[bool, bool]:
    """Whether mail, and whether texts reach Ada."""
    found = subscriber(database, ada_of(database))
    assert found is not None
    return found.gets("email"), found.gets("sms")


@pytest.mark.parametrize("reason", suppressions.REASONS)
def test_what_a_person_can_take_back(reason: str, shop: Shop) -> None:
    """What they have said themselves, and our own silence; nothing that a provider or the shop's staff has said."""
    database = shop.database
    with database.write() as tx:
        suppressions.suppress(tx, channel="email", address="ada@example.com", reason=reason, source="test", at=NOW)
    assert gets(database)[0] is False
    choose(database, ada_of(database), {"email": True}, source="test", now=NOW + 1)
    assert gets(database)[0] is (reason in LIFTED)


def test_of_many_clicks_at_once_one_is_written(shop: Shop) -> None:
    """A mail program that clicks eight times at the same moment leaves one suppression and one withdrawal."""
    together = threading.Barrier(8)

    def click(number: int) -> None:
        together.wait()
        unsubscribe(shop.database, ada_of(shop.database), source="test", now=NOW + number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(click, range(8)))
    with shop.database.read() as tx:
        assert tx.scalar(text("SELECT COUNT(*) FROM suppressions")) == 1
        assert tx.scalar(text("SELECT COUNT(*) FROM consents WHERE NOT granted")) == 1
    assert gets(shop.database) == (False, True)


def test_a_clock_that_goes_back_does_not_matter(shop: Shop) -> None:
    """Yes after no is yes, and no after yes is no, by whatever clock each was said."""
    database, who = shop.database, ada_of(shop.database)
    for turn, on in enumerate((False, True, False, True, False)):
        choose(database, who, {"email": on, "sms": on}, source="test", now=NOW - turn * 3_600_000)
        assert gets(database) == (on, on)
        assert bool(shop.profile()["email_consent"]) is on


@settings(max_examples=25)
@given(
    said=st.lists(
        st.tuples(st.sampled_from(["email", "sms"]), st.booleans(), st.integers(-5, 5)), min_size=1, max_size=8
    )
)
def test_the_last_word_counts(said: list[tuple[str, bool, int]], database: Database) -> None:
    """Whatever was switched in whatever order and at whatever instants, the last of each channel holds."""
    empty(database)
    with_ada(database)
    last = {"email": True, "sms": True}
    for channel, on, later in said:
        last[channel] = on
        choose(database, ada_of(database), {channel: on}, source="test", now=NOW + later)  # type: ignore[dict-item]
    assert gets(database) == (last["email"], last["sms"])


def test_nobody_is_there(database: Database) -> None:
    """Of somebody who is not there nothing is written."""
    assert unsubscribe(database, 7, source="test", now=NOW) is None
    with database.read() as tx:
        assert tx.scalar(text("SELECT COUNT(*) FROM suppressions")) == 0


@pytest.mark.parametrize(
    ("channel", "address", "shown"),
    [
        ("email", "ada@example.com", "a•••@example.com"),
        ("email", "@example.com", "•••@example.com"),
        ("email", "nothing", "•••@nothing"),
        ("sms", "+447700900123", "•••123"),
    ],
)
def test_an_address_is_shown_to_its_owner_alone(channel: str, address: str, shown: str) -> None:
    """Who knows it recognises it."""
    assert masked(channel, address) == shown  # type: ignore[arg-type]
