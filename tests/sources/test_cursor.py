"""How far a file has been read: nothing twice for long, nothing missed ever."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from clm.errors import SourceError
from clm.sources import FeedSpec, FileCursor, open_feed, resume
from tests.sources.reading import MONEY

HEADER = "contact,name\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of two rows."""
    file = tmp_path / "a.csv"
    file.write_text(f"{HEADER}1,Ada\n2,Grace\n", encoding="utf-8")
    return file


def read_all(path: Path) -> FileCursor:
    """The cursor after the file has been read to its end, as the database gives it back."""
    start = resume(path, None)
    reader = open_feed(FeedSpec(source="s", feed="contacts", path="a"), path, MONEY, size=start.size)
    cursor = start.cursor.after(start.skip + len(list(reader.rows(start.skip))), finished=True)
    return FileCursor.from_json(cursor.to_json())


def append(path: Path, text: str) -> None:
    """More rows at the end of the file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_a_file_never_seen_is_read_from_the_start(path: Path) -> None:
    """And its cursor knows what it was."""
    start = resume(path, None)
    assert (start.unchanged, start.skip, start.size) == (False, 0, path.stat().st_size)
    assert (start.cursor.file, start.cursor.rows, start.cursor.finished) == ("a.csv", 0, False)


def test_a_finished_file_that_was_not_touched_is_not_read(path: Path) -> None:
    """The scheduled pull costs one look at its size and time."""
    cursor = read_all(path)
    assert cursor.rows == 2
    again = resume(path, cursor)
    assert (again.unchanged, again.cursor) == (True, cursor)


def test_a_finished_file_that_was_written_again_the_same_is_not_read(path: Path) -> None:
    """A new time with the same content is no change; the new time is kept."""
    cursor = read_all(path)
    os.utime(path, ns=(1, 1))
    again = resume(path, cursor)
    assert (again.unchanged, again.cursor.mtime_ns, again.cursor.finished) == (True, 1, True)


def test_a_killed_import_goes_on_where_it_was(path: Path) -> None:
    """An unfinished file that is the same goes on after the rows done."""
    cursor = resume(path, None).cursor.after(1)
    again = resume(path, cursor)
    assert (again.unchanged, again.skip, again.cursor.rows) == (False, 1, 1)


def test_a_file_that_has_grown_is_read_from_where_it_ended(path: Path) -> None:
    """Only the appended rows are read."""
    cursor = read_all(path)
    append(path, "3,Joan\n")
    again = resume(path, cursor)
    assert (again.unchanged, again.skip, again.cursor.finished) == (False, 2, False)
    assert again.size == path.stat().st_size


def test_a_file_whose_last_line_was_unfinished_is_read_from_the_start(tmp_path: Path) -> None:
    """The half line was counted as a row; going on after it would lose its other half."""
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}1,Ada\n2,Gr", encoding="utf-8")
    cursor = read_all(path)
    append(path, "ace\n")
    assert resume(path, cursor).skip == 0


def test_a_file_with_other_content_is_read_from_the_start(path: Path) -> None:
    """A row changed in the middle, a shorter file, or another file of the same name is a new file."""
    cursor = read_all(path)
    for text in (f"{HEADER}1,Eve\n2,Grace\n3,Joan\n", f"{HEADER}1,Ada\n", ""):
        path.write_text(text, encoding="utf-8")
        again = resume(path, cursor)
        assert (again.unchanged, again.skip) == (False, 0)


def test_a_packed_file_that_has_grown_is_read_from_the_start(tmp_path: Path) -> None:
    """Only plain text grows by lines."""
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}1,Ada\n".encode()) + b"\n")
    cursor = resume(path, None).cursor.after(1, finished=True)
    path.write_bytes(path.read_bytes() + gzip.compress(b"2,Grace\n"))
    assert resume(path, cursor).skip == 0


def test_another_mapping_reads_the_file_again(path: Path) -> None:
    """When somebody corrects config/sources.yaml, the rows mean something else."""
    cursor = resume(path, None, mapping="one").cursor.after(2, finished=True)
    assert resume(path, cursor, mapping="one").unchanged
    again = resume(path, cursor, mapping="two")
    assert (again.unchanged, again.skip, again.cursor.mapping) == (False, 0, "two")


def test_large_files_are_fingerprinted_piece_by_piece(tmp_path: Path) -> None:
    """Where the old end falls inside a piece makes no difference."""
    path = tmp_path / "a.jsonl"
    line = '{"contact": 1}\n'
    path.write_text(line * 100_000, encoding="utf-8")
    cursor = resume(path, None).cursor.after(100_000, finished=True)
    append(path, line * 200_000)
    assert resume(path, cursor).skip == 100_000


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """The same error as when opening it."""
    with pytest.raises(SourceError, match="there is no such file"):
        resume(tmp_path / "a.csv", None)
