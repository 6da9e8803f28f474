"""Money, dates and numbers as the reader's own country writes them; templates use these as filters.

The locale is the context's `locale`, the currency its `currency` unless the template names another.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from string import ascii_uppercase
from typing import TYPE_CHECKING, Literal, NoReturn, get_args
from zoneinfo import ZoneInfo

import jdatetime
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, get_currency_precision, get_currency_symbol
from jinja2 import pass_context
from jinja2.runtime import Context, Undefined

from clm.content.locale import babel_locale

if TYPE_CHECKING:
    from babel import Locale

# Babel knows which digits a locale writes, and their separators (only when asked so), but never writes the digits.
_OWN_SYSTEM: Literal["default"] = "default"
_ZEROS = {"arab": 0x0660, "arabext": 0x06F0, "deva": 0x0966, "beng": 0x09E6, "mymr": 0x1040, "tibt": 0x0F20}

_BUDDHIST_ERA = 543
_JALALI_MONTHS = (
    *("فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور"),
    *("مهر", "آبان", "آذر", "دی", "بهمن", "اسفند"),
)
_PERSIAN_DAYS = ("دوشنبه", "سه‌شنبه", "چهارشنبه", "پنجشنبه", "جمعه", "شنبه", "یکشنبه")

DateStyle = Literal["short", "medium", "long", "full"]


class WrongValueError(TypeError):
    """A filter was given a value it cannot write; the text holds no value, for it is stored and logged."""


@pass_context
def money(context: Context, amount: object, currency: str | None = None) -> str:
    """`£12.50` for 1250 minor units; how many make a unit depends on the currency (JPY has none, KWD a thousand)."""
    if type(amount) is not int:
        _refuse("money", "a whole number of minor units", amount)
    code = currency or context.get("currency")
    if not isinstance(code, str):
        raise WrongValueError("money needs a currency, but none is set")
    return _money(amount, code, _locale(context))


@pass_context
def number(context: Context, value: object) -> str:
    """`1,234.5` with the reader's own separators and digits."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        _refuse("number", "a number", value)
    locale = _locale(context)
    return _own_digits(format_decimal(value, locale=locale, numbering_system=_OWN_SYSTEM), locale)


def whole_number(value: int, tag: str) -> str:
    """A whole number in the digits of those who read a language: `۵` for `fa`."""
    locale = babel_locale(tag)
    return str(value) if locale is None else _own_digits(str(value), locale)


@pass_context
def date_(context: Context, value: object, style: str = "long") -> str:
    """`22 November 2026` for an instant or a date, in the reader's own calendar; styles: short, medium, long, full.

    Instants are read in the reader's zone. Persian dates are Jalali, Thai ones of the Buddhist era (CLDR's preferred
    calendars of `fa-IR` and `th-TH`).
    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise WrongValueError("date needs an instant with a time zone")
        zone = context.get("zone")
        value = value.astimezone(ZoneInfo(zone) if isinstance(zone, str) else UTC).date()
    if not isinstance(value, date):
        _refuse("date", "a date or an instant", value)
    if style not in get_args(DateStyle):
        raise WrongValueError(f"date knows the styles {', '.join(get_args(DateStyle))}")
    return _date(value, style, _locale(context))


@pass_context
def plural(
    context: Context,
    count: object,
    *,
    other: str,
    zero: str | None = None,
    one: str | None = None,
    two: str | None = None,
    few: str | None = None,
    many: str | None = None,
) -> str:
    """The form that the reader's language has for so many, `#` standing for the number: `one='# day', other='# days'`.

    Which form is whose is CLDR's rule for the language (Russian has one, few, many; Arabic all six; Thai and Persian
    can do with `other`); one that is missing is told when the template is read (clm.content.plurals).
    """
    if isinstance(count, bool) or not isinstance(count, int | float | Decimal):
        _refuse("plural", "a number", count)
    forms = {"zero": zero, "one": one, "two": two, "few": few, "many": many}
    found = forms.get(_locale(context).plural_form(count)) or other
    return found.replace("#", number(context, count))


def written_date(value: date, locale: str) -> str:
    """A date in full, as a reader of the locale writes it; for pages."""
    found = babel_locale(locale)
    return value.isoformat() if found is None else _date(value, "long", found)


def _locale(context: Context) -> Locale:
    found = babel_locale(str(context["locale"]))
    if found is None:
        raise WrongValueError("locale is not one that dates and money can be written in")
    return found


@lru_cache(maxsize=4096)
def _date(value: date, style: DateStyle, locale: Locale) -> str:
    if locale.language == "fa":
        return _own_digits(_jalali(value, style), locale)
    text = format_date(value, format=_era_free(style, locale), locale=locale)
    if locale.language == "th":
        text = text.replace(f"{value.year:04}", f"{value.year + _BUDDHIST_ERA:04}")
    return _own_digits(text, locale)


def _era_free(style: DateStyle, locale: Locale) -> str:
    """The style, or for Thai its pattern without an era, whose `ค.ศ.` is that of the other calendar."""
    pattern = str(locale.date_formats[style])
    if locale.language != "th":
        return style
    return re.sub(r"y+", "yyyy", re.sub(r"\s*G+\s*", " ", pattern)).strip()


def _jalali(value: date, style: DateStyle) -> str:
    found = jdatetime.date.fromgregorian(date=value)
    if style == "short":
        return f"{found.year}/{found.month}/{found.day}"
    month = _JALALI_MONTHS[found.month - 1]
    day = f"{found.day} {month} {found.year}"
    return f"{_PERSIAN_DAYS[value.weekday()]} {day}" if style == "full" else day


@lru_cache(maxsize=4096)
def _money(amount: int, currency: str, locale: Locale) -> str:
    value = Decimal(amount).scaleb(-get_currency_precision(currency))
    text = _own_digits(format_currency(value, currency, locale=locale, numbering_system=_OWN_SYSTEM), locale)
    if locale.text_direction == "rtl":  # `UK£` would be turned round to `£UK` beside their own digits
        symbol = get_currency_symbol(currency, locale)
        text = text.replace(symbol, symbol.lstrip(ascii_uppercase) or symbol)
    return text


def _own_digits(text: str, locale: Locale) -> str:
    zero = _ZEROS.get(locale.default_numbering_system)
    return text.translate({ord("0") + digit: zero + digit for digit in range(10)}) if zero else text


def _refuse(name: str, wanted: str, value: object) -> NoReturn:
    if isinstance(value, Undefined):
        str(value)  # raises MissingValueError, which knows the value's name
    raise WrongValueError(f"{name} needs {wanted}, not {type(value).__name__}")
