"""`clm messages` and `clm quarantine`: what was, is or will be sent, and what could not be read."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from clm.cli.sources import refuse_unknown_source
from clm.cli.terminal import AsJson, out, print_json, table
from clm.config import load_configuration
from clm.domain.instant import from_ms, iso
from clm.domain.message import STATUSES
from clm.domain.nearest import nearest
from clm.engine.workspace import open_database
from clm.errors import ClmError
from clm.settings import Settings
from clm.store import messages as stored_messages
from clm.store import previewed
from clm.store import quarantine as stored_quarantine
from clm.store.database import Found, Transaction

_KEYS = (
    "id", "contact", "campaign", "step", "channel", "locale", "status", "reason", "due_at", "sent_at", "to", "subject",
)  # fmt: skip

LIMIT_MAX = 1_000_000
"""Rows that one command lists where it is told how many; --json without --limit lists all messages."""

Limit = Annotated[int | None, Parameter(help="At most so many; with --json all, otherwise 50.")]


def messages(
    *,
    contact: Annotated[str | None, Parameter(help="The source's own id of a contact.")] = None,
    campaign: str | None = None,
    status: Annotated[str | None, Parameter(help=f"One of {', '.join(STATUSES)}.")] = None,
    limit: Limit = None,
    json: AsJson = False,
) -> None:
    """List what was, is or will be sent, with reasons.

    Example: clm messages --campaign win_back --status refused
    """
    if status is not None and status not in STATUSES:
        raise ClmError(
            f"--status {status}: a message is never that{nearest(status, STATUSES)} (known: {', '.join(STATUSES)})"
        )
    _within_bounds(limit)
    settings = Settings()
    database = open_database(settings)
    shown_max = limit if limit is not None or json else 50
    try:
        with database.read() as tx:
            found = stored_messages.listed(tx, contact=contact, campaign=campaign, status=status, limit=shown_max)
            if not found:
                _refuse_unknown(tx, settings, contact=contact, campaign=campaign)
    finally:
        database.close()
    if json:
        print_json([_document(row) for row in found])
        return
    listing = table(
        "id",
        "contact",
        "campaign",
        "step",
        "channel",
        "status",
        "due",
        "subject or reason",
        right=("id",),
        wrap=("subject or reason",),
    )
    for row in found:
        due = f"{from_ms(row.due_at):%Y-%m-%d %H:%M}"
        said = row.reason or row.subject
        listing.add_row(str(row.id), row.contact, row.campaign, row.step, row.channel, row.status, due, said)
    out.print(listing, markup=False)
    more = "; there may be more: --json lists all, --limit N more" if len(found) == shown_max else ""
    out.print(f"{len(found):,} messages{more}", style="dim")


def _within_bounds(limit: int | None) -> None:
    if limit is not None and not 1 <= limit <= LIMIT_MAX:
        raise ClmError(f"--limit {limit}: write 1 to {LIMIT_MAX:,}")


def _refuse_unknown(tx: Transaction, settings: Settings, *, contact: str | None, campaign: str | None) -> None:
    """Raises ClmError for a contact or campaign there is none of: such a one has no messages for another reason."""
    if contact is not None and previewed.contact_id(tx, contact) is None:
        raise ClmError(f"there is no contact {contact}; --contact takes the source's own id")
    if campaign is None:
        return
    written = [one.campaign for one in load_configuration(settings.config).all_campaigns]
    known = list(dict.fromkeys([*written, *(row.campaign for row in stored_messages.standing_by_campaign(tx))]))
    if campaign not in known:
        raise ClmError(f"there is no campaign `{campaign}`{nearest(campaign, known)} (known: {', '.join(known)})")


def _document(row: Found) -> dict[str, object]:
    document = {key: getattr(row, key) for key in _KEYS}
    return document | {"due_at": iso(row.due_at), "sent_at": iso(row.sent_at)}


def quarantine(
    *,
    source: Annotated[str | None, Parameter(help="Of one source only.")] = None,
    limit: Annotated[int, Parameter(help="At most so many.")] = 100,
    json: AsJson = False,
) -> None:
    """List rows that could not be used, newest first, with file, line, field and reason.

    Example: clm quarantine --source shop
    """
    _within_bounds(limit)
    settings = Settings()
    database = open_database(settings)
    try:
        with database.read() as tx:
            found = stored_quarantine.listed(tx, source=source, limit=limit)
            if not found and source is not None:
                refuse_unknown_source(tx, settings, source)
    finally:
        database.close()
    if json:
        keys = ("source", "feed", "file", "line", "field", "reason", "raw")
        print_json([{key: getattr(row, key) for key in keys} | {"recorded_at": iso(row.recorded_at)} for row in found])
        return
    if not found:
        out.print("nothing is in quarantine")
        return
    listing = table("source", "feed", "file", "line", "field", "reason", right=("line",), wrap=("reason",))
    for row in found:
        listing.add_row(row.source, row.feed, row.file, str(row.line), row.field, row.reason)
    out.print(listing, markup=False)
    out.print("[dim]mend the rows in the source and import the file again; --json shows them whole[/]")
