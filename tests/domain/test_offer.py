"""How long a code holds, and how many days of it a letter may name."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest

from clm.domain.instant import DAY_MS, SECOND_MS, iso, to_ms
from clm.domain.offer import days_left, holds_until

TEHRAN = ZoneInfo("Asia/Tehran")
LONDON = ZoneInfo("Europe/London")
GIVEN = to_ms(datetime(2030, 3, 30, 23, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("zone", "days", "until"),
    [
        (UTC, 0, "2030-03-30T23:59:59Z"),
        (UTC, 1, "2030-03-31T23:59:59Z"),
        (LONDON, 1, "2030-03-31T22:59:59Z"),  # a day of 23 hours
        (TEHRAN, 1, "2030-04-01T20:29:59Z"),  # given there on the 31st
    ],
)
def test_a_code_holds_to_the_end_of_its_owners_day(zone: tzinfo, days: int, until: str) -> None:
    """The last day is theirs until midnight, wherever they live and however long that day is."""
    assert iso(holds_until(GIVEN, days, zone)) == until


@pytest.mark.parametrize("zone", [UTC, LONDON, TEHRAN])
def test_a_letter_names_as_many_days_as_the_code_was_given_for(zone: tzinfo) -> None:
    """Counted by midnights of the reader; on the last day, and after it, one, because none would be no offer."""
    until = holds_until(GIVEN, 3, zone)
    assert days_left(GIVEN, until, zone) == 3
    assert [days_left(at, until, zone) for at in (until - DAY_MS, until, until + SECOND_MS)] == [1, 1, 1]
