"""Processes killed at every point where the life of a message may be interrupted; fresh ones finish the work."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from clm.engine.dispatch import LEASE_SECONDS
from clm.engine.settling import PAUSE_SECONDS_MAX
from clm.faults import FaultPoint
from tests.engine.together import end_of, gate_for, started
from tests.reliability.crashes.acting import Fate, come_back, dispatch_all, mark_of, sweep, take_in
from tests.reliability.crashes.scene import PEOPLE, Scene

pytestmark = pytest.mark.slow

KILLED = -signal.SIGKILL
RECEIVING = (FaultPoint.INSIDE_EVENTS, FaultPoint.EVENTS_COMMITTED)
WEB = (FaultPoint.EVENTS_CHECKED,)
"""Passed by the web application; tests/reliability/crashes/test_web_killed.py."""
SWEEPING = (FaultPoint.INSIDE_RECOVERY,)
DISPATCHING = [point for point in FaultPoint if point not in {*RECEIVING, *WEB, *SWEEPING}]
"""Every other point, those that nobody has thought of yet included: a new one is a new test."""
NOTHING_LEFT = (
    FaultPoint.BEFORE_LEASE,
    FaultPoint.LEASE_COMMITTED,
    FaultPoint.RENDERING,
    FaultPoint.RENDERED,
    FaultPoint.INSIDE_INTENT,
)
"""Where, the first time that it is passed, nothing can have left."""


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("point", DISPATCHING)
def test_a_dispatcher_killed_anywhere_costs_no_message_and_doubles_none(
    scene: Scene, point: FaultPoint, nth: int
) -> None:
    """At most one acceptance each; all end or are in doubt; what was accepted is sent once the provider has told."""
    if nth > 1:
        scene.provider.behave(latency_ms=100)  # so that answers come in turns, and are settled in several
    with started(dispatch_all, [(scene.stage, Fate(point, nth))]) as doomed:
        assert end_of(doomed) == [KILLED]
    assert mark_of(scene.stage, "dispatcher").exists()
    scene.stage.put_clock_forward(LEASE_SECONDS + 1)
    with started(come_back, [(scene.stage,)]) as fresh:
        assert end_of(fresh) == [0]
    seen = scene.judge()
    if point in NOTHING_LEFT and nth == 1:
        assert {one.status for one in seen} == {"sent"}
    scene.judge_after_events()


def test_a_sweeper_killed_in_the_middle_leaves_the_rest_to_the_next(scene: Scene) -> None:
    """What it had moved and not committed is as it was, and is found again."""
    scene.provider.behave(latency_ms=200)
    with started(dispatch_all, [(scene.stage, Fate(FaultPoint.ANSWER_IN_HAND, 1))]) as doomed:
        assert end_of(doomed) == [KILLED]
    scene.stage.put_clock_forward(LEASE_SECONDS + 1)
    before = scene.messages()
    assert "sending" in {one.status for one in before}
    with started(sweep, [(scene.stage, Fate(FaultPoint.INSIDE_RECOVERY, 1))]) as doomed:
        assert end_of(doomed) == [KILLED]
    assert scene.messages() == before
    with started(come_back, [(scene.stage,)]) as fresh:
        assert end_of(fresh) == [0]
    assert "in_doubt" in {one.status for one in scene.judge()}
    scene.judge_after_events()


@pytest.mark.parametrize("point", RECEIVING)
def test_events_whose_receiver_is_killed_are_told_again_and_stored_once(scene: Scene, point: FaultPoint) -> None:
    """Nobody acknowledged them, so the provider tells them again; in doubt becomes sent, whenever the kill came."""
    scene.provider.behave(answers={"error_after": 1.0})
    with started(dispatch_all, [(scene.stage,)]) as processes:
        assert end_of(processes) == [0]
    assert scene.counts() == {"in_doubt": PEOPLE}
    events = scene.events()
    assert len(events) == PEOPLE
    with started(take_in, [(scene.stage, events, Fate(point, 1))]) as doomed:
        assert end_of(doomed) == [KILLED]
    assert len(scene.told()) == (PEOPLE if point is FaultPoint.EVENTS_COMMITTED else 0)
    for _ in range(2):
        with started(take_in, [(scene.stage, events)]) as again:
            assert end_of(again) == [0]
    assert scene.told() == sorted(event.event_id for event in events)
    assert scene.counts() == {"sent": PEOPLE}
    scene.judge()


def test_two_dispatchers_and_two_sweepers_at_once_on_a_provider_in_trouble(scene: Scene) -> None:
    """Every kind of answer, lost ones too, and nothing is sent twice, lost from sight or left open."""
    trouble = ("reject", "throttle", "error_before", "error_after", "drop_before", "drop_after")
    scene.provider.behave(
        answers=dict.fromkeys(trouble, 0.12), tries_max=1, seed=3
    )  # one of each, and one that goes well
    for turn in range(3):
        gate = gate_for(2)
        with started(come_back, [(scene.stage, gate)] * 2) as processes:
            assert end_of(processes) == [0, 0]
        scene.stage.put_clock_forward((turn + 1) * PAUSE_SECONDS_MAX)
    scene.judge()
    statuses = Counter(one.status for one in scene.judge_after_events())
    assert statuses.keys() == {"sent", "rejected", "in_doubt"}
    assert scene.provider.counts()["requests"] > PEOPLE  # what was throttled was tried again
