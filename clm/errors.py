"""What can go wrong, as a tree; each message says where, what and what to do.

```
ClmError                 anything clm refuses or fails at, shown without a traceback
├── ConfigurationError   a fault in config/ or templates/: file, line, field, remedy
├── MappingError         a source's mapping does not fit its file; nothing was written
├── SourceError          a source cannot be read at all
├── RenderError          one message's words cannot be made; that message stops, others go on
└── StoreError           the database is missing, older or newer than the code, or refuses
    └── StoreBusyError   another transaction stood in the way; trying again is right
```
"""

from __future__ import annotations

from dataclasses import dataclass


class ClmError(Exception):
    """Anything clm refuses or fails at; the text is for the person who runs it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a configuration file, with the place and the remedy."""

    file: str
    message: str
    line: int | None = None
    column: int | None = None
    field: str | None = None
    remedy: str | None = None
    """What to do, where `message` does not say it behind a semicolon."""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        field = f"{self.field}: " if self.field else ""
        return f"{place}: {field}{self.message}" + (f"; {self.remedy}" if self.remedy else "")

    def told(self) -> dict[str, str | int | None]:
        """The fault for programs: its parts by name, `what` is wrong and the `remedy` apart."""
        what, _, remedy = self.message.partition("; ")
        if self.remedy is not None:
            what, remedy = self.message, self.remedy
        place = {"file": self.file, "line": self.line, "column": self.column, "field": self.field}
        return {**place, "what": what, "remedy": remedy or None, "message": self.message}


class ConfigurationError(ClmError):
    """The configuration is refused; every fault found is listed, not only the first."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(str(fault) for fault in faults))


class MappingError(ClmError):
    """A source's mapping does not fit its file, so nothing was written."""


class SourceError(ClmError):
    """A source cannot be read: missing, unreadable, or of an unknown format."""


class RenderError(ClmError):
    """One message's words cannot be made: a missing value without fallback, or a fault in its template."""

    def __init__(self, reason: str, *, file: str | None = None) -> None:
        """`file` is the template that stops it, where one does."""
        self.reason = reason
        self.file = file
        super().__init__(reason if file is None else f"{reason} ({file})")


class StoreError(ClmError):
    """The database is missing, older or newer than the code, or refuses a statement; never quotes values."""


class StoreBusyError(StoreError):
    """Another transaction stood in the way (a deadlock, a lock not had in time); trying again is right."""
