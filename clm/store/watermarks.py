"""How far each evaluation has come: which instant it was last made for, and which changes it has seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import select

from clm.store.changes import Horizon, horizon
from clm.store.database import Transaction
from clm.store.dialect import insert_many
from clm.store.schema import watermarks

_COLUMNS = ("scope", "rules", "evaluated_at", "horizon", "snapshot", "instance", "backlog_since", "backlog_taken")
_CONFLICT = "ON CONFLICT (scope) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])


class Mark(NamedTuple):
    """Where the last look ended; what changed or passed a threshold since then is to be looked at."""

    evaluated_at: int
    horizon: int
    snapshot: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """One evaluation under way; begin it before reading facts, end it in the same transaction."""

    scope: str
    rules: int
    mark: Mark | None
    """None: look at everybody, because this is the first time, the rules are others, or time went backwards."""
    before: Mark | None
    horizon: Horizon
    backlog_since: int | None
    backlog_taken: int


def begin(tx: Transaction, scope: str, *, rules: int, now: int) -> Look:
    """Begin a look at `now`; looks of one scope wait for each other.

    What is read after this sees at least every change below the look's horizon.
    """
    seen = horizon(tx, alone=f"look {scope}")
    w = watermarks.c
    row = tx.execute(select(*(w[name] for name in _COLUMNS)).where(w.scope == scope)).one_or_none()
    if row is None or row.rules != rules:
        return Look(scope, rules, None, None, seen, None, 0)
    before = Mark(row.evaluated_at, row.horizon, row.snapshot)
    # A restored copy, or another server, counts its transactions anew.
    comparable = row.instance == seen.instance and row.horizon <= seen.number
    mark = before if comparable and now >= row.evaluated_at else None
    return Look(scope, rules, mark, before if comparable else None, seen, row.backlog_since, row.backlog_taken)


def end(tx: Transaction, look: Look, *, now: int, backlog_since: int | None = None, backlog_taken: int = 0) -> None:
    """Record that everything up to `now` and the look's horizon has been seen.

    After a look at an earlier instant the next one begins there: it sees more than it has to, and misses nothing.
    """
    seen = look.horizon
    row = (look.scope, look.rules, now, seen.number, seen.snapshot, seen.instance, backlog_since, backlog_taken)
    insert_many(tx, watermarks, _COLUMNS, [row], on_conflict=_CONFLICT)
