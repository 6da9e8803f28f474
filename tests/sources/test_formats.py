"""Files of every format, whole and damaged."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from clm.errors import MappingError, SourceError
from clm.sources import FeedSpec, open_feed
from clm.sources.formats import open_rows
from tests.sources.reading import MONEY, Read, bad, good

CSV = "contact,name\n1,Ada\n2,Grace\n"
JSONL = '{"contact": 1, "name": "Ada"}\n{"contact": 2, "name": "Grace"}\n'


def names(rows: list[Any]) -> list[tuple[str, str]]:
    """Ids and first names."""
    return [(row.external_id, row.first_name) for row in rows]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", CSV),
        ("a.csv.gz", CSV),
        ("A.CSV", CSV),
        ("a.csv", CSV.replace(",", ";")),
        ("a.tsv", CSV.replace(",", "\t")),
        ("a.csv", CSV.replace("\n", "\r\n")),
        ("a.csv", "\ufeff" + CSV),
        ("a.csv", "\n".join([*CSV.splitlines()[:2], "", *CSV.splitlines()[2:]])),
        ("a.jsonl", JSONL),
        ("a.jsonl.gz", JSONL),
        ("a.ndjson", "\ufeff" + JSONL.replace("\n", "\r\n\n")),
    ],
)
def test_text_files_of_every_kind_give_the_same_rows(read: Read, name: str, content: str) -> None:
    """Separator, byte-order mark, line ends, empty lines and packing make no difference."""
    assert names(good(read("contacts", content, to=name))) == [("1", "Ada"), ("2", "Grace")]


def test_a_packed_file_is_known_by_its_content(tmp_path: Path) -> None:
    """A gzip file without .gz in its name, and a plain file with it, are read alike."""
    for name, data in (("a.csv", gzip.compress(CSV.encode())), ("b.csv.gz", CSV.encode())):
        (tmp_path / name).write_bytes(data)
        spec = FeedSpec(source="s", feed="contacts", path=name)
        assert len(good(open_feed(spec, tmp_path / name, MONEY))) == 2


@pytest.mark.parametrize("packed", [False, True])
def test_parquet_is_read_with_its_own_types(tmp_path: Path, packed: bool) -> None:
    """Times (in nanoseconds too), decimals, floats with gaps and nested lines arrive as what they are."""
    lines = [{"product_id": "p", "quantity": 1, "amount": Decimal("2.50")}]
    table = pa.table(
        {
            "order_id": pa.array([1, 2]),
            "customer_id": pa.array([13085.0, None]),
            "ordered_at": pa.array([1_277_971_200_000_000_001, 0], pa.timestamp("ns", tz="UTC")),
            "amount": pa.array([Decimal("12.50"), Decimal(0)], pa.decimal128(9, 2)),
            "order_lines": pa.array([lines, None]),
        }
    )
    path = tmp_path / ("a.parquet.gz" if packed else "a.parquet")
    pq.write_table(table, path)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    reader = open_feed(FeedSpec(source="s", feed="orders", path="a"), path, MONEY)
    order, row = reader.rows()
    assert order.contact.external_id == "13085"
    assert (order.amount, order.lines[0].amount) == (1250, 250)
    assert order.ordered_at == datetime(2010, 7, 1, 8, tzinfo=UTC).timestamp() * 1_000
    assert (row.line, row.field) == (2, "contact")
    assert reader.bytes_read() == reader.bytes_total == path.stat().st_size
    assert len(list(reader.rows(skip=1))) == 1


def test_csv_rows_of_another_width_are_bad_rows(read: Read) -> None:
    """Too many or too few columns spoil the row; the line is where it begins, though others span several lines."""
    reader = read("contacts", 'contact,name\n1,"Ada"\n"2\n\n",Grace\n3\n4,Joan,x\n5,Mary\n')
    rows = list(reader.rows())
    assert [(row.line, row.reason) for row in rows[2:4]] == [
        (6, "has 1 columns where the header has 2"),
        (7, "has 3 columns where the header has 2"),
    ]
    assert rows[3].raw == '["4", "Joan", "x"]'
    assert names([rows[0], rows[1], rows[4]]) == [("1", "Ada"), ("2", "Grace"), ("5", "Mary")]


def test_an_unclosed_quote_costs_rows_and_not_the_file(read: Read) -> None:
    """At the end of a file that was cut off, the half row is a bad row and not a person with half a name."""
    rows = list(read("contacts", 'contact,name\n1,Ada\n2,"Gra').rows())
    assert names(rows[:1]) == [("1", "Ada")]
    assert (rows[1].field, rows[1].line) == (None, 3)
    assert "quote that is not closed" in rows[1].reason


def test_an_unclosed_quote_in_the_middle_ends_somewhere(read: Read) -> None:
    """What an unclosed quote swallows is bounded, and reading goes on after it."""
    tail = "".join(f"{n},Grace\n" for n in range(40_000))
    rows = list(read("contacts", f'contact,name\n1,Ada\n2,"Gra\n{tail}').rows())
    assert len([row for row in rows if not hasattr(row, "reason")]) > 20_000


def test_broken_json_lines_are_bad_rows(read: Read) -> None:
    """A broken line, a line that is no object, an endless nesting: each is one bad row, kept as it was."""
    reader = read(
        "contacts", f'{{"contact": 1}}\n{{"contact": 2\n[3]\n{"[" * 100_000}\n{{"contact": 5}}\n', to="a.jsonl"
    )
    rows = list(reader.rows())
    assert [row.line for row in rows[1:4]] == [2, 3, 4]
    assert (json.loads(rows[1].raw), json.loads(rows[2].raw)) == ('{"contact": 2', [3])
    assert [rows[0].external_id, rows[4].external_id] == ["1", "5"]


def test_an_endless_line_is_one_bad_row(read: Read) -> None:
    """A line beyond the maximum is passed over, and the lines after it keep their numbers."""
    rows = list(read("contacts", f'{{"contact": "{"x" * 2_500_000}"}}\n{{"contact": [1]}}\n', to="a.jsonl").rows())
    assert [(row.line, row.field) for row in rows] == [(1, None), (2, "contact")]
    assert "longer than 1,000,000 characters" in rows[0].reason


def test_text_that_is_not_utf8_spoils_its_own_value_only(read: Read) -> None:
    """One name in Latin-1 is one bad row, and its raw text can be stored."""
    (row,) = bad(read("contacts", b"contact,name\n1,Ad\xe9le\n2,Grace\n"))
    assert (row.line, row.field, row.reason) == (2, "name", "is not UTF-8 text; save the file as UTF-8")
    assert row.raw.encode()
    assert json.loads(row.raw) == {"contact": "1", "name": "Ad\udce9le"}


def test_parquet_times_need_no_pandas(tmp_path: Path) -> None:
    """Nanoseconds come as plain times, which they would not where pandas is missing, nor where it is installed."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"at": pa.array([1_500], pa.timestamp("ns"))}), path)
    ((_, row),) = open_rows(path).rows()
    assert type(row["at"]) is datetime
    assert row["at"].microsecond == 1


@pytest.mark.slow
@pytest.mark.parametrize("content", [CSV * 50_000, JSONL * 20_000])
def test_a_damaged_gzip_file_is_told(tmp_path: Path, content: str) -> None:
    """A packed file that was cut off (to nothing, even) or changed is an error, never a shorter file."""
    path = tmp_path / ("a.csv.gz" if content.startswith("c") else "a.jsonl.gz")
    data = gzip.compress(content.encode())
    for damaged in (
        data[:-10],
        data[: len(data) // 2],
        data[:200] + b"\0" * 4 + data[204:],
        data[:-8] + b"\0" * 8,
        b"",
    ):
        path.write_bytes(damaged)
        with pytest.raises(SourceError, match="damaged gzip"):
            list(open_feed(FeedSpec(source="s", feed="contacts", path="a"), path, MONEY).rows())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "must name the columns"),
        ("a.csv", CSV.encode("utf-16"), "UTF-16"),
        ("a.csv", b'contact,"na\n', "does not name columns"),
        ("a.xlsx", b"PK", r"must end in \.csv, \.tsv, \.jsonl, \.ndjson, \.parquet"),
        ("a", b"", "must end in"),
        ("a.parquet", b"PAR1 nonsense", "cannot be read as Parquet"),
    ],
)
def test_files_that_cannot_be_read_are_told(read: Read, name: str, content: bytes, message: str) -> None:
    """The message names the file and what it should be."""
    with pytest.raises(SourceError, match=message):
        read("contacts", content, to=name)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    """Neither is a file of rows."""
    spec = FeedSpec(source="s", feed="contacts", path="a")
    with pytest.raises(SourceError, match="there is no such file"):
        open_feed(spec, tmp_path / "a.csv", MONEY)
    with pytest.raises(SourceError, match="is a folder"):
        open_feed(spec, tmp_path, MONEY)


def test_a_file_of_malformed_rows_alone_is_refused(read: Read) -> None:
    """Ten rows of something else are not a file of this format."""
    with pytest.raises(MappingError, match="every one of the first 10 rows is malformed: line 1 is not JSON"):
        read("contacts", "contact;name\n" * 10, to="a.jsonl")


def test_a_header_alone_or_an_empty_json_file_has_no_rows(read: Read) -> None:
    """No rows are no fault, but the mapping is checked as far as it can be."""
    assert good(read("contacts", "contact,name\n")) == []
    empty = read("contacts", "", to="a.jsonl")
    assert (good(empty), empty.fields, empty.unplaced) == ([], frozenset(), {})
    with pytest.raises(MappingError, match="not a field"):
        read("contacts", "", to="a.jsonl", map={"nmae": "x"})


def test_rows_can_be_skipped_bad_ones_included(read: Read) -> None:
    """Going on after n rows means after n rows of the file, good or bad."""
    for name, content in (
        ("a.csv", "contact\n1\n2,x\n3\n4\n"),
        ("a.jsonl", '{"contact": 1}\nnope\n\n{"contact": 3}\n{"contact": 4}\n'),
    ):
        reader = read("contacts", content, to=name)
        assert [row.external_id for row in reader.rows(skip=2)] == ["3", "4"]
        assert len(list(reader.rows())) == 4
        assert list(reader.rows(skip=9)) == []


def test_what_is_appended_while_reading_is_left_for_later(tmp_path: Path) -> None:
    """With the size at which the file was fingerprinted, a row that is being written is not read half."""
    path = tmp_path / "a.csv"
    path.write_text(CSV, encoding="utf-8")
    size = path.stat().st_size
    path.write_text(f"{CSV}3,Jo", encoding="utf-8")
    reader = open_feed(FeedSpec(source="s", feed="contacts", path="a"), path, MONEY, size=size)
    assert names(good(reader)) == [("1", "Ada"), ("2", "Grace")]
    assert reader.bytes_total == reader.bytes_read() == size


def test_progress_grows_to_the_size_of_the_file(read: Read) -> None:
    """Bytes are those on disk, so a packed file's progress ends at its own size."""
    reader = read("contacts", "contact,name\n" + "".join(f"{n},Ada {n * n}\n" for n in range(200_000)), to="a.csv.gz")
    seen = []
    for number, _ in enumerate(reader.rows()):
        if number % 50_000 == 0:
            seen.append(reader.bytes_read())
    assert seen == sorted(seen)
    assert 0 < seen[1] < reader.bytes_total
    assert reader.bytes_read() == reader.bytes_total


def test_memory_stays_flat(read: Read) -> None:
    """A file of many rows takes no more memory than one of few."""
    reader = read("contacts", "contact,name\n" + "".join(f"{n},Ada\n" for n in range(100_000)))
    tracemalloc.start()
    for _ in reader.rows():
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000
