"""The table of legal hours: every row sourced and dated, every fault told with its place."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from clm.domain.hours import ALWAYS, Hours, is_open
from clm.domain.instant import to_ms
from clm.domain.whereabouts import whereabouts
from clm.errors import ConfigurationError
from clm.hours_file import load_hours, read_hours
from tests.conftest import PROJECT

SHIPPED = PROJECT / "config" / "sms_hours.yaml"


def faults(tmp_path: Path, text: str) -> list[str]:
    """What is refused in a file of that text, with its name in place of the whole path."""
    path = tmp_path / "sms_hours.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refusal:
        read_hours(path)
    return [str(fault).replace(f"{tmp_path}/", "") for fault in refusal.value.faults]


def test_every_shipped_row_is_sourced_and_dated() -> None:
    """A row names its statute or regulator and the day somebody looked it up, and narrows something."""
    rows = read_hours(SHIPPED)
    assert rows[0].place == "US"
    for row in rows:
        assert row.source
        assert row.checked.isoformat() >= "2026-11-23"
        assert row.week != ALWAYS
    assert len(rows) == len(load_hours(SHIPPED))


@pytest.mark.parametrize(
    ("place", "postcode", "opens", "closes", "sunday"),
    [
        ("US-CA", "90001", 8, 21, 8),
        ("US-FL", "33101", 8, 20, 8),
        ("US-MD", "21201", 8, 20, 8),
        ("US-OK", "73102", 8, 20, 8),
        ("US-MA", "02108", 8, 20, 8),
        ("US-MS", "39201", 8, 20, None),
        ("US-NJ", "07102", 8, 20, 8),
        ("US-CT", "06103", 9, 20, 9),
        ("US-NV", "89101", 9, 20, 9),
        ("US-TX", "78701", 9, 21, 12),
        ("US-RI", "02903", 9, 18, None),
    ],
)
def test_hours_of_the_states(place: str, postcode: str, opens: int, closes: int, sunday: int | None) -> None:
    """What the table says is what is reckoned, hour by hour on a Tuesday and on a Sunday."""
    hours = Hours(ALWAYS, load_hours(SHIPPED))
    there = whereabouts(zone=None, country="US", postcode=postcode, phone=None)
    assert place in there.places
    for day, first in ((datetime(2026, 11, 24, tzinfo=UTC), opens), (datetime(2026, 11, 29, tzinfo=UTC), sunday)):
        told = [hour for hour in range(24) if is_open(_local(day, hour, there.zones[0]), there, hours)]
        assert told == ([] if first is None else list(range(first, closes)))


def test_france_rests_on_sundays_and_public_holidays() -> None:
    """Christmas 2026, a Friday, and Easter Monday 2027."""
    hours = Hours(ALWAYS, load_hours(SHIPPED))
    paris = whereabouts(zone=None, country="FR", postcode=None, phone=None)
    for day, is_so in ((24, True), (25, False), (26, True), (27, False)):
        assert is_open(_local(datetime(2026, 12, day, tzinfo=UTC), 12, "Europe/Paris"), paris, hours) is is_so
    assert not is_open(_local(datetime(2027, 3, 29, tzinfo=UTC), 12, "Europe/Paris"), paris, hours)


def _local(day: datetime, hour: int, zone: str) -> int:
    return to_ms(day.replace(hour=hour, tzinfo=ZoneInfo(zone)))


def test_every_fault_is_told_with_its_place(tmp_path: Path) -> None:
    """A place that does not exist, hours that cannot be read, a date that is none, a source that is missing."""
    text = """\
places:
  - place: US-FX
    hours: {mon-sat: "8-20"}
    closed_on: [02-30, "2027-13-01", 2028-02-29, 02-29, soon, 7]
    checked: yesterday
  - place: Narnia
    hours: {mno: "08:00-20:00"}
    source: The White Witch, proclamation 1
    checked: 2026-11-23
    link: https://example.com
"""
    found = faults(tmp_path, text)
    for expected in (
        "sms_hours.yaml:2:5: places.1.place: `US-FX` is no country, and no state or province of US, CA or AU",
        'sms_hours.yaml:3:13: places.1.hours.mon-sat: `8-20` is not a window of the day; write it like "09:00-20:00"',
        "sms_hours.yaml:4:17: places.1.closed_on.1: `02-30` is no date; write 2027-04-05, or 12-25 for every year",
        "places.1.closed_on.2: `2027-13-01` is no date",
        "places.1.closed_on.5: `soon` is no date",
        "places.1.closed_on.6: `7` is no date",
        "sms_hours.yaml:2:5: places.1.source: is required",
        "places.1.checked: `yesterday` is no date; write one such as 2027-04-05",
        "places.2.place: `Narnia` is no country",
        "places.2.hours.mno: `mno` is not a weekday; did you mean `mon`?",
        "places.2.link: `link` is not a setting",
    ):
        assert any(expected in fault for fault in found), (expected, found)
    assert not any("closed_on.3" in fault or "closed_on.4" in fault for fault in found)


def test_a_place_has_one_row(tmp_path: Path) -> None:
    """Two rows for one place would leave open which holds."""
    row = '  - {place: FR, hours: {every day: "08:00-20:00"}, source: a regulator, checked: 2026-11-23}\n'
    assert faults(tmp_path, "places:\n" + row + row) == [
        "sms_hours.yaml:3:6: places.2.place: `FR` has a row already; keep one, with the stricter hours"
    ]


def test_a_table_without_rows_is_a_table(tmp_path: Path) -> None:
    """Whoever texts only where no law says when may empty it."""
    (tmp_path / "sms_hours.yaml").write_text("places: []\n")
    assert load_hours(tmp_path / "sms_hours.yaml") == {}
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_hours(tmp_path / "elsewhere.yaml")
