"""The second letter about a basket: it shows what is in it, and does without where nobody has told."""

from __future__ import annotations

import html
import re

import pytest

from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.content.personas import personas
from clm.domain.content import Content
from clm.domain.instant import to_ms
from tests.content.conftest import NOW

LOCALES = ("en", "fa", "ar", "th", "ru")
TODAY = {
    "en": "See what is in it",
    "fa": "سبدتان را ببینید",
    "ar": "افتحوا سلّتكم",
    "th": "ดูของในตะกร้า",
    "ru": "Посмотреть, что в ней",
}


def _read(shipped: TemplateLibrary, brand: Brand, locale: str, name: str) -> Content:
    context = personas(locale, brand=brand, currency="GBP", now=to_ms(NOW))[name]
    context.get("products", {}).pop("viewed", None)
    return shipped.render("abandoned_cart", "basket", "email", locale, context)


def _shown(content: Content) -> str:
    return html.unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", content.html or "", flags=re.DOTALL))


@pytest.mark.parametrize("locale", LOCALES)
def test_the_letter_shows_what_is_in_the_basket(shipped: TemplateLibrary, brand: Brand, locale: str) -> None:
    """Each product with its name, page and price, and how many of it; in HTML and in text."""
    content = _read(shipped, brand, locale, "all facts")
    cart = personas(locale, brand=brand, currency="GBP", now=to_ms(NOW))["all facts"]["products"]["cart"]
    assert len(cart) == 2
    for product in cart:
        for words in (_shown(content), content.text):
            assert product["name"] in words
        assert product["url"] in (content.html or "")
        assert product["url"] in content.text
    assert _shown(content).count("×") == content.text.count("×") == 1


@pytest.mark.parametrize("locale", LOCALES)
def test_without_items_it_says_where_the_basket_is(shipped: TemplateLibrary, brand: Brand, locale: str) -> None:
    """No list, no colon that leads to nothing, and the button that it has always had."""
    content = _read(shipped, brand, locale, "no facts")
    assert 'class="ware"' not in (content.html or "")
    for words in (_shown(content), content.text):
        assert TODAY[locale] in words
    assert not any(line.rstrip().endswith(":") for line in content.text.splitlines())


@pytest.mark.parametrize("locale", LOCALES)
def test_markup_in_a_name_stays_text(shipped: TemplateLibrary, brand: Brand, locale: str) -> None:
    """What an event calls a product is shown as it is, and runs nothing."""
    content = _read(shipped, brand, locale, "hostile")
    assert "<img src=x" not in (content.html or "")
    assert "onerror" in _shown(content)
