"""`clm serve`: the web application as a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from clm.store.database import Database
from tests.cli.conftest import Clm

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 60.0


class Served:
    """One `clm serve`."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.log = home / "log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CLM_", "PREFECT_"))}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "clm", "serve", "--port", str(self.port)],
                cwd=ROOT,
                env=kept | {"CLM_HOME": str(home)},
                stdout=log,
                stderr=log,
            )

    def ask(self, path: str, host: str = "127.0.0.1") -> int:
        """The status of an answer."""
        try:
            with urllib.request.urlopen(f"http://{host}:{self.port}{path}", timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refusal:
            return refusal.code

    def await_ready(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + SECONDS_MAX
        while True:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            try:
                if self.ask("/ready") == 200:
                    return
            except OSError:
                time.sleep(0.1)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """The web application on an empty database; stopped whatever happens."""
    database = Database(f"sqlite:///{tmp_path / 'clm.db'}")
    database.upgrade()
    database.close()
    found = Served(tmp_path)
    try:
        found.await_ready()
        yield found
    finally:
        found.process.kill()
        found.process.wait()


def test_serves_loopback_alone_and_tells_nobody_who_came(served: Served) -> None:
    """It answers on this machine only, writes no address, token or query, and ends when asked to."""
    assert served.ask("/health") == 200
    assert served.ask("/u/planted-token?planted=query") == 404
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    addresses = {line.split()[1] for line in listening if line.split()[3] == "0A"}
    assert f"0100007F:{served.port:04X}" in addresses
    assert f"00000000:{served.port:04X}" not in addresses
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(SECONDS_MAX) in {0, -signal.SIGTERM}
    said = served.log.read_text()
    assert "GET /u/{token} 404" in said
    assert "planted" not in said
    assert "127.0.0.1:" not in "".join(line for line in said.splitlines() if "GET" in line)


def test_without_a_database_it_says_what_to_do(clm: Clm) -> None:
    """Nobody is served from a database that is not there."""
    ended = clm("serve")
    assert ended.returncode == 1
    assert "clm db upgrade" in ended.stderr


def test_where_somebody_else_listens_it_says_so(clm: Clm) -> None:
    """In a sentence, with exit status 1 as whatever is refused."""
    clm("db", "upgrade")
    with socket.create_server(("127.0.0.1", 0)) as other:
        ended = clm("serve", "--port", str(other.getsockname()[1]))
    assert ended.returncode == 1
    assert "Address already in use; choose another by --port" in ended.stderr
