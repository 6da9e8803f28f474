"""Reads the functions that stand for values: `last('…')`, `did(…)`, `usual_gap(…)`."""

from __future__ import annotations

import re

from sqlglot import exp

from clm.domain.condition import FLIPPED, Operator, Scalar
from clm.domain.instant import DAY_MS
from clm.domain.language import bare, example_of, name_of, number, refuse
from clm.domain.term import QUANTILES, Filter, Happened, Occurrences, UsualGap

OPERATORS: dict[type[exp.Expression], Operator] = {
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
EVENT_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_PROPERTY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
_FILTERS_MAX = 5
_DAYS_MAX = 3_650


def time_term(call: exp.Expression) -> Happened | None:
    """`last('…')` or `first('…')`; None for any other function."""
    name, arguments = name_of(call)
    if name not in {"last", "first"}:
        return None
    event = _event(call, name, arguments)
    positional, filters, named = _sorted(arguments[1:], frozenset())
    if positional or named:
        refuse(call, f"{name} takes an event and properties, e.g. {name}('order_delivered')")
    return Happened("last" if name == "last" else "first", event, filters)


def occurrences(call: exp.Expression, scope: str) -> tuple[Occurrences, int]:
    """`did(…)` or `did_since_entry(…)`: what is counted, and how often it must have happened."""
    name, arguments = name_of(call)
    if name == "did_since_entry" and scope == "contact":
        refuse(call, f"`{name}` exists only after entering; use it in `unless`, `goal`, `exit` or a step")
    event = _event(call, name, arguments)
    names = ("within", "at_least") if name == "did" else ("at_least",)
    positional, filters, named = _sorted(arguments[1:], frozenset(names))
    if len(positional) > len(names):
        refuse(call, f"{name} takes an event, {' and '.join(names)}; properties are named, e.g. {example_of(name)}")
    for key, value in zip(names, positional, strict=False):
        if key in named:
            refuse(value, f"`{key}` is given twice")
        named[key] = value
    if name == "did" and "within" not in named:
        refuse(call, f"{name} looks back without end; say how many days: did('{event}', within = 30)")
    at_least = number(named["at_least"]) if "at_least" in named else 1
    if at_least is None or at_least != int(at_least) or not 1 <= at_least <= 1_000:
        refuse(named["at_least"], "at_least is a whole number from 1 to 1,000")
    within = days_between(named["within"], name) if name == "did" else None
    return Occurrences(event, within, filters), int(at_least)


def usual_gap(call: exp.Expression) -> UsualGap:
    """`usual_gap(quantile, default)`, the default in days."""
    _, arguments = name_of(call)
    if len(arguments) != 2:
        refuse(call, "usual_gap takes a quantile and a default in days, e.g. usual_gap(0.8, 90)")
    quantile = number(arguments[0])
    if quantile not in QUANTILES:
        refuse(arguments[0], f"the quantile of usual_gap is one of {', '.join(map(str, QUANTILES))}")
    return UsualGap(quantile, days_between(arguments[1], "usual_gap"))


def days_between(node: exp.Expression, function: str) -> int:
    """A number of days, as milliseconds."""
    days = number(node)
    if days is None or not 0 < days <= _DAYS_MAX:
        refuse(node, f"{function} takes a number of days above 0, up to {_DAYS_MAX:,}")
    return round(days * DAY_MS)


def _event(call: exp.Expression, function: str, arguments: list[exp.Expression]) -> str:
    first = arguments[0] if arguments else None
    if not isinstance(first, exp.Literal) or not first.is_string:
        refuse(call, f"{function} takes the name of an event in quotes, e.g. {example_of(function)}")
    if EVENT_NAME.fullmatch(str(first.this)) is None:
        refuse(first, "an event's name is lower-case letters, digits and _, e.g. 'order_delivered'")
    return str(first.this)


def _sorted(
    arguments: list[exp.Expression], names: frozenset[str]
) -> tuple[list[exp.Expression], tuple[Filter, ...], dict[str, exp.Expression]]:
    """Arguments by position, filters of properties, and arguments by one of `names`."""
    positional: list[exp.Expression] = []
    filters: list[Filter] = []
    named: dict[str, exp.Expression] = {}
    for argument in arguments:
        if type(argument) not in OPERATORS:
            if filters or named:
                refuse(argument, "stands after named ones; name it too, e.g. within = 7")
            positional.append(argument)
            continue
        left, op, right = bare(argument.this), OPERATORS[type(argument)], bare(argument.expression)
        if not isinstance(left, exp.Column):
            left, op, right = right, FLIPPED[op], left
        if not isinstance(left, exp.Column) or left.table or _PROPERTY.fullmatch(left.name) is None:
            refuse(argument, "a property is compared with a value, e.g. category = 'tea'")
        if left.name in names:
            if op != "=" or left.name in named:
                refuse(argument, f"`{left.name}` is given once, with `=`")
            named[left.name] = right
            continue
        filters.append(Filter(left.name, op, _scalar(left, op, right)))
    if len(filters) > _FILTERS_MAX:
        refuse(arguments[-1], f"no more than {_FILTERS_MAX} properties can be asked for")
    return positional, tuple(filters), named


def _scalar(key: exp.Column, op: Operator, node: exp.Expression) -> Scalar:
    value: Scalar | None = number(node)
    if isinstance(node, exp.Boolean):
        value = bool(node.this)
    elif isinstance(node, exp.Literal) and node.is_string and str(node.this).isprintable():
        value = str(node.this)
    if value is None:
        refuse(node, f"`{key.name}` is compared with a text in quotes, a number, true or false")
    if isinstance(value, str | bool) and op not in {"=", "!="}:
        refuse(node, f"`{key.name}` is compared with {value!r}, which has no order; use = or !=")
    return value
