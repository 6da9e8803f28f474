"""What needs a person stands on every staff page, with the way to what is known of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from sqlalchemy import event

from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.record import BadRow
from clm.settings import Settings
from clm.store import quarantine, stops
from clm.store.database import Database
from clm.store.schema import attempts, coupons, enrolments, messages
from clm.web.app import create_app
from tests.engine.shop import NOW, Shop
from tests.web.asking import Asker, contact_id
from tests.web.staff_browser import Browser, employ


@pytest.fixture
def web(web_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    """A shop whose codes for winning people back come from a pool."""
    config = tmp_path_factory.mktemp("pooled") / "config"
    config.mkdir()
    for file in web_settings.config.iterdir():
        if file.is_file():
            (config / file.name).write_bytes(file.read_bytes())
    offers = config / "offers.yaml"
    of_pool = "{kind: percent, percent: 10, days: 14, codes: pool, warn_below: 3}"
    told = f"offers:\n  spring: {of_pool}\n  summer: {of_pool}"
    offers.write_text(re.sub(r"\noffers:\n.*", f"\n{told}\n", offers.read_text(encoding="utf-8"), flags=re.DOTALL))
    found = Asker(create_app(web_settings.model_copy(update={"config": config}), lambda: NOW))
    yield found
    found.close()


@pytest.fixture
def browser(web: Asker, shop: Shop) -> Browser:
    """Somebody who is signed in."""
    employ(shop.database)
    found = Browser(web)
    found.sign_in()
    return found


def _banner(page: str) -> str:
    found = re.search(r'<aside class="attention".*?</aside>', page, re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", "", found[0])) if found else ""


def _codes(database: Database, offer: str, count: int) -> None:
    with database.write() as tx:
        for number in range(count):
            code = {"offer": offer, "code": f"{offer}-{number}".upper(), "pooled": True, "created_at": NOW}
            tx.execute(coupons.insert().values(**code))


def _doubt(database: Database, contact: int, number: int, provider: str, at: int) -> None:
    entered = {"campaign": "welcome", "version": "1", "contact_id": contact, "entered_at": at, "next_due_at": at}
    message = {
        "id": number, "enrolment_id": number, "contact_id": contact, "campaign": "welcome", "step": "hello",
        "channel": "email", "purpose": "marketing", "queue_rank": 50, "status": "in_doubt", "due_at": at,
        "expires_at": NOW, "created_at": at, "attempts": 1, "reason": "no answer came",
    }  # fmt: skip
    attempt = {
        "message_id": number,
        "number": 1,
        "token": "t",
        "provider": provider,
        "channel": "email",
        "intended_at": at,
    }
    with database.write() as tx:
        tx.execute(
            enrolments.insert().values(id=number, status="active", position=0, trigger_key=str(number), **entered)
        )
        tx.execute(messages.insert().values(**message))
        tx.execute(attempts.insert().values(fingerprint=1, **attempt))


def test_a_shop_in_order_is_told_nothing(browser: Browser, shop: Shop) -> None:
    """Full pools, a canary on its way, a doubt of an hour ago and old bad rows are no matter for anybody."""
    for offer in ("spring", "summer"):
        _codes(shop.database, offer, 3)
    _doubt(shop.database, contact_id(shop.database, "ada"), 1, "sendgrid", NOW - HOUR_MS)
    with shop.database.write() as tx:
        stops.put(tx, "canary", stops.of_version("welcome", "1"), "first go ahead", since=NOW, allowed=50)
        stops.put(tx, "asked", stops.of_sender("email", "x.example"), "asked", since=NOW, until=NOW + HOUR_MS)
        rows = [BadRow(line=2, field="email", reason="is no address", raw="x")]
        quarantine.add(tx, source="shop", feed="contacts", file="old.csv", rows=rows, now=NOW - 8 * DAY_MS)
    assert _banner(browser("GET", "/staff/contacts").text) == ""
    assert "Nothing does" in browser("GET", "/staff/attention").text


def test_what_needs_a_person_stands_on_every_page(browser: Browser, shop: Shop) -> None:
    """Pools that run out, what is stopped, old doubts and bad rows, each with what to do; not on the login."""
    _codes(shop.database, "summer", 2)
    ada, bob = (contact_id(shop.database, name) for name in ("ada", "bob"))
    _doubt(shop.database, ada, 1, "sendgrid", NOW - 25 * HOUR_MS)
    _doubt(shop.database, bob, 2, "smtp", NOW - HOUR_MS)
    with shop.database.write() as tx:
        stops.put(tx, "canary", stops.of_version("welcome", "1"), "9 of 10 bounced", since=NOW)
        stops.put(tx, "breaker", stops.of_sender("email", "x.example"), "2 bounced", since=NOW, until=NOW + HOUR_MS)
        rows = [BadRow(line=line, field="email", reason="is no address", raw="planted@secret") for line in (2, 3)]
        quarantine.add(tx, source="shop", feed="contacts", file="new.csv", rows=rows, now=NOW - DAY_MS)
    page = browser("GET", "/staff/contacts").text
    told = _banner(page)
    for said in (
        "welcome is stopped", "email is stopped", "spring: no code left", "summer: 2 codes left",
        "2 messages in doubt", "2 rows in quarantine",
    ):  # fmt: skip
        assert said in told, said
    for place in ("stopped", "pools", "doubt", "quarantine"):
        assert f'href="../staff/attention#{place}"' in page
    known = unescape(browser("GET", "/staff/attention").text)
    for said in (
        "9 of 10 bounced", "clm release welcome", "clm coupons add spring", "clm doubt ask", "no answer came",
        "new.csv", "is no address", f'staff/contacts/{ada}"',
    ):  # fmt: skip
        assert said in known, said
    assert "planted@secret" not in known
    assert all(f'id="{place}"' in known for place in ("stopped", "pools", "doubt", "quarantine"))
    stranger = Browser(browser.asker)
    assert _banner(stranger("GET", "/staff/login").text) == ""


@pytest.mark.parametrize("path", ["/staff/inbox", "/staff/nowhere", "/staff/contacts/abc", "/staff/gallery/none"])
def test_nobody_waits_while_the_database_is_asked_for_it(web: Asker, browser: Browser, path: str) -> None:
    """What stands above a page, one in place of another too, is asked beside the loop that answers customers."""
    asked: list[bool] = []

    def note(*_: Any) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            asked.append(False)
        else:
            asked.append(True)

    engine = web.app.state.reception.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        browser("GET", path)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert asked
    assert not any(asked)
