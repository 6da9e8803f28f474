"""When people shop: hours, weekdays and festivals of five countries, as a clock that runs faster on busy days.

Buying models speak of a steady pace; shops have Christmas. Here a customer's steady time is stretched over the
calendar: a day of twice the usual business counts as two days. Festival dates are computed, so any year works:
the Islamic ones by the tabular calendar (a day off the sighted moon at most times; Reingold and Dershowitz,
Calendrical Calculations), Nowruz on 20 March, Songkran on 13 April. The lifts are our choice.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from itertools import accumulate
from typing import NamedTuple
from zoneinfo import ZoneInfo

from clm.domain.instant import HOUR_MS, to_ms

YEARS_MAX = 10
_DAYS_AROUND_MAX = 60  # no festival is felt further away than this


class Festival(NamedTuple):
    """One feast and how it moves business: up towards a peak some days before, down on the days themselves."""

    name: str
    lift: float  # at its peak: 1.0 doubles the business
    days_before: int  # the peak, for things have to arrive in time
    spread_days: float
    closed_days: int = 1  # from the date on, when people are with their families


FESTIVALS: dict[str, tuple[Festival, ...]] = {
    "GB": (Festival("Christmas", 1.5, 14, 10, 3), Festival("summer", -0.22, 0, 25, 0)),
    "IR": (Festival("Nowruz", 1.7, 12, 8, 5), Festival("Yalda", 0.8, 9, 5), Festival("Ramadan", -0.2, -14, 10, 0)),
    "AE": (
        Festival("Ramadan", 0.9, 5, 9, 0),
        Festival("Eid al-Fitr", 1.0, 9, 6, 3),
        Festival("Eid al-Adha", 0.5, 8, 5, 3),
        Festival("summer", -0.3, 0, 25, 0),
    ),
    "TH": (Festival("Songkran", 1.0, 9, 7, 4), Festival("Christmas", 0.5, 10, 9, 0)),
    "RU": (
        Festival("Russian New Year", 1.6, 16, 9, 5),
        Festival("Women's Day", 0.9, 10, 5),
        Festival("summer", -0.2, 0, 25, 0),
    ),
}

# Monday first. The Iranian weekend is Friday, the others' Saturday and Sunday (the Emirates' since 2022).
_WEEK: dict[str, tuple[float, ...]] = {
    "GB": (1.05, 0.95, 0.95, 1.0, 0.95, 0.95, 1.15),
    "IR": (1.0, 1.0, 1.0, 1.1, 0.75, 1.05, 1.1),
    "AE": (0.95, 0.95, 1.0, 1.05, 0.95, 1.1, 1.0),
    "TH": (0.95, 0.95, 0.95, 1.0, 1.1, 1.1, 0.95),
    "RU": (1.0, 1.0, 1.0, 1.0, 1.05, 0.95, 1.0),
}

# Of a day's business, how much falls into each local hour: little at night, lunch, and most after dinner.
_HOURS = (6, 3, 2, 1, 1, 2, 6, 14, 24, 32, 38, 42, 48, 46, 40, 38, 38, 42, 48, 56, 64, 62, 44, 20)
_HOURS_RUNNING = tuple(accumulate((hour / sum(_HOURS) for hour in _HOURS), initial=0.0))


def _islamic(year: int, month: int, day: int) -> date:
    """The Gregorian date of a day of the tabular Islamic calendar."""
    days = day + math.ceil(29.5 * (month - 1)) + (year - 1) * 354 + (3 + 11 * year) // 30
    return date.fromordinal(227_014 + days)  # 227,015 is Muharram 1 of the first year, 19 July 622


@cache
def festival_dates(year: int) -> tuple[tuple[str, date], ...]:
    """The festivals that begin in a Gregorian year."""
    fixed = [
        ("Christmas", date(year, 12, 25)),
        ("Russian New Year", date(year, 12, 31)),
        ("Yalda", date(year, 12, 21)),
        ("Women's Day", date(year, 3, 8)),
        ("Nowruz", date(year, 3, 20)),
        ("Songkran", date(year, 4, 13)),
        ("summer", date(year, 7, 25)),
    ]
    around = int((year - 622) * 365.2425 / 354.367)  # the Islamic year is eleven days shorter
    moving = [
        (name, _islamic(islamic_year, month, day))
        for islamic_year in range(around - 1, around + 4)
        for name, month, day in (("Ramadan", 9, 1), ("Eid al-Fitr", 10, 1), ("Eid al-Adha", 12, 10))
    ]
    return tuple(fixed + [(name, when) for name, when in moving if when.year == year])


@lru_cache(maxsize=YEARS_MAX * 800)
def festivals_near(day: date) -> frozenset[str]:
    """The festivals seasonal goods are sold for on `day`: from seven weeks before to four days after."""
    return frozenset(name for name, away in _away(day) if -4 <= away <= 49)


@lru_cache(maxsize=YEARS_MAX * 800)
def _away(day: date) -> tuple[tuple[str, int], ...]:
    return tuple(
        (name, (when - day).days)
        for year in (day.year - 1, day.year, day.year + 1)
        for name, when in festival_dates(year)
        if abs((when - day).days) <= _DAYS_AROUND_MAX
    )


def pace(country: str, day: date) -> float:
    """How brisk business is on a local day, 1 being an ordinary one."""
    factor = _WEEK[country][day.weekday()]
    away = _away(day)
    for festival in FESTIVALS[country]:
        for name, days in away:
            if name != festival.name:
                continue
            distance = (days - festival.days_before) / festival.spread_days
            factor *= 1 + festival.lift * math.exp(-distance * distance / 2)
            if -festival.closed_days < days <= 0:
                factor *= 0.4
    return factor


class Calendar:
    """The days of one country, each as long as its business is brisk; a position is a day number and a fraction.

    Fractions are shares of a day's business, so that evenings are long and nights short. The mean pace is 1, which
    keeps rates per day what they say.
    """

    def __init__(self, country: str, *, first: date, days: int, growth: float = 1.0) -> None:
        """`growth` is how many times busier the last day is than the first; positions after `days` run on evenly."""
        raw = [
            pace(country, first + timedelta(days=number)) * math.pow(growth, number / days) for number in range(days)
        ]
        mean = sum(raw) / len(raw)
        self._first = first
        self._running = list(accumulate((weight / mean for weight in raw), initial=0.0))
        self.length = self._running[-1]

    def advance(self, position: float, busy_days: float) -> float:
        """The position after `busy_days` of ordinary business from `position`; beyond the end it is the end."""
        number = min(int(position), len(self._running) - 2)
        weight = self._running[number + 1] - self._running[number]
        target = self._running[number] + (position - number) * weight + busy_days
        if target >= self.length:
            return float(len(self._running) - 1)
        number = bisect_right(self._running, target) - 1
        return number + (target - self._running[number]) / (self._running[number + 1] - self._running[number])

    def position(self, at_ms: int, zone: str) -> float:
        """The position of an instant for somebody in `zone`."""
        day, hour = _local(at_ms, zone)
        whole = int(hour)
        share = _HOURS_RUNNING[whole] + (hour - whole) * (_HOURS_RUNNING[whole + 1] - _HOURS_RUNNING[whole])
        return max((day - self._first).days + share, 0.0)

    def instant(self, position: float, zone: str) -> int:
        """The instant of a position for somebody in `zone`, in milliseconds."""
        number = int(position)
        share = position - number
        hour = bisect_right(_HOURS_RUNNING, share, hi=24) - 1
        part = (share - _HOURS_RUNNING[hour]) / (_HOURS_RUNNING[hour + 1] - _HOURS_RUNNING[hour])
        return midnight(self._first + timedelta(days=number), zone) + int((hour + part) * HOUR_MS)

    def day(self, position: float) -> date:
        """The local day of a position."""
        return self._first + timedelta(days=int(position))


@lru_cache(maxsize=20 * 366 * YEARS_MAX)
def midnight(day: date, zone: str) -> int:
    """The instant a local day begins, in milliseconds."""
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)))


def _local(at_ms: int, zone: str) -> tuple[date, float]:
    local = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone))
    return local.date(), local.hour + local.minute / 60 + local.second / 3600
