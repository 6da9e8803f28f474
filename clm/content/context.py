"""What a template may know about one message: plain values under fixed names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jinja2.runtime import Undefined
from jinja2.utils import missing

from clm.errors import RenderError

if TYPE_CHECKING:
    from clm.content.sandbox import MissingValueError

_ITEMS_MAX = 1_000
_DEEP_MAX = 6

VOCABULARY: Mapping[str, Any] = {
    "contact": dict.fromkeys(("id", "first_name", "last_name", "country", "locale")),  # id: the shop's own
    "facts": None,  # every fact of the profile, by name; instants aware, money in minor units of `currency`
    "last_order": dict.fromkeys(("id", "ordered_at", "amount", "products")),  # products: as below, and quantity
    # Lists of what can be bought today: id, name, category, price, url, image_url, buyers; each may be missing. Of what
    # was left in a basket, `cart`, quantity too.
    "products": dict.fromkeys(("again", "viewed", "together", "due", "best_sellers", "cart")),
    "viewed": dict.fromkeys(("category",)),  # the one they have looked at most lately
    "points": dict.fromkeys(("balance", "to_next", "tier")),  # as the shop tells them
    "proof": dict.fromkeys(("rating", "ratings", "customers")),  # mean of 1 to 5, how many gave one, who bought lately
    "low_marks": None,  # latest first: survey, question, score, lowest, highest, at, comment, order_id
    "help": None,  # questions about what they bought: question, answer, url
    # What the step's offer gives (config/offers.yaml); `amount` in minor units of `currency`.
    "coupon": dict.fromkeys(("code", "kind", "percent", "amount", "points", "gift", "draw", "days", "expires_at")),
    # Of the step's survey; scores: value, url. Of one without a scale, question and ends are missing.
    "survey": dict.fromkeys(("name", "url", "scores", "title", "lead", "question", "low_end", "high_end")),
    "currency": None,  # ISO 4217 of the facts' money
    # staff: of the customer's page for the team, in tasks alone
    "links": dict.fromkeys(("unsubscribe", "preferences", "referral", "confirm", "staff")),
    "zone": None,  # IANA zone of the reader, in which instants are written
    "now": None,
    "locale": None,
    "direction": None,  # ltr or rtl
}
"""The names every template gets; `brand` comes beside them with the fields of the Brand at hand."""

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tab and line feed, which are layout

TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Marks that turn the writing direction of whatever follows, to the end of the mail; no name needs them."""

_NO_TEXT = frozenset({int, float, bool, Decimal, date, datetime})


def plain(value: Any, path: str, deep: int = 0) -> Any:
    """A copy of `value` without what is missing: None and blank texts are dropped from mappings and lists.

    Raises RenderError for anything but plain values, so that no template ever holds an object with behaviour (a str
    that calls itself safe HTML is such an object), and for control characters in a text; `path` names the place.
    """
    kind = type(value)
    if kind is str:
        if not value.isprintable() and CONTROL.search(value):  # the first test is quick and nearly always enough
            raise RenderError(f"control character in {path}")
        return value if value.isprintable() else TURNING.sub("", value)
    if kind in _NO_TEXT:
        return value
    if deep > _DEEP_MAX or not isinstance(value, Mapping | list | tuple):
        raise RenderError(f"{path} is of type {kind.__name__}, which is not a plain value")
    if len(value) > _ITEMS_MAX:
        raise RenderError(f"{path} holds more than {_ITEMS_MAX:,} values")
    if isinstance(value, Mapping):
        found = {}
        for name, item in value.items():
            kind = type(item)  # what nearly every value is goes without a call, and without its place being written
            if kind in _NO_TEXT or (kind is str and item.isprintable() and item.strip()):
                found[name] = item
            elif _present(item):
                found[name] = plain(item, f"{path}.{name}" if path else name, deep + 1)
        return found
    return [plain(item, f"{path}[{index}]", deep + 1) for index, item in enumerate(value) if _present(item)]


def missing_path(values: dict[str, Any], error: MissingValueError) -> str:
    """Where the missing value should have been, as a template names it: `last_order.products[0].name`.

    Found only now, by identity, because keeping names along with all values would cost every message.
    """
    return _name(values, error.owner, error.name) or str(error)


def _name(values: dict[str, Any], owner: Any, name: Any) -> str | None:
    if owner is missing:
        return str(name) if name else None
    if isinstance(owner, Undefined):
        before = _name(values, owner._undefined_obj, owner._undefined_name)  # noqa: SLF001 - Jinja keeps it only there
    else:
        before = _path_of(values, owner)
    if before is None:
        return None if name is None else f"…{_step(name)}"
    return before + _step(name)


def _step(name: Any) -> str:
    return f".{name}" if isinstance(name, str) else f"[{name}]"


def _path_of(value: Any, wanted: Any) -> str | None:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in pairs:
        if item is wanted:
            return str(name) if isinstance(name, str) else f"[{name}]"
        if isinstance(item, dict | list) and (inside := _path_of(item, wanted)) is not None:
            own = str(name) if isinstance(name, str) else f"[{name}]"
            return own + (inside if inside.startswith("[") else f".{inside}")
    return None


def _present(value: Any) -> bool:
    return value is not None and not (type(value) is str and not value.strip())
