"""Customers' pages: whoever has the link can stop or choose, and nothing happens by looking."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from markupsafe import escape
from pydantic import SecretStr
from sqlalchemy import text
from starlette.routing import Route

from clm.content.links import Links
from clm.domain.record import ContactRecord
from clm.engine.subscription import subscriber
from clm.settings import Settings
from clm.store import suppressions
from clm.store.database import Database
from clm.web.app import create_app
from tests.engine.shop import NOW, Shop
from tests.web.asking import PUBLIC_URL, Asker, contact_id

Rows = Callable[[], dict[str, list[Any]]]
ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def path(url: str) -> str:
    """The path of one of our links."""
    return url.removeprefix(PUBLIC_URL)


def gets(database: Database, contact_id: int) -> tuple[bool, bool]:
    """Whether mail, and whether texts reach somebody."""
    found = subscriber(database, contact_id)
    assert found is not None
    return found.gets("email"), found.gets("sms")


def consents(database: Database, whose: int) -> list[tuple[str, bool, str]]:
    """Everything that somebody has stated: channel, granted, source."""
    with database.read() as tx:
        query = text("SELECT channel, granted, source FROM consents WHERE contact_id = :id ORDER BY at, id")
        return [(row.channel, bool(row.granted), row.source) for row in tx.execute(query, {"id": whose})]


def switched_on(answer: httpx.Response) -> int:
    """How many channels the preference page shows as switched on."""
    return len(re.findall(r'name="on"[^>]* checked', answer.text))


class TestLooking:
    """What GET and HEAD do."""

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_changes_no_row(self, method: str, web: Asker, links: Links, ada: int, rows: Rows) -> None:
        """Every address that can be looked at leaves every table as it was; mail scanners open them all."""
        urls = (
            links.unsubscribe(ada),
            links.preferences(ada),
            links.confirm(ada, "ada@example.com"),
            links.referral(ada),
            links.survey(1),
        )
        tokens = [path(url).rpartition("/")[2] for url in urls]
        included = [getattr(route, "original_router", web.app.router) for route in web.app.routes]
        found = [route for router in included for route in router.routes if isinstance(route, Route)]
        paths = {route.path for route in found if "GET" in (route.methods or ())}
        assert {"/u/{token}", "/p/{token}", "/c/{token}", "/r/{token}", "/s/{token}", "/join"} <= paths
        assert {"/health", "/ready", "/style.css"} <= paths
        paths = {one for one in paths if not one.startswith("/staff")}  # where nobody signs in, nothing is shown
        before = rows()
        for one in paths:
            for token in (*tokens, "wrong"):
                answer = web(method, one.replace("{token}", token))
                assert answer.status_code in {200, 404}
                assert method == "GET" or not answer.content
        assert rows() == before

    def test_says_what_the_button_would_do(self, web: Asker, links: Links, ada: int) -> None:
        """The page names the address only so far that its owner knows it, and has one button that sends."""
        page = web("GET", path(links.unsubscribe(ada))).text
        assert '<form method="post">' in page
        assert "a•••@example.com" in page.lower()
        assert "ada@example.com" not in page.lower()

    def test_keeps_the_address_to_itself(self, web: Asker, links: Links, ada: int) -> None:
        """No page is kept, framed, sniffed, indexed, told to other sites, or given a cookie or a script."""
        for method, url in (("GET", links.unsubscribe(ada)), ("POST", links.preferences(ada)), ("GET", "/nowhere")):
            answer = web(method, path(url))
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["x-content-type-options"] == "nosniff"
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "script" not in policy
            assert "unsafe" not in policy
            assert "set-cookie" not in answer.headers
            assert "<script" not in answer.text
            assert "style=" not in answer.text

    @pytest.mark.parametrize("hidden", ["/docs", "/redoc", "/openapi.json"])
    def test_there_is_no_map_of_the_house(self, hidden: str, web: Asker) -> None:
        """What the framework would publish by itself is not there."""
        assert web("GET", hidden).status_code == 404


class TestUnsubscribing:
    """The link in every mail, and the header beside it."""

    def test_by_the_button(self, web: Asker, links: Links, ada: int, database: Database) -> None:
        """Nothing more goes to the address, and consent is withdrawn with its source; texts are another matter."""
        assert gets(database, ada) == (True, True)
        answer = web("POST", path(links.unsubscribe(ada)))
        assert answer.status_code == 200
        assert 'role="status"' in answer.text
        assert gets(database, ada) == (False, True)
        with database.read() as tx:
            found = suppressions.standing(tx, channel="email", address="ADA@example.com")
        assert [(row.reason, row.source) for row in found] == [("unsubscribed", "unsubscribe page")]
        assert consents(database, ada)[-1] == ("email", False, "unsubscribe page")

    @pytest.mark.parametrize(
        ("content", "headers"),
        [
            (ONE_CLICK, FORM),
            (ONE_CLICK, {"Content-Type": "text/plain"}),
            (ONE_CLICK, {}),
            (
                '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
                {"Content-Type": "multipart/form-data; boundary=x"},
            ),
        ],
    )
    def test_with_one_click(
        self, content: str, headers: dict[str, str], web: Asker, links: Links, ada: int, database: Database
    ) -> None:
        """A mail program's POST (RFC 8058) works without cookies or referrer, is not sent elsewhere, and is known."""
        answer = web("POST", path(links.unsubscribe(ada)), content=content, headers=headers, follow_redirects=False)
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        assert gets(database, ada) == (False, True)
        assert consents(database, ada)[-1] == ("email", False, "one-click unsubscribe")

    def test_again_changes_nothing(self, web: Asker, links: Links, ada: int, rows: Rows) -> None:
        """The second time says the same and writes nothing new."""
        web("POST", path(links.unsubscribe(ada)))
        before = rows()
        assert web("POST", path(links.unsubscribe(ada))).status_code == 200
        after = rows()
        assert after["consents"] == before["consents"]
        assert after["suppressions"] == before["suppressions"]

    def test_holds_for_everybody_with_the_address(
        self, web: Asker, links: Links, shop: Shop, ada: int, database: Database
    ) -> None:
        """Two contacts with one address, however written, are one mailbox."""
        Shop(database, source="app").tell(
            ContactRecord("a1", email="ada@EXAMPLE.com", email_consent=True, consent_at=NOW - 5)
        )
        twin = contact_id(database, "a1")
        web("POST", path(links.unsubscribe(ada)))
        assert gets(database, twin) == (False, False)
        assert consents(database, twin)[-1] == ("email", False, "unsubscribe page")
        assert not shop.profile("ada")["email_consent"]

    def test_holds_although_an_import_dated_its_yes_later(self, web: Asker, links: Links, ada: int, shop: Shop) -> None:
        """What the person says now is later than anything said before, whatever the clocks were."""
        shop.tell(
            ContactRecord("ada", email="ada@example.com", email_consent=True, consent_at=NOW + 60_000), now=NOW + 60_000
        )
        web("POST", path(links.unsubscribe(ada)))
        assert not shop.profile("ada")["email_consent"]

    @pytest.mark.parametrize("wrong", ["", "x", "MQ", "MQ.", "." * 90, "a" * 5_000, "%00", "..%2f"])
    def test_a_wrong_token_says_what_to_do(self, wrong: str, web: Asker, rows: Rows, ada: int) -> None:  # noqa: ARG002 - there is somebody
        """404 with a page for people; nothing is changed."""
        before = rows()
        for method in ("GET", "POST"):
            for kind in "upc":
                answer = web(method, f"/{kind}/{wrong}")
                assert answer.status_code in {404, 405}
                assert answer.status_code == 405 or "hello@saffronandsage.example" in answer.text
        assert rows() == before

    def test_a_token_for_something_else_is_refused(self, web: Asker, links: Links, ada: int, rows: Rows) -> None:
        """A token opens one purpose alone."""
        before = rows()
        unsubscribe, preferences = (path(url)[3:] for url in (links.unsubscribe(ada), links.preferences(ada)))
        for method in ("GET", "POST"):
            assert web(method, f"/u/{preferences}").status_code == 404
            assert web(method, f"/p/{unsubscribe}").status_code == 404
        assert rows() == before

    def test_an_unknown_contact_is_like_a_wrong_token(self, web: Asker, links: Links) -> None:
        """A link of ours for somebody who is not there."""
        for url in (links.unsubscribe(10**6), links.preferences(10**6)):
            for method in ("GET", "POST"):
                assert web(method, path(url)).status_code == 404

    def test_keys_rotate(self, web_settings: Settings, links: Links, ada: int, database: Database) -> None:
        """A link signed with the key before works after a new key has been put in front, and not once it is gone."""
        new, old = "fedcba9876543210" * 2, "0123456789abcdef" * 2
        for keys, status in ((new, 404), (f"{new},{old}", 200)):
            asker = Asker(create_app(web_settings.model_copy(update={"secret_keys": SecretStr(keys)}), lambda: NOW))
            assert asker("POST", path(links.unsubscribe(ada))).status_code == status
            asker.close()
        assert gets(database, ada) == (False, True)

    def test_a_campaign_with_a_fault_keeps_nobody(
        self, web_settings: Settings, links: Links, ada: int, database: Database, tmp_path: Path
    ) -> None:
        """Of the configuration only who the shop is must be right for people to leave."""
        config = tmp_path / "config"
        (config / "campaigns").mkdir(parents=True)
        for name in ("brand.yaml", "clm.yaml"):
            shutil.copyfile(web_settings.config / name, config / name)
        (config / "campaigns" / "broken.yaml").write_text("steps: [", encoding="utf-8")
        asker = Asker(create_app(web_settings.model_copy(update={"config": config}), lambda: NOW))
        assert asker("POST", path(links.unsubscribe(ada))).status_code == 200
        asker.close()
        assert gets(database, ada) == (False, True)

    def test_an_erased_contact_does_no_harm(self, web: Asker, links: Links, ada: int, database: Database) -> None:
        """Who has no address any more can still click every link."""
        with database.write() as tx:
            tx.execute(text("UPDATE contacts SET email = NULL, phone = NULL, first_name = NULL, last_name = NULL"))
        for url in (links.unsubscribe(ada), links.preferences(ada)):
            for method in ("GET", "POST"):
                assert web(method, path(url)).status_code == 200
        assert gets(database, ada) == (False, False)

    def test_while_the_database_refuses(self, web: Asker, links: Links, ada: int, database: Database) -> None:
        """A page says that nothing has changed and to try again; nobody is told that they are unsubscribed."""
        with database.write() as tx:
            tx.execute(text("ALTER TABLE contacts RENAME TO away"))
        for method in ("GET", "POST"):
            answer = web(method, path(links.unsubscribe(ada)))
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
            assert "<h1>" in answer.text
        with database.write() as tx:
            tx.execute(text("ALTER TABLE away RENAME TO contacts"))
        assert gets(database, ada) == (True, True)

    def test_a_body_without_end_is_refused(self, web: Asker, links: Links, ada: int, rows: Rows) -> None:
        """Nobody has reason to send a page more than a few fields."""
        before = rows()
        assert web("POST", path(links.unsubscribe(ada)), content=b"x" * 70_000).status_code == 413
        assert rows() == before


class TestPreferences:
    """What somebody gets."""

    def test_there_and_back(self, web: Asker, links: Links, ada: int, database: Database) -> None:
        """Switching both off and on again leaves a trail of consents, each with its place and its wording."""
        where = path(links.preferences(ada))
        both = "shown=email&shown=sms"
        assert switched_on(web("GET", where)) == 2
        off = web("POST", where, content=both, headers=FORM)
        assert switched_on(off) == 0
        assert gets(database, ada) == (False, False)
        on = web("POST", where, content=f"{both}&on=email&on=sms", headers=FORM)
        assert switched_on(on) == 2
        assert gets(database, ada) == (True, True)
        said = consents(database, ada)[2:]
        assert [(channel, granted) for channel, granted, _ in said] == [
            ("email", False), ("sms", False), ("email", True), ("sms", True),
        ]  # fmt: skip
        assert all(re.fullmatch(r"preference page, wording en [0-9a-f]{8}", source) for *_, source in said)

    def test_what_is_as_wanted_is_left_alone(self, web: Asker, links: Links, ada: int, rows: Rows) -> None:
        """Saving without a change writes nothing."""
        before = rows()
        web("POST", path(links.preferences(ada)), content="shown=email&shown=sms&on=email&on=sms", headers=FORM)
        assert rows() == before

    @pytest.mark.parametrize("content", ["", "on=email", "shown=post&on=post", "shown=email&on=" + "x" * 60_000, "%ff"])
    def test_what_was_not_shown_is_not_switched(
        self, content: str, web: Asker, links: Links, ada: int, database: Database
    ) -> None:
        """A form that does not say what it has shown switches nothing off."""
        assert web("POST", path(links.preferences(ada)), content=content, headers=FORM).status_code == 200
        assert gets(database, ada) == ("shown=email&" not in content, True)

    def test_unsubscribed_and_back(self, web: Asker, links: Links, ada: int, database: Database) -> None:
        """Who has unsubscribed can want it again, here and only here."""
        web("POST", path(links.unsubscribe(ada)))
        web("POST", path(links.preferences(ada)), content="shown=email&on=email", headers=FORM)
        assert gets(database, ada) == (True, True)

    @pytest.mark.parametrize("reason", ["complained", "bounced", "invalid", "manual"])
    def test_what_a_provider_told_stays(
        self, reason: str, web: Asker, links: Links, ada: int, database: Database, rows: Rows
    ) -> None:
        """A complaint or a bounce is not lifted by a click; the page says so, and offers no switch."""
        where = path(links.preferences(ada))
        web("POST", where, content="shown=email", headers=FORM)
        with database.write() as tx:
            suppressions.suppress(tx, channel="email", address="ada@example.com", reason=reason, source="test", at=NOW)
        page = web("GET", where).text
        assert re.search(r'value="email"[^>]* disabled', page)
        assert 'name="shown" value="email"' not in page
        assert "hello@saffronandsage.example" in page
        before = rows()
        web("POST", where, content="shown=email&on=email", headers=FORM)
        assert rows() == before

    def test_only_this_contact_is_switched_on(self, web: Asker, links: Links, ada: int, database: Database) -> None:
        """Bob has Ada's number; she may stop texts to it, and consent for herself alone."""
        bob = contact_id(database, "bob")
        web("POST", path(links.preferences(ada)), content="shown=sms", headers=FORM)
        assert (gets(database, ada)[1], gets(database, bob)[1]) == (False, False)
        web("POST", path(links.preferences(ada)), content="shown=sms&on=sms", headers=FORM)
        assert (gets(database, ada)[1], gets(database, bob)[1]) == (True, False)


class TestLanguages:
    """Whose words."""

    @pytest.mark.parametrize(
        ("own", "accepted", "lang", "runs"),
        [
            ("fa", "en", "fa", "rtl"),
            ("ar-EG", "en", "ar", "rtl"),
            ("th-TH", "", "th", "ltr"),
            ("ru", "fa", "ru", "ltr"),
            ("de", "ru;q=0.5, fa;q=0.9, xx", "fa", "rtl"),
            (None, "th", "th", "ltr"),
            (None, "de, fr;q=0.3", "en", "ltr"),
            (None, ";;q=x,,", "en", "ltr"),
            (None, "fa;q=0", "en", "ltr"),
        ],
    )
    def test_the_contacts_own_else_what_the_browser_accepts(  # noqa: PLR0917 - pytest's way of asking
        self, own: str | None, accepted: str, lang: str, runs: str, web: Asker, links: Links, database: Database
    ) -> None:
        """The contact's locale, else Accept-Language, else the shop's; the page says which, and which way it runs."""
        Shop(database).tell(ContactRecord("eve", email="eve@example.com", locale=own))
        url = path(links.unsubscribe(contact_id(database, "eve")))
        answer = web("GET", url, headers={"Accept-Language": accepted})
        assert f'<html lang="{lang}" dir="{runs}">' in answer.text
        assert answer.headers["content-language"] == lang

    @pytest.mark.parametrize(
        "hostile", ["<script>alert(1)</script>", '"><img src=x>', "x.example&lt;script>{brand}{{ 7 * 7 }}"]
    )
    def test_what_a_contact_is_called_is_text(
        self, hostile: str, web: Asker, links: Links, ada: int, database: Database
    ) -> None:
        """Whatever a source has told is escaped."""
        with database.write() as tx:
            tx.execute(text("UPDATE contacts SET email = :e, phone = :e"), {"e": f"a@{hostile}"})
        for url in (links.unsubscribe(ada), links.preferences(ada)):
            page = web("GET", path(url)).text
            assert "<script" not in page
            assert "<img" not in page
            assert str(escape(hostile)) in page

    @pytest.mark.parametrize("lang", ["en", "fa", "ar", "th", "ru"])
    def test_a_screen_reader_finds_its_way(self, lang: str, web: Asker, links: Links, database: Database) -> None:
        """One main part, one heading, a label for each switch, a legend for the group, results announced."""
        consent = {"email_consent": True, "sms_consent": True, "consent_at": NOW - 1}
        Shop(database).tell(ContactRecord("eve", email="e@example.com", phone="+447700900199", locale=lang, **consent))
        url = path(links.preferences(contact_id(database, "eve")))
        page = web("POST", url, content="shown=email", headers=FORM).text
        assert page.count("<main>") == page.count("<h1>") == 1
        assert page.count("<legend>") == page.count("<fieldset>") == 3
        for channel in ("email", "sms"):
            assert f'id="{channel}"' in page
            assert f'for="{channel}"' in page
        assert 'role="status"' in page
        assert 'name="viewport"' in page
        assert "{" not in page
