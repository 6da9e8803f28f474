"""Several processes at once on one database; what they do stands in files that all of them share."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

from clm.config import Configuration
from clm.content.brand import read_brand
from clm.content.links import Links
from clm.domain.campaign import Campaign
from clm.domain.content import ChannelName, Envelope
from clm.domain.delivery import Limits
from clm.domain.outcome import Accepted, Outcome
from clm.engine import advance, dispatch, ingest
from clm.engine.dispatch import Dispatcher
from clm.engine.enrol import enrol
from clm.engine.journey import Journeys
from clm.engine.reconcile import reconcile
from clm.store.database import Database
from tests.conftest import PROJECT
from tests.engine.rehearsal import KEY, load_words
from tests.engine.shop import POUNDS, Shop

WAIT_SECONDS_MAX = 60
Fate = Literal["killed before it left", "killed after it left", "stopped after it left"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a process does."""

    url: str
    words: Path
    folder: Path
    """Where the shared channel keeps what it was handed."""
    campaigns: tuple[Campaign, ...]
    now: int
    clock: int
    idempotent: bool = True
    fate: Fate | None = None
    """What becomes of the process in its third hand-over."""


class SharedChannel:
    """Writes down each hand-over, and whether two for one address ever overlap."""

    name = "shared"
    live = False
    limits = Limits()

    def __init__(self, folder: Path, *, idempotent: bool = True, fate: Fate | None = None) -> None:
        self.idempotent = idempotent
        self._folder = folder
        self._fate = fate
        self._count = 0

    async def turn(self) -> None:
        """Nobody waits."""

    async def close(self) -> None:
        """It has no connections."""

    async def deliver(self, envelope: Envelope) -> Outcome:
        """Note it, take a moment, and accept."""
        self._count += 1
        struck = self._fate if self._count == 3 else None
        if struck == "killed before it left":
            os.kill(os.getpid(), signal.SIGKILL)
        busy = self._folder / f"busy {envelope.to}"
        try:
            busy.touch(exist_ok=False)
        except FileExistsError:
            self._note("overlapping", envelope.to)
        self._note("handed", str(envelope.message_id))
        if struck == "killed after it left":
            os.kill(os.getpid(), signal.SIGKILL)
        if struck == "stopped after it left":
            self._note("stopped", str(os.getpid()))
            os.kill(os.getpid(), signal.SIGSTOP)
        await asyncio.sleep(0.002)
        busy.unlink(missing_ok=True)
        return Accepted()

    def _note(self, file: str, line: str) -> None:
        # One write of a short line to a file opened for appending is whole, however many do it.
        with (self._folder / file).open("a") as lines:
            lines.write(f"{line}\n")


def noted(folder: Path, file: str) -> list[str]:
    """What the shared channel wrote down."""
    with contextlib.suppress(FileNotFoundError):
        return (folder / file).read_text().splitlines()
    return []


def run_lifecycle(plan: Plan, gate: Any = None) -> None:
    """Enrol, advance, reconcile and dispatch until nothing is due, in small batches; everybody starts at the gate."""
    dispatch.BATCH_MESSAGES = advance.BATCH_ENROLMENTS = 7
    with contextlib.closing(Database(plan.url)) as database:
        journeys = Journeys(Configuration(POUNDS, plan.campaigns))
        dispatcher = _dispatcher(plan, database, journeys)
        if gate is not None:
            gate.wait()
        for one in journeys.live():
            enrol(database, journeys, one, now=plan.now)
            advance.advance(database, journeys, one, now=plan.now)
        idempotent = {SharedChannel.name} if plan.idempotent else set()
        reconcile(database, journeys, idempotent=idempotent, now=plan.now, clock_now=plan.clock)
        patience = time.monotonic() + WAIT_SECONDS_MAX
        while time.monotonic() < patience:
            if dispatcher.batch().leased == 0:
                if dispatcher.others_until() is None:
                    return
                time.sleep(0.02)
    raise TimeoutError("others never let go of what is due")


def _dispatcher(plan: Plan, database: Database, journeys: Journeys) -> Dispatcher:
    brand = read_brand(PROJECT / "config" / "brand.yaml")
    channel = SharedChannel(plan.folder, idempotent=plan.idempotent, fate=plan.fate)
    channels: dict[ChannelName, Any] = {"email": channel, "sms": channel}
    return Dispatcher(
        database=database,
        journeys=journeys,
        library=load_words(plan.words, brand),
        brand=brand,
        links=Links("https://shop.example", [KEY]),
        channels=channels,
        now=plan.now,
        clock=lambda: plan.clock,
    )


def pull_file(url: str, path: Path, gate: Any, batches_until_killed: int | None = None) -> None:
    """Pull a file of orders in batches of ten rows, and note beside it how many were new."""
    ingest.BATCH_ROWS = 10
    batches = 0

    def die(_reader: object) -> None:
        nonlocal batches
        batches += 1
        if batches == batches_until_killed:
            os.kill(os.getpid(), signal.SIGKILL)

    with contextlib.closing(Database(url)) as database:
        if gate is not None:
            gate.wait()
        pulled = Shop(database).pull(path, progress=die)
    with path.with_suffix(".new").open("a") as lines:
        lines.write(f"{pulled.counts.new}\n")


_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.engine.together"])


@contextlib.contextmanager
def started(target: Callable[..., None], arguments: Sequence[tuple[Any, ...]]) -> Iterator[list[BaseProcess]]:
    """A process for each tuple of arguments; gone at the end, whatever happens."""
    processes: list[BaseProcess] = [_context.Process(target=target, args=each) for each in arguments]
    for process in processes:
        process.start()
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.join()


def gate_for(count: int) -> Any:
    """A gate that opens when so many processes stand before it."""
    return _context.Barrier(count)


def end_of(processes: Sequence[BaseProcess]) -> list[int | None]:
    """How each process ended: 0 is well, -9 is killed."""
    for process in processes:
        process.join(WAIT_SECONDS_MAX)
    return [process.exitcode for process in processes]
