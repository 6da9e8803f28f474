"""The brand: one file, all of it checked, all of it used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from markupsafe import escape

from clm.content.brand import Brand, BrandWords, Palette, read_brand, sender_name, spoken, unsaid
from clm.content.colours import contrast
from clm.content.page_words import PageWords
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
    settings = _leaves(brand.model_dump(exclude={"in_language"}))
    unread = [name for name in settings if not re.search(rf"\b{re.escape(name)}\b", templates + code)]
    assert unread == []


def test_no_template_writes_the_brand_by_hand(brand: Brand) -> None:
    """Another shop changes one file, so no name, address or web address stands in a template."""
    for path in (PROJECT / "templates").rglob("*.*"):
        text = path.read_text()
        for own in (brand.name, brand.legal_name, brand.address, "saffronandsage", "http://", "https://"):
            assert own not in text, path


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
                assert contrast(getattr(palette, name), ground) >= 4.5, (name, ground)


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
        (("sender", "name"), "Nadia\x0bBcc: all@example.com", "sender.name"),
        (("in_language", "fa", "signature"), "Nadia\u2028Bcc: all@example.com", "in_language.fa.signature"),
        (("in_language", "fa", "name"), "Tea\r\nBcc: all@example.com", "in_language.fa.name"),
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


def test_the_brand_is_called_as_its_readers_call_it(brand: Brand) -> None:
    """Name, tagline and signature each as the language has it, else that language without its region, else the own."""
    said = {
        "fa": BrandWords(name="سفرون", signature="نادیا از سفرون"),
        "fa-AF": BrandWords(tagline="چای"),
        "ru": BrandWords(tagline="Чай"),
    }
    named = brand.model_copy(update={"in_language": said})
    found = {locale: spoken(named, locale) for locale in ("en", "fa", "fa-AF", "ru")}
    told = {locale: (one["name"], one["tagline"], one["sender"]["name"]) for locale, one in found.items()}
    assert told == {
        "en": (brand.name, brand.tagline, brand.sender.name),
        "fa": ("سفرون", brand.tagline, "نادیا از سفرون"),
        "fa-AF": ("سفرون", "چای", "نادیا از سفرون"),
        "ru": (brand.name, "Чай", brand.sender.name),
    }
    assert [sender_name(named, locale) for locale in told] == [name for *_, name in told.values()]


def test_what_is_said_in_one_language_is_said_in_all(tmp_path: Path) -> None:
    """A language without a name that another has is a fault, with its place; the shop's own language has the name."""
    path = tmp_path / "brand.yaml"
    data = yaml.safe_load((PROJECT / "config" / "brand.yaml").read_text())
    data["in_language"] = {"fa": {"name": "سفرون", "tagline": "چای"}, "ar": {"name": "سافرون"}}
    path.write_text(yaml.safe_dump(data, allow_unicode=True))
    faults = unsaid(path, read_brand(path), locales=("en", "en-US", "fa", "ar", "ru-UA"), default_locale="en-GB")
    told = [(fault.field, fault.message.partition(",")[0]) for fault in faults]
    assert told == [
        ("in_language", "has no name in `ru-UA`"),
        ("in_language.ar", "has no tagline in `ar`"),
        ("in_language", "has no tagline in `ru-UA`"),
    ]
    lines = path.read_text().splitlines()
    assert [lines[(fault.line or 0) - 1].strip(" :") for fault in faults] == ["in_language", "ar", "in_language"]
    data["in_language"] = {}
    path.write_text(yaml.safe_dump(data, allow_unicode=True))
    assert unsaid(path, read_brand(path), locales=("en", "fa"), default_locale="en-GB") == []


def test_pages_and_answers_are_of_the_brand_as_their_readers_call_it(brand: Brand) -> None:
    """What a reader is answered with, by page or by SMS, comes from the same name as the letter did."""
    words = PageWords.load(PROJECT / "templates" / "_pages", brand=brand, default_locale="en")
    names = {locale: spoken(brand, locale)["name"] for locale in ("en", "fa", "ar", "th", "ru")}
    assert len(set(names.values())) == 4  # Russian shops are called as they are
    for locale, name in names.items():
        assert name in words.sms("help", locale)
        assert escape(name) in words.page("not_found", locale, root="")
    latin = brand.model_copy(update={"in_language": {}})
    same = PageWords.load(PROJECT / "templates" / "_pages", brand=latin, default_locale="en")
    for locale in ("fa", "ar"):  # a telephone takes the direction of a text from its first letter
        answers = [same.sms(answer, locale) for answer in ("stopped", "started", "help", "answered")]
        assert all(answer.startswith("\u200fSaffron & Sage") for answer in answers)
