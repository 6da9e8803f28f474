"""Twilio's webhooks: what became of an SMS, and what people answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
from sqlalchemy import text

from clm.domain.opt_out import understand
from clm.domain.record import ContactRecord
from clm.domain.reference import reference
from clm.engine.subscription import subscriber
from clm.settings import Settings
from clm.store import references, suppressions
from clm.store.database import Database
from clm.web.app import create_app
from tests.engine.shop import NOW, Shop
from tests.web.asking import BEHIND_THE_PROXY, INBOUND, PUBLIC_URL, STATUS, Asker, contact_id

Rows = Callable[[], dict[str, list[Any]]]
NUMBER = "+447700900123"
DELIVERED = {"MessageSid": "SM7", "MessageStatus": "delivered", "To": NUMBER}


def said(answer: httpx.Response) -> str | None:
    """What the TwiML of an answer sends; None where it sends nothing."""
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/xml")
    root = ET.fromstring(answer.text)
    assert root.tag == "Response"
    return root.findtext("Message")


def suppressed(database: Database) -> str | None:
    """Why nothing goes to the number."""
    with database.read() as tx:
        return suppressions.suppressed(tx, [("sms", NUMBER)]).get(("sms", NUMBER))


def gets_texts(database: Database, contact: int) -> bool:
    """Whether texts reach somebody."""
    found = subscriber(database, contact)
    return found is not None and found.gets("sms")


class TestSignature:
    """Who may tell us anything."""

    @pytest.mark.parametrize("where", [STATUS, INBOUND])
    @pytest.mark.parametrize("wrong", [{"token": "another"}, {"url": BEHIND_THE_PROXY + STATUS}, {"url": PUBLIC_URL}])
    def test_signed_with_our_token_for_our_public_address(
        self,
        where: str,
        wrong: dict[str, str],
        web: Asker,
        ada: int,  # noqa: ARG002 - there is somebody
        rows: Rows,
    ) -> None:
        """Another token, or another address than the public one, is refused, and nothing is stored."""
        before = rows()
        form = {**DELIVERED, "From": NUMBER, "Body": "STOP"}
        assert web.twilio(where, form, **wrong).status_code == 403
        assert rows() == before

    @pytest.mark.parametrize("where", [STATUS, INBOUND])
    def test_without_a_token_everything_is_refused(self, where: str, web_settings: Settings, rows: Rows) -> None:
        """A token that nobody has set is no reason to believe everybody."""
        before = rows()
        unset = Asker(create_app(web_settings.model_copy(update={"twilio_auth_token": None}), lambda: NOW))
        assert unset.twilio(where, DELIVERED, token="").status_code == 403
        assert rows() == before
        unset.close()

    def test_the_query_is_signed(self, web: Asker, database: Database) -> None:
        """Our reference in the query cannot be put there, or changed, by anybody else."""
        ours = reference(42, references.key(database, now=NOW))
        where = f"{STATUS}?m={ours}"
        assert web.twilio(where, DELIVERED, url=PUBLIC_URL + STATUS).status_code == 403
        assert web.twilio(where, DELIVERED).status_code == 204
        with database.read() as tx:
            assert list(tx.scalars(text("SELECT reference FROM delivery_events"))) == [ours]

    def test_a_form_without_end_is_refused(self, web: Asker) -> None:
        """Twilio's forms are small."""
        assert web("POST", INBOUND, content=b"a" * 70_000).status_code == 413


class TestStatus:
    """What became of an SMS."""

    def test_each_status_is_stored_once(self, web: Asker, database: Database) -> None:
        """Repeated and in any order; a status that nobody knows is acknowledged and left."""
        for status in ("delivered", "sent", "delivered", "queued", "a new one"):
            assert web.twilio(STATUS, {**DELIVERED, "MessageStatus": status}).status_code == 204
        with database.read() as tx:
            assert sorted(tx.scalars(text("SELECT provider_event_id FROM delivery_events"))) == [
                "SM7:delivered", "SM7:queued", "SM7:sent",
            ]  # fmt: skip

    def test_a_dead_number_is_suppressed(self, web: Asker, database: Database) -> None:
        """An error that says that there is no such number."""
        web.twilio(STATUS, {**DELIVERED, "MessageStatus": "undelivered", "ErrorCode": "30005"})
        assert suppressed(database) == "invalid"

    def test_what_a_person_has_to_look_at_is_an_error_in_the_log(
        self, web: Asker, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Once for one status, however often it is told; without the number."""
        for _ in range(2):
            web.twilio(
                STATUS, {**DELIVERED, "MessageStatus": "undelivered", "ErrorCode": "30007", "ErrorMessage": NUMBER}
            )
        (record,) = (record for record in caplog.records if record.levelname == "ERROR")
        assert "Twilio 30007" in record.getMessage()
        assert NUMBER[1:] not in caplog.text

    def test_a_database_that_refuses(self, web: Asker, database: Database) -> None:
        """Twilio is told to try again."""
        with database.write() as tx:
            tx.execute(text("ALTER TABLE delivery_events RENAME TO away"))
        assert web.twilio(STATUS, DELIVERED).status_code == 503
        with database.write() as tx:
            tx.execute(text("ALTER TABLE away RENAME TO delivery_events"))


class TestStop:
    """An opt-out by SMS."""

    def test_everybody_with_the_number_gets_no_more_texts(self, web: Asker, ada: int, database: Database) -> None:
        """The number is suppressed and consent withdrawn for all who have it; mail is another matter."""
        bob = contact_id(database, "bob")
        web.sms("please stop texting me")
        assert suppressed(database) == "stopped"
        assert not gets_texts(database, ada)
        assert not gets_texts(database, bob)
        with database.read() as tx:
            query = text("SELECT contact_id, channel FROM consents WHERE NOT granted AND source = 'sms reply'")
            assert sorted(map(tuple, tx.execute(query))) == [(ada, "sms"), (bob, "sms")]
        found = subscriber(database, ada)
        assert found is not None
        assert found.gets("email")

    @pytest.mark.parametrize("word", ["STOP", "stop", "Unsubscribe", "END", "CANCEL", "quit", "StopAll", "REVOKE"])
    def test_what_twilio_answers_we_do_not(self, word: str, web: Asker, ada: int, database: Database) -> None:  # noqa: ARG002
        """Twilio confirms its own words itself; we act on them."""
        answer = web.sms(word)
        assert said(answer) is None
        assert answer.text.endswith("<Response/>")
        assert suppressed(database) == "stopped"

    def test_what_twilio_says_it_has_understood(self, web: Asker, ada: int, database: Database) -> None:  # noqa: ARG002
        """Twilio may be taught other words; it says so, and has answered."""
        assert said(web.sms("Genug davon jetzt aber wirklich", OptOutType="STOP")) is None
        assert suppressed(database) == "stopped"

    def test_it_is_confirmed_once(self, web: Asker, ada: int) -> None:  # noqa: ARG002 - there is somebody
        """With the brand's name; who says it again hears nothing."""
        first = said(web.sms("stop please", sid="SM1"))
        assert first is not None
        assert "Saffron & Sage" in first
        assert said(web.sms("I said stop", sid="SM2")) is None

    def test_told_again_it_is_answered_as_before(self, web: Asker, ada: int, rows: Rows) -> None:  # noqa: ARG002
        """The same callback changes nothing twice and gets the same answer."""
        first = web.sms("stop please")
        before = rows()
        for _ in range(5):
            assert web.sms("stop please").text == first.text
        assert rows() == before

    @pytest.mark.parametrize(
        ("locale", "words", "part"),
        [
            ("en-GB", "stop please", "no more texts"),
            ("fa", "لغو۱۱", "دیگر پیامکی"),
            ("ar-EG", "أوقفوا الرسائل", "لن تصلك"),
            ("th", "ยกเลิกครับ", "จะไม่ได้รับ"),
            ("ru", "отпишите меня", "больше не будете"),
            ("de", "Bitte keine SMS mehr", "no more texts"),
        ],
    )
    def test_in_the_contacts_language(self, locale: str, words: str, part: str, web: Asker, database: Database) -> None:
        """The confirmation is in the contact's own language, else in English, and says how to come back."""
        Shop(database).tell(ContactRecord("eve", phone=NUMBER, locale=locale))
        answer = said(web.sms(words))
        assert answer is not None
        assert part in answer

    def test_a_stranger_is_heard_too(self, web: Asker, database: Database) -> None:
        """A number of nobody we know is suppressed for when it turns up."""
        assert said(web.sms("stop please")) is not None
        assert suppressed(database) == "stopped"

    def test_something_else_is_kept_and_left(self, web: Asker, ada: int, database: Database) -> None:
        """What is no opt-out changes nothing, gets no answer, and can be read by staff."""
        assert said(web.sms("Where is my order?\0 \ud83e".encode("utf-8", "replace").decode())) is None
        assert suppressed(database) is None
        assert gets_texts(database, ada)
        with database.read() as tx:
            assert tx.execute(text("SELECT contact_id, meaning FROM replies")).one() == (ada, None)

    def test_a_database_that_refuses(self, web: Asker, ada: int, database: Database) -> None:
        """Nothing is half done, and the same callback later does all of it."""
        with database.write() as tx:
            tx.execute(text("ALTER TABLE consents RENAME TO away"))
        assert web.sms("stop please").status_code == 503
        with database.write() as tx:
            tx.execute(text("ALTER TABLE away RENAME TO consents"))
        assert suppressed(database) is None
        assert said(web.sms("stop please")) is not None
        assert not gets_texts(database, ada)


class TestStartAndHelp:
    """Coming back, and asking."""

    def test_start_after_stop(self, web: Asker, ada: int, database: Database) -> None:
        """The number gets texts again, with consent whose proof is the reply."""
        web.sms("stop please", sid="SM1")
        answer = said(web.sms("start please", sid="SM2"))
        assert answer is not None
        assert "Saffron & Sage" in answer
        assert suppressed(database) is None
        assert gets_texts(database, ada)
        with database.read() as tx:
            assert list(tx.scalars(text("SELECT meaning FROM replies ORDER BY id"))) == ["stop", "start"]

    @pytest.mark.parametrize(("before", "after"), [(None, False), ("STOP", True)])
    def test_a_bare_yes(self, before: str | None, after: bool, web: Asker, database: Database) -> None:
        """YES opts in again whoever had stopped, as Twilio takes it; from others it answers something else."""
        Shop(database).tell(ContactRecord("eve", phone=NUMBER, sms_consent=False, consent_at=NOW - 5))
        if before:
            web.sms(before, sid="SM1")
        assert said(web.sms("YES", sid="SM2")) is None
        assert gets_texts(database, contact_id(database, "eve")) is after

    def test_start_does_not_revive_a_dead_number(self, web: Asker, ada: int, database: Database) -> None:
        """What a carrier has told of the number stands, and nobody is promised texts."""
        with database.write() as tx:
            suppressions.suppress(tx, channel="sms", address=NUMBER, reason="invalid", source="test", at=NOW)
        assert said(web.sms("start please")) is None
        assert not gets_texts(database, ada)

    @pytest.mark.parametrize(
        ("words", "answered"), [("HELP", False), ("info", False), ("help please", True), ("Hilfe", True)]
    )
    def test_help(self, words: str, answered: bool, web: Asker, ada: int, rows: Rows) -> None:  # noqa: ARG002
        """Says who we are, whom to write to and how to stop; changes nothing but that it was asked."""
        before = rows()
        answer = said(web.sms(words))
        assert (answer is not None) is answered
        if answer:
            assert all(part in answer for part in ("Saffron & Sage", "hello@saffronandsage.example", "STOP"))
        after = rows()
        assert len(after.pop("replies")) == 1
        before.pop("replies")
        assert after == before


@pytest.mark.parametrize("locale", ["en", "fa", "ar", "th", "ru"])
def test_what_answers_tell_people_to_write_is_understood(locale: str, web: Asker) -> None:
    """The words for stopping, starting and help that an answer names mean that to us, alone as people send them."""
    words = web.app.state.reception.words
    named = {
        "en": ("STOP", "START", "HELP"),
        "fa": ("لغو", "شروع", "راهنما"),
        "ar": ("إيقاف", "اشتراك", "مساعدة"),
        "th": ("ยกเลิก", "เริ่ม", "ช่วยเหลือ"),
        "ru": ("СТОП", "СТАРТ", "ПОМОЩЬ"),
    }[locale]
    assert [understand(word) for word in named] == ["stop", "start", "help"]
    assert named[1] in words.sms("stopped", locale)
    assert named[0] in words.sms("help", locale)
    assert named[0] in words.sms("started", locale)
    assert named[2] in words.sms("started", locale)


@pytest.mark.parametrize("locale", ["fa", "ar"])
@pytest.mark.parametrize("answer", ["stopped", "started", "help", "answered"])
def test_an_answer_runs_from_right_to_left_even_where_it_begins_with_a_latin_name(
    locale: str, answer: str, web: Asker
) -> None:
    """A telephone takes the direction of a text from its first letter, and a shop's Latin name would turn it round."""
    assert web.app.state.reception.words.sms(answer, locale).startswith("\u200f")
