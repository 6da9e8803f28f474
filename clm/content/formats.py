"""Money, dates and numbers as the reader's own country writes them; templates use these as filters.

The locale is the context's `locale`, the currency its `currency` unless the template names another.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NoReturn, get_args

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, get_currency_precision
from jinja2 import pass_context
from jinja2.runtime import Context, Undefined

from clm.content.locale import babel_locale

if TYPE_CHECKING:
    from babel import Locale

# Babel knows which digits a locale writes, and their separators (only when asked so), but never writes the digits.
_OWN_SYSTEM: Literal["default"] = "default"
_ZEROS = {"arab": 0x0660, "arabext": 0x06F0, "deva": 0x0966, "beng": 0x09E6, "mymr": 0x1040, "tibt": 0x0F20}

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


@pass_context
def date_(context: Context, value: object, style: str = "long") -> str:
    """`22 November 2026` for an instant or a date; instants are read in UTC. Styles: short, medium, long, full."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise WrongValueError("date needs an instant with a time zone")
        value = value.astimezone(UTC).date()
    if not isinstance(value, date):
        _refuse("date", "a date or an instant", value)
    if style not in get_args(DateStyle):
        raise WrongValueError(f"date knows the styles {', '.join(get_args(DateStyle))}")
    return _date(value, style, _locale(context))


def _locale(context: Context) -> Locale:
    found = babel_locale(str(context["locale"]))
    if found is None:
        raise WrongValueError("locale is not one that dates and money can be written in")
    return found


@lru_cache(maxsize=4096)
def _date(value: date, style: DateStyle, locale: Locale) -> str:
    return _own_digits(format_date(value, format=style, locale=locale), locale)


@lru_cache(maxsize=4096)
def _money(amount: int, currency: str, locale: Locale) -> str:
    value = Decimal(amount).scaleb(-get_currency_precision(currency))
    return _own_digits(format_currency(value, currency, locale=locale, numbering_system=_OWN_SYSTEM), locale)


def _own_digits(text: str, locale: Locale) -> str:
    zero = _ZEROS.get(locale.default_numbering_system)
    return text.translate({ord("0") + digit: zero + digit for digit in range(10)}) if zero else text


def _refuse(name: str, wanted: str, value: object) -> NoReturn:
    if isinstance(value, Undefined):
        str(value)  # raises MissingValueError, which knows the value's name
    raise WrongValueError(f"{name} needs {wanted}, not {type(value).__name__}")
