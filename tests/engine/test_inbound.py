"""SMS that people send us: kept once, understood, acted on, and answered the same however often they are told."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from clm.domain.record import ContactRecord
from clm.engine.inbound import Heard, Sms, hear
from clm.engine.subscription import subscriber
from clm.store import suppressions
from clm.store.database import Database
from tests.engine.shop import NOW, Shop

NUMBER = "+447700900123"


@pytest.fixture
def shop(database: Database) -> Shop:
    """Two people who share a number and have agreed to texts."""
    found = Shop(database)
    consent = {"phone": NUMBER, "sms_consent": True, "consent_at": NOW - 1_000}
    found.tell(ContactRecord("ada", locale="fa", **consent), ContactRecord("bob", **consent))
    return found


def told(database: Database, words: str, event_id: str = "SM1", *, now: int = NOW) -> Heard:
    """What comes of an SMS from their number."""
    return hear(database, Sms("twilio", event_id, NUMBER, words), surveys={}, now=now)


def test_all_of_it_or_nothing(shop: Shop) -> None:
    """When the last of what an opt-out changes is refused, the first is not there either."""
    database = shop.database
    with database.write() as tx:
        tx.execute(text("ALTER TABLE consents RENAME TO away"))
    with pytest.raises(Exception, match="the database refused"):
        told(database, "stop please")
    with database.write() as tx:
        tx.execute(text("ALTER TABLE away RENAME TO consents"))
    with database.read() as tx:
        assert tx.scalar(text("SELECT COUNT(*) FROM replies")) == 0
        assert suppressions.suppressed(tx, [("sms", NUMBER)]) == {}


def test_an_answer_stays_the_answer(shop: Shop) -> None:
    """A callback told again after things have moved on is answered as it was, and moves nothing back."""
    first = told(shop.database, "stop please", "SM1")
    assert (first.meaning, first.answer, first.locale) == ("stop", "stopped", "fa")
    told(shop.database, "start please", "SM2", now=NOW + 1)
    again = told(shop.database, "stop please", "SM1", now=NOW + 2)
    assert again == Heard("stop", "stopped", "fa", repeated=True)
    with shop.database.read() as tx:
        assert suppressions.suppressed(tx, [("sms", NUMBER)]) == {}
    assert shop.profile("ada")["sms_consent"]


def test_of_many_at_once_one_is_confirmed(shop: Shop) -> None:
    """Eight opt-outs at the same moment, two callbacks each: one confirmation, told alike to both of its callbacks."""
    together = threading.Barrier(8)

    def act(number: int) -> tuple[int, str | None]:
        together.wait()
        return number % 4, told(shop.database, "stop please", f"SM{number % 4}").answer

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(act, range(8)))
    assert len(set(answers)) == 4
    assert len({number for number, answer in answers if answer == "stopped"}) == 1
    with shop.database.read() as tx:
        assert tx.scalar(text("SELECT COUNT(*) FROM replies")) == 4
        assert tx.scalar(text("SELECT COUNT(*) FROM consents WHERE NOT granted")) == 2


def test_the_numbers_own_writing_does_not_matter(shop: Shop) -> None:
    """A number with blanks or a prefix of the channel is the same number."""
    hear(shop.database, Sms("twilio", "SM1", "whatsapp:+44 7700 900123", "stop"), surveys={}, now=NOW)
    assert not shop.profile("bob")["sms_consent"]


def test_an_import_does_not_bring_anybody_back(shop: Shop) -> None:
    """The shop's file that still says yes the day after changes nothing."""
    told(shop.database, "لغو")
    shop.tell(ContactRecord("ada", phone=NUMBER, sms_consent=True, locale="fa-IR"), now=NOW + 86_400_000)
    found = subscriber(shop.database, _id(shop.database))
    assert found is not None
    assert not found.gets("sms")
    assert not shop.profile("ada")["sms_consent"]


def _id(database: Database) -> int:
    with database.read() as tx:
        found = tx.scalar(text("SELECT MIN(id) FROM contacts"))
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize("words", ["", "\0", "\ud83e", "x" * 10_000, "🙏" * 2_000])
def test_whatever_is_written_is_kept(words: str, shop: Shop) -> None:
    """No text keeps the database from storing a reply, which would be told again for ever."""
    assert told(shop.database, words) == Heard(None, None, "fa")
    with shop.database.read() as tx:
        assert tx.scalar(text("SELECT COUNT(*) FROM replies")) == 1
