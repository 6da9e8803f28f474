"""Compiles a condition's tree to an expression over the profile, every value bound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, not_, or_

from clm.domain.condition import (
    COMPARE,
    And,
    Compare,
    Condition,
    DaysSince,
    Holds,
    Known,
    Not,
    OneOf,
    Or,
)
from clm.domain.fact import Fact
from clm.store.schema import enrolments, profiles


def compiled(condition: Condition, now: int) -> ColumnElement[bool]:
    """The condition at `now` (milliseconds) as SQL: true, false or null where `evaluate` says True, False or None.

    Expects `profiles` in the statement, and `enrolments` too where facts of an enrolment are used.
    """
    match condition:
        case And(parts):
            return and_(*(compiled(part, now) for part in parts))
        case Or(parts):
            return or_(*(compiled(part, now) for part in parts))
        case Not(part):
            return not_(compiled(part, now))
        case Holds(fact):
            return column(fact).is_(True) if fact.scope == "contact" else column(fact)
        case Known(fact):
            return column(fact).is_not(None)
        case Compare(fact, op, value):
            other: Any = column(value) if isinstance(value, Fact) else bindparam(None, value)
            return COMPARE[op](column(fact), other)  # type: ignore[return-value] # the operators build expressions here
        case DaysSince(fact):
            instant = column(fact)
            crossed: Any = COMPARE[condition.instant_op](instant, condition.threshold(now))
            return and_(crossed, instant <= now)
        case OneOf(fact, values):
            # Not `IN`: PostgreSQL is told one type for the whole list, and takes 0.5 for 0 beside whole numbers.
            return or_(*(column(fact) == bindparam(None, value) for value in values))


def column(fact: Fact) -> ColumnElement[Any]:
    """Where a fact is kept."""
    if fact.name == "entered_at":
        return enrolments.c.entered_at
    if fact.name == "ordered_since_entry":
        return profiles.c.last_order_at > enrolments.c.entered_at
    return profiles.c[fact.name]


def shown(facts: Sequence[Fact]) -> dict[str, ColumnElement[Any]]:
    """The facts a condition speaks of, by name, for keeping with a decision."""
    return {fact.name: column(fact) for fact in facts}
