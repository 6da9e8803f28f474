"""The child processes of `clm up`: started apart, watched, started again, and stopped to the last grandchild.

Each child has a session of its own, so that Ctrl-C in the terminal reaches `clm up` alone, which then stops them in
order. Prefect puts every flow run into yet another session; those are found by a mark in their environment.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MARK = "CLM_UP_HOME"
"""Environment variable that everything started by `clm up` carries; its value is the CLM_HOME it belongs to."""

LOG_BYTES_MAX = 20_000_000
_RESTART_SECONDS_MAX = 60.0
_SETTLED_SECONDS = 60.0  # a child that lived this long starts its back-off anew
_KILL_SECONDS_MAX = 5.0
_LOOK_SECONDS = 0.1


@dataclass
class Child:
    """One program that is to be kept running; its output goes to `log`."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    _started: float = 0.0
    _due: float | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it; what it writes is added to its log."""
        trim_log(self.log)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                self.command,
                cwd=self.cwd,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started = time.monotonic()
        self._due = None

    @property
    def exit_status(self) -> int | None:
        """None while it runs."""
        return None if self.process is None else self.process.poll()

    def restart_delay(self) -> float | None:
        """Seconds until a dead child may start again (1, 2, 4 … 60), or None while it runs."""
        if self.exit_status is None:
            return None
        now = time.monotonic()
        if self._due is None:
            if now - self._started > _SETTLED_SECONDS:
                self.restarts = 0
            self._due = now + min(2.0**self.restarts, _RESTART_SECONDS_MAX)
            self.restarts += 1
        return max(0.0, self._due - now)

    def stop(self, sign: signal.Signals, *, grace_seconds: float) -> None:
        """Send `sign` to its group; whoever is left after `grace_seconds` is killed."""
        if self.process is None:
            return
        _signal_group(self.process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(grace_seconds)
        _signal_group(self.process.pid, signal.SIGKILL)
        self.process.wait(_KILL_SECONDS_MAX)


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, to say why something failed."""
    try:
        with log.open(encoding="utf-8", errors="replace") as file:
            return "".join(deque(file, maxlen=lines)).rstrip()
    except FileNotFoundError:
        return ""


def trim_log(log: Path) -> None:
    """Keep a log from growing for ever: past LOG_BYTES_MAX it becomes `<log>.1`, of which there is one.

    The writer may be running: it appends, so it goes on at the new end. Lines written during the copy are lost.
    """
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_BYTES_MAX:
            shutil.copyfile(log, log.with_name(log.name + ".1"))
            os.truncate(log, 0)


def marked(home: Path, *, but: Iterable[int] = (), flow_runs_only: bool = False) -> list[int]:
    """Processes that a `clm up` on `home` started, by the mark in their environment, leaving out the groups `but`."""
    mark = f"{MARK}={home}".encode()
    found = []
    for pid, environment in _environments():
        if mark not in environment or pid == os.getpid():
            continue
        if flow_runs_only and not any(entry.startswith(b"PREFECT__FLOW_RUN_ID=") for entry in environment):
            continue
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(pid) not in but:
                found.append(pid)
    return found


def sweep(home: Path, *, grace_seconds: float, flow_runs_only: bool = False) -> int:
    """Stop every marked process, at first politely; returns how many there were."""
    swept = marked(home, flow_runs_only=flow_runs_only)
    for pid in swept:
        _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while (left := marked(home, flow_runs_only=flow_runs_only)) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    for pid in left:
        _signal(pid, signal.SIGKILL)
    return len(swept)


def _environments() -> Iterable[tuple[int, list[bytes]]]:
    """Every process of ours that lives, with its environment; zombies have none."""
    proc = Path("/proc")
    if proc.is_dir():
        for entry in proc.iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    yield int(entry.name), (entry / "environ").read_bytes().split(b"\0")
        return
    # Without /proc (macOS), ps prints the environment behind the command, separated by blanks.
    listing = subprocess.run(["/bin/ps", "-xEww", "-o", "pid=,command="], capture_output=True, check=False).stdout
    for line in listing.splitlines():
        pid, *words = line.split()
        yield int(pid), words


def _signal(pid: int, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, sign)


def _signal_group(pid: int, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, sign)
