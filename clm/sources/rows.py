"""What every file format offers: rows from the start, any number of times, in flat memory.

A row that its format cannot make sense of is a `Malformed`, not an exception: one broken line stops nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

from clm.sources.bytes_in import SourceFile

Get = Callable[[Any], Any]
"""Takes one value out of a row."""


class Malformed(NamedTuple):
    """A row that the format itself cannot make sense of."""

    reason: str
    raw: str  # JSON


class RowFile(Protocol):
    """A file of rows."""

    source: SourceFile

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The header, or None where rows name their own keys (JSON lines)."""
        ...

    def get(self, column: str) -> Get:
        """What takes the value of `column` out of a row."""
        ...

    def rows(self, skip: int = 0) -> Iterator[tuple[int, Any]]:
        """The rows after the first `skip`, each with its line; a malformed one counts and is a `Malformed`."""
        ...

    def as_json(self, row: Any) -> str:
        """A row as JSON text, nothing left out."""
        ...

    def position(self) -> int:
        """How far the file has been read, in bytes on disk."""
        ...


def json_text(value: Any) -> str:
    """JSON that any database stores: legible, and what was no UTF-8 as an escape."""
    return json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace").decode()


def key_getter(column: str) -> Get:
    """What takes the value of `column` out of a row that names its keys; None where it lacks the key."""
    return lambda row: row.get(column)
