"""`clm surveys` and `clm resolve`: what customers have answered, and that a low mark was put right."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from clm.cli.sources import refuse_unknown_source
from clm.cli.terminal import AsJson, out, print_json, table
from clm.config import load_configuration
from clm.domain.instant import to_ms
from clm.engine.surveys import resolve as resolve_tickets
from clm.engine.workspace import open_database
from clm.errors import ClmError
from clm.insight.surveys import LATELY_DAYS, Results, document, results
from clm.settings import Settings
from clm.store import addressees


def surveys(*, json: AsJson = False) -> None:
    """List what was answered to each survey in the last 30 days and ever: mean, NPS or CSAT, and who answered.

    The response is the share of those who were asked, a reminder counted with what it reminds of.

    Example: clm surveys --json
    """
    settings = Settings()
    known = load_configuration(settings.config).surveys
    database = open_database(settings)
    try:
        lately, ever = results(database, known, now=to_ms(datetime.now(UTC)))
    finally:
        database.close()
    recent = {one.survey: one for one in lately}
    if json:
        print_json(
            [
                {
                    "survey": one.survey,
                    "kind": one.kind,
                    f"last_{LATELY_DAYS}_days": document(recent[one.survey]) if one.survey in recent else None,
                    "ever": document(one),
                }
                for one in ever
            ]
        )
        return
    figures = ("asked", "response", "answers", "mean", "score", "low", "high")
    listing = table("survey", "", *figures, right=figures)
    for one in ever:
        if one.survey in recent:
            listing.add_row(one.survey, f"{LATELY_DAYS} days", *_figures(recent[one.survey]))
        listing.add_row("" if one.survey in recent else one.survey, "ever", *_figures(one))
    out.print(listing, markup=False)
    for one in ever:
        for question, given in one.choices.items():
            if any(given.values()):
                chosen = ", ".join(f"{choice} {times:,}" for choice, times in given.items())
                out.print(f"{one.survey}, {question}: {chosen}", markup=False)


def resolve(
    contact: Annotated[str, Parameter(help="The source's own id of a contact.")],
    *,
    source: Annotated[str | None, Parameter(help="The source, where several have a contact of that id.")] = None,
    json: AsJson = False,
) -> None:
    """Say that a low mark was put right, whoever told it: closes what clm opened for it, and promotions go on.

    What is older than 30 days holds nothing any more, and is not closed; nor is a ticket of the shop's own helpdesk.

    Example: clm resolve C1042
    """
    settings = Settings()
    database = open_database(settings)
    try:
        with database.read() as tx:
            named = addressees.named(tx, contact, source)
            if not named and source is not None:
                refuse_unknown_source(tx, settings, source)
        if not named:
            raise ClmError(f"{contact}: no contact has that id{f' at {source}' if source else ''}")
        if len(named) > 1:
            raise ClmError(f"{contact}: {', '.join(named)} each have one of that id; say which with --source")
        closed = resolve_tickets(
            database, next(iter(named.values())), by=getpass.getuser(), now=to_ms(datetime.now(UTC))
        )
    finally:
        database.close()
    if json:
        print_json({"contact": contact, "source": next(iter(named)), "closed": closed})
    elif closed:
        out.print(f"closed: {', '.join(closed)}; promotions go on with the next run", markup=False)
    else:
        out.print("no low mark was open; nothing was closed", markup=False)


def _figures(one: Results) -> list[str]:
    score = "–"
    if one.nps is not None:
        score = f"NPS {one.nps:+.0f}"
    elif one.csat is not None:
        score = f"CSAT {one.csat:.0%}"
    return [
        f"{one.response.asked:,}",
        "–" if one.response_rate is None else f"{one.response_rate:.1%}",
        f"{one.answers:,}",
        "–" if one.mean is None else f"{one.mean:.2f}",
        score,
        f"{one.low:,}",
        f"{one.high:,}",
    ]
