"""Stages of contacts: who has come into another one, and the history of moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Select, Text, case, func, literal, null, select
from sqlalchemy.types import TypeEngine

from clm.domain.condition import Not
from clm.domain.stage import Stages
from clm.store import intervals
from clm.store.changes import stamp
from clm.store.conditions import compiled
from clm.store.crossing import candidates, rules_of
from clm.store.database import Found, Transaction
from clm.store.dialect import update_each
from clm.store.held import held
from clm.store.schema import profiles, stage_history
from clm.store.watermarks import Mark

PAGE_CONTACTS = 20_000
"""Contacts looked at in one statement of a full pass."""

_WHOLE: TypeEngine[Any] = BigInteger()
_TEXT: TypeEngine[Any] = Text()
_TYPES = {"stage": _TEXT, "since": _WHOLE, "number": _WHOLE, "changed": _WHOLE, "contact_id": _WHOLE}
_UPDATE = (
    "UPDATE profiles SET stage = {stage}, stage_since = {since}, lifecycle_number = {number}, changed = {changed}"
    " {given} WHERE profiles.contact_id = {contact_id}"
)
_COLUMNS = ("contact_id", "since", "name", "lifecycle_number")


class Mover(NamedTuple):
    """A contact who is in another stage than the profile says."""

    contact_id: int
    changed: int
    last_order_at: int | None
    stage: str


Begins = Callable[[str | None, str, int | None, int | None], bool]
"""Whether a move begins a new cycle, given the stage before, the one after, since when, and the last order's time."""


def rules(tx: Transaction, stages: Stages) -> int:
    """A fingerprint of everything stages depend on beside the contact and the instant."""
    return rules_of(tx, *((stage.name, stage.when, stage.ends_cycle) for stage in stages.stages))


def turned(tx: Transaction, stages: Stages, mark: Mark | None, *, now: int) -> list[Mover] | None:
    """Whoever's stage is another than the profile says, of those of whom a condition has turned since the mark.

    A stage is left when its condition ceases to hold as well, so that each is asked both ways. None: everybody must be
    looked at.
    """
    conditions = [stage.when for stage in stages.stages if stage.when is not None]
    some = candidates(tx, [one for condition in conditions for one in (condition, Not(condition))], mark, now)
    if some is None:
        return None
    return [Mover(*row) for row in tx.execute(_movers(stages, now).where(profiles.c.contact_id.in_(some)))]


def misplaced(tx: Transaction, stages: Stages, *, after: int, now: int) -> list[Mover]:
    """Whoever's stage is another than the profile says, of the PAGE_CONTACTS ids beyond `after`."""
    contact_id = profiles.c.contact_id
    query = _movers(stages, now).where(contact_id > after, contact_id <= after + PAGE_CONTACTS)
    return [Mover(*row) for row in tx.execute(query)]


def last_contact(tx: Transaction) -> int:
    """The highest id of a contact; 0 where there is none."""
    return tx.scalar(select(func.max(profiles.c.contact_id))) or 0


def _movers(stages: Stages, now: int) -> Select[Any]:
    p, stage = profiles.c, _stage(stages, now)
    query = select(p.contact_id, p.changed, p.last_order_at, stage.label("stage"))
    return query.where(p.stage.is_distinct_from(stage))


def _stage(stages: Stages, now: int) -> ColumnElement[str]:
    whens = [(compiled(stage.when, now), literal(stage.name)) for stage in stages.stages if stage.when is not None]
    rest = next((literal(stage.name) for stage in stages.stages if stage.when is None), null())
    return case(*whens, else_=rest) if whens else rest  # type: ignore[return-value] # a text in every case


def move(tx: Transaction, moving: Sequence[Mover], begins_a_cycle: Begins, *, now: int) -> int:
    """Write the moves of those whom nobody has changed since; returns how many moved.

    Contacts whose stages are known beyond `now` are left alone.
    """
    free = held(tx, {one.contact_id: one.changed for one in moving})
    free -= intervals.ahead_of(tx, stage_history, free, now=now)
    before = intervals.standing(tx, stage_history, free, now=now)
    going = [one for one in moving if one.contact_id in free]
    stayed = {one.contact_id for one in going if _name(before, one) == one.stage}
    intervals.close(tx, stage_history, before.keys() - stayed, now=now)
    rows = [
        (one.contact_id, now, one.stage, _number(before.get(one.contact_id), one, begins_a_cycle))
        for one in going
        if one.contact_id not in stayed
    ]
    intervals.begin(tx, stage_history, _COLUMNS, rows)
    back = [(who, before[who].since, before[who].name, before[who].lifecycle_number) for who in sorted(stayed)]
    changed = stamp(tx)
    return update_each(
        tx, _UPDATE, _TYPES, [(name, since, number, changed, who) for who, since, name, number in (*rows, *back)]
    )


def _name(before: Mapping[int, Found], one: Mover) -> str | None:
    found = before.get(one.contact_id)
    return None if found is None else found.name


def _number(before: Found | None, one: Mover, begins_a_cycle: Begins) -> int:
    if before is None:
        return 1
    return int(before.lifecycle_number) + begins_a_cycle(before.name, one.stage, before.since, one.last_order_at)
