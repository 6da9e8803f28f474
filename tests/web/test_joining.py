"""Coming to our letters: signing up, confirming from one's own mailbox, a friend's link; and choosing topics."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from sqlalchemy import select, text
from starlette.requests import Request

from clm.content.links import Links
from clm.domain.record import ContactRecord
from clm.domain.wish import Wish
from clm.engine import signup
from clm.engine.subscription import subscriber
from clm.settings import Settings
from clm.store import wishes
from clm.store.database import Database
from clm.store.schema import contacts, coupons, events
from clm.web.app import create_app
from clm.web.throttle import Throttle, place_of
from tests.engine.shop import NOW, Shop, order
from tests.web.asking import Asker, contact_id

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DAY = 86_400_000


def path(url: str) -> str:
    """Where a link leads on this server."""
    return urlsplit(url).path


def send(web: Asker, where: str, **fields: str) -> httpx.Response:
    """A form, filled in."""
    return web("POST", where, content=urlencode(fields), headers=FORM)


def asked(database: Database) -> list[tuple[str, str]]:
    """The events of signing up: name and how."""
    with database.read() as tx:
        e = events.c
        rows = tx.execute(select(e.name, e.properties).where(e.name.like("signup%")).order_by(e.id))
        return [(row.name, json.loads(row.properties).get("how", "")) for row in rows]


def give_to_hand_on(database: Database, contact_id: int, *, until: int) -> None:
    """A contact has been given a code for friends."""
    given = {
        "offer": "referral", "code": "FRIEND-BCDFGH", "pooled": False, "uses": 2, "for_friends": True, "created_at": 0,
        "contact_id": contact_id, "issued_at": 0, "expires_at": until,
    }  # fmt: skip
    with database.write() as tx:
        tx.execute(coupons.insert().values(**given))


class TestJoining:
    """The form, and the letter's button."""

    def test_signing_up_is_not_consent_yet(self, web: Asker, database: Database) -> None:
        """The form makes a contact without consent, and an event for the letter that asks; the button is consent."""
        answer = send(web, "/join", email="New@Example.com", first_name=" Noor ", agree="yes")
        assert answer.status_code == 200
        with database.read() as tx:
            person = tx.execute(select(contacts).where(contacts.c.email == "New@example.com")).one()
        assert (person.first_name, person.signed_up_at, person.acquisition_source) == ("Noor", NOW, "signup form")
        assert asked(database) == [("signup_requested", "form")]
        found = subscriber(database, person.id)
        assert found is not None
        assert not found.gets("email")

    def test_the_button_is_consent_with_its_proof(self, web: Asker, links: Links, database: Database) -> None:
        """Looking at the page does nothing; pressing consents, with the wording; pressing again changes nothing."""
        send(web, "/join", email="new@example.com", agree="yes")
        with database.read() as tx:
            whose = tx.scalar(select(contacts.c.id))
        where = path(links.confirm(whose, "new@example.com"))
        assert "n•••@example.com" in web("GET", where).text
        assert web("POST", where, headers=FORM).status_code == web("POST", where, headers=FORM).status_code == 200
        with database.read() as tx:
            (proof,) = tx.execute(text("SELECT granted, source FROM consents")).all()
        assert proof.granted
        assert proof.source.startswith("double opt-in, wording en ")
        assert [name for name, _ in asked(database)] == ["signup_requested", "signup_confirmed"]

    def test_the_welcome_begins_when_the_button_is_pressed_first(self, web: Asker, database: Database) -> None:
        """Until then they had only asked; pressed again days later, nobody has signed up anew."""
        send(web, "/join", email="new@example.com", agree="yes")
        with database.read() as tx:
            who = tx.scalars(select(contacts.c.id)).one()
        for days in (2, 5):
            signup.confirm(database, who, theirs=bool, source="test", now=NOW + days * DAY)
        with database.read() as tx:
            assert tx.scalars(select(contacts.c.signed_up_at)).one() == NOW + 2 * DAY

    def test_the_letter_opens_nothing_once_the_address_is_another(
        self, web: Asker, links: Links, database: Database
    ) -> None:
        """Whoever reads the old address cannot consent for the new one; capitals make no other address."""
        send(web, "/join", email="new@example.com", agree="yes")
        with database.write() as tx:
            whose = tx.scalar(select(contacts.c.id))
            tx.execute(text("UPDATE contacts SET email = 'NEW@example.com'"))
        assert web("GET", path(links.confirm(whose, "new@example.com"))).status_code == 200
        with database.write() as tx:
            tx.execute(text("UPDATE contacts SET email = 'other@example.com'"))
        for method in ("GET", "POST"):
            assert web(method, path(links.confirm(whose, "new@example.com")), headers=FORM).status_code == 404
        with database.read() as tx:
            assert tx.scalar(text("SELECT count(*) FROM consents")) == 0
        assert web("POST", path(links.confirm(whose, "other@example.com")), headers=FORM).status_code == 200

    def test_the_address_that_changes_meanwhile_is_not_consented_for(self, web: Asker, database: Database) -> None:
        """What is asked for is looked at once more with the button, in the transaction that keeps the consent."""
        send(web, "/join", email="new@example.com", agree="yes")
        with database.read() as tx:
            whose = tx.scalars(select(contacts.c.id)).one()
        assert signup.confirm(database, whose, theirs=lambda _: False, source="test", now=NOW) is None
        found = subscriber(database, whose)
        assert found is not None
        assert not found.gets("email")

    def test_who_buys_later_is_the_same_person(self, web: Asker, links: Links, database: Database) -> None:
        """A shop that tells of a customer with the address of somebody who signed up here tells of them."""
        send(web, "/join", email="new@example.com", agree="yes")
        with database.read() as tx:
            whose = tx.scalar(select(contacts.c.id))
        web("POST", path(links.confirm(whose, "new@example.com")), headers=FORM)
        Shop(database).tell(order("o1", "c-77", email="New@Example.com"))
        Shop(database).tell(ContactRecord("c-77", email="New@Example.com", first_name="Noor"))
        with database.read() as tx:
            (row,) = tx.execute(text("SELECT id, source, external_id, first_name FROM contacts")).all()
            assert tx.scalar(text("SELECT order_count FROM profiles WHERE email_consent")) == 1
        assert tuple(row) == (whose, "shop", "c-77", "Noor")

    def test_where_two_have_one_address_nobody_is_taken_for_the_other(self, web: Asker, database: Database) -> None:
        """Of two customers with the address of somebody who signed up here nobody can say which of them it was."""
        send(web, "/join", email="new@example.com", agree="yes")
        Shop(database).tell(*(ContactRecord(name, email="new@example.com") for name in ("c-77", "c-78")))
        with database.read() as tx:
            sources = tx.scalars(select(contacts.c.source).order_by(contacts.c.id))
            assert list(sources) == ["clm", "shop", "shop"]

    @pytest.mark.parametrize(
        ("typed", "kept"),
        [
            ("Noor", "Noor"),
            ("  Mary   Ann ", "Mary Ann"),
            ("สมหญิง", "สมหญิง"),
            ("علی‌رضا", "علی‌رضا"),
            ("O’Neill-Ünal", "O’Neill-Ünal"),
            ("Claim it at https://evil.example", None),
            ("evil.example", None),
            ("x" * 41, None),
        ],
    )
    def test_nobody_has_us_write_their_words_to_others(
        self, web: Asker, database: Database, typed: str, kept: str | None
    ) -> None:
        """A first name is of letters; what a mail program could take for a link is left out."""
        send(web, "/join", email="new@example.com", first_name=typed, agree="yes")
        with database.read() as tx:
            assert tx.scalar(text("SELECT first_name FROM contacts")) == kept

    def test_an_address_beyond_ascii_is_one_address(self, web: Asker, database: Database) -> None:
        """Whose letters only some databases know how to make small."""
        for email in ("unal@Ünal.example.com", "unal@ünal.example.com"):
            assert send(web, "/join", email=email, agree="yes").status_code == 200
        assert asked(database) == [("signup_requested", "form")]

    def test_twice_is_once(self, web: Asker, database: Database) -> None:
        """An impatient person gets one letter in an hour, and is one contact."""
        for email in ("new@example.com", "NEW@example.com"):
            assert send(web, "/join", email=email, agree="yes").status_code == 200
        assert asked(database) == [("signup_requested", "form")]
        with database.read() as tx:
            assert tx.scalar(text("SELECT COUNT(*) FROM contacts")) == 1

    @pytest.mark.usefixtures("ada")
    def test_nobody_learns_who_is_known(self, web: Asker, database: Database) -> None:
        """A known address gets the very same page as an unknown one."""
        known = send(web, "/join", email="ada@example.com", agree="yes")
        unknown = send(web, "/join", email="new@example.com", agree="yes")
        assert known.text == unknown.text
        assert asked(database) == [("signup_requested", "form")] * 2

    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"email": "nonsense", "agree": "yes"}, "does not look like an e-mail address"),
            ({"email": "josé@example.com", "agree": "yes"}, "does not look like an e-mail address"),
            ({"email": "زوئی@مثال.ایران", "agree": "yes"}, "does not look like an e-mail address"),
            ({"email": "new@example.com"}, "Please tick the box"),
        ],
    )
    def test_a_slip_is_told_and_nothing_is_lost(
        self, web: Asker, database: Database, fields: dict[str, str], told: str
    ) -> None:
        """The form comes back with what was filled in and what is wrong; nothing is noted."""
        answer = send(web, "/join", first_name="Noor", **fields)
        assert answer.status_code == 422
        assert told in answer.text
        assert 'value="Noor"' in answer.text
        assert asked(database) == []

    def test_programs_and_floods_are_turned_away(self, web: Asker, database: Database) -> None:
        """A field nobody sees gives programs away; from one place come five sign-ups in ten minutes at most."""
        assert send(web, "/join", email="bot@example.com", agree="yes", website="x").status_code == 200
        assert asked(database) == []
        answers = [send(web, "/join", email=f"p{one}@example.com", agree="yes").status_code for one in range(6)]
        assert answers == [200] * 5 + [429]

    def test_a_clock_put_back_keeps_nobody_out(self) -> None:
        """Whoever asked before it was put back has not asked just now, and does not wait until it has caught up."""
        throttle = Throttle()
        assert [throttle.lets("198.51.100.7", NOW) for _ in range(6)] == [True] * 5 + [False]
        assert throttle.lets("198.51.100.7", NOW - DAY)

    def test_a_proxy_is_not_everybody(self, web: Asker) -> None:
        """Behind a proxy on this machine each client is counted by itself, by the name that the proxy itself gave."""

        def comes_from(name: str) -> int:
            body = urlencode({"email": "a@example.com", "agree": "yes"})
            return web("POST", "/join", content=body, headers={**FORM, "X-Forwarded-For": name}).status_code

        assert [comes_from(f"10.9.9.{number}, 203.0.113.{number}") for number in range(7)] == [200] * 7
        assert [comes_from(f"10.9.9.{number}, 203.0.113.99") for number in range(6)] == [200] * 5 + [429]
        assert [comes_from(f"2001:db8::{number}") for number in range(6)] == [200] * 5 + [429]
        assert [comes_from(f"198.51.100.{number}:4711") for number in range(7)] == [200] * 7
        assert [comes_from(f"198.51.100.77:{number}") for number in range(6)] == [200] * 5 + [429]
        assert [comes_from(f"[2001:db8:1::{number}]:443") for number in range(6)] == [200] * 5 + [429]

    def test_only_a_proxy_on_this_machine_says_who_asks(self) -> None:
        """A stranger who names somebody else in every request is still that one stranger."""
        said = [(b"x-forwarded-for", b"198.51.100.7")]
        places = {
            peer: place_of(Request({"type": "http", "client": (peer, 4711), "headers": said}))
            for peer in ("203.0.113.9", "127.0.0.1")
        }
        assert places == {"203.0.113.9": "203.0.113.9", "127.0.0.1": "198.51.100.7"}

    def test_what_a_client_says_of_itself_is_not_believed(self, web: Asker) -> None:
        """Also where the proxy adds a line of its own instead of writing on the client's."""
        body = urlencode({"email": "a@example.com", "agree": "yes"})

        def comes_from(name: str) -> int:
            told = [*FORM.items(), ("X-Forwarded-For", name), ("X-Forwarded-For", "203.0.113.5")]
            return web("POST", "/join", content=body, headers=told).status_code

        assert [comes_from(f"10.9.9.{number}") for number in range(6)] == [200] * 5 + [429]


class TestReferral:
    """The page for whoever a friend has sent."""

    def test_a_friend_sees_the_code_and_not_the_friend(
        self, web: Asker, links: Links, ada: int, database: Database
    ) -> None:
        """What it gives, the code and its last day, in the friend's language; and nothing about who sent them."""
        give_to_hand_on(database, ada, until=NOW + 9 * DAY)
        page = web("GET", path(links.referral(ada)), headers={"Accept-Language": "en"}).text
        assert "FRIEND-BCDFGH" in page
        assert "10% off" in page
        assert "Ada" not in page
        persian = web("GET", path(links.referral(ada)), headers={"Accept-Language": "fa"}).text
        assert "۱۰ درصد تخفیف" in persian
        assert '<bdi dir="auto">۲۲ مهر ۱۴۰۳</bdi>' in persian

    @pytest.mark.parametrize("has_one", [True, False])
    def test_without_a_code_they_are_welcome_all_the_same(
        self, web: Asker, links: Links, ada: int, database: Database, has_one: bool
    ) -> None:
        """A code that has run out is not shown, from that instant on; the shop and the letters are."""
        if has_one:
            give_to_hand_on(database, ada, until=NOW)
        page = web("GET", path(links.referral(ada))).text
        assert "FRIEND-BCDFGH" not in page
        assert "This offer is over" in page
        assert 'name="email"' in page

    def test_a_friend_can_sign_up_there(self, web: Asker, links: Links, ada: int, database: Database) -> None:
        """Who signs up by a friend's link is noted as sent by a friend."""
        assert send(web, path(links.referral(ada)), email="new@example.com", agree="yes").status_code == 200
        assert asked(database) == [("signup_requested", "friend")]


class TestWishes:
    """Topics and frequency on the preference page."""

    def test_what_is_switched_off_is_kept(self, web: Asker, links: Links, ada: int, database: Database) -> None:
        """Topics that were shown and not sent are off; what another page did not show stays as it was."""
        shown = "&".join(f"topic_shown={one}" for one in ("news", "offers", "advice"))
        body = f"shown=email&on=email&{shown}&topic=news&topic=advice&frequency=weekly"
        page = web("POST", path(links.preferences(ada)), content=body, headers=FORM).text
        with database.read() as tx:
            assert wishes.of(tx, [ada]) == {ada: Wish(frozenset({"offers"}), "weekly")}
        assert 'id="topic-offers" aria-describedby="topic-offers-about">' in page
        assert 'id="frequency-weekly" checked>' in page
        web("POST", path(links.preferences(ada)), content="shown=email&on=email", headers=FORM)
        with database.read() as tx:
            assert wishes.of(tx, [ada]) == {ada: Wish(frozenset({"offers"}), "weekly")}

    @pytest.mark.parametrize(("locale", "name"), [("fa", "پیشنهادها"), ("th", "ข้อเสนอพิเศษ"), ("ru", "Предложения")])
    def test_topics_have_names_in_every_language(
        self, web: Asker, links: Links, database: Database, locale: str, name: str
    ) -> None:
        """People choose in their own language."""
        Shop(database).tell(ContactRecord("eve", email="eve@example.com", locale=locale))
        assert name in web("GET", path(links.preferences(contact_id(database, "eve")))).text

    def test_what_could_not_be_kept_is_not_told_as_saved(
        self, web_settings: Settings, tmp_path: Path, links: Links, ada: int, database: Database
    ) -> None:
        """While nobody can read which topics there are, a choice of them is asked for again; stopping mail is kept."""
        config = tmp_path / "config"
        shutil.copytree(web_settings.config, config)
        (config / "topics.yaml").write_text("topics: [", encoding="utf-8")
        web = Asker(create_app(web_settings.model_copy(update={"config": config}), lambda: NOW))
        answer = web("POST", path(links.preferences(ada)), content="shown=email&topic_shown=news", headers=FORM)
        web.close()
        assert answer.status_code == 503
        found = subscriber(database, ada)
        assert found is not None
        assert not found.gets("email")
