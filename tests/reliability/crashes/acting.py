"""What the other processes of a scene do: dispatch, sweep, receive; and how one of them meets its fate."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from clm.domain.provider_event import ProviderEvent
from clm.engine import stream as streaming
from clm.engine.receive import receive
from clm.engine.reconcile import reconcile
from clm.engine.workspace import Workspace, open_workspace
from clm.faults import FaultPoint, arm
from clm.store import database as store
from clm.store.database import Database
from clm.web.app import create_app
from tests.reliability.crashes.scene import Stage

# What each process would spend half a second on is read once.
multiprocessing.get_context("forkserver").set_forkserver_preload(
    ["tests.engine.together", "tests.reliability.crashes.acting", "clm.channels.sendgrid"]
)

LEFT = 3
"""Exit status of a dispatcher that was told to leave, and did."""


@dataclass(frozen=True, slots=True)
class Fate:
    """The signal that a process sends itself when it comes to a point for the so-manieth time."""

    point: FaultPoint
    nth: int
    signal: signal.Signals = signal.SIGKILL

    def await_it(self, mark: Path) -> None:
        """Arm the real code; `mark` is written when the moment has come."""
        passed = 0

        def strike(point: FaultPoint) -> None:
            nonlocal passed
            passed += point is self.point
            if point is self.point and passed == self.nth:
                mark.write_text(str(os.getpid()))
                # At this thread: another one may take what is sent to the process, and this one would go on meanwhile.
                signal.pthread_kill(threading.get_ident(), self.signal)

        arm(strike)


def dispatch_all(
    stage: Stage, fate: Fate | None = None, gate: Any = None, *, name: str = "dispatcher", busy_seconds: int = 30
) -> None:
    """Hand over in small batches until nothing is free to take; leave on SIGTERM."""
    told_to_leave = False

    def leave(*_: object) -> None:
        nonlocal told_to_leave
        told_to_leave = True

    signal.signal(signal.SIGTERM, leave)
    streaming.BATCH_MESSAGES = 5
    store._BUSY_SECONDS_MAX = busy_seconds
    with _opened(stage, fate, name) as workspace:
        if gate is not None:
            gate.wait()
        while not told_to_leave:
            dispatcher = workspace.dispatcher(now=stage.now, clock=stage.clock)
            handed = streaming.stream(dispatcher, messages_max=1_000, stopping=lambda: told_to_leave)
            if not told_to_leave and (not handed.leased or handed.pause_ms):
                return
    sys.exit(LEFT)


def come_back(stage: Stage, gate: Any = None) -> None:
    """What the next scheduled runs do: sweep, then dispatch."""
    sweep(stage, gate=gate)
    dispatch_all(stage)


def sweep(stage: Stage, fate: Fate | None = None, gate: Any = None, *, name: str = "sweeper") -> None:
    """Take back what dead dispatchers held."""
    with _opened(stage, fate, name) as workspace:
        if gate is not None:
            gate.wait()
        idempotent = {channel.name for channel in workspace.channels.values() if channel.idempotent}
        reconcile(workspace.database, workspace.journeys, idempotent=idempotent, now=stage.now, clock_now=stage.clock())


def take_in(stage: Stage, events: list[ProviderEvent], fate: Fate | None = None, *, name: str = "receiver") -> None:
    """Receive what the provider tells, as its webhook does."""
    if fate is not None:
        fate.await_it(mark_of(stage, name))
    with contextlib.closing(Database(stage.url)) as database:
        receive(database, events, now=stage.now)


def serve(stage: Stage, port: int, fate: Fate | None = None, *, name: str = "web") -> None:
    """The web application, as `clm serve` runs it."""
    if fate is not None:
        fate.await_it(mark_of(stage, name))
    uvicorn.run(create_app(stage.settings, stage.clock), host="127.0.0.1", port=port, log_level="critical")


@contextlib.contextmanager
def _opened(stage: Stage, fate: Fate | None, name: str) -> Iterator[Workspace]:
    workspace = open_workspace(stage.settings)
    if fate is not None:
        fate.await_it(mark_of(stage, name))
    try:
        yield workspace
    finally:
        workspace.database.close()


def mark_of(stage: Stage, name: str) -> Path:
    """Where a process writes that its moment has come."""
    return stage.folder / f"{name}.struck"
