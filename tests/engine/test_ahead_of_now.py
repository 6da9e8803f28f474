"""What is dated ahead of now counts when its time has come, and not before."""

from __future__ import annotations

from typing import Any

import pytest

from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.record import ContactRecord, EventRecord, Record
from clm.engine.profile import refresh
from clm.store.database import Database
from tests.engine.shop import NOW, Shop, event, order
from tests.engine.test_entering import enter, nudge

AHEAD = NOW + 9 * DAY_MS
BEFORE = NOW - 5 * DAY_MS


@pytest.fixture
def known(shop: Shop) -> Shop:
    """Ada, who did something five days ago."""
    shop.tell(event("e0", at=BEFORE))
    return shop


def active(shop: Shop) -> Any:
    """When Ada was active last, as her profile says."""
    return shop.profile()["last_activity_at"]


@pytest.mark.parametrize(
    "ahead",
    [
        (event("e1", at=AHEAD),),
        (EventRecord("e1", "ada", "ticket_opened", AHEAD, '{"ticket_id": "t1"}'),),
        (order("o1", at=AHEAD),),
        (order("o1", at=BEFORE), order("o2", at=BEFORE + 1), order("o3", at=AHEAD)),
        (order("o1", at=BEFORE), order("x1", at=AHEAD, kind="refund", cancels="o1", amount=5)),
        (ContactRecord("ada", signed_up_at=AHEAD),),
    ],
    ids=["event", "service event", "order", "orders", "refund", "sign-up"],
)
def test_activity_counts_when_its_time_has_come(known: Shop, ahead: tuple[Record, ...]) -> None:
    """However it is told; at the next tick after it, and again not where the clock is put back."""
    known.tell(*ahead)
    assert BEFORE <= active(known) <= BEFORE + 1
    for now, expected in ((AHEAD - 1, None), (AHEAD, AHEAD), (AHEAD - 1, None), (AHEAD + 9, AHEAD)):
        refresh(known.database, now=now)
        assert active(known) == expected or (expected is None and active(known) <= BEFORE + 1)


def test_what_is_told_with_it_counts_at_once(known: Shop) -> None:
    """Of one batch what has happened moves the fact, what is to come does not; so with what is told afterwards."""
    known.tell(event("e1", at=AHEAD), event("e2", at=NOW - 9), event("e3", at=AHEAD + 9))
    assert active(known) == NOW - 9
    known.tell(event("e4", at=NOW - 1))
    assert active(known) == NOW - 1
    refresh(known.database, now=AHEAD)
    assert active(known) == AHEAD


def test_nobody_has_come_back_by_an_appointment(database: Database, known: Shop) -> None:
    """A campaign for the silent takes them in before the day, and not after it; by what changed alone."""
    silent = nudge(enter={"when": "days_since(last_activity_at) > 6", "once_per": "last_order"})
    back = nudge(campaign="back", enter={"when": "hours_since(last_activity_at) < 2", "once_per": "last_order"})
    known.tell(order("o1", at=BEFORE))
    known.tell(event("e1", at=AHEAD))
    entering = []
    for after in (0, 2 * DAY_MS, AHEAD - NOW - 1, AHEAD - NOW + HOUR_MS):
        refresh(database, now=NOW + after)
        entering.append((enter(database, silent, NOW + after), enter(database, back, NOW + after)))
    assert entering == [(0, 0), (1, 0), (0, 0), (0, 1)]
