"""Lengths of time as files say them and as kept definitions hold them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pydantic import ValidationInfo

from clm.domain.instant import DAY_MS, HOUR_MS

_UNITS_MS = {"m": HOUR_MS // 60, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}
LONGEST = "1825d"
"""Five years: beyond it lies no plan, but a slip of the finger that nobody would ever see come true."""

FROM_FILE = {"from_file": True}
"""The context in which files are read: there a length of time has its unit, and is neither too short nor too long.

Without it a kept definition is read as well, whose lengths are milliseconds, and what files once allowed.
"""


def is_from_file(info: ValidationInfo) -> bool:
    """Whether a file is being read, and not a kept definition."""
    return bool(info.context and info.context.get("from_file"))


def milliseconds(value: Any) -> int:
    """The length that a text says; raises ValueError for anything else, bare numbers among it."""
    match = re.fullmatch(r"(\d{1,4})\s*([mhdw])", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"`{value}` is not a duration; write 30m, 4h, 6d or 2w")
    return int(match[1]) * _UNITS_MS[match[2]]


def within_reason(value: Any) -> int:
    """The length that a text says, where it is not longer than LONGEST; raises ValueError with the remedy."""
    length = milliseconds(value)
    if length > milliseconds(LONGEST):
        raise ValueError(f"`{value}` is too long; write {LONGEST} (five years) or less")
    return length


def at_least(least: str, what_for: str = "") -> Callable[[Any], int]:
    """Reads a length that is neither shorter than `least` nor longer than LONGEST."""

    def read(value: Any) -> int:
        length = within_reason(value)
        if length < milliseconds(least):
            raise ValueError(f"`{value}` is too short{what_for}; write {least} or more")
        return length

    return read


def or_kept(read: Callable[[Any], int]) -> Callable[[Any, ValidationInfo], int]:
    """Reads a file's length by `read`, and of a kept definition the milliseconds."""

    def read_either(value: Any, info: ValidationInfo) -> int:
        if is_from_file(info):
            return read(value)
        return value if type(value) is int else milliseconds(value)

    return read_either
