"""When a message may reach somebody: windows of local time, by weekday, of the shop and of the law.

A moment is open when, on the clock of every zone the person may be in, it lies inside the shop's own hours and inside
the legal hours of every place they may be in. Clocks that are put back pass a window's edge twice and clocks put
forward may jump over it; so windows become instants piece by piece, between one change of the clock and the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, ConfigDict, RootModel, model_validator

from clm.domain.clock import WEEKDAYS
from clm.domain.instant import DAY_MS, SECOND_MS
from clm.domain.nearest import nearest
from clm.domain.whereabouts import Whereabouts

Windows = tuple[tuple[int, int], ...]
"""Disjoint, in order: [minute, minute) of a day, or [millisecond, millisecond) since 1970 UTC."""

DAYS_AHEAD_MAX = 14

_EVERY_DAY = "every day"
_CLOSED = "closed"
_MINUTE_S = 60
_HOUR_S = 60 * _MINUTE_S
_DAY_S = 24 * _HOUR_S
_DAY_MINUTES = 24 * 60
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_CACHED_MAX = 16_384
_WINDOW = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Week:
    """Open windows of each weekday, Monday first, in minutes of local time; closed on some dates."""

    days: tuple[Windows, ...]
    closed_on: frozenset[str] = frozenset()
    """`2027-04-05`, or `12-25` for every year."""

    def on(self, ordinal: int) -> Windows:
        """The windows of a local date, counted in days since 1970."""
        if self.closed_on:
            day = date.fromordinal(_EPOCH_ORDINAL + ordinal).isoformat()
            if day in self.closed_on or day[5:] in self.closed_on:
                return ()
        return self.days[(ordinal + 3) % 7]  # 1 January 1970 was a Thursday

    def within(self, other: Week) -> Week:
        """What is open in both."""
        days = tuple(_shared(mine, theirs) for mine, theirs in zip(self.days, other.days, strict=True))
        return Week(days, self.closed_on | other.closed_on)


ALWAYS = Week((((0, _DAY_MINUTES),),) * 7)


@dataclass(frozen=True, slots=True)
class Hours:
    """The shop's own hours, and the legal hours of the places that have some."""

    default: Week
    legal: Mapping[str, Week] = field(default_factory=dict, hash=False)

    def at(self, places: Iterable[str]) -> Week:
        """What is open by the shop and by the law of each of the places."""
        week = self.default
        for place in places:
            if place in self.legal:
                week = week.within(self.legal[place])
        return week


def is_open(now: int, whereabouts: Whereabouts, hours: Hours) -> bool:
    """Whether a message may reach somebody now; raises ValueError where no zone is known (`or_at` gives one)."""
    return any(start <= now < end for start, end in _open(whereabouts, hours, now // DAY_MS))


def next_open(now: int, whereabouts: Whereabouts, hours: Hours) -> int | None:
    """The first instant from `now` on at which a message may reach somebody; None if there is none in 14 days.

    Raises ValueError where no zone is known.
    """
    last = now + DAYS_AHEAD_MAX * DAY_MS
    for day in range(now // DAY_MS, last // DAY_MS + 1):
        for start, end in _open(whereabouts, hours, day):
            if end > now:
                return max(start, now) if start <= last else None
    return None


def open_until(now: int, whereabouts: Whereabouts, hours: Hours, *, ahead: int) -> int:
    """The first instant after `now`, at which it is open, when it is not; `now + ahead` (ms) where none comes before.

    Raises ValueError where no zone is known.
    """
    last, until = now + ahead, now
    for day in range(now // DAY_MS, last // DAY_MS + 1):
        for start, end in _open(whereabouts, hours, day):
            if start <= until < end:
                until = end
    return min(until, last)


@lru_cache(maxsize=_CACHED_MAX)
def _open(whereabouts: Whereabouts, hours: Hours, day: int) -> Windows:
    """Milliseconds at which it is open everywhere, within the day of UTC."""
    if not whereabouts.zones:
        raise ValueError("no zone is known; give the shop's own with `or_at`")
    week = hours.at(whereabouts.places)
    windows: Windows = ((day * DAY_MS, (day + 1) * DAY_MS),)
    for zone in whereabouts.zones:
        windows = _shared(windows, _open_in(zone, week, day))
    return windows


@lru_cache(maxsize=_CACHED_MAX)
def _open_in(zone: str, week: Week, day: int) -> Windows:
    """Milliseconds at which it is open by the clocks of one zone, within the day of UTC."""
    windows: list[tuple[int, int]] = []
    for begin, finish, ahead in _steady(zone, day):
        for ordinal in range((begin + ahead) // _DAY_S, (finish + ahead - 1) // _DAY_S + 1):
            midnight = ordinal * _DAY_S - ahead
            for opens, closes in week.on(ordinal):
                start = max(begin, midnight + opens * _MINUTE_S)
                end = min(finish, midnight + closes * _MINUTE_S)
                if start < end:
                    windows.append((start * SECOND_MS, end * SECOND_MS))
    return _joined(windows)


@lru_cache(maxsize=_CACHED_MAX)
def _steady(zone: str, day: int) -> tuple[tuple[int, int, int], ...]:
    """The day of UTC in pieces without a change of the zone's clocks: from, until, and seconds ahead of UTC."""
    there = ZoneInfo(zone)

    def ahead(second: int) -> int:
        offset = datetime.fromtimestamp(second, there).utcoffset()
        return round(offset.total_seconds()) if offset is not None else 0

    first, last = day * _DAY_S, (day + 1) * _DAY_S
    pieces: list[tuple[int, int, int]] = []
    begin, now_ahead = first, ahead(first)
    for hour in range(first, last, _HOUR_S):
        then_ahead = ahead(hour + _HOUR_S)
        if then_ahead == now_ahead:
            continue
        before, after = hour, hour + _HOUR_S  # the change lies between: after is the first second of the new time
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (middle, after) if ahead(middle) == now_ahead else (before, middle)
        pieces.append((begin, after, now_ahead))
        begin, now_ahead = after, then_ahead
    if begin < last:
        pieces.append((begin, last, now_ahead))
    return tuple(pieces)


def _shared(some: Windows, others: Windows) -> Windows:
    """What lies in both."""
    return tuple(
        (max(start, opens), min(end, closes))
        for start, end in some
        for opens, closes in others
        if max(start, opens) < min(end, closes)
    )


def _joined(windows: Iterable[tuple[int, int]]) -> Windows:
    """The same in order, with what touches or overlaps made one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(windows):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def _days_named(text: str) -> tuple[int, ...]:
    """The weekdays that `mon-sat`, `sat, sun` or `every day` name, Monday 0; raises ValueError for anything else."""
    if text.strip() == _EVERY_DAY:
        return tuple(range(7))
    found: list[int] = []
    for part in text.split(","):
        names = [name.strip() for name in part.split("-", 1)]
        for name in names:
            if name not in WEEKDAYS:
                remedy = nearest(name, WEEKDAYS)
                raise ValueError(f"`{name}` is not a weekday{remedy} (mon, mon-fri, `sat, sun` or every day)")
        first, last = WEEKDAYS.index(names[0]), WEEKDAYS.index(names[-1])
        found += [(first + step) % 7 for step in range((last - first) % 7 + 1)]
    return tuple(found)


def _windows_read(text: str) -> Windows:
    """The minutes that `09:00-12:00, 14:00-20:00` or `closed` names; one that ends past midnight ends above 1,440."""
    if text.strip() == _CLOSED:
        return ()
    windows: list[tuple[int, int]] = []
    for part in text.split(","):
        found = _WINDOW.fullmatch(part.strip())
        start, end = (int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])) if found else (0, 0)
        if found is None or start >= _DAY_MINUTES or end > _DAY_MINUTES:
            raise ValueError(f'`{part.strip()}` is not a window of the day; write it like "09:00-20:00", or closed')
        if start == end:
            raise ValueError(f'`{part.strip()}` is empty; write "00:00-24:00" for the whole day, or closed')
        windows.append((start, end if end > start else end + _DAY_MINUTES))
    return tuple(windows)


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError('must be a window of the day, in quotes: "09:00-20:00"')  # noqa: TRY004 (pydantic's way)
    _windows_read(value)
    return value


def _days_checked(text: str) -> str:
    _days_named(text)
    return text


class QuietHours(
    RootModel[dict[Annotated[str, AfterValidator(_days_checked)], Annotated[str, BeforeValidator(_text)]]]
):
    """When messages may go, as config/ says it: `{mon-sat: "09:00-20:00", sun: "12:00-20:00"}`; quiet outside.

    A weekday that is not named is closed, `22:00-02:00` runs into the next day, and several windows are told apart by
    commas.
    """

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _each_day_once(self) -> QuietHours:
        named = [day for text in self.root for day in _days_named(text)]
        twice = next((WEEKDAYS[day] for day in named if named.count(day) > 1), None)
        if twice:
            raise ValueError(f"names `{twice}` twice; give each weekday one line")
        if not named:
            raise ValueError('names no weekday, so nothing would ever go; write for example `every day: "09:00-20:00"`')
        return self

    @property
    def week(self) -> Week:
        """The same as minutes of each weekday."""
        days: list[list[tuple[int, int]]] = [[] for _ in WEEKDAYS]
        for text, windows in self.root.items():
            for day in _days_named(text):
                for start, end in _windows_read(windows):
                    days[day].append((start, min(end, _DAY_MINUTES)))
                    if end > _DAY_MINUTES:
                        days[(day + 1) % 7].append((0, end - _DAY_MINUTES))
        return Week(tuple(_joined(windows) for windows in days))
