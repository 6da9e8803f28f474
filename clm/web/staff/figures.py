"""How staff pages write numbers, instants and lengths; English, by the clock of the shop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from clm.domain.instant import DAY_MS, HOUR_MS, from_ms

_MINUTE_MS = HOUR_MS // 60


def number(value: float) -> str:
    """`1,234`; other than whole numbers with two places."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")


def moment(ms: int | None, zone: str) -> str:
    """`26 Nov 2026, 05:24 GMT`, by the clock of a zone (IANA)."""
    if ms is None:
        return "–"
    there = from_ms(ms).astimezone(ZoneInfo(zone))
    name = there.tzname() or ""
    if not name.isalpha():  # of zones that have no name of their own in English
        offset = f"{there:%z}"
        name = f"UTC{offset[:3]}:{offset[3:5]}"
    return f"{there:%-d %b %Y, %H:%M} {name}"


def machine_time(ms: int) -> str:
    """The same for programs, as <time datetime> wants it."""
    return from_ms(ms).strftime("%Y-%m-%dT%H:%M:%SZ")


def since(ms: int, now: int) -> str:
    """How long ago: `12 min`, `3 h`, `5 d`; of what is to come, `in 3 h`."""
    gone = abs(now - ms)
    for unit, length in (("d", DAY_MS), ("h", HOUR_MS), ("min", _MINUTE_MS)):
        if gone >= length:
            told = f"{gone // length} {unit}"
            return f"{told} ago" if ms <= now else f"in {told}"
    return "now"


def filters(zone: str) -> dict[str, Callable[..., Any]]:
    """What templates write them with, by the clock of the shop's zone."""
    return {"number": number, "moment": partial(moment, zone=zone), "machine_time": machine_time, "since": since}
