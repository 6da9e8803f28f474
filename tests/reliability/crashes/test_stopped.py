"""Processes that are stopped, outlive their leases and wake up when others have long taken over."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing.process import BaseProcess

import pytest

from clm.engine.dispatch import LEASE_SECONDS
from clm.engine.settling import PAUSE_SECONDS_MAX
from clm.faults import FaultPoint
from tests.engine.together import WAIT_SECONDS_MAX, end_of, started
from tests.reliability.crashes.acting import Fate, come_back, dispatch_all, mark_of
from tests.reliability.crashes.scene import Scene

pytestmark = pytest.mark.slow


def test_a_process_that_wakes_after_its_lease_hands_nothing_over(scene: Scene) -> None:
    """It was stopped between intent and hand-over: what others have put in doubt meanwhile must not leave late."""
    with started(dispatch_all, [(scene.stage, Fate(FaultPoint.INTENT_COMMITTED, 1, signal.SIGSTOP))]) as zombies:
        _wait_until_stopped(scene)
        held = {one.id for one in scene.messages() if one.status == "sending"}
        assert held
        _let_others_take_over(scene)
        doubted = {one.id for one in scene.messages() if one.status == "in_doubt"}
        assert doubted == held
        before = len(scene.provider.accepted())
        _wake(zombies)
        assert end_of(zombies) == [0]
    assert [one for one in scene.messages() if one.id in held and one.accepted] == []
    assert len(scene.provider.accepted()) == before
    _finish(scene)


def test_a_late_answer_settles_what_others_had_put_in_doubt(scene: Scene) -> None:
    """Stopped with the provider's answer in hand: the token still matches, and the answer is evidence."""
    with started(dispatch_all, [(scene.stage, Fate(FaultPoint.ANSWER_IN_HAND, 1, signal.SIGSTOP))]) as zombies:
        _wait_until_stopped(scene)
        held = {one.id for one in scene.messages() if one.status == "sending"}
        assert held
        _let_others_take_over(scene)
        assert {one.id for one in scene.messages() if one.status == "in_doubt"} == held
        _wake(zombies)
        assert end_of(zombies) == [0]
    accepted = [one for one in scene.messages() if one.accepted]
    assert accepted
    assert {one.status for one in accepted} == {"sent"}
    _finish(scene)


def _wait_until_stopped(scene: Scene) -> None:
    mark = mark_of(scene.stage, "dispatcher")
    patience = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < patience:
        if mark.exists() and (pid := mark.read_text()) and _state(int(pid)) == "T":
            return
        time.sleep(0.02)
    raise TimeoutError("the process never came to where it was to stop")


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123 - not a file that pathlib is about
        return stat.read().rpartition(")")[2].split()[0]


def _let_others_take_over(scene: Scene) -> None:
    scene.stage.put_clock_forward(LEASE_SECONDS + 1)
    with started(come_back, [(scene.stage,)]) as fresh:
        assert end_of(fresh) == [0]


def _finish(scene: Scene) -> None:
    """What it found that it must not hand over any more is handed over by the next: nothing is left in doubt."""
    scene.stage.put_clock_forward(PAUSE_SECONDS_MAX)
    with started(come_back, [(scene.stage,)]) as fresh:
        assert end_of(fresh) == [0]
    assert {one.status for one in scene.judge()} == {"sent"}


def _wake(zombies: list[BaseProcess]) -> None:
    for zombie in zombies:
        assert zombie.pid is not None
        os.kill(zombie.pid, signal.SIGCONT)
