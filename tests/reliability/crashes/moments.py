"""Moments that have no name in the real code: a process that dies by what it tells its database, or its caller."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from clm.faults import FaultPoint
from tests.reliability.crashes.acting import Fate

Moment = FaultPoint | str
"""A point of the real code, or words of the statement that was just run in a transaction that is still open."""


@dataclass(frozen=True, slots=True)
class Written:
    """Killed once a statement with these words has been run for the so-manieth time, and before it is committed."""

    words: str
    nth: int = 1

    def await_it(self, mark: Path) -> None:
        """Listen to every database of this process; `mark` is written when the moment has come."""
        passed = 0

        def strike(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            nonlocal passed
            passed += self.words in statement
            if passed == self.nth:
                die(mark)

        event.listen(Engine, "after_cursor_execute", strike)


def fate(moment: Moment) -> Fate | Written:
    """To be killed at the moment, the first time that it comes."""
    return Fate(moment, 1) if isinstance(moment, FaultPoint) else Written(moment)


def die(mark: Path) -> None:
    """Be killed; `mark` tells of it."""
    mark.write_text(str(os.getpid()))
    os.kill(os.getpid(), signal.SIGKILL)
