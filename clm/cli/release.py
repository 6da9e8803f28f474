"""`clm release`: let go on what was stopped to prevent harm."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from clm.cli.terminal import AsJson, out, print_json
from clm.config import load_configuration
from clm.domain.instant import from_ms, iso, to_ms
from clm.domain.nearest import nearest
from clm.engine.workspace import open_database
from clm.errors import ClmError, ConfigurationError
from clm.settings import Settings
from clm.store import stops
from clm.store.stops import Stop

_KINDS = {
    "refused": "the provider refused us",
    "asked": "the provider asked us to wait",
    "breaker": "bounces or complaints",
    "canary": "first messages of a version",
    "blast_radius": "far more than usual",
}


def release(
    what: Annotated[
        str | None, Parameter(help="A campaign, or a channel (email, sms). Without it, all stops are listed.")
    ] = None,
    *,
    json: AsJson = False,
) -> None:
    """Let a campaign or a channel go on that was stopped; without a name, list what is stopped and why.

    Example: clm release win_back
    """
    settings = Settings()
    database = open_database(settings)
    try:
        with database.write(durable=True) as tx:
            standing = stops.standing(tx)
            ended: list[Stop] = []
            if what is not None:
                scopes = {stop.scope for stop in standing if what in _names(stop)}
                if not scopes:
                    raise ClmError(_nothing(what, standing, settings))
                by = getpass.getuser()
                ended = stops.release(tx, scopes, at=to_ms(datetime.now(UTC)), by=by)
    finally:
        database.close()
    shown = ended if what is not None else standing
    if json:
        print_json({"released" if what is not None else "stopped": [_told(stop) for stop in shown]})
    elif what is not None:
        for stop in ended:
            out.print(f"released: {stop.scope} ({stop.reason}); the next run sends what is still in time", markup=False)
    else:
        _list(standing)


def _list(standing: list[Stop]) -> None:
    ahead = sum(stop.kind == "canary" and stop.allowed > 0 for stop in standing)
    standing = [stop for stop in standing if stop.kind != "canary" or not stop.allowed]
    if not standing:
        out.print("nothing is stopped")
    if ahead:
        out.print(f"{ahead} {'version sends its' if ahead == 1 else 'versions send their'} first messages now")
    if not standing:
        return
    table = Table("what", "why", "since", "goes on", box=None, pad_edge=False)
    for stop in standing:
        since = f"{from_ms(stop.since):%Y-%m-%d %H:%M}"
        on = f"{stop.allowed:,} more may go" if stop.allowed else "when released"
        if not stop.allowed and stop.until is not None:
            on = f"looked at {from_ms(stop.until):%Y-%m-%d %H:%M}"
        table.add_row(stop.scope, f"{_KINDS[stop.kind]}: {stop.reason}", since, on)
    out.print(table)


def _names(stop: Stop) -> set[str]:
    """What a person may call it by: the campaign, the channel, or the whole scope."""
    first, _, rest = stop.scope.partition(" ")
    return {stop.scope, rest.split()[0] if first == "campaign" else first}


def _nothing(what: str, standing: list[Stop], settings: Settings) -> str:
    names = sorted(set().union(*(_names(stop) - {stop.scope} for stop in standing)))
    if not names:
        known = _stoppable(settings)
        if known and " " not in what and what not in known:
            return f"there is no campaign or channel `{what}`{nearest(what, known)} (known: {', '.join(known)})"
        return f"{what}: nothing is stopped"
    return f"{what} is not stopped{nearest(what, names)} (stopped: {', '.join(names)})"


def _stoppable(settings: Settings) -> list[str]:
    """What could be stopped; nothing where config/ has faults, which keep nobody from a release."""
    try:
        configuration = load_configuration(settings.config)
    except ConfigurationError:
        return []
    return [*configuration.policy.delivery.routes, *(one.campaign for one in configuration.all_campaigns)]


def _told(stop: Stop) -> dict[str, Any]:
    return {
        "scope": stop.scope,
        "kind": stop.kind,
        "reason": stop.reason,
        "since": iso(stop.since),
        "until": iso(stop.until),
        "allowed": stop.allowed,
    }
