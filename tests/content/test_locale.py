"""Which words a reader gets, and how money, dates and numbers are written in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from clm.content.locale import chain, direction, normalise
from clm.errors import RenderError

from .conftest import Desk, persona


@pytest.mark.parametrize(
    ("tag", "default", "tried"),
    [
        ("pt-BR", "en", ("pt-BR", "pt", "en")),
        ("pt_br", "en", ("pt-BR", "pt", "en")),
        ("zh-hant-tw", "en", ("zh-Hant-TW", "zh-Hant", "zh", "en")),
        ("en-AU", "en-GB", ("en-AU", "en", "en-GB")),
        ("de", "en-GB", ("de", "en-GB", "en")),
        (None, "en", ("en",)),
        ("", "en", ("en",)),
        ("English, please", "en", ("en",)),
        ("../../etc", "en", ("en",)),
    ],
)
def test_the_closest_language_comes_first(tag: str | None, default: str, tried: tuple[str, ...]) -> None:
    """A reader gets their region's words, else their language's, else the shop's; nonsense means the shop's."""
    assert chain(tag, default) == tried


def test_a_locale_has_one_spelling() -> None:
    """However a source writes a locale, it is one name."""
    assert {normalise(tag) for tag in ("pt-BR", "pt_BR", "PT-br", " pt-br ", "pt-BR-x-private")} == {"pt-BR"}


@pytest.mark.parametrize(("tag", "way"), [("fa", "rtl"), ("ar-EG", "rtl"), ("en", "ltr"), ("th", "ltr"), ("xx", "ltr")])
def test_direction_follows_the_language(tag: str, way: str) -> None:
    """Persian and Arabic run from right to left."""
    assert direction(tag) == way


def test_words_fall_back_to_the_language_and_then_to_the_default(desk: Desk) -> None:
    """Somebody in Brazil reads Portuguese where there is some, somebody in Finland the default."""
    desk.mail(subject="Hello")
    desk.mail(subject="Olá", locale="pt")
    library = desk.library()
    found = {
        locale: library.render("welcome", "hello", "email", locale, persona()) for locale in ("pt-BR", "fi", "en", None)
    }
    assert {locale: (content.subject, content.locale) for locale, content in found.items()} == {
        "pt-BR": ("Olá", "pt"),
        "fi": ("Hello", "en"),
        "en": ("Hello", "en"),
        None: ("Hello", "en"),
    }


def test_html_says_its_language_and_direction(desk: Desk) -> None:
    """A mail in Persian is marked as Persian and runs from right to left, its English fall-back as English."""
    desk.mail()
    desk.mail(html="سلام", locale="fa")
    persian = desk.render(locale="fa-IR").html or ""
    assert 'lang="fa-IR"' in persian
    assert 'dir="rtl"' in persian
    english = desk.render(locale="ar").html or ""
    assert 'lang="en"' in english
    assert 'dir="ltr"' in english


@pytest.mark.parametrize(
    ("template", "locale", "written"),
    [
        ("{{ facts.revenue | money }}", "en-GB", "£1,234.50"),
        ("{{ facts.revenue | money('EUR') }}", "en-GB", "€1,234.50"),
        ("{{ 500 | money('JPY') }}", "en-GB", "JP¥500"),
        ("{{ 1500 | money('KWD') }}", "en-GB", "KWD1.500"),
        ("{{ facts.order_count | number }}", "en-GB", "1,204"),
        ("{{ facts.last_order_at | date }}", "en-GB", "3 June 2026"),
        ("{{ facts.last_order_at | date }}", "en-US", "June 3, 2026"),
        ("{{ facts.last_order_at | date('full') }}", "en-GB", "Wednesday, 3 June 2026"),
        ("{{ facts.last_order_at | date }}", "de-AT", "June 3, 2026"),
    ],
)
def test_money_dates_and_numbers_look_as_at_home(desk: Desk, template: str, locale: str, written: str) -> None:
    """Amounts are minor units of their currency; the reader's region counts within the language of the words."""
    assert desk.text(template, locale=locale) == written


def test_a_reader_without_a_locale_gets_the_default_region(desk: Desk) -> None:
    """A British shop whose default is en-GB writes British dates to people who named no locale."""
    desk.default_locale = "en-GB"
    assert desk.text("{{ facts.last_order_at | date }}") == "3 June 2026"


@pytest.mark.parametrize(
    ("locale", "written"), [("en", "3 June 2026"), ("EN", "3 June 2026"), ("en-US", "June 3, 2026")]
)
def test_a_reader_who_names_no_region_gets_that_of_the_default(desk: Desk, locale: str, written: str) -> None:
    """To somebody who reads English a British shop writes British dates; to an American, American ones."""
    desk.default_locale = "en-GB"
    assert desk.text("{{ facts.last_order_at | date }}", locale=locale) == written


def test_persian_readers_get_persian_digits(desk: Desk) -> None:
    """Numbers, amounts and dates in Persian words come in Persian digits."""
    desk.mail()
    words = "{{ facts.order_count | number }} {{ facts.revenue | money }} {{ facts.last_order_at | date }}"
    desk.mail(locale="fa", text=words)
    text = desk.render(locale="fa").text
    assert not set(text) & set("0123456789")
    assert "۱٬۲۰۴" in text
    assert "۱۳ خرداد ۱۴۰۵" in text


@pytest.mark.parametrize(
    ("locale", "currency", "written"),
    [
        ("ar", "GBP", "\u200f12.50\xa0£"),
        ("ar-EG", "USD", "\u200f١٢٫٥٠\xa0$"),
        ("fa", "GBP", "\u200f\u200e£\xa0۱۲٫۵۰"),  # of which the first mark is the line's
        ("ru", "USD", "12,50\xa0$"),
        ("th", "THB", "฿12.50"),
    ],
)
def test_money_stays_whole_in_every_direction(desk: Desk, locale: str, currency: str, written: str) -> None:
    """In Arabic a sign of its own stands beside the amount, and no Latin letters that turn round with it."""
    desk.mail()
    desk.mail(locale=locale.partition("-")[0], text="{{ 1250 | money('" + currency + "') }}")
    assert desk.render(locale=locale).text.strip() == written


@pytest.mark.parametrize(
    ("locale", "style", "written"),
    [
        ("fa", "long", "۱۳ خرداد ۱۴۰۵"),
        ("fa-IR", "full", "چهارشنبه ۱۳ خرداد ۱۴۰۵"),
        ("fa", "short", "۱۴۰۵/۳/۱۳"),
        ("th", "long", "3 มิถุนายน 2569"),
        ("th-TH", "full", "วันพุธที่ 3 มิถุนายน 2569"),
        ("th", "short", "3/6/2569"),
        ("ar", "long", "3 يونيو 2026"),
        ("ar-EG", "long", "٣ يونيو ٢٠٢٦"),
        ("ru", "long", "3 июня 2026\u202fг."),
    ],
)
def test_dates_are_of_the_readers_own_calendar(desk: Desk, locale: str, style: str, written: str) -> None:
    """Persian dates are Jalali, Thai ones of the Buddhist era, as CLDR and the browsers' Intl write them."""
    desk.mail()
    desk.mail(locale=locale.partition("-")[0], text="{{ facts.last_order_at | date('" + style + "') }}")
    assert desk.render(locale=locale).text.strip() == written


def test_an_instant_is_a_day_in_the_readers_zone(desk: Desk) -> None:
    """Shortly before midnight in London is the next day in Tehran."""
    late = datetime(2026, 6, 3, 22, 30, tzinfo=UTC)
    context = {"facts": {"last_order_at": late}, "zone": "Asia/Tehran"}
    assert desk.text("{{ facts.last_order_at | date }}", context, locale="en-GB") == "4 June 2026"


@pytest.mark.parametrize(
    ("locale", "count", "written"),
    [
        ("en", 1, "1 day"),
        ("en", 5, "5 days"),
        ("ru", 1, "1 день"),
        ("ru", 3, "3 дня"),
        ("ru", 5, "5 дней"),
        ("ru", 21, "21 день"),
        ("ar", 2, "يومان"),
        ("ar", 3, "3 أيام"),
        ("ar", 11, "11 يومًا"),
        ("fa", 3, "۳ روز"),
        ("th", 1, "1 วัน"),
    ],
)
def test_words_agree_with_their_number(desk: Desk, locale: str, count: int, written: str) -> None:
    """Each language has the forms of CLDR's plural rules; numbers of a form that it has no need of take `other`."""
    forms = {
        "en": "one='# day', other='# days'",
        "ru": "one='# день', few='# дня', many='# дней', other='# дня'",
        "ar": "zero='# يوم', one='يوم', two='يومان', few='# أيام', many='# يومًا', other='# يوم'",
        "fa": "other='# روز'",
        "th": "other='# วัน'",
    }
    desk.mail()
    desk.mail(locale=locale, text="{{ " + f"{count} | plural({forms[locale]})" + " }}")
    assert desk.render(locale=locale).text.strip() == written


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ contact.first_name | money }}", "money needs a whole number of minor units, not str"),
        ("{{ 12.5 | money }}", "money needs a whole number of minor units, not float"),
        ("{{ facts.revenue_365d | money }}", "missing value facts.revenue_365d"),
        ("{{ contact.first_name | date }}", "date needs a date or an instant, not str"),
        ("{{ facts.last_order_at | date('huge') }}", "date knows the styles short, medium, long, full"),
        ("{{ contact.first_name | number }}", "number needs a number, not str"),
    ],
)
def test_a_filter_refuses_what_it_cannot_write(desk: Desk, template: str, reason: str) -> None:
    """A wrong kind of value stops the message with a reason that tells the kind, not the value."""
    with pytest.raises(RenderError, match=reason):
        desk.text(template)


def test_instants_must_have_a_zone(desk: Desk) -> None:
    """A naive time is a fault of ours that must not become a wrong date in a mail."""
    context: dict[str, Any] = persona()
    context["facts"]["last_order_at"] = datetime(2026, 6, 3, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(RenderError, match="time zone"):
        desk.text("{{ facts.last_order_at | date }}", context)
