"""The provider, or the database, is away for a while: nothing is lost, nothing goes twice, nothing fails for good."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from benchmarks.fake_provider import FakeProvider
from clm.engine.settling import PAUSE_SECONDS_MAX
from clm.store.database import Database
from tests.databases import _free_port, _programs
from tests.engine.together import WAIT_SECONDS_MAX, end_of, started
from tests.reliability.crashes.acting import come_back, dispatch_all
from tests.reliability.crashes.scene import Scene, lay_out

pytestmark = pytest.mark.slow

OUTAGE_SECONDS = float(os.environ.get("CLM_OUTAGE_SECONDS", "3"))
"""A real minute takes CLM_OUTAGE_SECONDS=60."""
LATENCY_MS = 100
PEOPLE = 40
NOT_FOR_GOOD = {"sent", "queued", "in_doubt"}
TURNS_MAX = 6


def test_a_provider_that_goes_away_and_comes_back(scene: Scene) -> None:
    """What was refused waits and goes later; what was cut off is in doubt; only that is ever left open."""
    scene.queue(PEOPLE)
    scene.provider.behave(latency_ms=LATENCY_MS)
    with started(dispatch_all, [(scene.stage,)]) as processes:
        _wait_for_acceptances(scene)
        scene.provider.away()
        until = time.monotonic() + OUTAGE_SECONDS
        assert end_of(processes) == [0]
    turn = 0
    while time.monotonic() < until:
        turn += 1
        scene.stage.put_clock_forward(turn * PAUSE_SECONDS_MAX)
        _run(scene)
        assert scene.counts().keys() <= NOT_FOR_GOOD
    assert scene.counts()["queued"] > 0
    scene.provider.back()
    _finish(scene, after=turn)


def test_a_sqlite_file_that_somebody_holds(tmp_path: Path, sqlite_file: Path, provider: FakeProvider) -> None:
    """Another process keeps the file locked for longer than anybody waits for it."""
    shutil.copyfile(sqlite_file, tmp_path / "clm.db")
    scene = lay_out(tmp_path, f"sqlite:///{tmp_path / 'clm.db'}", provider)
    scene.queue(PEOPLE)
    provider.behave(latency_ms=LATENCY_MS)
    with started(_dispatch_impatiently, [(scene.stage,)]) as processes:
        _wait_for_acceptances(scene)
        holder = sqlite3.connect(tmp_path / "clm.db", isolation_level=None, timeout=WAIT_SECONDS_MAX)
        with contextlib.closing(holder):
            holder.execute("BEGIN IMMEDIATE")
            time.sleep(OUTAGE_SECONDS)
            holder.execute("ROLLBACK")
        end_of(processes)  # it may have given up; then others finish the work
    _finish(scene, after=0)


def test_a_postgresql_server_that_is_restarted(tmp_path: Path, provider: FakeProvider) -> None:
    """The server is stopped as if it had crashed, under a dispatcher in the middle of its work."""
    with _server() as server:
        with contextlib.closing(Database(server.url)) as database:
            database.upgrade()
        scene = lay_out(tmp_path, server.url, provider)
        scene.queue(PEOPLE)
        provider.behave(latency_ms=LATENCY_MS)
        with started(dispatch_all, [(scene.stage,)]) as processes:
            _wait_for_acceptances(scene)
            server.stop()
            time.sleep(OUTAGE_SECONDS)
            server.start()
            end_of(processes)
        _finish(scene, after=0)


def _dispatch_impatiently(stage: object) -> None:
    dispatch_all(stage, busy_seconds=1)  # type: ignore[arg-type]


def _run(scene: Scene) -> None:
    with started(come_back, [(scene.stage,)]) as processes:
        assert end_of(processes) == [0]


def _finish(scene: Scene, *, after: int) -> None:
    """The next runs, until nothing is queued; then the guarantee is held against the provider's log."""
    for turn in range(after + 1, after + 1 + TURNS_MAX):
        scene.stage.put_clock_forward(turn * PAUSE_SECONDS_MAX)
        _run(scene)
        if scene.counts().keys() <= {"sent", "in_doubt"}:
            break
    seen = scene.judge(queued=PEOPLE)
    assert {one.status for one in seen} <= {"sent", "in_doubt"}
    scene.judge_after_events(queued=PEOPLE)


def _wait_for_acceptances(scene: Scene) -> None:
    patience = time.monotonic() + WAIT_SECONDS_MAX
    while not scene.provider.accepted():
        assert time.monotonic() < patience, "nothing was ever handed over"
        time.sleep(0.01)


class _Server:
    """A PostgreSQL of this test alone."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self._programs = programs
        self._folder = folder
        self._port = _free_port()
        self.url = f"postgresql://clm@127.0.0.1:{self._port}/postgres"
        self._do("initdb", "-U", "clm", "-A", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        options = (
            f"-p {self._port} -c fsync=off -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder}"
        )
        self._do("pg_ctl", "start", "-w", "-l", str(self._folder / "log"), "-o", options)
        psycopg.connect(self.url, connect_timeout=5).close()

    def stop(self) -> None:
        """Stop at once, as a crash would."""
        self._do("pg_ctl", "stop", "-m", "immediate", "-w")

    def _do(self, program: str, *arguments: str) -> None:
        command = [*self._as_owner, str(self._programs / program), "-D", str(self._folder / "data"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self._folder)


@contextlib.contextmanager
def _server() -> Iterator[_Server]:
    programs = _programs()
    if programs is None or (os.geteuid() == 0 and shutil.which("runuser") is None):
        if os.environ.get("CI"):
            pytest.fail("CI is set and there is no PostgreSQL to start and stop")
        pytest.skip("there is no PostgreSQL here to start and stop")
    folder = Path(tempfile.mkdtemp(prefix="clm-test-postgres-"))  # not in tmp_path, where only we may look
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    try:
        server = _Server(folder, programs)
        server.start()
        try:
            yield server
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):  # stopped already
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
