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
    "last_order": dict.fromkeys(("id", "ordered_at", "amount", "products")),  # products: name, category, quantity
    "currency": None,  # ISO 4217 of the facts' money
    "links": dict.fromkeys(("unsubscribe", "preferences")),
    "now": None,
    "locale": None,
    "direction": None,  # ltr or rtl
}
"""The names every template gets; `brand` comes beside them with the fields of the Brand at hand."""

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tab and line feed, which are layout

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
        return value
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
