"""What a clock on the wall shows, in any zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from clm.domain.instant import from_ms

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@lru_cache(maxsize=1_000)
def zone_of(name: str | None, otherwise: str = "UTC") -> tzinfo:
    """The zone called `name`, or `otherwise` where nobody knows such a zone."""
    for known in (name, otherwise):
        if known:
            try:
                return ZoneInfo(known)
            except (KeyError, ValueError, OSError):  # missing, no name of a zone at all, or a folder of zones
                continue
    return UTC


def local_time(zone: str, now: int) -> datetime:
    """The wall clock of an IANA zone at an instant in milliseconds."""
    return from_ms(now).astimezone(zone_of(zone))


def local_date(zone: str, now: int) -> date:
    """The calendar date in an IANA zone."""
    return local_time(zone, now).date()


def weekday(local: date) -> Weekday:
    """The day of the week of a date."""
    return WEEKDAYS[local.weekday()]


def instant_of(text: str, zone: str) -> int:
    """The instant at which an ISO date begins in a zone, or of an ISO date and time there; raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone_of(zone))
    try:
        return round(moment.astimezone(UTC).timestamp() * 1_000)
    except OverflowError:
        raise ValueError(f"{text} is not within the years 1 to 9999 everywhere") from None
