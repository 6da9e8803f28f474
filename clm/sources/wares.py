"""What a row says about a product, read: names in several languages, where it is shown, whether it can be had."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

from clm.domain.record import ProductRecord
from clm.sources import places, properties, values
from clm.sources.money import Money

LINK_CHARACTERS_MAX: Final = 2_000
LANGUAGES_MAX: Final = 100

_LINK: Final = re.compile(r"https://[^\s\"'<>\\^`{|}\x00-\x20\x7f]+", re.IGNORECASE)
_WHOLE: Final = re.compile(r"[+-]?\d{1,9}(\.0*)?")
_IN_STOCK: Final = {
    **dict.fromkeys(("in_stock", "available", "active", "preorder", "backorder"), True),
    **dict.fromkeys(("out_of_stock", "sold_out", "unavailable", "archived", "draft", "discontinued"), False),
}


def link(value: Any) -> str | None:
    """An address that begins with https:// and names a host; nobody is asked whether it exists."""
    found = values.plain_text(value, LINK_CHARACTERS_MAX)
    if found is None:
        return None
    if not found.lower().startswith("https://"):
        raise ValueError("does not begin with https://; letters lead nowhere else")
    try:
        parts = urlsplit(found)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or "@" in parts.netloc or not _LINK.fullmatch(found) or not found.isprintable():
        raise ValueError("is not a web address such as https://www.shop.example/p/1; write blanks in it as %20")
    return f"https{found[5:]}"


def available(value: Any) -> bool | None:
    """Whether something can be had: yes or no, in_stock or out_of_stock, or how many are left."""
    found = values.plain_text(value)
    if found is None:
        return None
    word = found.lower().replace(" ", "_").replace("-", "_")
    if word in _IN_STOCK:
        return _IN_STOCK[word]
    if _WHOLE.fullmatch(found):
        return float(found) > 0
    try:
        return values.yes_no(found)
    except ValueError:
        raise ValueError(
            f"does not say whether it can be had: `{found[:40]}`; write yes, no, or how many are left"
        ) from None


def in_languages(value: Any) -> dict[str, str] | None:
    """Texts by language as one JSON object, {"fa": …, "th": …}; raises ValueError for a key that is no language."""
    given = properties.read_object(value)
    if given is None:
        return None
    if len(given) > LANGUAGES_MAX:
        raise ValueError(f"holds more than {LANGUAGES_MAX} languages")
    found: dict[str, str] = {}
    for tag, text in given.items():
        try:
            locale = places.locale(tag)
        except ValueError as error:
            raise ValueError(f"has a key that {error}") from None
        said = values.label(text)
        if said is not None:
            found[locale] = said
    return found


def price(value: Decimal | None, currency: str, money: Money) -> int | None:
    """What something costs, in minor units of the base currency."""
    if value is None:
        return None
    if value < 0:
        raise ValueError("is negative")
    return money.in_base(money.minor_units(value, currency), currency)


def product_of(found: Mapping[str, Any], price: int | None) -> ProductRecord:
    """The product that a row's values make; whatever does not say otherwise can be had."""
    get = found.get
    return ProductRecord(
        found["product_id"],
        found["name"],
        _by_locale(found, "name", "names"),
        get("category"),
        _by_locale(found, "category", "categories"),
        price,
        get("url"),
        get("image_url"),
        get("available") is not False,
    )


def _by_locale(found: Mapping[str, Any], one: str, many: str) -> str | None:
    """A field in other languages as JSON: of its object (`names`) and of its columns (`name.fa`)."""
    texts: dict[str, str] = dict(found.get(many) or {})
    for field, text in found.items():
        if field.startswith(f"{one}.") and text is not None:
            texts[field.removeprefix(f"{one}.")] = text
    return json.dumps(texts, ensure_ascii=False, sort_keys=True) if texts else None


READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "product_id": values.identifier,
    "name": values.label,
    "names": in_languages,
    "category": values.label,
    "categories": in_languages,
    "price": values.amount,
    "url": link,
    "image_url": link,
    "available": available,
}
"""How the fields of a product are read, but for its currency."""
