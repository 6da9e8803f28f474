"""The part that lists products: what a screen reader, and whoever loads no pictures, learns of it."""

from __future__ import annotations

import re

import pytest

from clm.content.personas import PERSONAS, personas
from clm.domain.instant import to_ms
from tests.content.conftest import NOW, PROJECT, Desk

PARTS = ("_base/products.mjml", "_base/products.txt")
BODY = """<mjml><mj-body><mj-section><mj-column>
<mj-raw>{% set shown = products.again | default([]) %}</mj-raw>
<mj-include path="_base/products.mjml" />
<mj-text>.</mj-text></mj-column></mj-section></mj-body></mjml>"""


@pytest.mark.parametrize("name", PERSONAS)
def test_every_link_has_a_name(desk: Desk, name: str) -> None:
    """A picture that leads to its product is called as the product is: a link without words is read out as nothing."""
    for part in PARTS:
        desk.write(part, (PROJECT / "templates" / part).read_text(encoding="utf-8"))
    desk.mail()
    desk.write("welcome/hello/en/body.mjml", BODY)
    context = personas("en", brand=desk.brand, currency="GBP", now=to_ms(NOW))[name]
    for product in context.get("products", {}).get("again", []):
        product["image_url"] = "https://www.saffronandsage.example/p.jpg"
    html = desk.render(context).html or ""
    links = re.findall(r"<a [^>]*>(.*?)</a>", html, re.DOTALL)
    assert len(links) == 2 * len(context.get("products", {}).get("again", []))
    for link in links:
        alt = re.search(r'alt="([^"]*)"', link)
        assert (alt[1] if alt else re.sub(r"<[^>]+>", "", link)).strip()
