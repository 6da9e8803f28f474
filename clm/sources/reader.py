"""One file of one feed, opened with its mapping checked, read row after row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from clm.domain.record import BadRow, Record
from clm.errors import MappingError
from clm.sources.fields import FIELDS
from clm.sources.formats import open_rows
from clm.sources.mapping import Mapping, check_spec, fill_fields
from clm.sources.money import Money
from clm.sources.records import FieldError, RecordMaker
from clm.sources.rows import Malformed, RowFile
from clm.sources.spec import FeedSpec

SAMPLE_ROWS: Final = 1_000
"""So many first rows are looked at before the first is given out."""

SUSPECT_ROWS_MIN: Final = 10
"""Fewer bad rows than this say nothing about the mapping."""


def open_feed(
    spec: FeedSpec, path: Path, money: Money, *, size: int | None = None, read_at: int | None = None
) -> FeedReader:
    """Open `path` as `spec` says, having checked the mapping against its header and its first 1,000 rows.

    `size` is the number of bytes to read at most (of a CSV or JSON lines file), so that what is appended meanwhile
    is left for the next pull; `read_at` is the time by the clock, where rows are read for another instant. Raises
    SourceError when the file cannot be read, MappingError when the mapping names what is not there, leaves a needed
    field unfilled, or fits none of the first rows.
    """
    file = open_rows(path, size)
    sample = list(islice(file.rows(), SAMPLE_ROWS))
    columns = file.columns
    if columns is None:
        if all(isinstance(row, Malformed) for _, row in sample):  # nothing says which keys there are
            check_spec(spec, where=str(path))
            reader = FeedReader(file, Mapping((), ()), None, read_at)
            _refuse_if_all_bad(path, [reader.record(line, row) for line, row in sample])
            return reader
        columns = tuple(dict.fromkeys(key for _, row in sample if isinstance(row, dict) for key in row))
    mapping = fill_fields(spec, where=str(path), columns=columns, get=file.get)
    currency = _currency(spec, path, money)
    zone = ZoneInfo(spec.time_zone)
    maker = RecordMaker(spec.feed, mapping.fillings, where=str(path), zone=zone, money=money, currency=currency)
    if file.columns is None:
        maker.late = {field: file.get(field) for field in FIELDS[spec.feed] if field not in maker.fields}
    reader = FeedReader(file, mapping, maker, read_at)
    _refuse_if_all_bad(path, [reader.record(line, row) for line, row in sample])
    maker.unplaced.clear()
    return reader


def _currency(spec: FeedSpec, path: Path, money: Money) -> str:
    try:
        return money.currency(spec.currency or money.base)
    except ValueError as error:
        raise MappingError(f"{path}: the source's currency {error}") from None


def _refuse_if_all_bad(path: Path, sample: list[Record | BadRow]) -> None:
    bad = [row for row in sample if isinstance(row, BadRow)]
    if len(bad) < max(SUSPECT_ROWS_MIN, len(sample)) or len({row.field for row in bad}) > 1:
        return
    first = bad[0]
    if first.field is None:
        raise MappingError(
            f"{path}: every one of the first {len(bad):,} rows is malformed: line {first.line} {first.reason}"
        )
    raise MappingError(
        f"{path}: every one of the first {len(bad):,} rows fails on `{first.field}`: "
        f"on line {first.line} it {first.reason}; is the mapping right?"
    )


class FeedReader:
    """The records of one file, and how they are made; `rows()` may be called again and starts anew."""

    def __init__(self, file: RowFile, mapping: Mapping, maker: RecordMaker | None, read_at: int | None) -> None:
        """Made by `open_feed`; `maker` is None for a file without a single readable row."""
        self._file = file
        self._maker = maker
        self._read_at = read_at
        self.path = file.source.path
        self.mapping: dict[str, str] = {filling.field: filling.shown for filling in mapping.fillings}
        """How each field is filled: the column's name, or the text in quotes."""
        self.ignored: list[str] = list(mapping.ignored)
        """The columns that fill no field."""
        self.bytes_total: int = file.source.size

    @property
    def fields(self) -> frozenset[str]:
        """The fields this file says something about, by the names used in mappings.

        `name` brings `first_name` and `last_name` with it. JSON lines may add fields while they are read.
        """
        fields = frozenset(self._maker.fields) if self._maker else frozenset[str]()
        is_contact_name = "name" in fields and "at" not in fields
        return fields | {"first_name", "last_name"} if is_contact_name else fields

    @property
    def unplaced(self) -> Counter[str]:
        """Country texts that name no single country, with the number of rows kept without a country for it."""
        return Counter(self._maker.unplaced) if self._maker else Counter()

    def bytes_read(self) -> int:
        """How far the file has been read, in bytes on disk (packed, where it is packed)."""
        return self._file.position()

    def rows(self, skip: int = 0, *, now: int | None = None) -> Iterator[Record | BadRow]:
        """A record or a bad row for each row after the first `skip`; raises SourceError where the file is damaged.

        `now` is the instant of reading, unless `open_feed` was told another: with it, births in the future are bad
        rows, as are orders and sign-ups of more than a day ahead and events of more than ten years.
        """
        if self._maker is not None:
            self._maker.now = now if self._read_at is None else self._read_at
        for line, row in self._file.rows(skip):
            yield self.record(line, row)

    def record(self, line: int, row: Any) -> Record | BadRow:
        """The record that a row of the file is, or why it is none."""
        if isinstance(row, Malformed):
            return BadRow(line, None, row.reason, row.raw)
        assert self._maker is not None, "a file without readable rows has only malformed ones"
        try:
            return self._maker.make(row)
        except FieldError as fault:
            return BadRow(line, fault.field, fault.reason, self._file.as_json(row))
