"""What is known of a contact beyond what was told: the lot, the home zone, and since when the birthday is known."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from clm.domain.instant import DAY_MS
from clm.domain.lot import lot_of
from clm.domain.record import ContactRecord
from clm.store.database import Database
from clm.store.schema import contacts
from tests.engine.shop import NOW, Shop, event, order

BORN, OTHER = -7_000 * DAY_MS, -6_000 * DAY_MS


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop that tells facts."""
    return Shop(database)


def _known(shop: Shop, contact: str = "ada") -> dict[str, Any]:
    with shop.database.read() as tx:
        return dict(tx.execute(select(contacts).where(contacts.c.external_id == contact)).one()._mapping)


def test_a_contacts_lot_is_drawn_from_its_ids_whoever_names_it_first(shop: Shop) -> None:
    """The same in every database and for ever, so that who is held out is held out after a restore too."""
    shop.tell(ContactRecord("ada"))
    shop.tell(order("o1", "bob"))
    shop.tell(event("e1", "eve"))
    for contact in ("ada", "bob", "eve"):
        assert _known(shop, contact)["lot"] == shop.profile(contact)["lot"] == lot_of("shop", contact)
    shop.tell(ContactRecord("ada", country="GB"))
    assert _known(shop)["lot"] == lot_of("shop", "ada")


@pytest.mark.parametrize(
    ("said", "zone"),
    [
        ({"zone": "Asia/Tehran", "country": "GB"}, "Asia/Tehran"),
        ({"country": "US", "postcode": "94110"}, "America/Los_Angeles"),
        ({"country": "GB", "phone": "+12125550142"}, "Europe/London"),
        ({"phone": "+9821000000"}, "Asia/Tehran"),
        ({}, None),
    ],
)
def test_the_home_zone_is_as_told_or_else_the_likeliest(shop: Shop, said: dict[str, str], zone: str | None) -> None:
    """A zone, else postcode and country, else the country, else the phone; it is a contact's and its profile's."""
    shop.tell(ContactRecord("ada", **said))
    assert _known(shop)["home_zone"] == shop.profile()["home_zone"] == zone


def test_the_home_zone_follows_what_is_told_later(shop: Shop) -> None:
    """A contacts file changes it, and an order that fills a gap finds it."""
    shop.tell(event("e1"))
    shop.tell(order("o1", country="TH"))
    assert shop.profile()["home_zone"] == "Asia/Bangkok"
    shop.tell(ContactRecord("ada", country="US", postcode="96815"))
    assert shop.profile()["home_zone"] == "Pacific/Honolulu"
    shop.tell(ContactRecord("ada"))
    assert shop.profile()["home_zone"] is None


def test_a_birthday_is_known_since_it_was_first_told(shop: Shop) -> None:
    """Telling the same date again, or other news with it, leaves that; another date is told anew; none is not told."""
    told = []
    for days, record in enumerate(
        [
            ContactRecord("ada", born_on=BORN),
            ContactRecord("ada", born_on=BORN, country="GB"),
            ContactRecord("ada", born_on=OTHER, country="GB"),
            ContactRecord("ada", country="GB"),
            ContactRecord("ada", born_on=BORN, country="GB"),
        ]
    ):
        shop.tell(record, now=NOW + days * DAY_MS)
        assert shop.profile()["born_on_told_at"] == _known(shop)["born_on_told_at"]
        told.append(_known(shop)["born_on_told_at"])
    assert told == [NOW, NOW, NOW + 2 * DAY_MS, None, NOW + 4 * DAY_MS]


def test_an_order_may_bring_the_birthday(shop: Shop) -> None:
    """Where nobody has told one; it never puts another in its place."""
    shop.tell(ContactRecord("ada"))
    shop.tell(order("o1", born_on=BORN), now=NOW + DAY_MS)
    shop.tell(order("o2", born_on=OTHER), now=NOW + 2 * DAY_MS)
    assert (_known(shop)["born_on"], _known(shop)["born_on_told_at"]) == (BORN, NOW + DAY_MS)


def test_a_file_without_the_columns_leaves_postcode_and_birthday(shop: Shop) -> None:
    """Only a file that has a column says something about it."""
    shop.tell(ContactRecord("ada", postcode="N1 9GU", born_on=BORN, country="GB"))
    shop.tell(ContactRecord("ada", country="IE"), now=NOW + DAY_MS, fields=frozenset({"contact", "country"}))
    found = _known(shop)
    assert (found["postcode"], found["born_on"], found["born_on_told_at"]) == ("N1 9GU", BORN, NOW)
