"""For which instant messages are handed over."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flows import dispatch_messages as flow_module

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)


@pytest.mark.parametrize("as_of", [None, NINE])
def test_a_long_run_does_not_go_on_for_the_instant_it_began_at(
    monkeypatch: pytest.MonkeyPatch, as_of: datetime | None
) -> None:
    """Each batch is for now, so that quiet hours which begin meanwhile are kept; unless an instant is given."""
    asked: list[datetime] = []

    def batch(number: int, now: datetime) -> dict[str, int]:
        asked.append(now)
        return {"leased": 1, "pause_ms": 0, "sent": 1} if number < 4 else {"leased": 0, "pause_ms": 0}

    monkeypatch.setattr(flow_module, "hand_over", batch)
    monkeypatch.setattr(flow_module, "held_by_others_ms", lambda _now: None)
    monkeypatch.setattr(flow_module, "moment", _ticking() if as_of is None else lambda given: given)
    assert flow_module.dispatch_messages.fn(as_of) == {"sent": 3}
    assert len(set(asked)) == (4 if as_of is None else 1)


def _ticking() -> object:
    minutes = iter(range(60))
    return lambda _given: NINE.replace(minute=next(minutes))
