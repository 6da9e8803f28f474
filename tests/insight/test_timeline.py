"""What happened with a contact: everything, once, newest first, however it is cut into pages."""

from __future__ import annotations

import json
from functools import partial

from clm.domain.instant import DAY_MS, iso
from clm.domain.record import ContactRecord, EventRecord
from clm.insight.timeline import Moment, timeline_of
from clm.store import timeline
from clm.store.database import Database
from clm.store.schema import coupons, decisions, enrolments, messages
from clm.store.timeline import Place
from clm.web.staff.figures import moment as clock_of_the_shop
from tests.engine.shop import NOW, Shop, order
from tests.web.asking import contact_id

AT = NOW - DAY_MS
"""Several things happen at this very instant."""
WHEN = partial(clock_of_the_shop, zone="Asia/Tehran")


def _lived(database: Database) -> int:
    """Ada: two orders, a refund, events at one instant, a message, a coupon; and Bob, who is somebody else."""
    shop = Shop(database)
    details = {"email": "Ada@example.com", "phone": "+447700900123", "email_consent": True, "consent_at": AT}
    shop.tell(ContactRecord("ada", **details), ContactRecord("bob", email="bob@example.com"))
    shop.tell(order("o1", at=AT), order("o2", at=AT, amount=2_450), order("r1", at=NOW, kind="refund", cancels="o2"))
    answered = json.dumps({"survey": "nps", "score": 3, "comment": "Too sweet"})
    shop.tell(*(EventRecord(f"e{number}", "ada", "viewed_product", AT, "{}") for number in range(4)))
    shop.tell(EventRecord("a1", "ada", "survey_answered", AT + 1, answered), EventRecord("b1", "bob", "view", AT, "{}"))
    ada = contact_id(database, "ada")
    entered = {"campaign": "welcome", "version": "1", "contact_id": ada, "trigger_key": "x", "entered_at": AT}
    sent = {
        "id": 7, "enrolment_id": 1, "contact_id": ada, "campaign": "welcome", "step": "hello", "channel": "email",
        "purpose": "marketing", "queue_rank": 50, "status": "sent", "due_at": AT, "expires_at": AT, "created_at": AT,
        "sent_at": AT, "subject": "Hello", "attempts": 1,
    }  # fmt: skip
    given = {"offer": "welcome", "code": "TEA-1", "created_at": AT, "contact_id": ada, "issued_at": AT}
    why = {"contact_id": ada, "campaign": "welcome", "kind": "entered", "reason": "enter holds", "at": AT}
    facts = json.dumps({"revenue": 1_200, "last_order_at": NOW - 2 * DAY_MS})
    with database.write() as tx:
        tx.execute(decisions.insert().values(facts=facts, **why))
        tx.execute(enrolments.insert().values(id=1, status="active", position=0, next_due_at=AT, **entered))
        tx.execute(messages.insert().values(**sent))
        tx.execute(coupons.insert().values(expires_at=NOW, pooled=False, **given))
    return ada


def _all(database: Database, ada: int, limit: int) -> list[Moment]:
    found: list[Moment] = []
    before: Place | None = None
    with database.read() as tx:
        while True:
            page = timeline_of(tx, ada, before=before, limit=limit, currency="GBP", when=WHEN)
            found += page.moments
            before = page.before
            if before is None:
                return found


def test_pages_put_together_are_the_whole(database: Database) -> None:
    """Nothing is left out and nothing told twice where a page ends among things of one instant."""
    ada = _lived(database)
    whole = _all(database, ada, 100)
    assert [moment.at for moment in whole] == sorted((moment.at for moment in whole), reverse=True)
    assert sum(moment.title == "viewed product" for moment in whole) == 4
    for limit in (1, 2, 3, 5):
        assert _all(database, ada, limit) == whole


def test_an_order_in_another_currency_is_told_as_it_was_paid(database: Database) -> None:
    """What it comes to in the shop's own currency is in the facts; one currency's sum never bears another's name."""
    Shop(database).tell(order("o1", amount=825)._replace(currency="JPY", original_amount=1_500))
    told = _all(database, contact_id(database, "ada"), 100)
    assert [moment.title for moment in told] == ["o1, JP¥1,500"]


def test_each_thing_is_told_in_words(database: Database) -> None:
    """Orders with their money, answers with the mark, messages with what became of them, codes with the offer."""
    told = {f"{moment.icon}: {moment.title}": moment for moment in _all(database, _lived(database), 100)}
    assert "order: o2, £24.50" in told
    assert "refund: r1 of o2, £10.00" in told
    assert "Too sweet" in told["answer: answered nps: 3"].detail
    sent = told["message: sent: welcome / hello, e-mail"]
    assert (sent.message_id, sent.channel, sent.detail) == (7, "email", "Hello")
    assert told["coupon: TEA-1 (welcome) was given"].detail == "holds until 4 Oct 2024, 03:30 UTC+03:30"
    assert "consent: gave consent to email" in told
    why = told["decision: welcome: entered, enter holds"].detail
    assert why == "revenue: £12.00, last order at: 2 Oct 2024, 03:30 UTC+03:30"


def test_a_basket_is_told_by_its_products(database: Database) -> None:
    """How many of which, the first few of a long one; whatever else a list may hold does no harm."""
    shop = Shop(database)
    shop.tell(ContactRecord("ada", email="ada@example.com"))
    items = [{"product_id": f"P{number}", "quantity": number} for number in range(1, 8)]
    shop.tell(
        EventRecord("c1", "ada", "cart_updated", AT, json.dumps({"items": items})),
        EventRecord("c2", "ada", "cart_updated", AT + 1, json.dumps({"items": [None, [{"product_id": "P9"}], "x"]})),
    )
    told = [one.detail for one in _all(database, contact_id(database, "ada"), 10) if one.title == "cart updated"]
    assert told == ["items: None; 1 × P9; x", "items: 1 × P1; 2 × P2; 3 × P3; 4 × P4; 5 × P5 and 2 more"]


def test_facts_of_a_guard_are_told_as_people_write_them(database: Database) -> None:
    """After the guard's name; times are dates, whole numbers whole, and what is unknown is left out."""
    ada = _lived(database)
    asked = {"last_rating": 1.0, "last_rated_at": NOW - 2 * DAY_MS, "last('ticket_closed')": None, "open_tickets": 0}
    facts = json.dumps({"service_first": asked, "revenue": 1_250, "again": {"deep": {"p_alive": 0.25}}})
    why = {"contact_id": ada, "campaign": "welcome", "kind": "deferred", "reason": "low rating", "at": AT}
    with database.write() as tx:
        tx.execute(decisions.insert().values(facts=facts, **why))
    told = {moment.title: moment for moment in _all(database, ada, 100)}
    assert told["welcome: deferred, low rating"].detail == (
        "service first: (last rating: 1, last rated at: 2 Oct 2024, 03:30 UTC+03:30, open tickets: 0), revenue: £12.50,"
        " again: (deep: (p alive: 0.25))"
    )


def test_a_contact_is_found_by_id_address_or_number(database: Database) -> None:
    """Whole, whatever the case of an address, with or without the plus of a number; a part finds nobody."""
    ada = _lived(database)
    with database.read() as tx:
        for wanted in ("ada", "ADA@example.com", "+447700900123", "447700900123"):
            assert [row.id for row in timeline.find(tx, wanted, limit=5)] == [ada], wanted
        assert timeline.find(tx, "ada@", limit=5) == []
        assert timeline.sent_as(tx, [7, 8])[7].step == "hello"


def test_what_a_message_waits_for_is_told_by_the_clock_of_the_shop(database: Database) -> None:
    """Decisions keep as text in UTC when quiet hours end and when a message is too late."""
    ada = _lived(database)
    quiet = {"zones": ["Europe/London"], "opens": iso(NOW)}
    facts = json.dumps({"quiet_hours": quiet, "expires_at": iso(NOW + DAY_MS), "asked": "2024-02-31T00:00:00Z"})
    why = {"contact_id": ada, "campaign": "welcome", "kind": "deferred", "reason": "quiet", "at": AT}
    with database.write() as tx:
        tx.execute(decisions.insert().values(facts=facts, **why))
    told = {moment.title: moment for moment in _all(database, ada, 100)}
    assert told["welcome: deferred, quiet"].detail == (
        "quiet hours: (zones: Europe/London, opens: 4 Oct 2024, 03:30 UTC+03:30),"
        " expires at: 5 Oct 2024, 03:30 UTC+03:30, asked: 2024-02-31T00:00:00Z"
    )
