"""The brand: one file, all of it checked, all of it used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from clm.content.brand import Brand, Palette, read_brand
from clm.errors import ConfigurationError

from .conftest import PROJECT, Desk, persona


def _leaves(values: dict[str, Any], before: str = "brand") -> list[str]:
    found = []
    for name, value in values.items():
        found += _leaves(value, f"{before}.{name}") if isinstance(value, dict) else [f"{before}.{name}"]
    return found


def test_every_setting_of_the_brand_is_read(brand: Brand) -> None:
    """No setting lies about having an effect: each is used by a template, or by the envelope in code."""
    templates = "".join(path.read_text() for path in (PROJECT / "templates").rglob("*.*"))
    code = "".join(path.read_text() for path in (PROJECT / "clm").rglob("*.py"))
    settings = _leaves(brand.model_dump())
    unread = [name for name in settings if not re.search(rf"\b{re.escape(name)}\b", templates + code)]
    assert unread == []


def test_no_template_writes_the_brand_by_hand(brand: Brand) -> None:
    """Another shop changes one file, so no name, address or web address stands in a template."""
    for path in (PROJECT / "templates").rglob("*.*"):
        text = path.read_text()
        for own in (brand.name, brand.legal_name, brand.address, "saffronandsage", "http://", "https://"):
            assert own not in text, path


def _contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2, from 1 to 21."""

    def luminance(colour: str) -> float:
        parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_words_can_be_read_by_day_and_by_night(brand: Brand) -> None:
    """Every colour of words has a contrast of at least 4.5 with each ground it stands on, light and dark."""
    for palette in (brand.colours, brand.colours.dark):
        assert isinstance(palette, Palette)
        grounds = {
            "text": (palette.card,),
            "muted": (palette.card, palette.background),
            "primary": (palette.card, palette.background),
            "on_primary": (palette.primary,),
        }
        for name, behind in grounds.items():
            for ground in behind:
                assert _contrast(getattr(palette, name), ground) >= 4.5, (name, ground)


def test_a_logo_takes_the_place_of_the_name(desk: Desk, brand: Brand) -> None:
    """With a logo the header shows it and keeps the name as its text; without one it sets the name."""
    header = (PROJECT / "templates" / "_base" / "header.mjml").read_text()
    desk.mail()
    desk.write("_base/header.mjml", header)
    desk.write("welcome/hello/en/body.mjml", '<mjml><mj-body><mj-include path="_base/header.mjml" /></mj-body></mjml>')
    assert "<img" not in (desk.render().html or "")
    desk.brand = brand.model_copy(update={"logo_url": "https://cdn.shop.example/logo.png"})
    html = desk.render().html or ""
    assert 'src="https://cdn.shop.example/logo.png"' in html
    assert 'alt="Saffron &amp; Sage"' in html
    assert "wordmark" not in html


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        (("nmae",), "x", "`nmae` is not a setting; did you mean `name`?"),
        (("links", "shop"), "http://shop.example", "links.shop"),
        (("links", "shop"), "javascript:alert(1)", "links.shop"),
        (("colours", "primary"), "green", "colours.primary"),
        (("fonts", "body"), "Arial; } body { display: none", "fonts.body"),
        (("sender", "email"), "nobody", "sender.email"),
        (("team", "email"), "the team", "team.email"),
        (("sms_sender",), "Saffron & Sage", "sms_sender"),
        (("name",), "Two\nlines", "name"),
        (("offers", "win_back", "percent"), 120, "offers.win_back.percent"),
        (("offers", "win_back", "code"), "çomeback", "offers.win_back.code"),
        (("offers", "win_back", "days"), 0, "offers.win_back.days"),
    ],
)
def test_faults_in_the_brand_are_told_with_their_place(
    tmp_path: Path, place: tuple[str, ...], value: object, fault: str
) -> None:
    """A wrong setting is refused with file, line and field."""
    data = yaml.safe_load((PROJECT / "config" / "brand.yaml").read_text())
    inside = data
    for name in place[:-1]:
        inside = inside[name]
    inside[place[-1]] = value
    path = tmp_path / "brand.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True))
    with pytest.raises(ConfigurationError) as error:
        read_brand(path)
    assert fault in str(error.value)
    assert re.match(rf"{re.escape(str(path))}:\d+:\d+: ", str(error.value))


def test_braces_in_the_brand_are_words(desk: Desk, brand: Brand) -> None:
    """A brand whose name looks like a template is still only a name, escaped in HTML and plain in text."""
    desk.brand = brand.model_copy(update={"name": "{{ now }} <&> {% if %}"})
    desk.mail(html="{{ brand.name }}", text="{{ brand.name }}", subject="{{ brand.name }}")
    content = desk.render(persona())
    assert "{{ now }} &lt;&amp;&gt; {% if %}" in (content.html or "")
    assert content.text == "{{ now }} <&> {% if %}\n"
    assert content.subject == "{{ now }} <&> {% if %}"
