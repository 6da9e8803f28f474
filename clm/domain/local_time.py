"""When the clock where somebody lives next shows a time of day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta, tzinfo

from clm.domain.clock import weekday
from clm.domain.instant import from_ms, to_ms

_MINUTE = timedelta(minutes=1)
_DAYS_MAX = 15
"""A weekday comes round within seven days; where a zone has skipped one whole day (Samoa, 2011), within fourteen."""


def next_at(now: int, zone: tzinfo, at: str, on: Collection[str] | None = None) -> int:
    """The first instant from `now` on (milliseconds) whose local time is `at`, on one of the weekdays `on`.

    The minute that has begun counts: at 09:00:40, 09:00 is now. Where clocks are put forward over `at`, the first
    instant after the gap stands for it; where they are put back, it comes twice.
    """
    hours, minutes = at.split(":")
    clock = time(int(hours), int(minutes))
    here = from_ms(now).astimezone(zone)
    found: list[datetime] = []
    for days in range(_DAYS_MAX):
        local = datetime.combine(here.date() + timedelta(days=days), clock)
        if on is None or weekday(local) in on:
            found += [instant for instant in _instants(local, zone) if instant > from_ms(now) - _MINUTE]
        if found:
            return max(now, to_ms(min(found)))
    raise ValueError(f"no day of {on} comes within {_DAYS_MAX} days")


def _instants(local: datetime, zone: tzinfo) -> list[datetime]:
    """The instants that a clock in `zone` shows as `local`: one, two, or where it shows none the end of the gap."""
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if _shown(first, zone) == local:
        return [first] if first == second else [first, second]
    end = _end_of_gap(second, first, zone)
    # A whole day that was left out has no instants.
    around = {_shown(end - _MINUTE, zone).date(), _shown(end, zone).date()}
    return [end] if local.date() in around else []


def _end_of_gap(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The instant between the two, to the second, at which the clock is put forward."""
    offset = after.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while low < high:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle + 1
    return before + timedelta(seconds=low)


def _shown(instant: datetime, zone: tzinfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)
