"""Suppressing an address from its contact's page, and lifting what the team may lift."""

from __future__ import annotations

import pytest

from clm.store import suppressions
from clm.web.staff.suppressing import GIVEN, LIFTED
from tests.engine.shop import NOW, Shop
from tests.web.asking import Asker
from tests.web.staff_browser import Browser, employ

ADA = ("email", "ada@example.com")


@pytest.fixture
def browser(web: Asker, shop: Shop) -> Browser:
    """Somebody who is signed in."""
    employ(shop.database)
    found = Browser(web)
    found.sign_in()
    return found


def _reasons(shop: Shop, channel: str, address: str) -> set[str]:
    with shop.database.read() as tx:
        rows = suppressions.standing(tx, channel=channel, address=address)
    return {row.reason for row in rows if row.lifted_at is None}


def test_an_address_is_suppressed_with_a_reason_and_lifted_again(browser: Browser, shop: Shop, ada: int) -> None:
    """By one channel, told with who did it; nothing else of theirs is touched, and what is lifted stands no more."""
    path = f"/staff/contacts/{ada}"
    assert "Let nothing go to them" in browser("GET", path).text
    answer = browser.send(f"{path}/suppress", channel="email", reason="manual")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"../../../staff/contacts/{ada}"
    page = browser("GET", path).text
    assert "E-mail: manual" in page
    assert "nadia" in page
    assert _reasons(shop, *ADA) == {"manual"}
    assert _reasons(shop, "sms", "+447700900123") == set()
    assert browser.send(f"{path}/lift", channel="email", reason="manual").status_code == 303
    assert _reasons(shop, *ADA) == set()
    assert "E-mail: manual" not in browser("GET", path).text


@pytest.mark.parametrize("reason", suppressions.REASONS)
def test_what_a_person_has_said_is_theirs_to_take_back(reason: str, browser: Browser, shop: Shop, ada: int) -> None:
    """Unsubscribing, STOP and a complaint have no button, and a form of one's own making does not lift them."""
    with shop.database.write() as tx:
        suppressions.suppress(tx, channel="email", address="ada@example.com", reason=reason, source="test", at=NOW)
    page = browser("GET", f"/staff/contacts/{ada}").text
    theirs = reason in {"unsubscribed", "stopped", "complained"}
    assert (f"/contacts/{ada}/lift" in page) is not theirs
    assert browser.send(f"/staff/contacts/{ada}/lift", channel="email", reason=reason).status_code == (
        404 if theirs else 303
    )
    assert _reasons(shop, *ADA) == ({reason} if theirs else set())
    assert (reason in LIFTED) is not theirs


def test_a_form_says_which_address_and_why(browser: Browser, shop: Shop, ada: int) -> None:
    """An unknown reason, a channel that they have no address for, nobody at all and a forged form do nothing."""
    browser("GET", f"/staff/contacts/{ada}")
    for contact, fields in (
        (ada, {"channel": "email", "reason": "spite"}),
        (ada, {"channel": "pigeon", "reason": "manual"}),
        (ada, {}),
        (999, {"channel": "email", "reason": "manual"}),
    ):
        assert browser.send(f"/staff/contacts/{contact}/suppress", **fields).status_code == 404
    for action in ("suppress", "lift"):
        forged = browser.send(f"/staff/contacts/{ada}/{action}", token="0" * 64, channel="email", reason="manual")
        assert forged.status_code == 403
        stranger = Browser(browser.asker)
        assert stranger("POST", f"/staff/contacts/{ada}/{action}").status_code == 403
    assert _reasons(shop, *ADA) == set()
    assert set(GIVEN) <= set(suppressions.REASONS)
