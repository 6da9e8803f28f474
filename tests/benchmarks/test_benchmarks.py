"""The benchmarks run and say what they promise to say; how fast anything is, no test asks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

PROJECT = Path(__file__).parents[2]
SECONDS_MAX = 120
_FEW = ("--contacts", "200")
SMALL = {
    "ingest": _FEW,
    "tick": _FEW,
    "full": _FEW,
    "dispatch": ("--messages", "200", "--latency-ms", "5"),
    "webhook": ("--events", "500"),
}
"""How each is told to be quick."""


class Done(NamedTuple):
    """A run that has ended."""

    pid: int
    returncode: int
    stdout: str
    stderr: str


def run(name: str, *arguments: str, folder: Path) -> Done:
    """Run one benchmark as people do, with a folder of its own for what is temporary."""
    with subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{name}", *SMALL[name], *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env={"TMPDIR": str(folder), "PATH": "/usr/bin:/bin"},
    ) as process:
        stdout, stderr = process.communicate(timeout=SECONDS_MAX)
        return Done(process.pid, process.returncode, stdout, stderr)


def document(done: Done) -> dict[str, Any]:
    """The one JSON document that a run has printed."""
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "unit"),
    [("ingest", "rows/s"), ("tick", "ms"), ("full", "ms"), ("dispatch", "messages/s"), ("webhook", "events/s")],
)
class TestEachBenchmark:
    """What holds for all of them."""

    def test_prints_figure_unit_limit_and_ratio(self, name: str, unit: str, tmp_path: Path) -> None:
        """One JSON document with these four keys; whatever else was measured is below `details`."""
        said = document(run(name, "--json", folder=tmp_path))
        assert said.keys() - {"details"} == {"figure", "unit", "limit", "ratio"}
        assert said["unit"] == unit
        assert said["figure"] > 0
        assert said["limit"] > 0
        assert said["ratio"] == pytest.approx(said["figure"] / said["limit"], rel=0.01)
        what, size = SMALL[name][:2]
        assert said["details"][what.removeprefix("--")] == int(size)

    def test_leaves_nothing_behind(self, name: str, unit: str, tmp_path: Path) -> None:
        """The database was temporary, and so was the file of orders."""
        done = run(name, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert unit in done.stdout
        assert "ratio" in done.stdout
        assert list(tmp_path.iterdir()) == []

    def test_keeps_its_hands_off_a_database_that_exists(self, name: str, unit: str, tmp_path: Path) -> None:  # noqa: ARG002 - all tests of the class have it
        """Benchmarks write and drop; a file that is there already might be somebody's."""
        mine = tmp_path / "mine.db"
        mine.write_bytes(b"precious")
        done = run(name, "--database", f"sqlite:///{mine}", folder=tmp_path)
        assert done.returncode == 1
        assert f"{mine} exists" in done.stderr
        assert mine.read_bytes() == b"precious"

    def test_makes_and_drops_a_postgresql_database_of_its_own(
        self, name: str, unit: str, postgres_url: str, tmp_path: Path
    ) -> None:
        """The database that the URL names stays as it was."""
        counted = (
            "SELECT (SELECT count(*) FROM contacts), (SELECT count(*) FROM orders), (SELECT count(*) FROM profiles)"
        )
        with psycopg.connect(postgres_url) as connection:
            before = connection.execute(counted).fetchone()
        done = run(name, "--json", "--database", postgres_url, folder=tmp_path)
        assert document(done)["unit"] == unit
        with psycopg.connect(postgres_url) as connection:
            left = connection.execute("SELECT 1 FROM pg_database WHERE datname LIKE %s", (f"%_{done.pid}",)).fetchall()
            after = connection.execute(counted).fetchone()
        assert left == []
        assert after == before
