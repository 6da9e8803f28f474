"""What an answer is of: a message that may have come, and the order that somebody has kept."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from clm.config import load_configuration
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.record import ContactRecord
from clm.domain.survey import Given, Survey
from clm.engine.inbound import Sms, hear
from clm.engine.surveys import answer, asked
from clm.store.database import Database
from clm.store.schema import messages
from tests.conftest import PROJECT
from tests.engine.asked import ask, told
from tests.engine.shop import NOW, Shop, order

NUMBER = "+447700900123"


@pytest.fixture(scope="module")
def surveys() -> Mapping[str, Survey]:
    """The shipped surveys."""
    return load_configuration(PROJECT / "config").surveys


@pytest.fixture
def shop(database: Database) -> Shop:
    """Ada, who has ordered twice."""
    found = Shop(database)
    found.tell(ContactRecord("ada", phone=NUMBER, sms_consent=True, consent_at=NOW - 1_000))
    found.tell(order("o1", at=NOW - 5 * DAY_MS), order("o2", at=NOW - 3 * DAY_MS))
    return found


@pytest.mark.parametrize("status", ["queued", "refused", "rejected", "expired"])
def test_a_number_answers_nothing_that_nobody_has_had(shop: Shop, surveys: Mapping[str, Survey], status: str) -> None:
    """Of a question that never left, or is put off after a failed try, a number by SMS is none of our business."""
    message = ask(shop.database, channel="sms")
    with shop.database.write() as tx:
        tx.execute(messages.update().where(messages.c.id == message).values(status=status))
    heard = hear(shop.database, Sms("twilio", "SM1", NUMBER, "1"), surveys=surveys, now=NOW)
    assert (heard.meaning, heard.answer, told(shop.database)) == (None, None, [])


@pytest.mark.parametrize(("back", "rated"), [(1_000, "o1"), (400, "o2")])
def test_a_rating_is_of_an_order_that_stands(shop: Shop, surveys: Mapping[str, Survey], back: int, rated: str) -> None:
    """One that was taken back whole is nobody's to rate; of one of which a part came back it is."""
    shop.tell(order("r1", at=NOW - 2 * DAY_MS, amount=back, kind="refund", cancels="o2"))
    message = ask(shop.database, at=NOW - HOUR_MS)
    question = asked(shop.database, surveys, message)
    assert question is not None
    assert answer(shop.database, question, Given(mark=4), now=NOW) is not None
    assert [one["order_id"] for one in told(shop.database)] == [rated]
