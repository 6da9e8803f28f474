"""The demo shop's files are repeatable, whole, and refused with a remedy when they cannot be made."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from clm.errors import SourceError
from clm.sources.demo import CONTACTS_FILE, CUSTOMERS_MAX, EVENTS_FILE, ORDERS_FILE, PRODUCTS_FILE, write_shop

from .conftest import read_shop

UNTIL = datetime(2026, 11, 22, 9, 5, tzinfo=UTC)
DRAWN = (CONTACTS_FILE, ORDERS_FILE, EVENTS_FILE)
FILES = (*DRAWN, PRODUCTS_FILE)


def files_of(folder: Path, **arguments: Any) -> dict[str, bytes]:
    """The bytes of a small shop's files."""
    settings: dict[str, Any] = {"until": UNTIL, "customers": 150} | arguments
    write_shop(folder, **settings)
    return {name: (folder / name).read_bytes() for name in FILES}


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    """Two shops of one seed are identical, and so is one whose end is the same instant in another zone."""
    first = files_of(tmp_path / "first")
    assert files_of(tmp_path / "second") == first
    elsewhere = UNTIL.astimezone(timezone(timedelta(hours=3, minutes=30)))
    assert files_of(tmp_path / "third", until=elsewhere) == first


def test_the_same_bytes_come_out_of_another_process(tmp_path: Path) -> None:
    """Nothing depends on the machine's zone or the interpreter's hash seed."""
    here = files_of(tmp_path / "here")
    program = (
        "import sys; from pathlib import Path; from datetime import datetime; from clm.sources.demo import write_shop; "
        "write_shop(Path(sys.argv[1]), until=datetime.fromisoformat(sys.argv[2]), customers=150)"
    )
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo", "PYTHONPATH": str(root)}
    arguments = [sys.executable, "-c", program, str(tmp_path / "there"), UNTIL.isoformat()]
    subprocess.run(arguments, check=True, env=environment, timeout=60)
    assert {name: (tmp_path / "there" / name).read_bytes() for name in FILES} == here


def test_another_seed_gives_another_shop(tmp_path: Path) -> None:
    """Each file differs but that of the products, which are the same in all of them."""
    first, second = files_of(tmp_path / "one", seed=1), files_of(tmp_path / "two", seed=2)
    assert {name for name in FILES if first[name] != second[name]} == set(DRAWN)


@pytest.mark.parametrize(
    "until", ["2024-02-29T00:00:00+00:00", "2026-01-01T00:30:00+00:00", "2030-07-15T23:59:59+14:00"]
)
def test_any_end_will_do(tmp_path: Path, until: str) -> None:
    """Leap days, new years and far zones give a shop with its orders, its end and somebody to greet."""
    end = datetime.fromisoformat(until)
    shop = read_shop(tmp_path, write_shop(tmp_path, until=end, customers=150, years=2))
    ats = [line["ordered_at"] for line in shop.lines] + [event["at"] for event in shop.events]
    assert len(shop.contacts) == 150
    assert len(shop.orders) > 100
    assert max(datetime.fromisoformat(at) for at in ats) <= end
    assert sum(datetime.fromisoformat(c["signed_up_at"]) > end - timedelta(days=2) for c in shop.contacts) >= 5


def test_a_shop_of_one_customer_is_a_shop(tmp_path: Path) -> None:
    """The smallest shop has its one contact and four whole files."""
    shop = read_shop(tmp_path, write_shop(tmp_path, until=UNTIL, customers=1, years=1))
    assert [contact["contact"] for contact in shop.contacts] == ["C00001"]


def test_files_replace_their_predecessors_and_leave_nothing_behind(tmp_path: Path) -> None:
    """A folder holds the four files of the last shop and no half-written one."""
    files_of(tmp_path, seed=1)
    second = files_of(tmp_path, seed=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    assert files_of(tmp_path / "again", seed=2) == second


def test_somebody_who_is_reading_reads_one_shop_to_the_end(tmp_path: Path) -> None:
    """A file opened before the shop is written again still holds the old shop, whole."""
    before = files_of(tmp_path, seed=1)
    with (tmp_path / ORDERS_FILE).open("rb") as reader:
        start = reader.read(1_000)
        files_of(tmp_path, seed=2)
        assert start + reader.read() == before[ORDERS_FILE]


def test_a_failed_write_leaves_the_old_shop_whole(tmp_path: Path) -> None:
    """When a file cannot be written to the end, nobody reads half of it and the old shop is still there."""
    before = files_of(tmp_path, seed=1)
    # A directory in the way of the last half-written file stands for a full disk.
    obstacle = tmp_path / f".{EVENTS_FILE}.{os.getpid()}.partial"
    obstacle.mkdir()
    with pytest.raises(SourceError, match="cannot be written to"):
        write_shop(tmp_path, until=UNTIL, customers=150, seed=2)
    obstacle.rmdir()
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)


def test_progress_counts_up_to_everybody(tmp_path: Path) -> None:
    """The number of customers done ascends and ends at all of them."""
    seen: list[int] = []
    write_shop(tmp_path, until=UNTIL, customers=150, progress=seen.append)
    assert seen == sorted(set(seen))
    assert seen[-1] == 150


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"customers": 0}, "1 to 50,000 customers, not 0"),
        ({"customers": CUSTOMERS_MAX + 1}, "not 50,001"),
        ({"years": 0}, "1 to 10 years, not 0"),
        ({"years": 11}, "not 11"),
        ({"until": datetime(2026, 11, 22, 9, 5)}, "needs a time zone"),  # noqa: DTZ001 - a naive one is what is refused
    ],
)
def test_numbers_out_of_bounds_are_refused_before_anything_is_written(
    tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    """The refusal says what is allowed, and the folder stays as it was."""
    with pytest.raises(SourceError, match=message):
        write_shop(tmp_path / "shop", **{"until": UNTIL} | arguments)
    assert not (tmp_path / "shop").exists()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """The refusal names the folder."""
    (tmp_path / "shop").write_text("not a folder")
    with pytest.raises(SourceError, match="shop"):
        write_shop(tmp_path / "shop", until=UNTIL, customers=1)
