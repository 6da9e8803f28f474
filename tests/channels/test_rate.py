"""How fast a process hands over, by a timer that a test turns."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clm.channels.rate import Pace


class Timer:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


def test_a_seconds_worth_at_once_then_in_step() -> None:
    """After a pause ten may go at once; from then on one every tenth of a second."""
    timer = Timer()
    pace = Pace(10, timer=timer)
    waits = [pace.reserve() for _ in range(13)]
    assert waits == pytest.approx([0] * 10 + [0.1, 0.2, 0.3])
    timer.now += 0.3
    assert pace.reserve() == pytest.approx(0.1)
    timer.now += 60
    assert [pace.reserve() for _ in range(11)] == pytest.approx([0] * 10 + [0.1])


def test_slower_than_one_a_second() -> None:
    """One every two seconds, and never two at once."""
    timer = Timer()
    pace = Pace(0.5, timer=timer)
    assert [pace.reserve() for _ in range(3)] == pytest.approx([0, 2, 4])


def test_without_a_rate_nobody_waits() -> None:
    """None is as many as come."""
    pace = Pace(None, timer=Timer())
    assert {pace.reserve() for _ in range(10_000)} == {0.0}


@given(st.floats(0.2, 500), st.lists(st.floats(0, 3), min_size=1, max_size=300))
def test_in_no_second_more_than_two_seconds_worth(per_second: float, pauses: list[float]) -> None:
    """Whatever the pauses between them, no second sees more than the burst and that second's own."""
    timer = Timer()
    pace = Pace(per_second, timer=timer)
    at = []
    for pause in pauses:
        timer.now += pause
        at.append(timer.now + pace.reserve())
    for start in at:
        assert sum(start <= one < start + 1 for one in at) <= max(per_second, 1) + per_second + 1


def test_waiting_is_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that is not yet sleeps until it is."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)

    async def three() -> None:
        pace = Pace(2, timer=Timer())
        for _ in range(3):
            await pace.turn()

    asyncio.run(three())
    assert slept == pytest.approx([0.5])
