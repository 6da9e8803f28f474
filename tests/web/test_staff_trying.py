"""Tests of messages, sent from the gallery: to the team and whom the environment names, and to nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path

import pytest

from clm.channels.inbox import Inbox
from clm.content.brand import read_brand
from clm.domain.instant import HOUR_MS
from clm.errors import ConfigurationError
from clm.settings import Settings
from clm.store import suppressions
from clm.store.database import Database
from clm.web.app import create_app
from clm.web.staff.trying import colleagues
from tests.conftest import PROJECT
from tests.engine.shop import NOW
from tests.web.asking import Asker
from tests.web.staff_browser import Browser

TEAM = "team@saffronandsage.example"
NEWS, LAST_CALL = "/staff/gallery/win_back/news/en", "/staff/gallery/win_back/last_call/fa"


@pytest.fixture
def browser(project: Settings) -> Iterator[Browser]:
    """Somebody who is signed in, where a number may be sent tests too."""
    settings = project.model_copy(update={"test_to": "me@example.com, +44 7700 900999"})
    asker = Asker(create_app(settings, lambda: NOW + HOUR_MS))
    found = Browser(asker)
    found.sign_in()
    yield found
    asker.close()


def test_a_test_lies_in_the_inbox_and_says_of_what_it_is(browser: Browser, project: Settings) -> None:
    """Mail and SMS alike: the list and its own page name campaign and step, and lead back to the gallery."""
    for path, to, kind, step in ((NEWS, TEAM, "mail", "news"), (LAST_CALL, "+447700900999", "sms", "last_call")):
        page = browser("GET", path).text
        assert f"<option>{to}</option>" in page
        answer = browser.send(path, to=to)
        assert answer.status_code == 303
        assert f"staff/inbox/{kind}/" in answer.headers["location"]
        shown = browser("GET", f"/staff/{answer.headers['location'].partition('staff/')[2]}").text
        assert f'staff/gallery/win_back/{step}"' in shown
        listed = browser("GET", "/staff/inbox?kind=test").text
        assert f"test of win_back / {step}" in listed
    browser("GET", NEWS)
    browser.send(NEWS, to=TEAM)
    items = Inbox(project.outbox, TEAM).page(tests=True).items
    assert sorted(item.test_of for item in items) == ["win_back/last_call", "win_back/news", "win_back/news"]
    [*_, first] = [item for item in items if item.test_of == "win_back/news"]
    assert first.to == TEAM
    assert first.title.startswith("[test] ")


def test_nobody_else_is_sent_one(browser: Browser, project: Settings) -> None:
    """Neither a stranger, nor a mail to a number, nor anybody by a form that was not made here."""
    before = len(Inbox(project.outbox, TEAM).page(tests=True).items)
    browser("GET", NEWS)
    assert browser.send(NEWS, to="ada@example.com").status_code == 404
    assert browser.send(NEWS, to="+447700900999").status_code == 404
    assert browser.send(NEWS).status_code == 404
    assert browser.send(NEWS, to=TEAM, token="0" * 64).status_code == 403
    assert browser.send(NEWS, to=TEAM, origin="https://elsewhere.example").status_code == 403
    assert len(Inbox(project.outbox, TEAM).page(tests=True).items) == before


def test_what_came_of_a_test_is_said(browser: Browser, project: Settings) -> None:
    """A suppressed address gets none, as with `clm preview --send-to`, and the page says why."""
    with closing(Database(project.store_url)) as database, database.write() as tx:
        given = {"channel": "email", "address": "me@example.com", "reason": "bounced"}
        suppressions.suppress(tx, source="test", at=NOW, **given)
    browser("GET", NEWS)
    answer = browser.send(NEWS, to="me@example.com")
    assert answer.status_code == 200
    assert "Not sent to me@example.com: the address is suppressed: bounced." in answer.text


def test_light_and_dark_are_links(browser: Browser) -> None:
    """To the same message, for the same reader; there is no box to tick."""
    page = unescape(browser("GET", f"{NEWS}?persona=hostile").text)
    assert 'type="checkbox"' not in page
    [dark] = re.findall(r'href="([^"]+)"[^>]*>Dark</a>', page)
    assert "news/en?persona=hostile" in dark
    assert "dark=1" in unescape(browser("GET", f"/staff/{dark.partition('staff/')[2]}").text)


def test_who_may_be_sent_tests_is_read_as_imports_read_addresses() -> None:
    """The team always; what is no address is told by the name of its variable."""
    brand = read_brand(Path(PROJECT) / "config" / "brand.yaml")
    assert colleagues("", brand) == (TEAM,)
    assert colleagues(" Me@Example.com,+44 7700 900999, ", brand) == (TEAM, "Me@example.com", "+447700900999")
    for wrong in ("me@", "07700 900999", "me"):
        with pytest.raises(ConfigurationError, match=re.escape("CLM_TEST_TO")):
            colleagues(wrong, brand)
