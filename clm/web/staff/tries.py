"""Signing in by trying: after a few failures whoever tries has to wait, and passwords are checked one at a time."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto

from clm.domain.instant import SECOND_MS

FAILURES_MAX = 5
WAIT_SECONDS = 60
NAMES_MAX = 10_000
AT_ONCE_MAX = 5
"""Checks that wait or go on; at 0.3 s each, the last has its answer before anybody wonders."""
AT_ONCE_OF_A_PLACE_MAX = 2
"""So that one who floods the login leaves room for others."""


class Refusal(Enum):
    """Why nobody is signed in."""

    WRONG = auto()
    WAIT = auto()
    """The name has failed too often from this place."""
    BUSY = auto()
    """Too many sign in at once."""


class Tries:
    """What this process remembers of failures, by the name that was given, whether anybody has it or not, and place.

    By name alone, any stranger could keep the team out.
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()
        self._at_once: Counter[str] = Counter()
        # One, because each check takes 32 MB, and those at once must not get past the count; of its own, because
        # customers' pages wait for the threads that everything else has in common.
        self._checker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checking passwords")

    async def check(self, name: str, place: str, check: Callable[[], str | None], *, now: int) -> str | Refusal:
        """What the check gives, or why it gives nothing; called within the application's one event loop."""
        if self._at_once.total() >= AT_ONCE_MAX or self._at_once[place] >= AT_ONCE_OF_A_PLACE_MAX:
            return Refusal.BUSY
        self._at_once[place] += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._checker, self._checked, (name, place), check, now)
        finally:
            self._at_once -= Counter([place])  # which drops those that are at nought

    def _checked(self, who: tuple[str, str], check: Callable[[], str | None], now: int) -> str | Refusal:
        """After the wait, each further failure means waiting again."""
        count, at = self._failures.get(who, (0, 0))
        if count >= FAILURES_MAX and abs(now - at) < WAIT_SECONDS * SECOND_MS:  # a clock may have been put back
            return Refusal.WAIT
        found = check()
        self._failures.pop(who, None)
        if found is not None:
            return found
        self._failures[who] = (count + 1, now)
        if len(self._failures) > NAMES_MAX:
            self._failures.popitem(last=False)
        return Refusal.WRONG
