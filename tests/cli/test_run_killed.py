"""`clm run` that is killed: nothing of it outlives it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from tests.cli.conftest import ROOT
from tests.small_project import small_project

pytestmark = pytest.mark.slow

SECONDS_MAX = 120.0
BEFORE_AN_AMPERSAND = ("/bin/sh", "-c", "trap '' INT; exec \"$@\"", "sh")
"""Starts a program as a shell does a job in the background: deaf to Ctrl-C, which it must not stay."""
FLOW = """
    import os, sys, time
    from pathlib import Path
    from prefect import flow

    @flow(name="run-lifecycle")
    def run_lifecycle() -> None:
        Path(os.environ["CLM_HOME"], "flow").write_text(str(os.getpid()))
        time.sleep(600)

    run_lifecycle()
"""


class Run:
    """One `clm run` whose flow never ends, and what belongs to it."""

    def __init__(self, folder: Path) -> None:
        small = small_project(folder, "birthday")
        self.home = small.home
        (folder / "flows").mkdir()
        (folder / "flows" / "__init__.py").touch()
        (folder / "flows" / "run_lifecycle.py").write_text(dedent(FLOW), encoding="utf-8")
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "CLM_"))}
        own |= {"CLM_HOME": str(small.home), "CLM_CONFIG": str(small.config), "CLM_TEMPLATES": str(small.templates)}
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*BEFORE_AN_AMPERSAND, sys.executable, "-m", "clm", "run"],
                cwd=folder,
                env=own | {"PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def flow(self) -> int:
        """The flow's process, once it runs; it has a temporary server then."""
        path = self.home / "flow"
        wait_for(lambda: (path.exists() and path.read_text() != "") or self.process.poll() is not None)
        assert path.exists(), self.log.read_text()
        return int(path.read_text())

    def left(self) -> list[int]:
        """Every process of this CLM_HOME that lives."""
        mark = f"CLM_HOME={self.home}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
        return found


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A `clm run` under way; what is left of it at the end is killed, by number."""
    made = Run(tmp_path)
    yield made
    for pid in [*made.left(), made.process.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    made.process.wait(SECONDS_MAX)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it holds; fails after SECONDS_MAX."""
    deadline = time.monotonic() + SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_temporary_server_ends_when_all_who_knew_of_it_are_killed(run: Run) -> None:
    """Killed are both that could have ended it; the flow alone goes on to its end, as one whose terminal was closed."""
    flow = run.flow
    assert len(run.left()) >= 4  # both, the guard and Prefect's server
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait(SECONDS_MAX)
    time.sleep(0.5)
    assert flow in run.left()
    os.kill(flow, signal.SIGKILL)
    wait_for(lambda: run.left() == [])


@pytest.mark.parametrize(("sign", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_a_run_that_is_stopped_ends_all_of_it(run: Run, sign: signal.Signals, status: int) -> None:
    """Ctrl-C in the terminal, or a service manager: status 130, and nothing is left."""
    assert run.flow in run.left()
    os.killpg(run.process.pid, sign)  # as a terminal does: the whole group in its foreground
    assert run.process.wait(SECONDS_MAX) == status
    assert run.log.read_text().splitlines()[-1] == "stopped"
    wait_for(lambda: run.left() == [])
