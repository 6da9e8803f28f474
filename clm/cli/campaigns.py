"""`clm campaigns`: what runs, for whom, and on which version of its file."""

from __future__ import annotations

from clm.cli.terminal import AsJson, out, print_json, table
from clm.config import load_configuration
from clm.engine.workspace import open_database
from clm.insight.standing import COUNTED, Standing, standings
from clm.settings import Settings


def campaigns(*, json: AsJson = False) -> None:
    """List campaigns with people in flight, versions, hold-outs, goals and messages; broadcasts come last.

    People stay on the version of the file that they entered, unless it says `in_flight: move`.

    Example: clm campaigns --json
    """
    settings = Settings()
    configuration = load_configuration(settings.config)
    database = open_database(settings)
    try:
        found = standings(database, configuration)
    finally:
        database.close()
    if json:
        print_json([_document(standing) for standing in found])
        return
    columns = ("in flight", "ended", "held out", "goals", "queued", "sent")
    listing = table("campaign", "status", "prio", *columns, right=("prio", *columns))
    for standing in found:
        ended = standing.total("completed") + standing.total("exited")
        figures = [standing.total("active"), ended, standing.total("held_out"), standing.total("goals")]
        figures += [standing.messages.get(status, 0) for status in ("queued", "sent")]
        status = "once" if standing.once else standing.status + ("*" if standing.backlog else "")
        listing.add_row(
            standing.campaign, status, str(standing.priority or "–"), *(f"{figure:,}" for figure in figures)
        )
        for version in standing.versions:
            if not version["current"] and version["active"]:
                since = f"  on {version['version']}, from {version['first_entered_at'][:10]}"
                listing.add_row(since, "", "", f"{version['active']:,}", style="dim")
    out.print(listing, markup=False)
    out.print(
        "dim lines: people still on an earlier version of the file; held out: enrolled, sent nothing;"
        " once: a broadcast, see `clm broadcast --list`",
        style="dim",
    )


def _document(standing: Standing) -> dict[str, object]:
    return {
        "campaign": standing.campaign,
        "title": standing.title,
        "status": standing.status,
        "broadcast": standing.once,
        "priority": standing.priority,
        "version": standing.version,
        "backlog": standing.backlog,
        **{name: standing.total(name) for name in COUNTED},
        "versions": standing.versions,
        "messages": standing.messages,
    }
