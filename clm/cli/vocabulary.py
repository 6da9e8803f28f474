"""`clm facts` and `clm segments`: what conditions can speak of, and who is meant."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from clm.cli.terminal import AsJson, moment, out, print_json, table
from clm.config import load_configuration
from clm.domain.instant import to_ms
from clm.engine.workspace import open_database
from clm.insight.census import peopled, vocabulary
from clm.settings import Settings


def facts(*, json: AsJson = False) -> None:
    """List what a condition can speak of: facts, functions and events, and of how many contacts each is known.

    Example: clm facts --json
    """
    database = open_database(Settings())
    try:
        found = vocabulary(database)
    finally:
        database.close()
    if json:
        print_json(
            {"contacts": found.contacts, "facts": found.facts, "functions": found.functions, "events": found.events}
        )
        return
    listing = table("fact", "type", "meaning", "example", "known of", right=("known of",), wrap=("meaning", "example"))
    for fact in found.facts:
        listing.add_row(
            fact["name"], fact["type"], fact["meaning"], fact["example"], _share(fact["known_of"], found.contacts)
        )
    out.print(listing, markup=False)
    listing = table("function", "gives", "meaning", "example", wrap=("meaning", "example"))
    for function in found.functions:
        late = " (after entering)" if function["use"] == "after entering" else ""
        listing.add_row(function["name"], function["type"], function["meaning"] + late, function["example"])
    out.print(listing, markup=False)
    if found.events:
        listing = table("event", "events", "contacts", "latest", right=("events", "contacts"))
        for event in found.events:
            listing.add_row(event["name"], f"{event['events']:,}", f"{event['contacts']:,}", event["latest_at"])
        out.print(listing, markup=False)
    out.print(f"{found.contacts:,} contacts; truths count those they hold of", style="dim")


def segments(
    *,
    at: Annotated[str | None, Parameter(help="The instant to look at, ISO 8601; default: now.")] = None,
    json: AsJson = False,
) -> None:
    """List segments, lifecycle stages and RFM groups with the number of contacts in each.

    Segments are counted as they are now; stages and groups as they were last scored.

    Example: clm segments --at 2026-01-31T09:00Z --json
    """
    settings = Settings()
    configuration = load_configuration(settings.config)
    now = to_ms(moment(at, "--at") or datetime.now(UTC))
    database = open_database(settings)
    try:
        found = peopled(database, configuration, now=now)
    finally:
        database.close()
    if json:
        print_json(
            {"contacts": found.contacts, "segments": found.segments, "stages": found.stages, "groups": found.groups}
        )
        return
    listing = table("segment", "title", "when", "contacts", right=("contacts",), wrap=("title", "when"))
    for row in found.segments:
        listing.add_row(row["name"], row["title"], row["when"], _share(row["contacts"], found.contacts))
    out.print(listing, markup=False)
    listing = table("stage", "measured by", "contacts", right=("contacts",), wrap=("measured by",))
    for row in found.stages:
        listing.add_row(row["name"], row["kpi"], _share(row["contacts"], found.contacts))
    out.print(listing, markup=False)
    listing = table("group", "contacts", right=("contacts",))
    for row in found.groups:
        listing.add_row(row["name"], _share(row["contacts"], found.contacts))
    out.print(listing, markup=False)
    out.print(f"{found.contacts:,} contacts; stages and groups as last scored (`clm run --only score`)", style="dim")


def _share(count: int | None, of: int) -> str:
    if count is None:
        return "–"
    return f"{count:,} ({count / of:.0%})" if of else f"{count:,}"
