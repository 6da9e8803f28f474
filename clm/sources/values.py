"""One value of a file made into what clm keeps; each reader returns None for an empty value, ValueError for a bad one.

The reasons are written to follow the field's name: "`email` is not an e-mail address". Addresses and numbers of people
are left out of them, because reasons are printed and logged; the row itself is kept in quarantine.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

import phonenumbers
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from clm.domain.offer import canonical

ID_CHARACTERS_MAX: Final = 200
NAME_CHARACTERS_MAX: Final = 200
EMAIL_CHARACTERS_MAX: Final = 254  # RFC 5321
PHONE_CHARACTERS_MAX: Final = 40
POSTCODE_CHARACTERS_MAX: Final = 20
LABEL_CHARACTERS_MAX: Final = 500  # acquisition sources, product names and categories
TEXT_CHARACTERS_MAX: Final = 10_000  # a value of any other kind, before it is read
NESTED_CHARACTERS_MAX: Final = 200_000  # order lines and properties as JSON text
_CACHED_MAX: Final = 20_000

_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNDECODED: Final = re.compile("[\ud800-\udfff]")
_AMOUNT: Final = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d*)?([eE][+-]?\d{1,2})?")
_CODES_APART: Final = re.compile("[,;|]")
_WHOLE: Final = re.compile(r"[+-]?\d{1,9}(\.0*)?")
_EMAIL_PLAIN: Final = re.compile(
    r"([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)@((?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+([A-Za-z]{2,63}))"
)
_SPECIAL_TLDS: Final = frozenset(SPECIAL_USE_DOMAIN_NAMES)
_DOMAIN_LABEL_MAX: Final = 63

_YES: Final = frozenset(
    ("true", "t", "yes", "y", "1", "1.0", "on", "subscribed", "opted_in", "opt_in", "optin", "granted", "accepted")
)
_NO: Final = frozenset(
    ("false", "f", "no", "n", "0", "0.0", "off", "unsubscribed", "not_subscribed", "never_subscribed")
) | {"opted_out", "opt_out", "optout", "revoked", "withdrawn", "declined"}
_KINDS: Final = {
    **dict.fromkeys(("order", "sale", "purchase", "paid", "completed"), "order"),
    **dict.fromkeys(("cancellation", "cancelled", "canceled", "cancel", "void", "voided"), "cancellation"),
    **dict.fromkeys(("refund", "refunded", "return", "returned", "credit"), "refund"),
}


def plain_text(value: Any, maximum: int = TEXT_CHARACTERS_MAX) -> str | None:
    """A single value as text without spaces around it; empty values and not-a-number are None."""
    if type(value) is not str:
        if value is None or value != value:  # noqa: PLR0124 - not-a-number, a missing value in Parquet
            return None
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (dict, list, bytes)):
            raise ValueError(f"is not a single text or number but {_KIND_NAMES[type(value)]}")
        # Customer ids become 13085.0 where a table had gaps; the id is 13085.
        value = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    text: str = value.strip()
    if len(text) > maximum:
        raise ValueError(f"is longer than {maximum:,} characters")
    return text or None


_KIND_NAMES: Final[dict[type, str]] = {dict: "an object", list: "a list", bytes: "binary data"}


def text(maximum: int) -> Callable[[Any], str | None]:
    """A reader of ids, names and labels up to `maximum` characters, without control characters."""

    def read(value: Any) -> str | None:
        found = plain_text(value, maximum)
        # isprintable is quick and lets nearly all through; it is stricter than we are about spaces and joiners.
        if found is not None and not found.isprintable() and _FORBIDDEN.search(found):
            if _UNDECODED.search(found):
                raise ValueError("is not UTF-8 text; save the file as UTF-8")
            raise ValueError("contains a control character or line break")
        return found

    return read


identifier: Final = text(ID_CHARACTERS_MAX)
name: Final = text(NAME_CHARACTERS_MAX)
label: Final = text(LABEL_CHARACTERS_MAX)
_address: Final = text(EMAIL_CHARACTERS_MAX)
_number: Final = text(PHONE_CHARACTERS_MAX)
_code: Final = text(POSTCODE_CHARACTERS_MAX)


def postcode(value: Any) -> str | None:
    """A postcode in capitals with single spaces, `SW1A 1AA`; whether there is such a one is not asked."""
    found = _code(value)
    return None if found is None else " ".join(found.upper().split())


def email(value: Any) -> str | None:
    """An e-mail address by the mail standards, its domain in lower case; nobody is asked whether it exists.

    The domain may be of any script, since it has an ASCII form; what stands before the @ has none, and must be ASCII.
    """
    address = _address(value)
    if address is None:
        return None
    # Nearly all addresses are plain; the full validator takes 40 times as long and gives the same for them (tested).
    plain = _EMAIL_PLAIN.fullmatch(address)
    if plain is not None and len(plain[1]) <= 64:
        domain = plain[2].lower()
        labels = domain.split(".")
        if labels[-1] not in _SPECIAL_TLDS and all(len(part) <= _DOMAIN_LABEL_MAX for part in labels):
            return f"{plain[1]}@{domain}"
    return _email(address)


@lru_cache(maxsize=_CACHED_MAX)
def _email(address: str) -> str:
    try:
        found = validate_email(address, check_deliverability=False)
    except EmailNotValidError as error:
        raise ValueError(f"is not an e-mail address: {error}") from None
    if not found.local_part.isascii():
        raise ValueError(
            "is not an e-mail address that can be written to: before the @, mail providers take only the letters a to z"
            " without accents, digits and signs; ask for another address"
        )
    return found.normalized


def phone(value: Any, country: str | None) -> str | None:
    """A phone number as E.164, `+447700900123`; without a `+` it is read as one of `country`.

    Checks country code and length, not whether the range is in use: such tables age, and the numbers reserved for
    tests are in none of them.
    """
    number = _number(value)
    return None if number is None else _phone(number, country)


@lru_cache(maxsize=_CACHED_MAX)
def _phone(number: str, country: str | None) -> str:
    if country is None and not number.startswith("+"):
        raise ValueError("has no country code and the row no country to read it by; write it like +44 7700 900123")
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        raise ValueError("is not a phone number; write it like +44 7700 900123") from None
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise ValueError("is too short or too long for a phone number of its country")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def yes_no(value: Any) -> bool | None:
    """Yes or no as shops write it: true, yes, 1, subscribed and their opposites."""
    found = plain_text(value)
    if found is None:
        return None
    word = found.lower().replace(" ", "_").replace("-", "_")
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError(f"is neither yes nor no: `{found[:40]}`; write true or false, or leave it empty if unknown")


def order_kind(value: Any) -> str | None:
    """Whether a row is an order, a cancellation or a refund."""
    found = plain_text(value)
    if found is None:
        return None
    kind = _KINDS.get(found.lower())
    if kind is None:
        raise ValueError(f"is not a kind of order: `{found[:40]}`; write order, cancellation or refund")
    return kind


def coupon(value: Any) -> str | None:
    """The codes that were entered at the checkout, as they are compared; several are told apart by commas."""
    if isinstance(value, list):
        value = ",".join(str(one) for one in value)
    found = label(value)
    if found is None:
        return None
    return ",".join(code for part in _CODES_APART.split(found) if (code := canonical(part))) or None


def amount(value: Any) -> Decimal | None:
    """A decimal amount of money such as `1234.50`, `1,234.50` or `-12`, without a currency sign."""
    if isinstance(value, bool):
        raise ValueError("is not an amount such as 1234.50 but true or false")  # noqa: TRY004 - readers raise ValueError
    found = plain_text(value, 40)
    if found is None:
        return None
    try:
        return Decimal(found.replace(",", "")) if _AMOUNT.fullmatch(found) else _no_amount(found)
    except InvalidOperation:
        return _no_amount(found)


def _no_amount(found: str) -> Decimal:
    raise ValueError(f"is not an amount such as 1234.50: `{found[:40]}`; leave out currency signs")


def whole_number(value: Any) -> int | None:
    """A whole number of at most nine digits."""
    found = None if isinstance(value, bool) else plain_text(value)
    if found is None:
        return None
    if not _WHOLE.fullmatch(found):
        raise ValueError(f"is not a whole number: `{found[:40]}`")
    return int(found.partition(".")[0])
