"""Conditions over the facts of one contact: the tree, and what it says of given facts.

Truth is three-valued, as in SQL: a comparison with an unknown fact is unknown (None), and only true matches. The same
tree is compiled to SQL by `clm.store.conditions` and evaluated here for one contact; a property test holds the two
together.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clm.domain.fact import Fact
from clm.domain.term import Anniversary, Operator, Scalar, Term, UsualGap, value_of

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
class InSegment:
    """A named condition of config/segments.yaml holds."""

    segment: str
    part: Condition


@dataclass(frozen=True, slots=True)
class Holds:
    """A truth, by itself."""

    term: Term


@dataclass(frozen=True, slots=True)
class Compare:
    """A term against a value, or against another term of its type; money is in minor units, times in milliseconds."""

    term: Term
    op: Operator
    value: Scalar | Term


@dataclass(frozen=True, slots=True)
class Since:
    """Elapsed time since a time, in milliseconds, against a length; never true before the time has come.

    `days_since(x) > 90` is `x < now - 90 days`, so an index on x serves it.
    """

    term: Term
    op: Operator
    length: int | UsualGap

    @property
    def instant_op(self) -> Operator:
        """How the time itself compares with `now - length`: longer since is an earlier instant."""
        return FLIPPED[self.op]


@dataclass(frozen=True, slots=True)
class Until:
    """Time still to pass until a time, in milliseconds, against a length; never true once the time has passed."""

    term: Term
    op: Operator
    length: int


@dataclass(frozen=True, slots=True)
class OneOf:
    """A term is one of some values."""

    term: Term
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A term is known at all; the one test that is never unknown."""

    term: Term


Condition = And | Or | Not | InSegment | Holds | Compare | Since | Until | OneOf | Known


def evaluate(condition: Condition, facts: Mapping[str, Any], now: int) -> bool | None:
    """Whether the condition holds at `now` (milliseconds): True, False, or None for unknown.

    `facts` holds the value of each of `terms_of(condition)` by its name, and `home_zone` where local time matters.
    """
    match condition:
        case And(parts):
            return _all(evaluate(part, facts, now) for part in parts)
        case Or(parts):
            return _negate(_all(_negate(evaluate(part, facts, now)) for part in parts))
        case Not(part):
            return _negate(evaluate(part, facts, now))
        case InSegment(_, part):
            return evaluate(part, facts, now)
        case Known(term):
            return value_of(term, facts, now) is not None
    left = value_of(condition.term, facts, now)
    return None if left is None else _of_known(condition, left, facts, now)


def _of_known(
    condition: Holds | Compare | Since | Until | OneOf, left: Any, facts: Mapping[str, Any], now: int
) -> bool | None:
    """What an atom says whose own term is known to be `left`."""
    match condition:
        case Holds():
            return bool(left)
        case OneOf(_, values):
            return left in values
        case Until(_, op, length):
            return COMPARE[op](left, now + length) and left >= now
        case Since(_, _, length):
            passed = value_of(length, facts, now) if isinstance(length, UsualGap) else length
            return None if passed is None else COMPARE[condition.instant_op](left, now - passed) and left <= now
        case Compare(_, op, value):
            right = value if isinstance(value, str | int | float) else value_of(value, facts, now)
            return None if right is None else COMPARE[op](left, right)


def terms_of(condition: Condition) -> Iterator[Term]:
    """Every term whose value the condition asks for, in order, repeats included."""
    match condition:
        case And(parts) | Or(parts):
            for part in parts:
                yield from terms_of(part)
        case Not(part) | InSegment(_, part):
            yield from terms_of(part)
        case Compare(term, _, value):
            yield from _asked(term)
            if not isinstance(value, str | int | float):
                yield from _asked(value)
        case Since(term, _, length):
            yield from _asked(term)
            if isinstance(length, UsualGap):
                yield length
        case _:
            yield from _asked(condition.term)


def _asked(term: Term) -> Iterator[Term]:
    yield term
    if isinstance(term, Anniversary):
        yield term.fact


def before_entering(condition: Condition) -> Condition | None:
    """The condition as far as it can be asked of somebody who has not entered; None where nothing of it can.

    What speaks of the enrolment is unknown then: `a or unknown` holds where `a` does, `a and unknown` never does.
    """
    match condition:
        case Or(parts):
            known = tuple(part for one in parts if (part := before_entering(one)) is not None)
            return (Or(known) if len(known) > 1 else known[0]) if known else None
        case _:
            return None if any(term.scope == "enrolment" for term in terms_of(condition)) else condition


def _negate(truth: bool | None) -> bool | None:
    return None if truth is None else not truth


def _all(truths: Iterator[bool | None]) -> bool | None:
    unknown = False
    for truth in truths:
        if truth is False:
            return False
        unknown = unknown or truth is None
    return None if unknown else True


__all__ = [
    "COMPARE",
    "FLIPPED",
    "And",
    "Compare",
    "Condition",
    "Fact",
    "Holds",
    "InSegment",
    "Known",
    "Not",
    "OneOf",
    "Operator",
    "Or",
    "Scalar",
    "Since",
    "Term",
    "Until",
    "before_entering",
    "evaluate",
    "terms_of",
]
