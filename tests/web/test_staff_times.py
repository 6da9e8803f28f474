"""Times and orders on the staff pages: by the clock of the shop, which is named, and with what was bought."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing

import pytest

from clm.domain.instant import DAY_MS
from clm.domain.record import OrderLine
from clm.settings import Settings
from clm.store import previewed
from clm.store.database import Database
from clm.store.schema import coupons, enrolments, messages
from clm.web.app import create_app
from clm.web.staff.figures import moment
from tests.engine.shop import NOW, Shop, order
from tests.web.asking import Asker
from tests.web.staff_browser import Browser


@pytest.fixture(scope="module")
def browser(project: Settings) -> Iterator[Browser]:
    """Somebody who is signed in."""
    asker = Asker(create_app(project, lambda: NOW))
    found = Browser(asker)
    found.sign_in()
    yield found
    asker.close()


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("Europe/London", "4 Oct 2024, 01:00 BST"),
        ("Asia/Tehran", "4 Oct 2024, 03:30 UTC+03:30"),
        ("America/New_York", "3 Oct 2024, 20:00 EDT"),
        ("UTC", "4 Oct 2024, 00:00 UTC"),
    ],
)
def test_a_time_names_its_zone(zone: str, told: str) -> None:
    """By its English name where it has one, else by how far it is from UTC."""
    assert moment(NOW, zone) == told


def test_times_are_those_of_the_shop(browser: Browser, project: Settings) -> None:
    """In the inbox, on a contact's page, among facts and figures, each with its zone, and below once whole."""
    with closing(Database(project.store_url)) as database, database.read() as tx:
        ada = previewed.contact_id(tx, "ada")
    for path in ("inbox", f"contacts/{ada}", "campaigns/win_back"):
        page = browser("GET", f"/staff/{path}").text
        times = re.findall(r"\d{1,2} \w{3} \d{4}, \d\d:\d\d(?: (\w+))?", page)
        assert times, path
        assert set(times) <= {"BST", "GMT"}, path
        assert "Times are those of the shop, Europe/London." in page


def test_orders_tell_what_was_bought(browser: Browser, project: Settings) -> None:
    """Each product by its name, or by its id where nobody has told one, with how many, before the code."""
    lines = (OrderLine("P1", "Assam, 100 g", None, 2, None), OrderLine("P2", None, None, 1, None))
    with closing(Database(project.store_url)) as database:
        Shop(database).tell(order("bob-2", "bob", at=NOW - DAY_MS)._replace(lines=lines, coupon="TEA-1"))
        with database.read() as tx:
            bob = previewed.contact_id(tx, "bob")
    page = browser("GET", f"/staff/contacts/{bob}").text
    assert "2 × Assam, 100 g · 1 × P2; with the code TEA-1" in page


def test_what_a_contact_waits_for_is_told_by_the_clock_of_the_shop(browser: Browser, project: Settings) -> None:
    """When a message is due and how long a code holds, as the time beside them is; nobody has to reckon from UTC."""
    with closing(Database(project.store_url)) as database, database.write() as tx:
        ada = previewed.contact_id(tx, "ada")
        waits = {
            "enrolment_id": 900, "contact_id": ada, "campaign": "win_back", "step": "hello", "channel": "email",
            "purpose": "marketing", "queue_rank": 50, "status": "queued", "due_at": NOW, "expires_at": NOW + DAY_MS,
            "created_at": NOW, "attempts": 0,
        }  # fmt: skip
        code = {"offer": "welcome", "code": "TEA-900", "created_at": NOW, "contact_id": ada, "issued_at": NOW}
        entered = {"campaign": "win_back", "version": "1", "contact_id": ada, "trigger_key": "x", "entered_at": NOW}
        tx.execute(enrolments.insert().values(id=900, status="active", position=0, next_due_at=NOW, **entered))
        tx.execute(messages.insert().values(**waits))
        tx.execute(coupons.insert().values(expires_at=NOW + DAY_MS, pooled=False, **code))
    page = browser("GET", f"/staff/contacts/{ada}").text
    assert "due 4 Oct 2024, 01:00 BST" in page
    assert "holds until 5 Oct 2024, 01:00 BST" in page
    assert not re.findall(r"\d\dT\d\d:\d\d:\d\dZ", re.sub(r'datetime="[^"]*"', "", page))
