"""A figure, the limit it was measured against, and how both are shown."""

from __future__ import annotations

import json
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cyclopts import App
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from clm.errors import ClmError


@dataclass(frozen=True, slots=True)
class Measured:
    """One result; `details` are more measurements of the same run, with their unit last in the name."""

    title: str
    figure: float
    unit: str
    limit: float
    meaning: str
    """What the ratio says, for the reader of the table."""
    details: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """What `--json` prints; the ratio is figure ÷ limit."""
        return {
            "figure": _short(self.figure),
            "unit": self.unit,
            "limit": _short(self.limit),
            "ratio": _short(self.figure / self.limit),
            "details": {name: _short(value) for name, value in self.details.items()},
        }

    def show(self, *, as_json: bool) -> None:
        """Print it: one JSON document, or a table for people."""
        document = self.document()
        if as_json:
            print(json.dumps(document, indent=2))
            return
        console = Console(highlight=False)
        listing = Table("", "", box=None, show_header=False, title=self.title, title_justify="left", pad_edge=False)
        listing.columns[1].justify = "right"
        listing.add_row("figure", f"[bold]{_short(self.figure):,}[/] {self.unit}")
        listing.add_row("limit", f"{_short(self.limit):,} {self.unit}")
        listing.add_row(f"ratio ({self.meaning})", f"[bold]{self.figure / self.limit:.2f}[/]")
        for name, value in document["details"].items():
            shown = f"{value:,}" if isinstance(value, int | float) else str(value)
            listing.add_row(f"[dim]{name.replace('_', ' ')}[/]", shown)
        console.print(listing)


def _short(value: Any) -> Any:
    """Four digits are more than a shared machine can tell."""
    if not isinstance(value, float):
        return value
    return round(value) if abs(value) >= 1_000 else float(f"{value:.4g}")


def peak_memory_mb() -> float:
    """The most memory this process has had so far, in MB; a database server's own is not in it."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def run(app: App) -> None:
    """Run a benchmark from the command line; what cannot be measured is said in a sentence, with status 1.

    Being terminated is an exit like any other, so that databases made for the run are dropped.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except ClmError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


class Bar:
    """One line of progress for people who watch, on stderr, where it is a terminal and people asked for the table."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def start(self, what: str, total: int | None = None) -> None:
        """Begin another piece of work."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(what, total=total)

    def at(self, done: int) -> None:
        """Say how far it is."""
        if self._task is not None:
            self._progress.update(self._task, completed=done)


@contextmanager
def bar(*, as_json: bool) -> Iterator[Bar]:
    """A progress line that leaves nothing behind."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=as_json or not console.is_terminal) as progress:
        yield Bar(progress)
