"""Reads the text of a condition into its tree, refusing whatever is not in the language.

The text is a SQL boolean expression; sqlglot parses it and this module walks the result. Nothing of the text reaches
a database: only the tree does, with its values bound.
"""

from __future__ import annotations

from typing import Any, Literal, NoReturn, cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from clm.domain.condition import (
    FLIPPED,
    And,
    Compare,
    Condition,
    DaysSince,
    Holds,
    Known,
    Not,
    OneOf,
    Operator,
    Or,
    Scalar,
)
from clm.domain.fact import FACTS, Fact, FactType
from clm.domain.nearest import nearest

_LENGTH_MAX = 2_000
_DEEP_MAX = 20
_NUMBER_MAX = 1e12
"""In major units; more is a slip of the finger, and its minor units would not fit a database's integer."""

_OPERATORS: dict[type[exp.Expression], Operator] = {
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_KINDS: dict[FactType, str] = {
    "time": "a time",
    "number": "a number",
    "money": "an amount of money",
    "text": "a text",
    "truth": "true or false",
}


class ConditionError(ValueError):
    """A condition is not in the language; `offset` is the place in its text, in characters from 0."""

    def __init__(self, message: str, offset: int = 0) -> None:
        self.offset = offset
        super().__init__(message)


def parse_condition(
    text: str, *, minor_per_major: int = 100, scope: Literal["contact", "enrolment"] = "contact"
) -> Condition:
    """The tree of `text`; amounts of money are written in major units (`revenue > 200`) and kept in minor ones.

    Raises ConditionError, with the place and a remedy, for anything outside the language.
    """
    if len(text) > _LENGTH_MAX:
        raise ConditionError(f"is longer than {_LENGTH_MAX:,} characters; make a segment of a part of it")
    try:
        statements = sqlglot.parse(text)
    except ParseError as error:
        first = error.errors[0]
        offset = max(0, int(first.get("col") or 1) - len(str(first.get("highlight") or "")))
        raise ConditionError(f"is not a condition near `{first.get('highlight')}`", offset) from None
    except TokenError:
        raise ConditionError("has a quote that is never closed") from None
    except RecursionError:
        raise _too_deep() from None
    if len(statements) != 1 or statements[0] is None:
        raise ConditionError("must be one condition, without `;`")
    whole = cast("exp.Expression", statements[0])
    for node in whole.walk():
        if node.comments:
            _refuse(cast("exp.Expression", node), "holds a comment; write comments in YAML, after `#`")
    return _Reader(minor_per_major, scope).condition(whole)


class _Reader:
    def __init__(self, minor_per_major: int, scope: str) -> None:
        self._minor_per_major = minor_per_major
        self._scope = scope
        self._deep = 0

    def condition(self, node: exp.Expression) -> Condition:
        self._deep += 1
        if self._deep > _DEEP_MAX:
            raise _too_deep()
        try:
            return self._condition(node)
        finally:
            self._deep -= 1

    def _condition(self, node: exp.Expression) -> Condition:
        match node:
            case exp.Paren():
                return self.condition(node.this)
            case exp.And():
                return And(tuple(self.condition(part) for part in _parts(node)))
            case exp.Or():
                return Or(tuple(self.condition(part) for part in _parts(node)))
            case exp.Not():
                return Not(self.condition(node.this))
            case exp.Column():
                fact = self._fact(node)
                if fact.type != "truth":
                    _refuse(
                        node,
                        f"`{fact.name}` is {_KINDS[fact.type]}, not true or false; compare it, e.g. {fact.example}",
                    )
                return Holds(fact)
            case exp.Is():
                if isinstance(node.expression, exp.Null) and isinstance(node.this, exp.Column):
                    return Not(Known(self._fact(node.this)))
                _refuse(node, "only `is null` and `is not null` can follow a fact")
            case exp.Between() if not node.args.get("symmetric"):
                low, high = node.args["low"], node.args["high"]
                return And((self._compare(node.this, ">=", low), self._compare(node.this, "<=", high)))
            case exp.In():
                return self._one_of(node)
            case _ if type(node) in _OPERATORS:
                return self._compare(node.this, _OPERATORS[type(node)], node.expression)
        _refuse(
            node,
            f"`{_shown(node)}` is not part of the condition language; "
            "use facts, comparisons, and/or/not, in, between, days_since(…)",
        )

    def _compare(self, left: exp.Expression, op: Operator, right: exp.Expression) -> Condition:
        left, right = _bare(left), _bare(right)
        if not isinstance(left, exp.Column | exp.Anonymous):
            left, op, right = right, FLIPPED[op], left
        if isinstance(left, exp.Anonymous):
            return self._days_since(left, op, right)
        if not isinstance(left, exp.Column):
            _refuse(left, "a comparison needs a fact on one side")
        fact = self._fact(left)
        if op not in {"=", "!="} and fact.type in {"truth", "text"}:
            _refuse(left, _has_no_order(fact))
        if isinstance(right, exp.Anonymous):
            _refuse(right, "put days_since(…) by itself on one side and a number of days on the other")
        if isinstance(right, exp.Column):
            other = self._fact(right)
            if other.type != fact.type:
                _refuse(
                    right,
                    f"`{fact.name}` is {_KINDS[fact.type]} and `{other.name}` is {_KINDS[other.type]}; "
                    "they cannot be compared",
                )
            return Compare(fact, op, other)
        if fact.type == "time":
            _refuse(right, f"`{fact.name}` is a time; write days_since({fact.name}) {op} a number of days")
        return Compare(fact, op, self._value(right, fact))

    def _days_since(self, call: exp.Anonymous, op: Operator, right: exp.Expression) -> DaysSince:
        name = str(call.this).lower()
        if name != "days_since":
            _refuse(call, f"`{name}` is not a function{nearest(name, ['days_since'])} (known: days_since)")
        if len(call.expressions) != 1 or not isinstance(call.expressions[0], exp.Column):
            _refuse(call, "days_since takes one time fact, e.g. days_since(last_order_at)")
        fact = self._fact(call.expressions[0])
        if fact.type != "time":
            times = [known.name for known in FACTS.values() if known.type == "time"]
            _refuse(
                call.expressions[0],
                f"`{fact.name}` is {_KINDS[fact.type]}, not a time{nearest(fact.name, times)}"
                f" (times: {', '.join(times)})",
            )
        if op in {"=", "!="}:
            _refuse(call, "days_since is a running number, hardly ever equal to another; use `between 3 and 4`")
        days = _number(right)
        if days is None:
            _refuse(right, f"days_since({fact.name}) is compared with a number of days")
        if not 0 <= days <= 36_500:
            _refuse(right, "a number of days lies between 0 and 36,500")
        return DaysSince(fact, op, days)

    def _one_of(self, node: exp.In) -> OneOf:
        if not isinstance(node.this, exp.Column) or not node.expressions:
            _refuse(node, "`in` follows a fact and is followed by values in brackets, e.g. country in ('GB', 'IE')")
        fact = self._fact(node.this)
        if fact.type == "time":
            _refuse(node.this, f"`{fact.name}` is a time; use days_since({fact.name}) between … and …")
        return OneOf(fact, tuple(self._value(_bare(value), fact) for value in node.expressions))

    def _fact(self, column: exp.Column) -> Fact:
        name = column.name
        fact = FACTS.get(name)
        if column.this.args.get("quoted"):
            _refuse(column, f"`{column.sql()}` is not a fact; texts stand in single quotes: '{name}'")
        if fact is None or column.table:
            _refuse(column, f"`{column.sql()}` is not a fact{nearest(name.lower(), FACTS)}")
        if fact.scope == "enrolment" and self._scope == "contact":
            _refuse(column, f"`{name}` exists only after entering; use it in `unless` or `goal`")
        return fact

    def _value(self, node: exp.Expression, fact: Fact) -> Scalar:
        value: Scalar | None = None
        if fact.type == "text":
            value = node.this if isinstance(node, exp.Literal) and node.is_string else None
            if value is not None and not value.isprintable():
                _refuse(node, f"`{fact.name}` is compared with a text that holds a control character")
        elif fact.type == "truth":
            value = bool(node.this) if isinstance(node, exp.Boolean) else None
        else:
            value = _number(node)
            if value is not None and abs(value) > _NUMBER_MAX:
                _refuse(node, f"numbers lie between {-_NUMBER_MAX:,.0f} and {_NUMBER_MAX:,.0f}")
            if value is not None and fact.type == "money":
                value = round(value * self._minor_per_major)
        if value is None:
            _refuse(
                node,
                f"`{fact.name}` is {_KINDS[fact.type]} and cannot be compared with `{_shown(node)}`; "
                f"e.g. {fact.example}",
            )
        return value


def _too_deep() -> ConditionError:
    return ConditionError(f"nests brackets and `not` more than {_DEEP_MAX} deep; make a segment of a part of it")


def _has_no_order(fact: Fact) -> str:
    if fact.type == "truth":
        return f"`{fact.name}` is true or false; write `{fact.name}` or `not {fact.name}`"
    # Databases order texts by their own languages, so the same condition would mean two things.
    return f"`{fact.name}` is a text, which has no order; use =, != or in, e.g. {fact.example}"


def _parts(node: exp.Connector) -> list[exp.Expression]:
    return [cast("exp.Expression", part) for part in node.flatten()]


def _bare(node: exp.Expression) -> exp.Expression:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _number(node: exp.Expression) -> float | None:
    if isinstance(node, exp.Neg):
        value = _number(node.this)
        return None if value is None else -value
    if isinstance(node, exp.Literal) and not node.is_string:
        text = str(node.this)
        return int(text) if text.isdigit() else float(text)
    return None


def _shown(node: exp.Expression) -> str:
    text = node.sql()
    return text if len(text) <= 60 else text[:57] + "…"


def _refuse(node: exp.Expression, message: str) -> NoReturn:
    places: list[Any] = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    raise ConditionError(message, min(places, default=0))
