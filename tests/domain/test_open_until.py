"""Until when a message that may reach somebody now may still do so: held to the rule that asks for one instant."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clm.domain.hours import Hours, QuietHours, is_open, open_until
from clm.domain.instant import DAY_MS, HOUR_MS, SECOND_MS
from clm.domain.whereabouts import Whereabouts

NOON = 20_000 * DAY_MS + 12 * HOUR_MS
"""13:00 in London on a Friday of October 2024."""
MINUTE_MS = 60 * SECOND_MS
AHEAD = 10 * HOUR_MS
LONDON = Whereabouts(("Europe/London",), ("GB",))


def hours(**windows: str) -> Hours:
    """A shop's own hours, every day alike unless it says so."""
    return Hours(QuietHours.model_validate({name.replace("_", " "): window for name, window in windows.items()}).week)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("09:00-20:00", NOON + 7 * HOUR_MS),
        ("09:00-20:10", NOON + 7 * HOUR_MS + 10 * MINUTE_MS),
        ("09:00-13:01", NOON + MINUTE_MS),
        ("12:00-14:00, 15:00-20:00", NOON + HOUR_MS),
        ("00:00-24:00", NOON + AHEAD),
    ],
)
def test_it_is_open_until_the_window_ends(window: str, expected: int) -> None:
    """By the minute; no further than it is worth looking."""
    assert open_until(NOON, LONDON, hours(every_day=window), ahead=AHEAD) == expected


def test_every_place_has_to_be_open() -> None:
    """Of somebody who may be in several zones the first that goes to sleep counts."""
    both = Whereabouts(("Asia/Tehran", "Europe/London"), ())
    assert open_until(NOON, both, hours(every_day="09:00-20:00"), ahead=AHEAD) == NOON + 4 * HOUR_MS + 30 * MINUTE_MS


ZONES = st.sampled_from(["Europe/London", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Tehran"])
MINUTES = st.integers(0, 24 * 60)


@example(now=NOON, zone="Asia/Kathmandu", edges=(0, 1426))
@given(
    now=st.integers(NOON, NOON + 366 * DAY_MS),
    zone=ZONES,
    edges=st.tuples(MINUTES, MINUTES).filter(lambda pair: pair[1] > pair[0]),
)
def test_nothing_before_it_is_quiet_and_it_is_the_last(now: int, zone: str, edges: tuple[int, int]) -> None:
    """Open at each minute on the way, quiet at the end; whatever the clocks do meanwhile."""
    opens, closes = (f"{edge // 60:02}:{edge % 60:02}" for edge in edges)
    where, week = Whereabouts((zone,), ()), hours(every_day=f"{opens}-{closes}")
    if not is_open(now, where, week):
        return
    until = open_until(now, where, week, ahead=AHEAD)
    assert now < until <= now + AHEAD
    assert all(is_open(at, where, week) for at in range(now, until, MINUTE_MS))
    assert is_open(until - 1, where, week)
    assert until == now + AHEAD or not is_open(until, where, week)
