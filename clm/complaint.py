"""What is wrong with a value of a file in plain words: what was given, and what to write instead.

Pydantic tells it to programmers; whoever writes campaigns has never heard of patterns and literals.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

from clm.domain.nearest import nearest

_SHOWN_CHARACTERS_MAX = 60

_ONE_LINE = ("is more than one line, or holds what nobody sees", "write it in one line")
PATTERNS: Mapping[str, tuple[str, str]] = {
    r"^[A-Z]{3}$": ("is no currency", "write three capital letters, such as EUR"),
    r"^[A-Z0-9]{2,12}$": ("is no beginning for codes", "write 2 to 12 capital letters or digits, such as TEA"),
    r"^https://[^\s\"'<>]+$": ("is no https address", "write it whole, such as https://shop.example/help"),
    r"^https?://[^\s\"'<>]+$": ("is no web address", "write it whole, such as https://regulator.example/rules"),
    r"^[a-z0-9.-]+(:[0-9]+)?$": ("is no site", "write its name alone, such as shop.example"),
    r"^#[0-9a-fA-F]{6}$": ("is no colour", 'write # with six of 0-9 and a-f behind it, in quotes, such as "#1a2b3c"'),
    r"^[A-Za-z0-9 ,-]+$": ("is no list of fonts", "write their names with commas between, such as Georgia, serif"),
    r"^(\+[1-9][0-9]{6,14}|[A-Za-z][A-Za-z0-9 ]{1,10})$": (
        "is no sender of SMS",
        'write a number such as "+447700900123", or 2 to 11 letters and digits, a letter first',
    ),
    r"^(default|\+[1-9][0-9]{0,6})$": ("is no beginning of numbers", 'write default, or one such as "+44"'),
    r"^[^\r\n]+$": _ONE_LINE,
    r"^[^\x00-\x1f\x7f-\x9f]+$": _ONE_LINE,
    r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$": _ONE_LINE,
}
"""Of each pattern that a setting has: what a text is not that does not match, and the remedy."""

_WHOLE = ("is no whole number", "write one such as 3")
_NUMBER = ("is no number", "write one such as 2.5")
_TRUTH = ("is neither yes nor no", "write true or false")
_LIST = ("is no list", "write its lines with `- ` before each, or [one, two]")
_DATE = ("is no date", "write one such as 2027-04-05")
_KINDS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), _WHOLE),
    **dict.fromkeys(("float_type", "float_parsing", "decimal_type", "decimal_parsing", "finite_number"), _NUMBER),
    **dict.fromkeys(("bool_type", "bool_parsing"), _TRUTH),
    **dict.fromkeys(("list_type", "tuple_type", "set_type"), _LIST),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"), _DATE),
}
_LIMITS: Mapping[str, tuple[str, str, str]] = {
    "greater_than_equal": ("ge", "is too little", "{} or more"),
    "greater_than": ("gt", "is too little", "more than {}"),
    "less_than_equal": ("le", "is too much", "{} or less"),
    "less_than": ("lt", "is too much", "less than {}"),
}
_LENGTHS: Mapping[str, tuple[str, str, str]] = {
    "string_too_short": ("min_length", "is too short", "{} characters or more"),
    "string_too_long": ("max_length", "is too long", "{} characters at most"),
    "too_short": ("min_length", "is too short", "{} or more"),
    "too_long": ("max_length", "is too long", "{} at most"),
}


def in_plain_words(item: ErrorDetails, written: str | None) -> str:
    """One complaint of pydantic's; `written` is what stands in the file, where that is a single value."""
    value, limits = item["input"], item.get("ctx", {})
    said = _remedied(item["type"], value, limits)
    if said is None:  # our own words, or some of pydantic's that no setting calls for
        message, whole = item["msg"].removeprefix("Value error, "), str(value)
        return message.replace(whole, shown(whole)) if len(whole) > _SHOWN_CHARACTERS_MAX else message
    what, remedy = said
    if value is None:
        return f"is left empty; {remedy}"
    if item["type"] in {"too_short", "too_long"}:
        return f"holds {limits['actual_length'] or 'nothing'}; {remedy}"
    if isinstance(value, dict | list):
        return f"{'a list' if isinstance(value, list) else '`key: value`'} {what}; {remedy}"
    text = shown(str(value) if written is None else written)
    if item["type"] == "literal_error":
        return f"`{text}` {what}{_nearest(text, limits['expected'], remedy)}"
    return f"`{text}` {what}; {remedy}" if text else f"is empty; {remedy}"


def shown(text: str) -> str:
    """A value as a fault quotes it: on one line, and no more than the beginning of a long one."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text[: 2 * _SHOWN_CHARACTERS_MAX]).split())
    return line if len(line) <= _SHOWN_CHARACTERS_MAX else line[: _SHOWN_CHARACTERS_MAX - 1] + "…"


def _remedied(kind: str, value: Any, limits: Mapping[str, Any]) -> tuple[str, str] | None:
    """What the value is not, and what to write instead."""
    if kind == "literal_error":
        return "is not known here", "write " + limits["expected"].replace("'", "`")
    if kind in _LIMITS:
        name, what, remedy = _LIMITS[kind]
        is_none = isinstance(value, float) and math.isnan(value)
        return _NUMBER if is_none else (what, f"write {remedy.format(_plain(limits[name]))}")
    if kind in _LENGTHS:
        name, what, remedy = _LENGTHS[kind]
        is_text = kind == "string_too_short" and limits[name] == 1
        return what, "write something" if is_text else f"write {remedy.format(limits[name])}"
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(limits["pattern"])
    if kind == "string_type":
        return "is no text", "write words, in quotes where they begin with a digit or a sign"
    if kind == "value_error" and "reason" in limits:
        return "is no e-mail address", f"write one such as hello@shop.example ({limits['reason'].rstrip('.')})"
    return _KINDS.get(kind)


def _nearest(text: str, expected: str, remedy: str) -> str:
    known = re.findall(r"'([^']*)'", expected)
    near = nearest(text, known)
    return f"{near} (known: {', '.join(known)})" if near else f"; {remedy}"


def _plain(limit: Any) -> Any:
    return int(limit) if limit == int(limit) else limit
