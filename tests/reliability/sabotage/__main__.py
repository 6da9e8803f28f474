"""Breaks a throw-away copy of the tree in every way on the list, and reports which tests noticed: `make sabotage`."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.reliability.sabotage.edits import Sabotage
from tests.reliability.sabotage.sabotages import SABOTAGES

PROJECT = Path(__file__).parents[3]
SECONDS_MAX = 240
_NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".clm", "__pycache__", ".*_cache", ".hypothesis", "node_modules", "*.egg-info"
)
_RED = 1
"""pytest's status where tests failed; another one says that they could not be run."""


class NotApplicableError(Exception):
    """The words that a sabotage replaces do not stand there exactly once."""


@contextmanager
def applied(sabotage: Sabotage, tree: Path) -> Iterator[None]:
    """The tree, broken; whole again afterwards. Raises NotApplicableError."""
    before: dict[Path, str] = {}
    try:
        for edit in sabotage.edits:
            path = tree / edit.file
            text = path.read_text(encoding="utf-8")
            if text.count(edit.old) != 1:
                raise NotApplicableError(f"{edit.file}: {text.count(edit.old)} times `{edit.old.strip()}`")
            before.setdefault(path, text)
            path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
        yield
    finally:
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")


def noticed(test: str, tree: Path) -> str:
    """Run a test in the tree: red, green, or why neither."""
    # An installed clm is that of the project; the copy comes before it on the path.
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", test]
    with subprocess.Popen(
        command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        try:
            process.communicate(timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return f"no answer in {SECONDS_MAX} s"
        finally:
            if process.poll() is None:  # also where we are ended ourselves
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode == _RED:
        return "red"
    return "GREEN" if process.returncode == 0 else f"pytest could not run it (status {process.returncode})"


def main() -> int:
    """Status 1 where a sabotage is not noticed, or no longer applies."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.sabotage", description=__doc__)
    parser.add_argument("--only", default="", help="those whose name holds this")
    parser.add_argument("--trust", action="store_true", help="do not look first whether the tests are green unbroken")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = [one for one in SABOTAGES if given.only in one.name]
    console = Console()
    table = Table("what is broken", "tests", "noticed", "seconds", title="sabotage")
    well = bool(chosen)
    with tempfile.TemporaryDirectory(prefix="clm-sabotage-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(PROJECT, tree, ignore=_NOT_COPIED)
        if not given.trust:
            for test in dict.fromkeys(test for one in chosen for test in one.tests):
                console.print(f"[dim]unbroken: {test}")
                if (found := noticed(test, tree)) != "GREEN":
                    console.print(f"{test} is {found} before anything is broken")
                    return 1
        for one in chosen:
            for test in one.tests:
                begun = time.monotonic()
                try:
                    with applied(one, tree):
                        found = noticed(test, tree)
                except NotApplicableError as error:
                    found = f"does not apply: {error}"
                well = well and found == "red"
                console.print(f"[dim]{one.name}: {found}")
                table.add_row(one.name, test.rpartition("/")[2], found, f"{time.monotonic() - begun:.0f}")
    console.print(table)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
