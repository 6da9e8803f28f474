"""What a first evaluation costs: `python -m benchmarks.full --contacts 100000 [--database URL] [--json]`.

**Figure**: milliseconds of the very first tick of `clm.engine.enrol.enrol` over twenty campaigns (the shipped sixteen
and four more): everybody is looked at by each, and of those who qualify the policy's backlog enters, with decisions.

**Limit**: one bare pass: a single `SELECT` that counts of how many profiles each of the same conditions holds. It does
not ask who is enrolled already, sorts nothing and writes nothing.

**Ratio**: figure ÷ limit, how many times the bare pass a first evaluation takes; less is better.
"""

from __future__ import annotations

from time import perf_counter
from typing import Annotated, Final

from cyclopts import App, Parameter
from sqlalchemy import Select, and_, case, func, not_, select

from benchmarks.campaigns import twenty
from benchmarks.databases import own_database
from benchmarks.figures import Measured, bar, peak_memory_mb, run
from benchmarks.population import fill
from benchmarks.shop_file import END_MS
from clm.domain.condition import before_entering
from clm.engine.enrol import enrol
from clm.engine.journey import Journeys
from clm.store.conditions import compiled
from clm.store.database import Database
from clm.store.schema import profiles

_SLOWEST: Final = 3

app = App(help=__doc__.splitlines()[0])


@app.default
def full(
    *,
    contacts: Annotated[int, Parameter(help="How many people there are.")] = 100_000,
    database: Annotated[str | None, Parameter(help="Default: a temporary SQLite file.")] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Measure a first evaluation of twenty campaigns, against one bare pass over the profiles."""
    journeys = twenty()
    with bar(as_json=json) as progress, own_database(database, "full") as filled:
        progress.start("filling", contacts)
        for done in fill(filled, contacts=contacts, now=END_MS):
            progress.at(done)
        progress.start("one bare pass")
        bare_ms, qualifying = _pass(filled, journeys)
        progress.start("first evaluation", len(journeys.live()))
        took: dict[str, float] = {}
        entered = 0
        for number, campaign in enumerate(journeys.live(), 1):
            started = perf_counter()
            entered += enrol(filled, journeys, campaign, now=END_MS)
            took[campaign.campaign] = (perf_counter() - started) * 1_000
            progress.at(number)
    slowest = sorted(took, key=lambda name: -took[name])[:_SLOWEST]
    Measured(
        title=f"first evaluation: {len(took)} campaigns over {contacts:,} contacts",
        figure=sum(took.values()),
        unit="ms",
        limit=bare_ms,
        meaning="times one bare pass, less is better",
        details={
            "entered": entered,
            "qualifying": qualifying,
            **{f"{name}_ms": took[name] for name in slowest},
            "peak_memory_mb": peak_memory_mb(),
            "contacts": contacts,
        },
    ).show(as_json=json)


def _pass(database: Database, journeys: Journeys) -> tuple[float, int]:
    query = _one_pass(journeys)
    started = perf_counter()
    with database.read() as tx:
        found = tx.execute(query).one()
    return (perf_counter() - started) * 1_000, sum(found)


def _one_pass(journeys: Journeys) -> Select[tuple[int, ...]]:
    counts = []
    for campaign in journeys.live():
        rules = journeys.configuration.rules(campaign)
        condition = compiled(rules.enter, END_MS)
        unless = None if rules.unless is None else before_entering(rules.unless)
        if unless is not None:
            condition = and_(condition, not_(func.coalesce(compiled(unless, END_MS), False)))
        counts.append(func.count(case((condition, 1))).label(campaign.campaign))
    return select(*counts).select_from(profiles)


if __name__ == "__main__":
    run(app)
