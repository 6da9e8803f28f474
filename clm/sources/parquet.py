"""Parquet tables, plain or gzip."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pyarrow as pa
from pyarrow import parquet as pq

from clm.errors import SourceError
from clm.sources.bytes_in import SourceFile
from clm.sources.rows import Get, json_text, key_getter

BATCH_ROWS: Final = 2_000


class ParquetFile:
    """A Parquet table; the line of a row is its number, from 1."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self._rows_read = 0
        with self._opened() as table:
            self.columns: tuple[str, ...] = tuple(table.schema_arrow.names)
            self._rows_total: int = table.metadata.num_rows

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        try:
            if not self.source.packed:
                with pq.ParquetFile(self.source.path) as table:
                    yield table
                return
            # Parquet is read from its end, gzip only from its start: so it is unpacked to disk, never into memory.
            with tempfile.TemporaryFile() as whole:
                with self.source.unpacked() as content:
                    shutil.copyfileobj(content, whole)
                with pq.ParquetFile(whole) as table:
                    yield table
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{self.source.path}: cannot be read as Parquet: {error}") from None

    def get(self, column: str) -> Get:
        """What takes the value of `column` out of a row."""
        return key_getter(column)

    def rows(self, skip: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
        """The rows after the first `skip`, each with its number."""
        with self._opened() as table:
            self._rows_read = 0
            for batch in table.iter_batches(batch_size=BATCH_ROWS):
                first = self._rows_read + 1
                self._rows_read += batch.num_rows
                unwanted = min(max(skip - first + 1, 0), batch.num_rows)
                if unwanted < batch.num_rows:
                    wanted = _to_microseconds(batch.slice(unwanted))
                    yield from enumerate(wanted.to_pylist(), start=first + unwanted)

    def as_json(self, row: dict[str, Any]) -> str:
        """A row as a JSON object; times and decimals as text."""
        return json_text(row)

    def position(self) -> int:
        """How far the table has been read, as if all rows took the same number of bytes."""
        return self.source.size * self._rows_read // self._rows_total if self._rows_total else self.source.size


def _to_microseconds(batch: Any) -> Any:
    """Nanoseconds, which pandas writes, have no Python type; what is below a microsecond is dropped."""
    for index, column in enumerate(batch.schema):
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
            micro = batch.column(index).cast(pa.timestamp("us", column.type.tz), safe=False)
            batch = batch.set_column(index, column.name, micro)
    return batch
