"""`clm suppress`: an address that gets nothing by a channel from now on, or may get messages again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from clm.cli.addresses import AddressChannel, channel_of, read_address
from clm.cli.terminal import AsJson, out, print_json
from clm.domain.instant import iso, to_ms
from clm.domain.nearest import nearest
from clm.engine.workspace import open_database
from clm.errors import ClmError
from clm.settings import Settings
from clm.store import suppressions

Address = Annotated[str, Parameter(help="An e-mail address, or a phone number like +447700900123.")]


def suppress(
    address: Address,
    *,
    channel: Annotated[
        AddressChannel | None, Parameter(help="What goes there no more; told by the address where not said.")
    ] = None,
    reason: Annotated[
        str | None, Parameter(help=f"One of {', '.join(suppressions.REASONS)}; `manual` where none is given.")
    ] = None,
    lift: Annotated[
        bool, Parameter(negative="", help="Let messages go there again: for --reason only, or whatever the reason was.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Let no message of any purpose go to an address from now on; only a hash of the address is kept.

    Example: clm suppress ada@example.com --reason complained
    """
    if reason is not None and reason not in suppressions.REASONS:
        known = ", ".join(suppressions.REASONS)
        raise ClmError(
            f"--reason {reason}: nothing is suppressed for that{nearest(reason, suppressions.REASONS)} (known: {known})"
        )
    channel = channel or channel_of(address) or "email"
    to = _checked(address, channel)
    at = to_ms(datetime.now(UTC))
    database = open_database(Settings())
    try:
        with database.write() as tx:
            if lift:
                count = suppressions.lift(tx, channel=channel, address=to, reason=reason, at=at)
            else:
                count = suppressions.suppress_all(
                    tx, channel=channel, addresses=[to], reason=reason or "manual", source="clm suppress", at=at
                )
            standing = suppressions.standing(tx, channel=channel, address=to)
    finally:
        database.close()
    open_reasons = [row.reason for row in standing if row.lifted_at is None]
    if json:
        kept = [
            {"reason": row.reason, "source": row.source, "at": iso(row.at), "lifted_at": iso(row.lifted_at)}
            for row in standing
        ]
        print_json({"channel": channel, "suppressed": bool(open_reasons), "changed": count, "suppressions": kept})
        return
    out.print(_told(lift=lift, count=count, standing=open_reasons), markup=False)


def _told(*, lift: bool, count: int, standing: list[str]) -> str:
    """What has become of it, and of what stood there before."""
    if not lift:
        first = "suppressed; nothing goes there from now on" if count else "was suppressed for that already"
        return f"{first} ({', '.join(standing)})"
    first = "lifted" if count else "no such suppression stood"
    still = f"; still suppressed: {', '.join(standing)}" if standing else "; messages may go there, consent provided"
    return first + still


def _checked(address: str, channel: AddressChannel) -> str:
    """The address as it is kept; raises ClmError with the remedy for what is none."""
    try:
        found = read_address(address, channel)
    except ValueError as error:
        raise ClmError(f"the address {error}") from None
    if found is None:
        raise ClmError("no address was given; write clm suppress ada@example.com")
    return found
