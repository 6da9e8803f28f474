"""`clm doubt`: messages of which nobody knows whether the provider took them."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import App, Parameter

from clm.cli.terminal import AsJson, out, print_json, table
from clm.domain.instant import from_ms, iso, to_ms
from clm.engine import doubt
from clm.engine.workspace import open_database, open_workspace
from clm.errors import ClmError
from clm.settings import Settings
from clm.store import doubt as stored
from clm.store.database import Found

doubt_app = App(
    name="doubt",
    help="""Messages in doubt: nobody knows whether the provider took them. They are never resent unasked.

Example: clm doubt
""",
)
Ids = Annotated[int, Parameter(help="Numbers of messages; all that are in doubt where none is named.")]


@doubt_app.default
def listing(*, json: AsJson = False) -> None:
    """List the messages in doubt, oldest first, with what is known of each.

    Example: clm doubt
    """
    database = open_database(Settings())
    try:
        with database.read() as tx:
            rows = stored.listed(tx)
    finally:
        database.close()
    if json:
        print_json({"in_doubt": [_shown(row) for row in rows]})
        return
    if not rows:
        out.print("nothing is in doubt")
        return
    shown = table(
        "message",
        "contact",
        "campaign",
        "step",
        "by",
        "handed over (UTC)",
        "why",
        wrap=("contact", "campaign", "step", "why"),
    )
    for row in rows:
        when = f"{from_ms(row.intended_at):%Y-%m-%d %H:%M}"
        shown.add_row(str(row.id), row.contact, row.campaign, row.step, row.provider, when, row.reason)
    out.print(shown, markup=False)
    out.print("`clm doubt ask` asks the providers; `clm doubt resolve 12 --as sent` says what you know")


@doubt_app.command
def ask(*ids: Ids, json: AsJson = False) -> None:
    """Ask the providers about messages in doubt; those that they have are sent from now on.

    Example: clm doubt ask 12 15
    """
    workspace = open_workspace(Settings())
    try:
        with workspace.database.read() as tx:
            rows = stored.listed(tx, ids or None)
        _all_there(ids, rows)
        replied = doubt.ask(workspace.database, workspace.channels, rows, now=_now())
    finally:
        workspace.database.close()
    if json:
        print_json(
            {
                "asked": [
                    {"message": one.message_id, "found": one.answer.found, "detail": one.answer.detail}
                    for one in replied
                ]
            }
        )
        return
    for one in replied:
        said = {True: "was accepted; it is sent", False: "is not there", None: "cannot be told"}[one.answer.found]
        out.print(f"{one.message_id}: {said}{f' ({one.answer.detail})' if one.answer.detail else ''}", markup=False)
    if any(not one.answer.found for one in replied):
        out.print("`clm doubt resolve MESSAGE --as not-sent` queues one again, `--as dead` ends it")


@doubt_app.command
def resolve(
    *ids: Annotated[int, Parameter(help="Numbers of messages, as `clm doubt` lists them.")],
    as_: Annotated[doubt.Decision, Parameter(name="--as", help="What became of them, as you know.")],
    because: Annotated[str | None, Parameter(help="How you know; kept with the message.")] = None,
    json: AsJson = False,
) -> int:
    """Say what became of messages in doubt; `not-sent` queues them again, to be authorised anew.

    Exit status 1 where one that is named is not in doubt; the others are resolved all the same.

    Example: clm doubt resolve 12 --as sent --because "seen in the provider's activity"
    """
    if not ids:
        raise ClmError("which messages? write clm doubt resolve 12 --as sent (`clm doubt` lists them)")
    why = because or f"decided by {getpass.getuser()}: {as_}"
    database = open_database(Settings())
    try:
        moved = doubt.resolve(database, ids, as_, why=why, now=_now())
    finally:
        database.close()
    if json:
        print_json({"resolved": moved, "not_in_doubt": sorted(set(ids) - set(moved))})
    else:
        for message_id in ids:
            out.print(f"{message_id}: {as_ if message_id in moved else 'is not in doubt; nothing was changed'}")
    return 0 if set(ids) == set(moved) else 1


def _all_there(ids: tuple[int, ...], rows: list[Found]) -> None:
    missing = sorted(set(ids) - {row.id for row in rows})
    if missing:
        raise ClmError(f"not in doubt: {', '.join(map(str, missing))}; `clm doubt` lists those that are")


def _shown(row: Found) -> dict[str, Any]:
    return {
        "message": row.id,
        "contact": row.contact,
        "campaign": row.campaign,
        "step": row.step,
        "channel": row.channel,
        "provider": row.provider,
        "handed_over_at": iso(row.intended_at),
        "reason": row.reason,
    }


def _now() -> int:
    return to_ms(datetime.now(UTC))
