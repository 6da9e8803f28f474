"""How far a file has been read, so that a scheduled pull reads only what is new and a killed one goes on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from clm.errors import SourceError
from clm.sources.bytes_in import reading

_CHUNK_BYTES: Final = 1024 * 1024
_GROWING: Final = (".csv", ".tsv", ".jsonl", ".ndjson")
"""Formats that grow by appending lines; a packed or Parquet file that differs is another file."""


@dataclass(frozen=True, slots=True)
class FileCursor:
    """What a file was when it was last read, and how many of its rows have been stored.

    It is stored in the same transaction as those rows, never before them.
    """

    file: str  # the file's name, without folders
    size: int  # bytes
    mtime_ns: int
    sha256: str  # of the first `size` bytes
    rows: int  # rows done, bad ones among them
    finished: bool
    mapping: str = ""  # FeedSpec.digest() of the mapping they were read by

    def after(self, rows: int, *, finished: bool = False) -> FileCursor:
        """The cursor once `rows` rows of the file are done in all."""
        return replace(self, rows=rows, finished=finished)

    def to_json(self) -> str:
        """Text for the database."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> FileCursor:
        """The cursor that `to_json` wrote."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Resume:
    """Where to go on: nothing to read, or `skip` rows to pass over and the cursor to store as rows get done."""

    unchanged: bool
    skip: int
    cursor: FileCursor

    @property
    def size(self) -> int:
        """The bytes that the cursor speaks of: hand it to `open_feed`, so that no later ones are read."""
        return self.cursor.size


def resume(path: Path, cursor: FileCursor | None, *, mapping: str = "") -> Resume:
    """Where to go on reading `path` after `cursor`; raises SourceError when it cannot be read.

    A file read to its end and not touched since is unchanged. One that is the same, or has only had lines appended,
    goes on after the rows done; any other is read from the start, which costs time but changes nothing twice.
    A different `mapping` reads the file from the start too, since its rows now mean something else.
    """
    with reading(path):
        status = path.stat()
        usable = cursor is not None and cursor.file == path.name and cursor.mapping == mapping
        if cursor is None or not usable:
            cursor = FileCursor(path.name, -1, 0, "", 0, finished=False, mapping=mapping)
        elif cursor.finished and (cursor.size, cursor.mtime_ns) == (status.st_size, status.st_mtime_ns):
            return Resume(unchanged=True, skip=0, cursor=cursor)
        before, now, whole_line = _fingerprints(path, cursor.size, status.st_size)
    fresh = FileCursor(path.name, status.st_size, status.st_mtime_ns, now, 0, finished=False, mapping=mapping)
    if before != cursor.sha256:
        return Resume(unchanged=False, skip=0, cursor=fresh)
    same = status.st_size == cursor.size
    # A line that was unfinished then has been counted as a row, and reads differently now.
    if not same and not (whole_line and path.suffix.lower() in _GROWING):
        return Resume(unchanged=False, skip=0, cursor=fresh)
    return Resume(
        unchanged=same and cursor.finished,
        skip=cursor.rows,
        cursor=fresh.after(cursor.rows, finished=same and cursor.finished),
    )


def _fingerprints(path: Path, size_before: int, size_now: int) -> tuple[str | None, str, bool]:
    """SHA-256 of the first `size_before` bytes (None when there are not so many) and of the first `size_now`.

    Also whether the first `size_before` bytes end a line. Both in one pass over the file.
    """
    digest = hashlib.sha256()
    before: str | None = None
    whole_line = False
    done = 0
    with path.open("rb") as file:
        while done < size_now:
            stop = size_before if done < size_before <= size_now else size_now
            chunk = file.read(min(_CHUNK_BYTES, stop - done))
            if not chunk:
                raise SourceError(f"{path}: became shorter while it was read; try again")
            digest.update(chunk)
            done += len(chunk)
            if done == size_before:
                before, whole_line = digest.hexdigest(), chunk.endswith(b"\n")
    return before, digest.hexdigest(), whole_line
