"""Consent: the latest statement counts, and nobody is brought back by a file that only repeats itself."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from clm.domain.instant import DAY_MS
from clm.domain.record import ContactRecord
from clm.store import consents, profiles
from clm.store.consents import Statement
from clm.store.database import Database
from clm.store.schema import contacts
from tests.engine.shop import NOW, Shop, order

SAID = ContactRecord("ada", email="ada@example.com", signed_up_at=NOW - 50 * DAY_MS, email_consent=True)


def unsubscribe(database: Database, *, at: int = NOW, granted: bool = False) -> None:
    """Ada clicks the link in a mail."""
    with database.write() as tx:
        (contact_id,) = tx.scalars(select(contacts.c.id).where(contacts.c.external_id == "ada"))
        consents.record(tx, [Statement(contact_id, "email", granted, at, "web")], now=at)
        profiles.recompute(tx, [contact_id], now=at)


def consented(shop: Shop) -> bool:
    """Whether Ada may be sent marketing by e-mail."""
    found = shop.profile()["email_consent"]
    return bool(found)


def test_a_contacts_file_gives_and_takes_consent(shop: Shop) -> None:
    """Yes, then no, then yes again by the same source: each time the last word counts."""
    for number, said in enumerate((True, False, True, False)):
        shop.tell(SAID._replace(email_consent=said), now=NOW + number)
        assert consented(shop) is said


def test_consent_is_by_channel(shop: Shop) -> None:
    """Yes to mail says nothing about SMS."""
    shop.tell(SAID._replace(sms_consent=False))
    assert (shop.profile()["email_consent"], shop.profile()["sms_consent"]) == (True, False)
    shop.tell(SAID._replace(sms_consent=True))
    assert (shop.profile()["email_consent"], shop.profile()["sms_consent"]) == (True, True)


def test_a_file_that_does_not_say_changes_nothing(shop: Shop) -> None:
    """An empty consent column is neither yes nor no."""
    shop.tell(SAID)
    shop.tell(SAID._replace(email_consent=None, first_name="Ada"))
    assert consented(shop)


def test_an_unchanged_export_does_not_undo_a_withdrawal(shop: Shop) -> None:
    """The shop's export still says yes the day after Ada unsubscribed: she stays unsubscribed."""
    shop.tell(SAID)
    unsubscribe(shop.database)
    shop.tell(SAID, now=NOW + DAY_MS)
    shop.tell(SAID._replace(first_name="Ada"), now=NOW + 2 * DAY_MS)  # some other column changed
    assert not consented(shop)


def test_an_export_that_repeats_no_does_not_undo_a_new_consent(shop: Shop) -> None:
    """Ada asked for our mails on the web; the shop's old no is not news."""
    shop.tell(SAID._replace(email_consent=False))
    assert not consented(shop)
    unsubscribe(shop.database, granted=True)
    shop.tell(SAID._replace(email_consent=False, first_name="Ada"), now=NOW + DAY_MS)
    assert consented(shop)


def test_a_yes_without_a_time_never_undoes_a_withdrawal_told_elsewhere(shop: Shop) -> None:
    """A source that says no and yes again without saying when cannot outdo the click of the person."""
    shop.tell(SAID)
    unsubscribe(shop.database)
    shop.tell(SAID._replace(email_consent=False), now=NOW + DAY_MS)
    shop.tell(SAID._replace(email_consent=True), now=NOW + 2 * DAY_MS)
    assert not consented(shop)


def test_a_statement_with_its_own_time_stands_at_that_time(shop: Shop) -> None:
    """A later signature undoes a withdrawal, an earlier one that arrives late does not."""
    shop.tell(SAID)
    unsubscribe(shop.database, at=NOW)
    shop.tell(SAID._replace(consent_at=NOW - 1), now=NOW + DAY_MS)
    assert not consented(shop)
    shop.tell(SAID._replace(consent_at=NOW + 1), now=NOW + 2 * DAY_MS)
    assert consented(shop)


def test_of_two_statements_at_one_instant_the_withdrawal_counts(shop: Shop) -> None:
    """Where it cannot be told which was last, nobody is written to."""
    shop.tell(SAID._replace(consent_at=NOW))
    shop.tell(SAID._replace(consent_at=NOW, email_consent=False))
    shop.tell(SAID._replace(consent_at=NOW, first_name="Ada"))
    assert not consented(shop)


def test_an_order_brings_the_first_consent(shop: Shop) -> None:
    """A shop whose orders carry consent needs no contacts file."""
    shop.tell(order("o1", email_consent=True))
    assert consented(shop)


@pytest.mark.parametrize("days", [-30, 30])
def test_an_order_never_brings_back_a_withdrawn_consent(shop: Shop, days: int) -> None:
    """An order that says yes, earlier or later than the withdrawal, is no fresh consent."""
    shop.tell(order("o1", email_consent=True, at=NOW - 40 * DAY_MS))
    unsubscribe(shop.database)
    shop.tell(order("o2", email_consent=True, at=NOW + days * DAY_MS), now=NOW + 60 * DAY_MS)
    assert not consented(shop)


def test_an_order_does_not_outdo_a_contacts_file_that_says_no(shop: Shop) -> None:
    """Who said no in the contacts file and then buys is still not written to."""
    shop.tell(SAID._replace(email_consent=False, consent_at=NOW - 10 * DAY_MS))
    shop.tell(order("o1", email_consent=True, at=NOW))
    assert not consented(shop)


def test_a_no_on_an_order_is_no_withdrawal(shop: Shop) -> None:
    """An unticked box in the checkout does not undo what somebody asked for before."""
    shop.tell(SAID)
    shop.tell(order("o1", email_consent=False, at=NOW))
    assert consented(shop)


def test_telling_consent_again_adds_no_statement(shop: Shop) -> None:
    """The list of statements is evidence, not a log of imports."""
    for _ in range(3):
        shop.tell(SAID)
        shop.tell(order("o1", email_consent=True))
    with shop.database.read() as tx:
        (contact_id,) = tx.scalars(select(contacts.c.id))
        assert [tuple(row) for row in consents.of(tx, [contact_id])] == [
            (contact_id, "email", True, NOW - 50 * DAY_MS, "shop")
        ]


@pytest.mark.parametrize("order_first", [False, True])
def test_a_no_without_a_time_outweighs_an_order_s_yes(shop: Shop, order_first: bool) -> None:
    """Who said no in the contacts file is not written to, whichever file came first."""
    rows = [SAID._replace(email_consent=False), order("o1", email_consent=True)]
    for row in reversed(rows) if order_first else rows:
        shop.tell(row)
    assert not consented(shop)


@pytest.mark.parametrize("together", [True, False])
def test_dated_statements_count_whatever_batch_they_come_in(shop: Shop, together: bool) -> None:
    """Yesterday's withdrawal outweighs last month's consent, also when the older row comes last."""
    rows = [
        SAID._replace(email_consent=False, consent_at=NOW - DAY_MS),
        SAID._replace(email_consent=True, consent_at=NOW - 30 * DAY_MS),
    ]
    for batch in [rows] if together else [[row] for row in rows]:
        shop.tell(*batch)
    assert not consented(shop)


def test_a_consent_dated_ahead_does_not_outlast_a_withdrawal(shop: Shop) -> None:
    """A file whose clock runs ahead cannot keep somebody subscribed who has since left."""
    shop.tell(SAID._replace(consent_at=NOW + 5 * 3_600_000))
    unsubscribe(shop.database, at=NOW + 3_600_000)
    assert not consented(shop)


@pytest.mark.parametrize("order_first", [False, True])
def test_a_dated_no_outweighs_what_an_order_carried(shop: Shop, order_first: bool) -> None:
    """Who withdrew and bought later is not written to, whichever file came first."""
    rows = [
        SAID._replace(email_consent=False, consent_at=NOW - 10 * DAY_MS),
        order("o1", email_consent=True, at=NOW - DAY_MS),
    ]
    for row in reversed(rows) if order_first else rows:
        shop.tell(row)
    assert not consented(shop)


def test_a_dated_yes_after_a_no_counts_beside_an_order(shop: Shop) -> None:
    """An order's consent does not make a later, real consent unheard."""
    shop.tell(order("o1", email_consent=True, at=NOW - 20 * DAY_MS))
    shop.tell(SAID._replace(email_consent=False, consent_at=NOW - 10 * DAY_MS))
    shop.tell(SAID._replace(email_consent=True, consent_at=NOW - DAY_MS))
    assert consented(shop)
