"""Which `clm up` runs on a CLM_HOME: one at a time, and `clm down` finds it."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from clm.errors import ClmError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME = "up.lock"
_BYTES_MAX = 4_096


class AlreadyRunningError(ClmError):
    """Another `clm up` runs on this CLM_HOME; `pid` is None for the instant before it has written its own."""

    def __init__(self, home: Path, pid: int | None, url: str | None) -> None:
        self.pid = pid
        super().__init__(
            f"clm is already running on {home} (process {pid or 'unknown'}): {url or 'still starting'}\n"
            f"Stop it with `clm down`, or set CLM_HOME to another folder."
        )


@contextmanager
def hold(home: Path) -> Iterator[IO[str]]:
    """Keep other `clm up`s away from `home`; the lock dies with the process, however it dies.

    Raises AlreadyRunningError with the address of the other.
    """
    with (home / _NAME).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = _read(file)
            raise AlreadyRunningError(home, other.get("pid"), other.get("url")) from None
        announce(file, None)
        try:
            yield file
        finally:
            file.truncate(0)


def announce(file: IO[str], url: str | None) -> None:
    """Write into the lock who holds it and where it answers."""
    file.truncate(0)
    file.write(json.dumps({"pid": os.getpid()} | ({"url": url} if url else {})))
    file.flush()


def _read(file: IO[str]) -> dict[str, Any]:
    file.seek(0)
    try:
        found = json.loads(file.read(_BYTES_MAX))
    except ValueError:  # caught between emptying and writing
        return {}
    return found if isinstance(found, dict) else {}
