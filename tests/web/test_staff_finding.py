"""Looking for a contact on the staff pages: by whatever part of them somebody remembers, on both databases."""

from __future__ import annotations

import re

import pytest

from clm.domain.record import ContactRecord
from clm.store import finding
from clm.store.database import Database
from clm.web.staff.contacts import FOUND_MAX
from tests.engine.shop import Shop
from tests.web.asking import Asker
from tests.web.staff_browser import Browser, employ


@pytest.fixture
def shop(database: Database) -> Shop:
    """Five people, two of whom share a surname, and one whose name is a wildcard."""
    found = Shop(database)
    found.tell(
        ContactRecord("C-001", email="Ada@Example.com", first_name="Ada", last_name="Ivanova", phone="+447700900123"),
        ContactRecord("C-002", email="sergei@post.example", first_name="Сергей", last_name="Иванов"),
        ContactRecord("C-003", email="maryam_s@example.org", first_name="Maryam", phone="+989000002790", country="IR"),
        ContactRecord("C-004", email="hundred@example.net", first_name="100%", last_name="_Wool"),
        ContactRecord("X-9", email="adam@example.com", first_name="Adam", last_name="Smith", phone="+16175550123"),
    )
    return found


@pytest.mark.parametrize(
    ("wanted", "who"),
    [
        ("ivanov", "C-001"),
        ("IVANOVA ada", "C-001"),
        ("иванов", "C-002"),
        ("sergei@", "C-002"),
        ("post.example", "C-002"),
        ("maryam", "C-003"),
        ("ad", "C-001 X-9"),
        ("ada@example.com", "C-001"),
        ("ada@", "C-001"),
        ("c-00", "C-001 C-002 C-003 C-004"),
        ("C-001", "C-001"),
        ("09000002790", "C-003"),
        ("0900 000 2790", "C-003"),
        ("۰۹۰۰۰۰۰۲۷۹۰", "C-003"),
        ("+98 900 000 2790", "C-003"),
        ("00989000002790", "C-003"),
        ("989000002790", "C-003"),
        ("(617) 555-0123", "X-9"),
        ("02790", "C-003"),
        ("%", "C-004"),
        ("_", "C-003 C-004"),
        ("\\", ""),
        ("nobody\0", ""),
        ("   ", ""),
    ],
)
def test_part_of_a_name_an_address_or_a_number_finds_who_has_it(wanted: str, who: str, shop: Shop) -> None:
    """Also in another case, without the code of the country and in other digits; wildcards are letters."""
    with shop.database.read() as tx:
        found = finding.find(tx, wanted, limit=FOUND_MAX)
    assert [row.external_id for row in found] == who.split()


def test_no_more_are_found_than_can_be_looked_through(web: Asker, database: Database) -> None:
    """Fifty at most, with a word that there may be more; one alone is opened at once."""
    shop = Shop(database)
    shop.tell(
        *(ContactRecord(f"K{number:03}", first_name="Kim", email=f"{number}@example.com") for number in range(60))
    )
    employ(database)
    browser = Browser(web)
    browser.sign_in()
    browser("GET", "/staff/contacts")
    page = browser.send("/staff/contacts", wanted="kim").text
    assert len(re.findall(r'href="\.\./staff/contacts/\d+">K', page)) == FOUND_MAX
    assert "The first 50" in page
    browser("GET", "/staff/contacts")
    assert browser.send("/staff/contacts", wanted="K059").status_code == 303


def test_an_id_that_no_database_takes_is_nobody(web: Asker, shop: Shop) -> None:
    """The gallery says that there is no such contact, rather than that the database is away."""
    employ(shop.database)
    browser = Browser(web)
    browser.sign_in()
    page = browser("GET", "/staff/gallery/win_back/news/en?contact=a%00b")
    assert (page.status_code, "There is no contact ab." in page.text) == (200, True)
