"""What a button says is kept whole or not at all: whoever is stopped in the middle has left nothing half said."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, select

from clm.content.links import Links
from clm.domain.wish import Wish
from clm.engine import signup
from clm.engine.subscription import subscriber
from clm.store.database import Database
from clm.store.schema import contacts, events
from tests.engine.shop import NOW
from tests.web.asking import Asker
from tests.web.test_joining import asked, path, send

LATER = NOW + 5 * 86_400_000


class PowerCutError(Exception):
    """The process ends here."""


@contextlib.contextmanager
def stopped_before_an_event(database: Database) -> Iterator[None]:
    """The process ends where an event would be stored."""

    def stop(_: Any, __: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip().startswith("INSERT INTO events"):
            raise PowerCutError

    event.listen(database._durable, "before_cursor_execute", stop)
    try:
        with pytest.raises(PowerCutError):
            yield
    finally:
        event.remove(database._durable, "before_cursor_execute", stop)


def test_consent_and_the_welcome_come_together(web: Asker, links: Links, database: Database) -> None:
    """Consent without the event that begins the welcome would stay so: a page without a button is nobody's to press."""
    send(web, "/join", email="new@example.com", agree="yes")
    with database.read() as tx:
        [who] = tx.scalars(select(contacts.c.id).where(contacts.c.email == "new@example.com"))
    with stopped_before_an_event(database):
        signup.confirm(database, who, theirs=bool, source="test", now=LATER)
    found = subscriber(database, who)
    assert found is not None
    assert not found.gets("email")
    assert "<button" in web("GET", path(links.confirm(who, "new@example.com"))).text
    web("POST", path(links.confirm(who, "new@example.com")))
    assert [name for name, _ in asked(database)] == ["signup_requested", "signup_confirmed"]


def test_a_wish_and_the_sign_of_life_come_together(ada: int, database: Database) -> None:
    """A wish that was kept without the sign of life would be no news the next time, and tell of none ever."""
    before = subscriber(database, ada)
    assert before is not None
    wish = Wish(frozenset(), "monthly")
    with stopped_before_an_event(database):
        signup.save(database, before, {}, wish, source="test", came=False, now=NOW)
    assert subscriber(database, ada) == before
    after = signup.save(database, before, {}, wish, source="test", came=False, now=NOW)
    assert after is not None
    assert after.wish == wish
    with database.read() as tx:
        assert list(tx.scalars(select(events.c.name).where(events.c.contact_id == ada))) == ["preferences_saved"]
