"""Config and templates as the staff pages show them: read when first asked for, and again when a file has changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Generic, TypeVar

from clm.config import Configuration, load_configuration
from clm.content.brand import Brand
from clm.engine.workspace import Project, load_project
from clm.settings import Settings
from clm.stamp import stamp_of

_LOOK_SECONDS = 2.0
_WAIT_SECONDS_MAX = 10.0

Read = TypeVar("Read")


class Projects:
    """Gives what the files say now; who the shop is comes from the start, whatever the files say since."""

    def __init__(self, settings: Settings, brand: Brand) -> None:
        self.brand = brand
        self._configuration = _Files(lambda: load_configuration(settings.config), [settings.config])
        self._project = _Files(lambda: load_project(settings), [settings.config, settings.templates])

    def configuration(self) -> Configuration:
        """The campaigns, without their words; raises ConfigurationError with every fault of the files."""
        return self._configuration.current()

    def current(self) -> Project:
        """All of it, which takes some seconds where files have changed; raises ConfigurationError or NotReadyError."""
        return self._project.current()


class NotReadyError(Exception):
    """The files are still being read; in a moment they will have been."""


class _Files(Generic[Read]):
    """Something made of files, by one thread beside those that answer."""

    def __init__(self, read: Callable[[], Read], folders: Sequence[Path]) -> None:
        self._read = read
        self._folders = folders
        self._lock = threading.Lock()
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reading files")
        self._stamp: int | None = None
        self._looked = 0.0
        self._found: Future[Read] | None = None

    def current(self) -> Read:
        """What the files say; raises ConfigurationError, or NotReadyError where that takes too long to wait for."""
        with self._lock:
            found = self._newest()
        try:
            return found.result(timeout=_WAIT_SECONDS_MAX)
        except TimeoutError:
            raise NotReadyError from None

    def _newest(self) -> Future[Read]:
        if self._found is None or time.monotonic() - self._looked > _LOOK_SECONDS:
            stamp = stamp_of(self._folders)
            if self._found is None or stamp != self._stamp:
                self._stamp, self._found = stamp, self._reader.submit(self._read)
            self._looked = time.monotonic()
        return self._found
