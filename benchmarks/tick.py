"""What one tick costs the database: `python -m benchmarks.tick --contacts 100000 [--database URL] [--json]`.

**Figure**: milliseconds of `clm.engine.enrol.enrol`, from the beginning of each transaction to its commit, for the live
campaigns of config/campaigns together, five minutes after the tick before, in which one contact in a thousand ordered.
Enrolments and their decisions are written. The median of several ticks.

**Limit**: the bare statement: one `SELECT` that counts, in one pass over all profiles, of whom each of the same
conditions holds at the same instant. It does not ask who is enrolled already, and writes nothing. An evaluation that
looks at everybody cannot be much quicker; one that looks only at those of whom something has changed can.

**Ratio**: figure ÷ limit, how many times the bare pass a tick takes; less is better.

Among the details, `first_evaluation_ms` is the very first tick, which enrols everybody of whom a condition holds, and
`advance_ms` what moving people along their steps takes at a later tick.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, Final

from cyclopts import App, Parameter
from sqlalchemy import Select, and_, case, func, not_, select

from benchmarks.databases import own_database
from benchmarks.figures import Bar, Measured, bar, peak_memory_mb, run
from benchmarks.population import fill, order, settle
from benchmarks.shop_file import END_MS
from clm.config import load_configuration
from clm.domain.condition import facts_of
from clm.domain.instant import SECOND_MS
from clm.engine.advance import advance
from clm.engine.enrol import enrol
from clm.engine.journey import Journeys
from clm.store.conditions import compiled
from clm.store.database import Database
from clm.store.schema import profiles

TICKS: Final = 5
TICK_MS: Final = 300 * SECOND_MS
CONFIG: Final = Path(__file__).parent.parent / "config"

app = App(help=__doc__.splitlines()[0])


@app.default
def tick(
    *,
    contacts: Annotated[int, Parameter(help="How many people there are.")] = 100_000,
    database: Annotated[str | None, Parameter(help="Default: a temporary SQLite file.")] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Measure one evaluation of the live campaigns, against one bare pass over the profiles."""
    journeys = Journeys(load_configuration(CONFIG))
    with bar(as_json=json) as progress, own_database(database, "tick") as filled:
        progress.start("filling", contacts)
        for done in fill(filled, contacts=contacts, now=END_MS):
            progress.at(done)
        progress.start("first evaluation")
        first_ms, first_entered = _enrol(filled, journeys, END_MS)
        started = perf_counter()
        queued = sum(advance(filled, journeys, campaign, now=END_MS) for campaign in journeys.live())
        first_advance_ms = (perf_counter() - started) * 1_000
        settle(filled)
        ticks = _ticks(filled, journeys, progress)
    Measured(
        title=f"tick: {len(journeys.live())} campaigns over {contacts:,} contacts",
        figure=ticks["enrol_ms"],
        unit="ms",
        limit=ticks["pass_ms"],
        meaning="times the bare pass, less is better",
        details={
            "first_evaluation_ms": first_ms,
            "first_evaluation_entered": first_entered,
            "first_advance_ms": first_advance_ms,
            "first_advance_queued": queued,
            "entered_per_tick": ticks["entered"],
            "advance_ms": ticks["advance_ms"],
            "peak_memory_mb": peak_memory_mb(),
            "contacts": contacts,
            "ticks": TICKS,
        },
    ).show(as_json=json)


def _ticks(database: Database, journeys: Journeys, progress: Bar) -> dict[str, float]:
    """The medians of some ticks."""
    progress.start("ticks", TICKS)
    found: dict[str, list[float]] = {"enrol_ms": [], "entered": [], "advance_ms": [], "pass_ms": []}
    for turn in range(TICKS):
        now = END_MS + (turn + 1) * TICK_MS
        with database.write() as tx:
            order(tx, turn=turn, now=now)
        took_ms, entered = _enrol(database, journeys, now)
        found["enrol_ms"].append(took_ms)
        found["entered"].append(entered)
        started = perf_counter()
        for campaign in journeys.live():
            advance(database, journeys, campaign, now=now)
        found["advance_ms"].append((perf_counter() - started) * 1_000)
        found["pass_ms"].append(_pass(database, journeys, now))
        progress.at(turn + 1)
    return {name: median(values) for name, values in found.items()}


def _enrol(database: Database, journeys: Journeys, now: int) -> tuple[float, int]:
    started = perf_counter()
    entered = sum(enrol(database, journeys, campaign, now=now) for campaign in journeys.live())
    return (perf_counter() - started) * 1_000, entered


def _pass(database: Database, journeys: Journeys, now: int) -> float:
    query = _one_pass(journeys, now)
    started = perf_counter()
    with database.read() as tx:
        tx.execute(query).one()
    return (perf_counter() - started) * 1_000


def _one_pass(journeys: Journeys, now: int) -> Select[tuple[int, ...]]:
    counts = []
    for campaign in journeys.live():
        rules = journeys.configuration.rules(campaign)
        condition = compiled(rules.enter, now)
        if rules.unless is not None and all(fact.scope == "contact" for fact in facts_of(rules.unless)):
            condition = and_(condition, not_(func.coalesce(compiled(rules.unless, now), False)))
        counts.append(func.sum(case((condition, 1), else_=0)).label(campaign.campaign))
    return select(*counts).select_from(profiles)


if __name__ == "__main__":
    run(app)
