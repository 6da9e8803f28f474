"""When it is, and what becomes history with the next commit: what the world needs of whoever drives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from clm.domain.instant import DAY_MS

START = 20_000 * DAY_MS
"""Midnight of a quiet Thursday in 2024, in UTC."""


class Moment:
    """The moment as nobody disturbs it: this one lets nothing happen by itself."""

    def __init__(self, time: int) -> None:
        self.time = time
        self.skew = 0
        self.turned = 0
        self.telling: list[Any] = []

    @property
    def clock(self) -> int:
        """What a process reads from its clock."""
        return self.time + self.skew

    def wait(self, ms: int) -> None:
        """Time passes."""
        self.time += ms

    def note(self, what: str) -> None:
        """Something has happened that a trace should tell."""

    def kill(self) -> None:
        """The process that is at work ends."""
        raise NotImplementedError


class NextCommit:
    """What becomes history at the very moment of a commit: whoever did it may be killed right after."""

    def __init__(self) -> None:
        self._then: Callable[[], None] | None = None

    @contextmanager
    def makes(self, history: Callable[[], None]) -> Iterator[None]:
        """Let the first commit in here call `history`; where there is none, it never came about."""
        self._then = history
        try:
            yield
        finally:
            self._then = None

    def happens(self) -> None:
        """A transaction has been committed."""
        if self._then is not None:
            then, self._then = self._then, None
            then()
