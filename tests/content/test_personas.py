"""Made-up readers: complete, of every language, and harmless to show."""

from __future__ import annotations

from typing import Any

import pytest

from clm.content.brand import Brand
from clm.content.context import VOCABULARY, plain
from clm.content.personas import PERSONAS, carrying, personas, sample_coupon
from clm.domain.fact import FACTS
from clm.domain.instant import to_ms
from clm.domain.offer import OFFER_KINDS
from tests.content.conftest import NOW, Desk

OURS = {"locale", "direction"}  # the library puts them in
LOCALES = ("en", "fa", "ar", "th", "ru")


def _readers(brand: Brand, locale: str = "en") -> dict[str, dict[str, Any]]:
    return personas(locale, brand=brand, currency="GBP", now=to_ms(NOW))


def test_somebody_of_whom_everything_is_known_has_a_value_for_every_name(brand: Brand) -> None:
    """Whatever a template may name has a value, so that no part of a letter is never looked at."""
    context = _readers(brand)["all facts"]
    assert set(context) == set(VOCABULARY) - OURS
    for name, fields in VOCABULARY.items():
        if fields is not None and name != "coupon":
            assert set(fields) <= set(context[name]), name
    assert set(context["facts"]) == {name for name, fact in FACTS.items() if fact.scope == "contact"}
    coupons = [sample_coupon(kind, "fa", now=to_ms(NOW)) for kind in OFFER_KINDS]
    assert set(VOCABULARY["coupon"]) == {name for coupon in coupons for name in coupon}


@pytest.mark.parametrize("locale", LOCALES)
def test_readers_have_names_of_their_own_language(locale: str, brand: Brand) -> None:
    """A Persian letter is looked at with a Persian name; every reader is made of plain values."""
    found = _readers(brand, locale)
    assert tuple(found) == PERSONAS
    for name, context in found.items():
        assert plain(context, "")["links"]["unsubscribe"].startswith("https://"), name
    first_name = found["all facts"]["contact"]["first_name"]
    assert first_name.isascii() == (locale == "en")
    assert len(found["extremes"]["contact"]["first_name"]) > 190
    assert "\n" not in str(found["hostile"])


def test_code_in_a_name_is_shown_and_not_run(desk: Desk, brand: Brand) -> None:
    """What a hostile reader wrote stands in the mail as text; nothing of it is a tag, and no template sees it."""
    desk.mail(html="{{ contact.first_name }} {{ contact.last_name }}", text="{{ contact.last_name }}")
    content = desk.render(_readers(brand)["hostile"])
    assert "<script>" not in (content.html or "")
    assert "{{7*7}}" in content.text
    assert "49" not in content.text


def test_a_step_without_a_coupon_shows_none(brand: Brand) -> None:
    """The coupon and the survey belong to the step that is looked at."""
    context = carrying(_readers(brand)["no facts"], coupon=None, survey={"name": "nps"})
    assert "coupon" not in context
    assert context["survey"] == {"name": "nps"}
