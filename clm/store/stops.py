"""Stops: why nothing goes out for now by a channel and sender, or for a campaign.

One of a kind stands per scope at a time; what was released stays as history. `allowed` messages may go all the same,
and are counted down in the transaction that records their intent.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, NamedTuple

from sqlalchemy import Select, select, text, update

from clm.store.database import Transaction
from clm.store.dialect import insert_many
from clm.store.schema import stops

Kind = Literal["refused", "asked", "breaker", "canary", "blast_radius"]


class Stop(NamedTuple):
    """One that stands."""

    id: int
    kind: Kind
    scope: str
    reason: str
    since: int
    until: int | None
    allowed: int
    probed_since: int | None
    times: int
    released_at: int | None = None


def of_sender(channel: str, sender: str) -> str:
    """The scope of everything that goes by a channel under one sender."""
    return f"{channel} {sender}"


def of_campaign(campaign: str) -> str:
    """The scope of a whole campaign."""
    return f"campaign {campaign}"


def of_version(campaign: str, version: str) -> str:
    """The scope of one version of a campaign."""
    return f"campaign {campaign} {version}"


def _found() -> Select[Any]:
    s = stops.c
    return select(
        s.id, s.kind, s.scope, s.reason, s.since, s.until, s.allowed, s.probed_since, s.times, s.released_at
    )  # fmt: skip


def standing(tx: Transaction, *, lock: bool | Collection[int] = False) -> list[Stop]:
    """All stops that have not been released, oldest first.

    With `lock` nobody else spends of them meanwhile; with some numbers, those alone are returned, locked.
    """
    s = stops.c
    query = _found().where(s.released_at.is_(None)).order_by(s.id)
    if not isinstance(lock, bool):
        query = query.where(s.id.in_(lock))
    return [Stop(*row) for row in tx.execute(query.with_for_update() if lock else query)]


def ever(tx: Transaction, kind: Kind, scopes: Collection[str]) -> set[str]:
    """Those of the scopes for which there is, or was, a stop of the kind."""
    s = stops.c
    return set(tx.scalars(select(s.scope).where(s.kind == kind, s.scope.in_(set(scopes)))))


def released_since(tx: Transaction, kind: Kind, scope: str, since: int) -> Stop | None:
    """The latest stop of the kind and scope that was released after `since`."""
    s = stops.c
    which = (s.kind == kind, s.scope == scope, s.released_at > since)
    query = _found().where(*which).order_by(s.released_at.desc()).limit(1)
    row = tx.execute(query).first()
    return None if row is None else Stop(*row)


def put(
    tx: Transaction,
    kind: Kind,
    scope: str,
    reason: str,
    *,
    since: int,
    until: int | None = None,
    allowed: int = 0,
    times: int = 1,
) -> bool:
    """Stop the scope from now on; False where a stop of the kind stands there already."""
    columns = ("kind", "scope", "reason", "since", "until", "allowed", "times")
    row = (kind, scope, reason, since, until, allowed, times)
    return insert_many(tx, stops, columns, [row], on_conflict="ON CONFLICT DO NOTHING") == 1


def ask_to_wait(tx: Transaction, scope: str, reason: str, *, since: int, until: int) -> None:
    """Leave a channel alone until an instant, as its provider asked; the latest counts."""
    statement = text(
        "INSERT INTO stops (kind, scope, reason, since, until) VALUES ('asked', :scope, :reason, :since, :until)"
        " ON CONFLICT (kind, scope) WHERE released_at IS NULL DO UPDATE SET reason = excluded.reason,"
        " until = CASE WHEN stops.until > excluded.until THEN stops.until ELSE excluded.until END"
    )
    tx.execute(statement, {"scope": scope, "reason": reason, "since": since, "until": until})


def wait(tx: Transaction, stop: Stop, reason: str, *, until: int | None, times: int) -> None:
    """Let it stand until another instant, or until a person releases it; nothing may go meanwhile."""
    values = {"reason": reason, "until": until, "times": times, "allowed": 0, "probed_since": None}
    tx.execute(update(stops).where(stops.c.id == stop.id).values(**values))


def probe(tx: Transaction, stop: Stop, *, allowed: int, since: int, until: int) -> None:
    """Let so many messages go, to be judged at `until`."""
    tx.execute(update(stops).where(stops.c.id == stop.id).values(allowed=allowed, probed_since=since, until=until))


def spend(tx: Transaction, stop: Stop, count: int, *, judged_at: int) -> None:
    """Count messages down of what may go; when none is left, it is judged at `judged_at`.

    The stop is locked.
    """
    statement = text(
        "UPDATE stops SET allowed = allowed - :count,"
        " until = CASE WHEN allowed <= :count THEN :until ELSE until END WHERE id = :id"
    )
    tx.execute(statement, {"count": count, "until": judged_at, "id": stop.id})


def give_back(tx: Transaction, kind: Kind, scope: str, count: int) -> None:
    """Let so many more go where a stop of the kind stands; it is judged once they have gone.

    One that only a person may release (nothing allowed, and no time set) is left alone.
    """
    statement = text(
        "UPDATE stops SET allowed = allowed + :count, until = NULL"
        " WHERE kind = :kind AND scope = :scope AND released_at IS NULL AND (allowed > 0 OR until IS NOT NULL)"
    )
    tx.execute(statement, {"count": count, "kind": kind, "scope": scope})


def release(
    tx: Transaction, scopes: Collection[str], *, at: int, by: str, kinds: Collection[Kind] | None = None
) -> list[Stop]:
    """End the stops of these scopes, of some kinds where they are given; returns them."""
    ended = [one for one in standing(tx, lock=True) if one.scope in scopes and (kinds is None or one.kind in kinds)]
    if ended:
        of_them = stops.c.id.in_([one.id for one in ended])
        tx.execute(update(stops).where(of_them).values(released_at=at, released_by=by))
    return ended
