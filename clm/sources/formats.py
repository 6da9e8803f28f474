"""CSV and JSON lines, and which format a file is by the ending of its name."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, TextIO

from clm.errors import SourceError
from clm.sources.bytes_in import SourceFile
from clm.sources.rows import Get, Malformed, RowFile, json_text, key_getter

LINE_CHARACTERS_MAX: Final = 1_000_000

_DELIMITERS: Final = ",;\t"
_RAW_SHOWN_MAX: Final = 2_000


def open_rows(path: Path, size: int | None = None) -> RowFile:
    """The rows of `path`, by the ending of its name; raises SourceError when it is missing or of another format."""
    source = SourceFile(path, size)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    ending = suffixes[-1] if suffixes else ""
    if ending in _FORMATS:
        return _FORMATS[ending](source)
    raise SourceError(f"{path}: the format is unknown; the name must end in {', '.join(_FORMATS)}, with or without .gz")


def _lines(text: TextIO) -> Iterator[str]:
    """Lines, cut at the maximum so that a file without line breaks does not fill the memory."""
    while line := text.readline(LINE_CHARACTERS_MAX):
        yield line


class CsvFile:
    """Comma-, semicolon- or tab-separated values with a header line."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        with source.text(newline="") as text:
            first = text.readline(LINE_CHARACTERS_MAX)
            if not first.strip():
                raise SourceError(f"{source.path}: the first line is empty; it must name the columns")
            # Whichever separator the header has most of; a header of one column has none and the comma is right.
            self._delimiter = max(_DELIMITERS, key=first.count)
            try:
                header = next(csv.reader(chain([first], _lines(text)), delimiter=self._delimiter, strict=True))
            except csv.Error as error:
                raise SourceError(f"{source.path}: the first line does not name columns as CSV: {error}") from None
        self.columns: tuple[str, ...] = tuple(name.strip() for name in header)

    def get(self, column: str) -> Get:
        """What takes the value of `column` out of a row."""
        return itemgetter(self.columns.index(column))

    def rows(self, skip: int = 0) -> Iterator[tuple[int, list[str] | Malformed]]:
        """The rows, each with the line it begins on; empty lines are no rows.

        An unclosed quote swallows what follows, but only up to 131,072 characters (the csv module's own limit): it
        costs those rows, not the rest of the file.
        """
        width = len(self.columns)
        found: list[str] | Malformed
        with self.source.text(newline="") as text:
            last = [""]
            reader = csv.reader(_remembering(_lines(text), last), delimiter=self._delimiter, strict=True)
            next(reader)
            while True:
                line = reader.line_num + 1
                try:
                    row = next(reader, None)
                except csv.Error as error:
                    raw = json_text(last[0][:_RAW_SHOWN_MAX])
                    found = Malformed(f"is not CSV: {error}; look for a quote that is not closed", raw)
                else:
                    if row is None:
                        return
                    if not row:
                        continue
                    found = row
                    if len(row) != width:
                        found = Malformed(f"has {len(row)} columns where the header has {width}", json_text(row))
                if skip:
                    skip -= 1
                else:
                    yield line, found

    def as_json(self, row: list[str]) -> str:
        """A row as a JSON object, or as a list where columns share a name."""
        named = dict(zip(self.columns, row, strict=True))
        return json_text(named if len(named) == len(row) else row)

    def position(self) -> int:
        """How far the file has been read, in bytes on disk."""
        return self.source.position()


def _remembering(lines: Iterator[str], last: list[str]) -> Iterator[str]:
    for line in lines:
        last[0] = line
        yield line


class JsonLinesFile:
    """One JSON object a line."""

    columns = None

    def __init__(self, source: SourceFile) -> None:
        self.source = source

    def get(self, column: str) -> Get:
        """What takes the value of `column` out of a row, None where it has no such key."""
        return key_getter(column)

    def rows(self, skip: int = 0) -> Iterator[tuple[int, dict[str, Any] | Malformed]]:
        """The objects, each with its line; empty lines are no rows."""
        with self.source.text(newline="\n") as text:
            for number, line in enumerate(_lines(text), start=1):
                cut = len(line) == LINE_CHARACTERS_MAX and not line.endswith("\n")
                if cut:
                    _leave_line(text)
                elif line.isspace():
                    continue
                if skip:
                    skip -= 1
                else:
                    yield number, _too_long(line) if cut else _parsed(line)

    def as_json(self, row: dict[str, Any]) -> str:
        """A row as a JSON object."""
        return json_text(row)

    def position(self) -> int:
        """How far the file has been read, in bytes on disk."""
        return self.source.position()


def _leave_line(text: TextIO) -> None:
    while (rest := text.readline(LINE_CHARACTERS_MAX)) and not rest.endswith("\n"):
        pass


def _too_long(line: str) -> Malformed:
    reason = f"is longer than {LINE_CHARACTERS_MAX:,} characters; only its beginning is kept"
    return Malformed(reason, json_text(line[:_RAW_SHOWN_MAX]))


def _parsed(line: str) -> dict[str, Any] | Malformed:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Malformed(f"is not JSON: {error}", json_text(line.rstrip("\r\n")))
    return row if isinstance(row, dict) else Malformed("is not a JSON object", json_text(row))


def _parquet(source: SourceFile) -> RowFile:
    from clm.sources.parquet import ParquetFile  # noqa: PLC0415 - pyarrow takes 0.15 s to load, for one format of five

    return ParquetFile(source)


_FORMATS: Final[dict[str, Callable[[SourceFile], RowFile]]] = {
    ".csv": CsvFile,
    ".tsv": CsvFile,
    ".jsonl": JsonLinesFile,
    ".ndjson": JsonLinesFile,
    ".parquet": _parquet,
}
