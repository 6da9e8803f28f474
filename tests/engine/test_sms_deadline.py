"""Until when its carrier may keep an SMS that it has queued: never beyond the hours in which it may arrive."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from clm.domain.hours import Hours
from clm.domain.instant import DAY_MS, HOUR_MS, SECOND_MS
from clm.domain.policy import Policy
from tests.engine.guarded import BY_DAY, NOON, TEXT, Guarded
from tests.engine.rehearsal import campaign

CLOSES = NOON + 7 * HOUR_MS
"""20:00 in London, where it is 13:00 at noon UTC."""


@pytest.mark.parametrize(
    ("within", "hours", "expected"),
    [
        ("3d", True, CLOSES),
        ("2h", True, NOON + 2 * HOUR_MS),
        ("2h", False, NOON + 2 * HOUR_MS),
        ("3d", False, NOON + 3 * DAY_MS),
    ],
)
def test_an_sms_is_good_until_it_expires_or_it_is_quiet(
    guarded: Guarded, within: str, hours: bool, expected: int
) -> None:
    """Whichever comes first, where the contact is."""
    guarded.policy = Policy(hours={"sms": Hours(BY_DAY)} if hours else {})
    guarded.have(campaign(steps=[{**TEXT, "within": within}]))
    guarded.customer(country="GB")
    assert guarded.run(NOON) == {"sent": 1}
    assert [one.good_until_ms for one in guarded.sms.handed] == [expected]


@pytest.mark.parametrize(
    ("later", "left"),
    [(90 * SECOND_MS, 2 * HOUR_MS - 90 * SECOND_MS), (2 * HOUR_MS, None), (-HOUR_MS, 2 * HOUR_MS)],
)
def test_how_long_it_is_good_counts_from_the_hand_over(guarded: Guarded, later: int, left: int | None) -> None:
    """Not from when the run began; what is too late by then ends unsent; a clock put back lengthens nothing."""
    guarded.have(campaign(steps=[{**TEXT, "within": "2h"}]))
    guarded.customer()
    guarded.decide(NOON)
    dispatcher = replace(guarded.dispatcher(NOON), lease_ms=9 * HOUR_MS)
    leased = dispatcher.lease()
    assert leased is not None
    batch = dispatcher.write(leased)
    handing = dispatcher.intend(batch, batch.next(1), Counter())
    guarded.clock += later
    dispatcher.settle([asyncio.run(dispatcher.hand_over(one)) for one in handing])
    found = [one.good_until_ms - one.at_ms for one in guarded.sms.handed if one.good_until_ms is not None]
    assert found == ([] if left is None else [left])
    guarded.lapse()
    guarded.reconcile(NOON + 2 * HOUR_MS + 1)
    assert [one.status for one in guarded.messages()] == ["expired" if left is None else "sent"]


def test_what_was_asked_for_may_come_at_night(guarded: Guarded) -> None:
    """Quiet hours hold nothing transactional back, here neither."""
    guarded.policy = Policy(hours={"sms": Hours(BY_DAY)})
    guarded.have(campaign(purpose="transactional", steps=[TEXT]))
    guarded.customer(country="GB")
    assert guarded.run(NOON) == {"sent": 1}
    assert guarded.sms.handed[0].good_until_ms == NOON + 3 * DAY_MS


def test_the_shops_own_clock_counts_where_nobody_knows_a_zone(guarded: Guarded) -> None:
    """As it does where it is asked whether an SMS may go."""
    guarded.policy = replace(Policy(zone="Asia/Tokyo"), hours={"sms": Hours(BY_DAY)})
    guarded.have(campaign(steps=[TEXT]))
    guarded.customer(phone="+88213300655")
    assert guarded.run(NOON - 5 * HOUR_MS) == {"sent": 1}
    assert guarded.sms.handed[0].good_until_ms == NOON - HOUR_MS
