"""When the clock where somebody lives shows a time of day: across zones, and on days of 23, 24 and 25 hours."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clm.domain.clock import WEEKDAYS, zone_of
from clm.domain.instant import DAY_MS, from_ms, to_ms
from clm.domain.local_time import next_at

ZONES = (
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Asia/Beirut",
)
MINUTE_MS = 60_000


def ms(text: str) -> int:
    """An instant written in UTC."""
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("zone", "now", "at", "comes"),
    [
        ("Europe/London", "2024-01-01T08:59", "09:00", "2024-01-01T09:00"),
        ("Europe/London", "2024-07-01T08:59", "09:00", "2024-07-02T08:00"),
        ("Asia/Kathmandu", "2024-01-01T03:16", "09:00", "2024-01-02T03:15"),
        ("Pacific/Kiritimati", "2024-01-01T00:00", "09:00", "2024-01-01T19:00"),
        # New York puts its clocks forward at two: there is no half past two, and three o'clock is the first instant.
        ("America/New_York", "2024-03-10T05:00", "02:30", "2024-03-10T07:00"),
        # And back at two: half past one comes twice, and either will do.
        ("America/New_York", "2024-11-03T04:00", "01:30", "2024-11-03T05:30"),
        ("America/New_York", "2024-11-03T05:45", "01:30", "2024-11-03T06:30"),
        ("America/New_York", "2024-11-03T06:45", "01:30", "2024-11-04T06:30"),
        # Lord Howe by half an hour.
        ("Australia/Lord_Howe", "2024-10-05T15:00", "02:15", "2024-10-05T15:30"),
        # Beirut at midnight: the day begins at one.
        ("Asia/Beirut", "2024-03-30T12:00", "00:10", "2024-03-30T22:00"),
        # Samoa left out 30 December 2011.
        ("Pacific/Apia", "2011-12-30T05:00", "09:00", "2011-12-30T19:00"),
    ],
)
def test_the_clock_shows_the_time(zone: str, now: str, at: str, comes: str) -> None:
    """The first instant from now on; in a gap the first one after it."""
    assert next_at(ms(now), zone_of(zone, "UTC"), at) == ms(comes)


def test_now_is_now_for_a_minute() -> None:
    """Who comes within the minute goes on at once; a minute later it is tomorrow."""
    london = zone_of("Europe/London", "UTC")
    nine = ms("2024-01-01T09:00")
    assert next_at(nine, london, "09:00") == nine
    assert next_at(nine + MINUTE_MS - 1, london, "09:00") == nine + MINUTE_MS - 1
    assert next_at(nine + MINUTE_MS, london, "09:00") == nine + DAY_MS


def test_only_on_some_weekdays() -> None:
    """Weekdays are those of the place: Friday evening in London is Saturday in Sydney."""
    friday = ms("2024-01-05T20:00")
    assert next_at(friday, zone_of("Europe/London", ""), "21:00", ["fri"]) == ms("2024-01-05T21:00")
    assert next_at(friday, zone_of("Australia/Sydney", ""), "09:00", ["fri"]) == ms("2024-01-11T22:00")
    assert next_at(friday, zone_of("Australia/Sydney", ""), "09:00", ["sat", "sun"]) == ms("2024-01-05T22:00")


def test_a_weekday_that_was_left_out_comes_a_week_later() -> None:
    """Samoa had no Friday in the last week of 2011."""
    assert next_at(ms("2011-12-29T20:00"), zone_of("Pacific/Apia", ""), "09:00", ["fri"]) == ms("2012-01-05T19:00")


def test_an_unknown_zone_is_the_shops() -> None:
    """A zone that nobody knows, or none at all, is that of the shop, and without one UTC."""
    assert str(zone_of("Mars/Olympus", "Europe/London")) == "Europe/London"
    assert str(zone_of("../passwd", "Europe/London")) == "Europe/London"
    assert str(zone_of(None, "Europe/London")) == "Europe/London"
    assert zone_of(None, "") is UTC


@given(
    now=st.integers(ms("2011-12-01T00:00"), ms("2030-01-01T00:00")),
    zone=st.sampled_from(ZONES),
    minute=st.integers(0, 1439),
    on=st.none() | st.sets(st.sampled_from(WEEKDAYS), min_size=1),
)
def test_it_is_the_first_such_minute(now: int, zone: str, minute: int, on: set[str] | None) -> None:
    """Minute by minute: none before it shows the time on such a day, and it does, or is the first after a gap."""
    at = f"{minute // 60:02}:{minute % 60:02}"
    place = zone_of(zone, "UTC")
    comes = next_at(now, place, at, on)
    assert comes >= now

    def shows(instant: int) -> bool:
        local = from_ms(instant).astimezone(place)
        return f"{local:%H:%M}" == at and (on is None or WEEKDAYS[local.weekday()] in on)

    first = -(-now // MINUTE_MS) * MINUTE_MS
    until = min(comes, first + 9 * DAY_MS)
    assert not any(shows(instant) for instant in range(first, until, MINUTE_MS))
    before, after = (from_ms(instant).astimezone(place).utcoffset() for instant in (comes - MINUTE_MS, comes))
    assert shows(comes) or before != after
