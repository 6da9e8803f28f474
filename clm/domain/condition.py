"""Conditions over the facts of one contact: the tree, and what it says of given facts.

Truth is three-valued, as in SQL: a comparison with an unknown fact is unknown (None), and only true matches. The same
tree is compiled to SQL by `clm.store.conditions` and evaluated here for one contact; a property test holds the two
together.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from clm.domain.fact import Fact
from clm.domain.instant import DAY_MS

Operator = Literal["=", "!=", "<", "<=", ">", ">="]
Scalar = str | int | float | bool

COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
FLIPPED: dict[Operator, Operator] = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part is known not to hold."""

    part: Condition


@dataclass(frozen=True, slots=True)
class Holds:
    """A truth fact, by itself."""

    fact: Fact


@dataclass(frozen=True, slots=True)
class Compare:
    """A fact against a value, or against another fact of its type; money values are in minor units."""

    fact: Fact
    op: Operator
    value: Scalar | Fact


@dataclass(frozen=True, slots=True)
class DaysSince:
    """Elapsed time since a time fact against a number of days of 24 hours; never true before the fact has happened.

    `days_since(x) > 90` is `x < now - 90 days`, so an index on x serves it.
    """

    fact: Fact
    op: Operator
    days: float

    def threshold(self, now: int) -> int:
        """The instant that the fact is compared with, in milliseconds."""
        return now - round(self.days * DAY_MS)

    @property
    def instant_op(self) -> Operator:
        """How the fact itself compares with the threshold: more days since is an earlier instant."""
        return FLIPPED[self.op]


@dataclass(frozen=True, slots=True)
class OneOf:
    """A fact is one of some values."""

    fact: Fact
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A fact is known at all; the one test that is never unknown."""

    fact: Fact


Condition = And | Or | Not | Holds | Compare | DaysSince | OneOf | Known


def evaluate(condition: Condition, facts: Mapping[str, Any], now: int) -> bool | None:
    """Whether the condition holds of `facts` at `now` (milliseconds): True, False, or None for unknown."""
    match condition:
        case And(parts):
            return _all(evaluate(part, facts, now) for part in parts)
        case Or(parts):
            return _negate(_all(_negate(evaluate(part, facts, now)) for part in parts))
        case Not(part):
            return _negate(evaluate(part, facts, now))
        case Known(fact):
            return facts.get(fact.name) is not None
    left = facts.get(condition.fact.name)
    if left is None:
        return None
    match condition:
        case Holds():
            return bool(left)
        case Compare(_, op, Fact(name=name)):
            right = facts.get(name)
            return None if right is None else COMPARE[op](left, right)
        case Compare(_, op, value):
            return COMPARE[op](left, value)
        case DaysSince():
            return COMPARE[condition.instant_op](left, condition.threshold(now)) and left <= now
        case OneOf(_, values):
            return left in values


def facts_of(condition: Condition) -> Iterator[Fact]:
    """Every fact the condition speaks of, in order, repeats included."""
    match condition:
        case And(parts) | Or(parts):
            for part in parts:
                yield from facts_of(part)
        case Not(part):
            yield from facts_of(part)
        case Compare(fact, _, Fact() as other):
            yield fact
            yield other
        case _:
            yield condition.fact


def _negate(truth: bool | None) -> bool | None:
    return None if truth is None else not truth


def _all(truths: Iterator[bool | None]) -> bool | None:
    unknown = False
    for truth in truths:
        if truth is False:
            return False
        unknown = unknown or truth is None
    return None if unknown else True
