"""A dispatcher that is told to leave finishes what it has in hand and gives back what it only held."""

from __future__ import annotations

import contextlib
import os
import signal
import time

import pytest
from sqlalchemy import select

from clm.engine.settling import PAUSE_SECONDS
from clm.store.database import Database
from clm.store.schema import messages
from tests.engine.together import WAIT_SECONDS_MAX, started
from tests.reliability.crashes.acting import LEFT, dispatch_all
from tests.reliability.crashes.scene import Scene

pytestmark = pytest.mark.slow

LEAVING_SECONDS_MAX = 15
MORE = 60


def test_sigterm_leaves_nothing_in_doubt_and_nothing_held(scene: Scene) -> None:
    """Everything handed over is settled; nothing else has left, and it goes with the next dispatcher."""
    scene.queue(MORE)
    scene.provider.behave(latency_ms=150)
    with started(dispatch_all, [(scene.stage,)]) as (dispatcher,):
        _wait_for_acceptances(scene)
        assert dispatcher.pid is not None
        os.kill(dispatcher.pid, signal.SIGTERM)
        dispatcher.join(LEAVING_SECONDS_MAX)
        assert dispatcher.exitcode == LEFT
    counts = scene.counts()
    assert counts.keys() == {"sent", "queued"}
    assert counts["sent"] == len(scene.provider.accepted())
    m = messages.c
    with contextlib.closing(Database(scene.stage.url)) as database, database.read() as tx:
        assert tx.scalars(select(m.id).where(m.status == "queued", m.lease_token.is_not(None))).all() == []
    # What had its intent recorded and was still held back counts as a try, with the pause that follows one.
    scene.stage.put_clock_forward(PAUSE_SECONDS + 1)
    with started(dispatch_all, [(scene.stage,)]) as (next_one,):
        next_one.join(WAIT_SECONDS_MAX)
        assert next_one.exitcode == 0
    assert {one.status for one in scene.judge(queued=MORE)} == {"sent"}


def _wait_for_acceptances(scene: Scene) -> None:
    patience = time.monotonic() + WAIT_SECONDS_MAX
    while not scene.provider.accepted():
        assert time.monotonic() < patience, "nothing was ever handed over"
        time.sleep(0.02)
