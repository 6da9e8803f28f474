"""Profiles: the facts of each contact, one row each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Text, select, text, union_all
from sqlalchemy.types import TypeEngine

from clm.domain.instant import DAY_MS
from clm.store.changes import stamp
from clm.store.database import Transaction
from clm.store.dialect import ids_in, ids_value, json_scalar, update_each
from clm.store.schema import profiles

YEAR_MS = 365 * DAY_MS
SERVICE_EVENTS = ("order_delivered", "order_late", "survey_answered", "ticket_closed", "ticket_opened")
"""Events that facts of the profile are computed from."""

LATE_MS = 60 * DAY_MS
"""So long after it was told to be late, an order that nobody tells of any more counts as settled some other way."""

LOW_MARK_MS = 30 * DAY_MS
"""So long a ticket counts that clm opened for a low mark, if nobody closes it; config/policy.yaml says the same of the
mark itself."""

_SINCE_EVER = -(2**62)
_APPENDED_MAX = 4
"""Orders of one contact in one batch that are appended one after the other; for more, computing afresh is cheaper."""

_BIRTHDAY = {  # month and day as one number: 229 is 29 February
    "sqlite": "CAST(strftime('%m%d', c.born_on / 1000, 'unixepoch') AS INTEGER)",
    "postgresql": "CAST(to_char(to_timestamp(c.born_on / 1000) AT TIME ZONE 'UTC', 'MMDD') AS INTEGER)",
}
_WHOLE: TypeEngine[Any] = BigInteger()
_TEXT: TypeEngine[Any] = Text()
_APPENDED = {"contact_id": _WHOLE, "at": _WHOLE, "order_id": _TEXT, "amount": _WHOLE}
_MOVED = {"contact_id": _WHOLE, "at": _WHOLE, "changed": _WHOLE}


@cache
def _statement(name: str) -> str:
    return (Path(__file__).parent / "sql" / name).read_text(encoding="utf-8")


def recompute(tx: Transaction, contact_ids: Collection[int], *, now: int) -> None:
    """Bring the profiles of these contacts up to what is known of them, as of `now`."""
    if not contact_ids:
        return
    hold(tx, contact_ids)
    sqlite = tx.dialect.name == "sqlite"
    statement = _statement("profile.sql").format(
        ids=ids_in(tx),
        no="0" if sqlite else "false",
        never=_SINCE_EVER,
        bytewise="" if sqlite else 'COLLATE "C"',
        birthday=_BIRTHDAY[tx.dialect.name],
        service=SERVICE_EVENTS,
        ticket=json_scalar(tx, "properties", "ticket_id"),
        order=json_scalar(tx, "properties", "order_id"),
        survey=json_scalar(tx, "properties", "survey"),
        score=json_scalar(tx, "properties", "score", number=True),
    )
    lengths = {"day": DAY_MS, "year": YEAR_MS, "late": LATE_MS, "low": LOW_MARK_MS}
    given = {"ids": ids_value(tx, sorted(contact_ids)), "now": now, "changed": stamp(tx)}
    tx.execute(text(statement), given | lengths)


def hold(tx: Transaction, contact_ids: Collection[int]) -> None:
    """Wait for whoever is changing these contacts' facts, before looking at the facts.

    A statement of PostgreSQL sees what was committed when it began. If it began before another transaction's facts
    were committed, and only then waited for that one's profile row, it would put the older facts over the newer ones:
    an order, or an opt-out, would be lost from the profile. Locked first, in one order, the next statement sees all,
    and no two transactions wait for each other: whoever changes profiles in several ways holds all of them first.
    """
    if tx.dialect.name == "postgresql":
        query = f"SELECT contact_id FROM profiles WHERE contact_id IN {ids_in(tx)} ORDER BY contact_id FOR UPDATE"
        tx.execute(text(query), {"ids": ids_value(tx, sorted(contact_ids))})


class Appended(NamedTuple):
    """A new order that nothing has taken back."""

    contact_id: int
    ordered_at: int
    external_id: str
    amount: int


def append(tx: Transaction, placed: Iterable[Appended], *, now: int) -> set[int]:
    """Bring profiles up to date with orders that are later than all before them, without reading those again.

    Returns the contacts for whom that does not hold, or whose 365-day revenue is out of date: recompute them.
    """
    found: dict[int, list[Appended]] = {}
    for order in sorted(placed):
        found.setdefault(order.contact_id, []).append(order)
    if not found:
        return set()
    query = text(
        f"SELECT contact_id, last_order_at FROM profiles WHERE contact_id IN {ids_in(tx)}"
        " AND revenue_365d_since <= :now AND (revenue_365d_until IS NULL OR revenue_365d_until > :now)"
    )
    last_order_at = {
        row.contact_id: _SINCE_EVER if row.last_order_at is None else row.last_order_at
        for row in tx.execute(query, {"ids": ids_value(tx, found), "now": now}).all()
    }
    fit = {
        contact_id: theirs
        for contact_id, theirs in found.items()
        if contact_id in last_order_at
        and len(theirs) <= _APPENDED_MAX
        and _rising(last_order_at[contact_id], *(order.ordered_at for order in theirs))
    }
    if not fit:
        return set(found)
    # What is the same for all rows is written into the statement: whole numbers, made here.
    numbers = {"now": now, "day": DAY_MS, "year": YEAR_MS, "changed": stamp(tx)}
    statement = _statement("append.sql").format_map(_Later(numbers))
    for turn in range(_APPENDED_MAX):  # each contact's first order, then each one's second
        rows = [theirs[turn] for theirs in fit.values() if len(theirs) > turn]
        if update_each(tx, statement, _APPENDED, rows) != len(rows):
            return set(found)  # somebody has recomputed one of them since they were looked at above
    return found.keys() - fit.keys()


class _Later(dict[str, int]):
    """Leaves the places of a statement that it has nothing for as they are."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def _rising(*times: int) -> bool:
    return all(earlier < later for earlier, later in pairwise(times))


def note_activity(tx: Transaction, latest: Mapping[int, int], *, now: int) -> None:
    """Move `last_activity_at` of contacts forward to an event's time, where it is later.

    The profile has changed even where it is not: a condition may ask for events of any time. Whoever has an event that
    is dated after `now` is computed afresh instead, since the profile has to remember when it will count.
    """
    ahead = [contact_id for contact_id, at in latest.items() if at > now]
    recompute(tx, ahead, now=now)
    _move_forward(tx, "last_activity_at", {contact_id: at for contact_id, at in latest.items() if at <= now})


def note_reactions(tx: Transaction, latest: Mapping[int, int | None]) -> None:
    """Move `last_reaction_at` of contacts forward; None is something told of a message that was no reaction."""
    _move_forward(tx, "last_reaction_at", latest)


def _move_forward(tx: Transaction, column: str, latest: Mapping[int, int | None]) -> None:
    if not latest:
        return
    hold(tx, latest)
    statement = (
        f"UPDATE profiles SET {column} = CASE WHEN profiles.{column} >= {{at}} OR {{at}} IS NULL"
        f" THEN profiles.{column} ELSE {{at}} END, changed = {{changed}} {{given}}"
        " WHERE profiles.contact_id = {contact_id}"
    )
    changed = stamp(tx)
    update_each(tx, statement, _MOVED, [(contact_id, at, changed) for contact_id, at in sorted(latest.items())])


def out_of_date(tx: Transaction, *, now: int, limit: int) -> list[int]:
    """Contacts with facts that may be others at `now` than when they were computed; three index ranges.

    The two columns are named after the first such fact, and bound the others too: what is told of a time to come, and a
    late order's lapse. An activity after `now` is one that counted before the clock was put back. Ids may come twice.
    """
    p = profiles.c
    # One after the other: for three ranges with `or` between SQLite goes through the whole table.
    turned = (p.revenue_365d_until <= now, p.revenue_365d_since > now, p.last_activity_at > now)
    return list(tx.scalars(union_all(*(select(p.contact_id).where(one) for one in turned)).limit(limit)))


def stale_rhythms(tx: Transaction, *, limit: int) -> list[int]:
    """Contacts with an order appended since the quantiles of their gaps were computed, by an index of theirs alone."""
    return list(tx.scalars(select(profiles.c.contact_id).where(text("rhythm_stale")).limit(limit)))


def newest_fact_at(tx: Transaction) -> int | None:
    """The time of the latest activity of anybody, in milliseconds."""
    return tx.scalar(
        select(profiles.c.last_activity_at)
        .where(profiles.c.last_activity_at.is_not(None))
        .order_by(profiles.c.last_activity_at.desc())
        .limit(1)
    )
