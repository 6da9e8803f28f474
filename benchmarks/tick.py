"""What one tick costs the database: `python -m benchmarks.tick --contacts 100000 [--database URL] [--json]`.

**Figure**: milliseconds that the database works, commits included, for one tick of `clm.engine.enrol.enrol` over twenty
campaigns (the shipped sixteen and four more), five minutes after the tick before, in which one contact in ten thousand
ordered. Enrolments and their decisions are written. The median of several ticks.

**Limit**: the bare statements: what finds those who enter, for each of the campaigns, with the same parameters and
straight through the driver. It asks who is enrolled already, and writes nothing.

**Ratio**: figure ÷ limit, how many times the bare statements a tick takes; less is better.

Among the details, `enrol_wall_ms` is the same tick by the clock, composing the statements in Python included;
`advance_ms` what moving people along their steps takes by the clock, nobody being due; `first_evaluation_ms` the very
first tick, at which everybody is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from sqlalchemy import event

from benchmarks.campaigns import twenty
from benchmarks.databases import own_database
from benchmarks.figures import Bar, Measured, bar, peak_memory_mb, run
from benchmarks.population import fill, order, settle
from benchmarks.shop_file import END_MS
from clm.domain.instant import SECOND_MS
from clm.engine.advance import advance
from clm.engine.enrol import enrol
from clm.engine.journey import Journeys
from clm.store.database import Database

TICKS: Final = 7
TICK_MS: Final = 300 * SECOND_MS
_INSERT: Final = "INSERT INTO enrolments "

app = App(help=__doc__.splitlines()[0])


@app.default
def tick(
    *,
    contacts: Annotated[int, Parameter(help="How many people there are.")] = 100_000,
    database: Annotated[str | None, Parameter(help="Default: a temporary SQLite file.")] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Measure one evaluation of twenty campaigns, against the bare statements."""
    journeys = twenty()
    with bar(as_json=json) as progress, own_database(database, "tick") as filled:
        progress.start("filling", contacts)
        for done in fill(filled, contacts=contacts, now=END_MS):
            progress.at(done)
        progress.start("first evaluation")
        started = perf_counter()
        entered = _enrol(filled, journeys, END_MS)
        first_ms = (perf_counter() - started) * 1_000
        started = perf_counter()
        queued = _advance(filled, journeys, END_MS)
        first_advance_ms = (perf_counter() - started) * 1_000
        settle(filled)
        ticks = _ticks(filled, journeys, progress)
    Measured(
        title=f"tick: {len(journeys.live())} campaigns over {contacts:,} contacts",
        figure=ticks["database_ms"],
        unit="ms",
        limit=ticks["bare_ms"],
        meaning="times the bare statements, less is better",
        details={
            "enrol_wall_ms": ticks["wall_ms"],
            "entered_per_tick": ticks["entered"],
            "advance_ms": ticks["advance_ms"],
            "first_evaluation_ms": first_ms,
            "first_evaluation_entered": entered,
            "first_advance_ms": first_advance_ms,
            "first_advance_queued": queued,
            "peak_memory_mb": peak_memory_mb(),
            "contacts": contacts,
            "ticks": TICKS,
        },
    ).show(as_json=json)


def _ticks(database: Database, journeys: Journeys, progress: Bar) -> dict[str, float]:
    """The medians of some ticks; the first is left out, because it composes the statements."""
    progress.start("ticks", TICKS + 1)
    found: dict[str, list[float]] = {"database_ms": [], "wall_ms": [], "entered": [], "advance_ms": [], "bare_ms": []}
    for turn in range(TICKS + 1):
        now = END_MS + (turn + 1) * TICK_MS
        with database.write() as tx:
            order(tx, turn=turn, now=now)
        with _watching(database) as watch:
            started = perf_counter()
            entered = _enrol(database, journeys, now)
            wall_ms = (perf_counter() - started) * 1_000
        found["database_ms"].append(watch.ms)
        found["wall_ms"].append(wall_ms)
        found["entered"].append(entered)
        found["bare_ms"].append(_bare(database, watch.inserts))
        started = perf_counter()
        _advance(database, journeys, now)
        found["advance_ms"].append((perf_counter() - started) * 1_000)
        progress.at(turn + 1)
    return {name: median(values[1:]) for name, values in found.items()}


def _enrol(database: Database, journeys: Journeys, now: int) -> int:
    return sum(enrol(database, journeys, campaign, now=now) for campaign in journeys.live())


def _advance(database: Database, journeys: Journeys, now: int) -> int:
    return sum(advance(database, journeys, campaign, now=now) for campaign in journeys.live())


class _Watch:
    """Time spent in the driver, and the statements that enrolled."""

    def __init__(self) -> None:
        self.ms = 0.0
        self.inserts: list[tuple[str, Any]] = []
        self._started = 0.0

    def before(self, *_: Any) -> None:
        self._started = perf_counter()

    def after(self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        self.ms += (perf_counter() - self._started) * 1_000
        if statement.startswith(_INSERT):
            self.inserts.append((statement, parameters))


@contextmanager
def _watching(database: Database) -> Iterator[_Watch]:
    """Watch the statements and commits of one database."""
    watch, dialect = _Watch(), database.engine.dialect
    commit = dialect.do_commit

    def committing(connection: Any) -> None:
        started = perf_counter()
        commit(connection)
        watch.ms += (perf_counter() - started) * 1_000

    event.listen(database.engine, "before_cursor_execute", watch.before)
    event.listen(database.engine, "after_cursor_execute", watch.after)
    dialect.do_commit = committing  # type: ignore[method-assign]
    try:
        yield watch
    finally:
        dialect.do_commit = commit  # type: ignore[method-assign]
        event.remove(database.engine, "before_cursor_execute", watch.before)
        event.remove(database.engine, "after_cursor_execute", watch.after)


def _bare(database: Database, inserts: list[tuple[str, Any]]) -> float:
    """The looking alone: each INSERT … SELECT as its SELECT, through the driver."""
    total = 0.0
    with database.read() as tx:
        cursor = tx.connection.cursor()
        for statement, parameters in inserts:
            looking = statement[statement.index("SELECT") :].removesuffix(" ON CONFLICT DO NOTHING")
            started = perf_counter()
            cursor.execute(looking, parameters)
            cursor.fetchall()
            total += (perf_counter() - started) * 1_000
        cursor.close()
    return total


if __name__ == "__main__":
    run(app)
