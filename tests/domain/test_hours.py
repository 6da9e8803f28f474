"""When a message may reach somebody: held to a slow oracle that reads a clock, minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from clm.domain.hours import ALWAYS, DAYS_AHEAD_MAX, WEEKDAYS, Hours, QuietHours, Week, is_open, next_open
from clm.domain.instant import DAY_MS, HOUR_MS, SECOND_MS, to_ms
from clm.domain.whereabouts import Whereabouts, whereabouts

MINUTE_MS = 60 * SECOND_MS
SHOP = QuietHours.model_validate({"mon-sat": "09:00-20:00", "sun": "12:00-20:00"}).week

CHANGES = {  # instants at which clocks changed, in UTC
    "Europe/London": ["2026-03-29T01:00", "2026-10-25T01:00"],
    "America/New_York": ["2026-03-08T07:00", "2026-11-01T06:00"],
    "Australia/Lord_Howe": ["2026-04-04T15:00", "2026-10-03T15:30"],  # by half an hour
    "Africa/Casablanca": ["2026-02-15T02:00", "2026-03-22T02:00"],  # back for Ramadan
    "Asia/Kathmandu": ["1985-12-31T18:30"],  # by a quarter of an hour, once
    "Pacific/Apia": ["2011-12-30T10:00", "2011-04-02T14:00"],  # 30 December 2011 never was
    "Pacific/Kiritimati": ["2026-06-01T00:00"],  # 14 hours ahead, without changes
    "Etc/GMT+12": ["2026-06-01T00:00"],  # 12 hours behind
    "Asia/Kolkata": ["2026-06-01T00:00"],
    "Atlantic/Azores": ["2026-03-29T01:00", "2026-10-25T01:00"],
}


def clock_text(minute: int) -> str:
    """The minute of a day as a clock shows it."""
    return f"{minute // 60:02}:{minute % 60:02}"


class Rule:
    """Opening hours as the oracle knows them: by weekday, windows in minutes, and closed dates."""

    def __init__(self, days: list[list[tuple[int, int]]], closed: set[str]) -> None:
        self.days = days
        self.closed = closed

    def week(self) -> Week:
        """The same, by way of the texts that people write."""
        texts = {
            name: ", ".join(f"{clock_text(start)}-{clock_text(end)}" for start, end in day) or "closed"
            for name, day in zip(WEEKDAYS, self.days, strict=True)
        }
        return Week(QuietHours.model_validate(texts).week.days, frozenset(self.closed))

    def holds(self, moment: datetime) -> bool:
        """Whether the local moment is open: in a window of its day, or in one of the day before past midnight."""
        if self.closed and {moment.strftime("%Y-%m-%d"), moment.strftime("%m-%d")} & self.closed:
            return False
        reading = moment.hour * 60 + moment.minute
        before, now = self.days[moment.weekday() - 1], self.days[moment.weekday()]
        return any(start <= reading < end or end < start <= reading for start, end in now) or any(
            end < start and reading < end for start, end in before
        )

    def __repr__(self) -> str:
        return f"Rule({self.days}, {self.closed})"


def open_by_the_clock(at: int, zones: tuple[str, ...], rules: list[Rule]) -> bool:
    """The oracle: whether every clock, read at that instant, lies inside every rule."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    locally = [moment.astimezone(ZoneInfo(zone)) for zone in zones]
    return all(rule.holds(each) for each in locally for rule in rules)


WINDOW = st.tuples(st.integers(0, 1439), st.integers(0, 1440)).filter(lambda pair: pair[0] != pair[1])
EVEN = st.tuples(st.sampled_from([0, 60, 90, 120, 150, 540, 1320]), st.sampled_from([30, 61, 155, 180, 1200, 1440]))
RULES = st.builds(
    Rule,
    st.lists(st.lists(WINDOW | EVEN, max_size=2), min_size=7, max_size=7),
    st.sets(st.sampled_from(["12-25", "2026-03-29", "2026-11-01", "2011-12-31", "10-25"]), max_size=2),
)


@st.composite
def moments(draw: st.DrawFn) -> tuple[tuple[str, ...], int]:
    """Up to three zones, and an instant within two days of a change of the first one's clocks."""
    zones = draw(st.lists(st.sampled_from(sorted(CHANGES)), min_size=1, max_size=3, unique=True))
    change = datetime.fromisoformat(draw(st.sampled_from(CHANGES[zones[0]]))).replace(tzinfo=UTC)
    near = draw(st.integers(-2 * DAY_MS, 2 * DAY_MS) | st.integers(-3 * HOUR_MS, 3 * HOUR_MS) | st.integers(-1, 1))
    return tuple(sorted(zones)), to_ms(change) + near


def hours_of(rules: list[Rule]) -> tuple[Hours, tuple[str, ...]]:
    """The first rule as the shop's, the others as the law of places, and the names of those."""
    places = tuple(f"P{number}" for number in range(len(rules) - 1))
    legal = {place: rule.week() for place, rule in zip(places, rules[1:], strict=True)}
    return Hours(rules[0].week(), legal | {"FR": Week(((),) * 7)}), places


@given(moments(), st.lists(RULES, min_size=1, max_size=3), st.lists(st.integers(0, 4 * DAY_MS), max_size=20))
def test_open_is_what_the_clocks_say(moment: tuple[tuple[str, ...], int], rules: list[Rule], later: list[int]) -> None:
    """At any millisecond, around any change of clocks, in all zones and under all rules at once."""
    zones, now = moment
    hours, places = hours_of(rules)
    for at in (now, *(now + each for each in later)):
        assert is_open(at, Whereabouts(zones, places), hours) == open_by_the_clock(at, zones, rules)


@pytest.mark.slow
@given(moments(), st.lists(RULES, min_size=1, max_size=2), st.randoms(use_true_random=False))
def test_the_next_opening_is_the_first(moment: tuple[tuple[str, ...], int], rules: list[Rule], random: Any) -> None:
    """It is open then and at no minute before, nor a millisecond before; None means not one minute in 14 days."""
    zones, now = moment
    hours, places = hours_of(rules)
    found = next_open(now, Whereabouts(zones, places), hours)
    last = now + DAYS_AHEAD_MAX * DAY_MS
    if found is not None:
        assert now <= found <= last
        assert open_by_the_clock(found, zones, rules)
        assert found == now or not open_by_the_clock(found - 1, zones, rules)
    until = last + 1 if found is None else found
    whole = -(-now // MINUTE_MS) * MINUTE_MS  # clocks and windows change on whole minutes
    assert not any(open_by_the_clock(at, zones, rules) for at in (now, *range(whole, until, MINUTE_MS)) if at < until)
    assert not any(open_by_the_clock(random.randrange(now, until), zones, rules) for _ in range(20) if now < until)


@given(moments(), st.lists(RULES, min_size=1, max_size=3))
def test_open_in_several_is_open_in_each(moment: tuple[tuple[str, ...], int], rules: list[Rule]) -> None:
    """A further zone or place takes moments away and adds none."""
    zones, now = moment
    hours, places = hours_of(rules)
    for at in range(now, now + DAY_MS, 37 * MINUTE_MS):
        together = is_open(at, Whereabouts(zones, places), hours)
        assert together == all(is_open(at, Whereabouts((zone,), places), hours) for zone in zones)
        alone = [is_open(at, Whereabouts(zones, (place,)), hours) for place in places]
        assert together == (all(alone) and is_open(at, Whereabouts(zones, ()), hours))


@given(moments(), RULES)
@example((("Pacific/Apia",), to_ms(datetime(2011, 12, 30, 9, 59, tzinfo=UTC))), Rule([[(0, 1440)]] * 7, set()))
def test_from_one_opening_on_it_stays_open(moment: tuple[tuple[str, ...], int], rule: Rule) -> None:
    """Whoever waits for the next opening and asks again need not wait again."""
    zones, now = moment
    there, hours = Whereabouts(zones, ()), Hours(rule.week())
    found = next_open(now, there, hours)
    assert found is None or next_open(found, there, hours) == found


def at(text: str, zone: str) -> int:
    """The instant of a local time."""
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def test_windows_begin_with_their_first_minute_and_end_before_their_last() -> None:
    """09:00 is open, 20:00 is not, and on Sundays it begins at noon."""
    london, hours = Whereabouts(("Europe/London",), ()), Hours(SHOP)
    nine, eight = at("2026-11-23T09:00", "Europe/London"), at("2026-11-23T20:00", "Europe/London")
    assert not is_open(nine - 1, london, hours)
    assert is_open(nine, london, hours)
    assert is_open(eight - 1, london, hours)
    assert not is_open(eight, london, hours)
    assert next_open(eight, london, hours) == at("2026-11-24T09:00", "Europe/London")
    assert next_open(at("2026-11-28T20:00", "Europe/London"), london, hours) == at("2026-11-29T12:00", "Europe/London")


def test_the_law_of_a_place_narrows_the_shops_hours() -> None:
    """Texas on a Sunday at noon by the shop and the law; a shop that opens at seven waits for Texas until nine."""
    texas = QuietHours.model_validate({"mon-sat": "09:00-21:00", "sun": "12:00-21:00"}).week
    early = Hours(QuietHours.model_validate({"every day": "07:00-23:00"}).week, {"US-TX": texas})
    austin = whereabouts(zone=None, country="US", postcode="78701", phone=None)
    assert next_open(at("2026-11-23T06:00", "America/Chicago"), austin, early) == at(
        "2026-11-23T09:00", "America/Chicago"
    )
    assert next_open(at("2026-11-23T21:00", "America/Chicago"), austin, early) == at(
        "2026-11-24T09:00", "America/Chicago"
    )
    assert next_open(at("2026-11-29T07:00", "America/Chicago"), austin, early) == at(
        "2026-11-29T12:00", "America/Chicago"
    )


def test_an_unknown_state_waits_for_hawaii_and_stops_for_new_york() -> None:
    """When it is nine in the Aleutians it is two in New York, and at eight in New York it ends."""
    unknown = whereabouts(zone=None, country="US", postcode=None, phone=None)
    hours = Hours(SHOP)
    first = next_open(at("2026-11-23T03:00", "America/New_York"), unknown, hours)
    assert first == at("2026-11-23T09:00", "America/Adak") == at("2026-11-23T14:00", "America/New_York")
    assert not is_open(at("2026-11-23T20:00", "America/New_York"), unknown, hours)


def test_a_day_of_23_hours_and_one_of_25() -> None:
    """A window from one to two in the morning vanishes when clocks go forward, and comes twice when they go back."""
    london = Whereabouts(("Europe/London",), ())
    hours = Hours(QuietHours.model_validate({"every day": "01:00-02:00"}).week)
    assert next_open(at("2026-03-28T02:00", "Europe/London"), london, hours) == to_ms(datetime(2026, 3, 30, tzinfo=UTC))
    first = to_ms(datetime(2026, 10, 25, 0, tzinfo=UTC))
    assert [is_open(first + hour * HOUR_MS, london, hours) for hour in range(-1, 3)] == [False, True, True, False]


def test_a_day_that_never_was() -> None:
    """Samoa went from Thursday 29 to Saturday 31 December 2011: a window of Fridays waits a week."""
    apia = Whereabouts(("Pacific/Apia",), ())
    fridays = Hours(QuietHours.model_validate({"fri": "00:00-24:00"}).week)
    assert next_open(at("2011-12-29T12:00", "Pacific/Apia"), apia, fridays) == at("2012-01-06T00:00", "Pacific/Apia")


def test_closed_dates() -> None:
    """A date of one year, and one of every year, by the local calendar."""
    paris = Whereabouts(("Europe/Paris",), ("FR",))
    hours = Hours(ALWAYS, {"FR": Week(ALWAYS.days, frozenset({"12-25", "2027-03-29"}))})
    for closed in (date(2026, 12, 25), date(2027, 3, 29), date(2027, 12, 25)):
        midnight = at(closed.isoformat(), "Europe/Paris")
        assert is_open(midnight - 1, paris, hours)
        assert next_open(midnight, paris, hours) == at((closed + timedelta(1)).isoformat(), "Europe/Paris")
    assert is_open(at("2028-03-29", "Europe/Paris"), paris, hours)


def test_never_open_in_a_fortnight() -> None:
    """Zones too far apart share no waking hour, and a closed week has none: None, not an endless search."""
    now = at("2026-11-23T12:00", "UTC")
    assert next_open(now, Whereabouts(("Asia/Tokyo", "Europe/London", "Pacific/Honolulu"), ()), Hours(SHOP)) is None
    assert next_open(now, Whereabouts(("UTC",), ()), Hours(Week(((),) * 7))) is None


def test_the_fortnight_ends_to_the_millisecond() -> None:
    """An opening 14 days from now counts, one a millisecond later does not."""
    utc = Whereabouts(("UTC",), ())
    opening = at("2026-12-21T09:00", "UTC")
    closed = frozenset((date(2026, 12, 1) + timedelta(day)).isoformat() for day in range(20))
    hours = Hours(Week(SHOP.days, closed))
    assert next_open(opening - DAYS_AHEAD_MAX * DAY_MS, utc, hours) == opening
    assert next_open(opening - DAYS_AHEAD_MAX * DAY_MS - 1, utc, hours) is None


def test_without_a_zone_there_is_no_answer() -> None:
    """Nobody is written to at any hour because nothing is known of them."""
    with pytest.raises(ValueError, match="no zone is known"):
        is_open(0, Whereabouts((), ("FR",)), Hours(SHOP))
    with pytest.raises(ValueError, match="no zone is known"):
        next_open(0, Whereabouts((), ()), Hours(SHOP))


def test_equal_hours_are_the_same_to_a_set() -> None:
    """Policies that are loaded twice share what was reckoned once."""
    again = Hours(QuietHours.model_validate({"mon-sat": "09:00-20:00", "sun": "12:00-20:00"}).week, {"FR": ALWAYS})
    assert {again, Hours(SHOP, {"FR": ALWAYS})} == {again}
    assert again != Hours(SHOP)


@pytest.mark.parametrize(
    ("written", "open_minutes"),
    [
        ({"every day": "00:00-24:00"}, [[(0, 1440)]] * 7),
        ({"mon-fri": "09:00-12:00, 14:00-20:00"}, [[(540, 720), (840, 1200)]] * 5 + [[], []]),
        ({"sat, sun": "10:00-11:00"}, [[]] * 5 + [[(600, 660)]] * 2),
        ({"sat-mon": "10:00-11:00"}, [[(600, 660)], [], [], [], [], [(600, 660)], [(600, 660)]]),
        ({"sun": "22:00-02:00"}, [[(0, 120)], [], [], [], [], [], [(1320, 1440)]]),
        ({"mon": "09:00-12:00, 11:00-13:00", "tue": "closed"}, [[(540, 780)], [], [], [], [], [], []]),
        ({"every day": "closed"}, [[]] * 7),
    ],
)
def test_windows_as_people_write_them(written: dict[str, str], open_minutes: list[list[tuple[int, int]]]) -> None:
    """Ranges and lists of weekdays, several windows, past midnight; a weekday that is not named is closed."""
    assert [list(day) for day in QuietHours.model_validate(written).week.days] == open_minutes


@pytest.mark.parametrize(
    ("written", "where", "complaint"),
    [
        ({"mno": "09:00-20:00"}, ("mno", "[key]"), "`mno` is not a weekday; did you mean `mon`?"),
        ({"mon-": "09:00-20:00"}, ("mon-", "[key]"), "`` is not a weekday (mon, mon-fri, `sat, sun` or every day)"),
        ({"mon": "9-20"}, ("mon",), '`9-20` is not a window of the day; write it like "09:00-20:00", or closed'),
        ({"mon": "09:00-24:30"}, ("mon",), "`09:00-24:30` is not a window"),
        ({"mon": "24:00-25:00"}, ("mon",), "`24:00-25:00` is not a window"),
        ({"mon": "09:60-20:00"}, ("mon",), "`09:60-20:00` is not a window"),
        ({"mon": "09:00-09:00"}, ("mon",), '`09:00-09:00` is empty; write "00:00-24:00" for the whole day'),
        ({"mon": 540}, ("mon",), 'must be a window of the day, in quotes: "09:00-20:00"'),
        ({"mon-sat": "09:00-20:00", "sat": "closed"}, (), "names `sat` twice; give each weekday one line"),
        ({}, (), "names no weekday, so nothing would ever go"),
    ],
)
def test_what_cannot_be_read_is_refused(written: dict[str, Any], where: tuple[str, ...], complaint: str) -> None:
    """At the key it stands at, with what to write instead."""
    with pytest.raises(ValidationError) as refusal:
        QuietHours.model_validate(written)
    (error,) = refusal.value.errors()
    assert error["loc"] == where
    assert complaint in error["msg"]
