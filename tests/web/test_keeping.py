"""The link of the last letters, `…/p/…?keep=yes`: whoever presses its button is written to, whatever else is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from clm.content.links import Links
from clm.domain.record import ContactRecord
from clm.engine import signup
from clm.engine.subscription import subscriber
from clm.store import suppressions
from clm.store.database import Database
from tests.engine.shop import NOW, Shop
from tests.web.asking import Asker, contact_id
from tests.web.test_pages import FORM, consents, gets, path

Rows = Callable[[], dict[str, list[Any]]]
BUTTON = 'name="keep" value="yes"'
MINUTE_MS = 60_000


@pytest.fixture
def where(links: Links, ada: int) -> str:
    """Where the letter's link leads."""
    return f"{path(links.preferences(ada))}?keep=yes"


def saved(database: Database) -> list[dict[str, str]]:
    """What the events say of saved preferences."""
    with database.read() as tx:
        found = tx.scalars(text("SELECT properties FROM events WHERE name = 'preferences_saved' ORDER BY id"))
        return [json.loads(one) for one in found]


def test_looking_is_no_answer(web: Asker, where: str, rows: Rows) -> None:
    """Scanners open every link: the page has a button, and nothing is known before it is pressed."""
    before = rows()
    for method in ("GET", "HEAD"):
        assert web(method, where).status_code == 200
    assert BUTTON in web("GET", where).text
    assert rows() == before


def test_the_button_is_a_sign_of_life(web: Asker, where: str, ada: int, database: Database, shop: Shop) -> None:
    """It changes nothing of what they get, and says once that they want it: the event that campaigns ask for."""
    said = consents(database, ada)
    for _ in range(2):
        answer = web("POST", where, content="keep=yes", headers=FORM)
        assert 'role="status"' in answer.text
        assert BUTTON not in answer.text
    assert gets(database, ada) == (True, True)
    assert consents(database, ada) == said
    assert saved(database) == [{"letters": "yes"}]
    assert shop.profile("ada")["last_reaction_at"] == NOW


def test_a_button_pressed_again_and_again_fills_no_table(ada: int, database: Database, shop: Shop) -> None:
    """Within a minute it says one thing; each time is a sign of life all the same."""
    begin = NOW - NOW % MINUTE_MS
    for later in (0, 1, MINUTE_MS - 1):
        found = subscriber(database, ada)
        assert found is not None
        signup.save(database, found, {}, found.wish, source="test", came=True, now=begin + later)
    assert len(saved(database)) == 1
    assert shop.profile("ada")["last_reaction_at"] == begin + MINUTE_MS - 1
    signup.save(database, found, {}, found.wish, source="test", came=True, now=begin + MINUTE_MS)
    assert len(saved(database)) == 2


def test_the_form_below_counts_as_well(web: Asker, where: str, database: Database) -> None:
    """Who comes by that link and saves how they have it has answered too."""
    assert 'name="keep" value="too"' in web("GET", where).text
    web("POST", where, content="keep=too&shown=email&on=email", headers=FORM)
    assert saved(database) == [{"letters": "yes"}]


def test_a_change_is_a_sign_of_life_by_whatever_link(web: Asker, links: Links, ada: int, database: Database) -> None:
    """Who chooses anew is there; whether they want letters is told with it. Saving without a change is no news."""
    where = path(links.preferences(ada))
    web("POST", where, content="shown=email&on=email&frequency=monthly", headers=FORM)
    web("POST", where, content="shown=email&on=email&frequency=monthly", headers=FORM)
    web("POST", where, content="shown=email", headers=FORM)
    assert saved(database) == [{"letters": "yes"}, {"letters": "no"}]


def test_who_was_let_go_comes_back(web: Asker, where: str, ada: int, database: Database) -> None:
    """The button of an old letter works after the address was taken off the list."""
    with database.write() as tx:
        suppressions.suppress(tx, channel="email", address="ada@example.com", reason="sunset", source="test", at=NOW)
    assert gets(database, ada) == (False, True)
    web("POST", where, content="keep=yes", headers=FORM)
    assert gets(database, ada) == (True, True)


def test_who_has_unsubscribed_consents_by_it(
    web: Asker, links: Links, where: str, ada: int, database: Database
) -> None:
    """Who has unsubscribed since says so with it; kept with its place and its wording, as the switch is."""
    web("POST", path(links.unsubscribe(ada)))
    web("POST", where, content="keep=yes", headers=FORM)
    assert gets(database, ada) == (True, True)
    assert consents(database, ada)[-1][:2] == ("email", True)
    assert consents(database, ada)[-1][2].startswith("keep-writing button, wording en ")


@pytest.mark.parametrize("reason", ["complained", "bounced"])
def test_what_a_provider_told_is_not_undone(reason: str, web: Asker, where: str, ada: int, database: Database) -> None:
    """No button is shown that could not keep its word, and one that is sent all the same promises nothing."""
    with database.write() as tx:
        suppressions.suppress(tx, channel="email", address="ada@example.com", reason=reason, source="test", at=NOW)
    assert BUTTON not in web("GET", where).text
    assert "We will keep writing" not in web("POST", where, content="keep=yes", headers=FORM).text
    assert gets(database, ada) == (False, True)
    assert {"letters": "yes"} not in saved(database)


@pytest.mark.parametrize("lang", ["en", "fa", "ar", "th", "ru"])
def test_it_speaks_the_readers_language(lang: str, web: Asker, links: Links, database: Database) -> None:
    """One heading, one button for each form, the address only so far that its owner knows it."""
    consent = {"email_consent": True, "consent_at": NOW - 1}
    Shop(database).tell(ContactRecord("eve", email="eve@example.com", locale=lang, **consent))
    url = f"{path(links.preferences(contact_id(database, 'eve')))}?keep=yes"
    page = web("GET", url).text
    assert f'<html lang="{lang}"' in page
    assert page.count("<h1>") == 1
    assert page.count('type="submit"') == page.count("<form") == 2
    assert "e•••@example.com" in page
    assert "{" not in page
