"""A file of config/ as it is at this moment, so that nobody has to restart what answers customers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from clm.errors import ConfigurationError

log = logging.getLogger("clm.web")

Content = TypeVar("Content")
_Stamp = tuple[int, int] | None


class Current(Generic[Content]):
    """Reads a file anew when it has changed. A fault is told and leaves things as they were before it."""

    def __init__(self, path: Path, read: Callable[[], Content]) -> None:
        self._path = path
        self._read_again = read
        self._stamp: _Stamp = (-1, -1)
        self._read: Content | None = None
        self._lock = threading.Lock()

    def __call__(self) -> Content | None:
        """What the file says; None where nobody can say, because it has never been sound."""
        stamp = self._stamp_now()
        with self._lock:  # whoever comes while it is read waits, and is not told what it said before, or nothing
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    self._read = self._read_again()
                except ConfigurationError as error:
                    for fault in error.faults:
                        log.error("%s is as it was: %s", self._path.name, fault)  # noqa: TRY400 - a slip has no trace
            return self._read

    def _stamp_now(self) -> _Stamp:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size
