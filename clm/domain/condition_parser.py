"""Reads the text of a condition into its tree, refusing whatever is not in the language.

The text is a SQL boolean expression; sqlglot parses it and this module walks the result. Nothing of the text reaches
a database: only the tree does, with its values bound.
"""

from __future__ import annotations

from typing import ClassVar, Literal, cast

import sqlglot
from sqlglot import Dialect, exp, parser
from sqlglot.errors import ParseError, TokenError

from clm.domain.condition import (
    FLIPPED,
    And,
    Compare,
    Condition,
    Holds,
    InSegment,
    Known,
    Not,
    OneOf,
    Operator,
    Or,
    Since,
    Until,
)
from clm.domain.constant_parser import KINDS, constant
from clm.domain.fact import FACTS, Fact
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.language import (
    LENGTHS,
    TRUTHS,
    ConditionError,
    Language,
    bare,
    example_of,
    name_of,
    number,
    refuse,
    shown,
    unknown_function,
)
from clm.domain.nearest import nearest
from clm.domain.term import Anniversary, Happened, Local, Moved, Reacted, Term
from clm.domain.term_parser import OPERATORS, days_between, occurrences, time_term, usual_gap

_LENGTH_MAX = 2_000
_DEEP_MAX = 20
_EVENTS_MAX = 5


class _Grammar(Dialect):
    """SQL whose functions are all unknown: which there are is the language's own business."""

    class Parser(parser.Parser):
        FUNCTIONS: ClassVar = {}
        FUNCTION_PARSERS: ClassVar = {}
        NO_PAREN_FUNCTIONS: ClassVar = {}


def parse_condition(
    text: str, language: Language | None = None, scope: Literal["contact", "enrolment"] = "contact"
) -> Condition:
    """The tree of `text`; amounts of money are written in major units (`revenue > 200`) and kept in minor ones.

    Raises ConditionError, with the place and a remedy, for anything outside the language.
    """
    return _Reader(language or Language(), scope).condition(_tree(text))


def parse_events(text: str) -> tuple[Happened, ...]:
    """The events of `last('a')`, or of several, `last('a') or last('b', score <= 2)`.

    Raises ConditionError, with the place, for anything else.
    """
    whole = _tree(text)
    parts = _parts(whole) if isinstance(whole, exp.Or) else [whole]
    found = [time_term(part) if isinstance(part, exp.Anonymous) else None for part in parts]
    events = tuple(term for term in found if term is not None)
    if len(events) != len(parts) or len(parts) > _EVENTS_MAX:
        raise ConditionError(f"it is no event, nor up to {_EVENTS_MAX} of them with `or` between")
    if len(events) > 1 and any(term.which == "first" for term in events):
        raise ConditionError("of several events the latest counts; write last(…) for each")
    return events


def _tree(text: str) -> exp.Expression:
    if len(text) > _LENGTH_MAX:
        raise ConditionError(f"is longer than {_LENGTH_MAX:,} characters; make a segment of a part of it")
    try:
        statements = sqlglot.parse(text, read=_Grammar)
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
            refuse(cast("exp.Expression", node), "holds a comment; write comments in YAML, after `#`")
    return whole


class _Reader:
    def __init__(self, language: Language, scope: str) -> None:
        self._language = language
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
                return Holds(self._truth(node))
            case exp.Is():
                if isinstance(node.expression, exp.Null) and (term := self._term(node.this)) is not None:
                    return Not(Known(term))
                refuse(node, "only `is null` and `is not null` can follow a fact")
            case exp.Between() if not node.args.get("symmetric"):
                return self._between(node)
            case exp.In():
                return self._one_of(node)
            case _ if type(node) in OPERATORS:
                return self._compare(node.this, OPERATORS[type(node)], node.expression)
            case exp.Anonymous():
                return self._call(node)
        refuse(
            node,
            f"`{shown(node)}` is not part of the condition language; "
            "use facts, comparisons, and/or/not, in, between, functions (`clm facts` lists them)",
        )

    def _truth(self, column: exp.Column) -> Fact:
        fact = self._fact(column)
        if fact.type != "truth":
            refuse(column, f"`{fact.name}` is {KINDS[fact.type]}, not true or false; compare it, e.g. {fact.example}")
        return fact

    def _call(self, call: exp.Expression) -> Condition:
        """A function that is true or false by itself."""
        name, arguments = name_of(call)
        match name:
            case "did" | "did_since_entry":
                term, at_least = occurrences(call, self._scope)
                return Compare(term, ">=", at_least)
            case "opened" | "clicked":
                self._after_entering(call, name)
                step = self._language.known_name(call, name, "step", self._language.steps)
                return Holds(Reacted("opened" if name == "opened" else "clicked", step))
            case "in_segment":
                return self._segment(call)
            case "entered_group" | "left_group" | "entered_stage" | "left_stage":
                return Holds(self._moved(call, name))
            case "anniversary":
                if len(arguments) != 1 or not isinstance(arguments[0], exp.Column):
                    refuse(call, "anniversary takes one time fact, e.g. anniversary(born_on)")
                return Holds(Anniversary(self._time_fact(arguments[0]), self._language.zone))
            case "usual_gap":
                refuse(
                    call,
                    f"usual_gap(…) is compared with days since a time, e.g. {example_of('usual_gap')}",
                )
        if name in LENGTHS or name in {"last", "first"}:
            refuse(
                call, f"`{shown(call)}` is {'a number' if name in LENGTHS else 'a time'}, not true or false; compare it"
            )
        refuse(call, unknown_function(name))

    def _segment(self, call: exp.Expression) -> InSegment:
        name = self._language.known_name(call, "in_segment", "segment", self._language.segments)
        try:
            return InSegment(name, self._language.segments[name])
        except ConditionError as error:
            refuse(call, str(error))

    def _moved(self, call: exp.Expression, name: str) -> Moved:
        change, of = name.split("_")
        known = self._language.groups if of == "group" else self._language.stages
        _, arguments = name_of(call)
        if len(arguments) != 2:
            refuse(
                call,
                f"{name} takes a {of} and a number of days, e.g. {example_of(name)}",
            )
        group = self._language.known_name(call, name, of, known)
        return Moved(
            cast("Literal['entered', 'left']", change),
            cast("Literal['group', 'stage']", of),
            group,
            days_between(arguments[1], name),
        )

    def _compare(self, left: exp.Expression, op: Operator, right: exp.Expression) -> Condition:
        left, right = bare(left), bare(right)
        if isinstance(left, exp.Literal | exp.Neg | exp.Boolean | exp.Null) or _is_call(left, "usual_gap"):
            left, op, right = right, FLIPPED[op], left
        if isinstance(left, exp.Anonymous) and name_of(left)[0] in LENGTHS:
            return self._elapsed(left, op, right)
        term = self._term(left)
        if term is None:
            name, _ = name_of(left)
            if name in TRUTHS:
                refuse(left, f"`{name}` is true or false by itself; it is not compared")
            if name:
                refuse(left, unknown_function(name))
            refuse(left, "a comparison needs a fact on one side")
        if op not in {"=", "!="} and term.type in {"truth", "text"}:
            refuse(left, _has_no_order(term))
        if isinstance(right, exp.Anonymous) and name_of(right)[0] in LENGTHS:
            refuse(right, f"put {name_of(right)[0]}(…) by itself on one side and a number on the other")
        other = self._term(right)
        if other is not None:
            if isinstance(term, Local) or isinstance(other, Local):
                refuse(right, "local time is compared with constants, e.g. local_hour >= 9")
            if other.type != term.type:
                refuse(
                    right,
                    f"`{term.name}` is {KINDS[term.type]} and `{other.name}` is {KINDS[other.type]}; "
                    "they cannot be compared",
                )
            if isinstance(term, Fact) and term.name == "now":
                return Compare(other, FLIPPED[op], term)
            return Compare(term, op, other)
        return Compare(term, op, constant(right, term, op, self._language))

    def _between(self, node: exp.Between) -> And:
        low, high = node.args["low"], node.args["high"]
        first, last = self._compare(node.this, ">=", low), self._compare(node.this, "<=", high)
        lowest, highest = _bound(first), _bound(last)
        if lowest is not None and highest is not None and lowest > highest:
            name, low, high = shown(node.this), shown(low), shown(high)
            remedy = f"write the lower bound first: {name} between {high} and {low}"
            if isinstance(first, Compare) and isinstance(first.term, Local):
                remedy = f"for hours past midnight write {name} >= {low} or {name} <= {high}"
            refuse(node.args["low"], f"nothing lies between {low} and {high}; {remedy}")
        return And((first, last))

    def _elapsed(self, call: exp.Expression, op: Operator, right: exp.Expression) -> Since | Until:
        """`days_since(…)` and its like against a number, or against the usual gap."""
        name, arguments = name_of(call)
        unit = DAY_MS if name.startswith("days") else HOUR_MS
        if len(arguments) != 1:
            refuse(call, f"{name} takes one time fact, e.g. {name}(last_order_at)")
        term = self._time(arguments[0], name)
        if op in {"=", "!="}:
            refuse(call, f"{name} is a running number, hardly ever equal to another; use `between 3 and 4`")
        if _is_call(right, "usual_gap"):
            if name != "days_since":
                refuse(right, "usual_gap(…) is compared with days_since(…)")
            return Since(term, op, usual_gap(right))
        amount = number(right)
        unit_name = "days" if unit == DAY_MS else "hours"
        if amount is None:
            refuse(right, f"{name}({term.name}) is compared with a number of {unit_name}")
        if not 0 <= amount * unit <= 36_500 * DAY_MS:
            refuse(right, "a number of days lies between 0 and 36,500")
        length = round(amount * unit)
        return Since(term, op, length) if name.endswith("_since") else Until(term, op, length)

    def _time(self, node: exp.Expression, function: str) -> Term:
        if isinstance(node, exp.Column):
            return self._time_fact(node)
        term = self._term(node)
        if term is None or term.type != "time":
            refuse(node, f"{function} takes one time fact, e.g. {function}(last_order_at), or last('…')")
        return term

    def _time_fact(self, node: exp.Column) -> Fact:
        fact = self._fact(node)
        if fact.type != "time" or fact.name == "now":
            times = [known.name for known in FACTS.values() if known.type == "time" and known.name != "now"]
            refuse(
                node,
                f"`{fact.name}` is {KINDS[fact.type]}, not a time of the contact{nearest(fact.name, times)}"
                f" (times: {', '.join(times)})",
            )
        return fact

    def _one_of(self, node: exp.In) -> OneOf:
        term = self._term(node.this)
        if term is None or not node.expressions:
            refuse(node, "`in` follows a fact and is followed by values in brackets, e.g. country in ('GB', 'IE')")
        if term.type == "time":
            refuse(node.this, f"`{term.name}` is a time; use days_since({term.name}) between … and …")
        return OneOf(term, tuple(constant(bare(value), term, "=", self._language) for value in node.expressions))

    def _term(self, node: exp.Expression) -> Term | None:
        """A fact, or a function that stands for a value; None for anything else."""
        node = bare(node)
        if isinstance(node, exp.Column):
            fact = self._fact(node)
            if fact.name in {"local_hour", "local_weekday"}:
                return Local("hour" if fact.name == "local_hour" else "weekday", self._language.zone)
            return fact
        return time_term(node) if isinstance(node, exp.Anonymous) else None

    def _fact(self, column: exp.Column) -> Fact:
        name = column.name
        fact = FACTS.get(name)
        if column.this.args.get("quoted"):
            refuse(column, f"`{column.sql()}` is not a fact; texts stand in single quotes: '{name}'")
        if fact is None or column.table:
            refuse(column, f"`{column.sql()}` is not a fact{nearest(name.lower(), FACTS)}")
        if fact.scope == "enrolment":
            self._after_entering(column, name)
        return fact

    def _after_entering(self, node: exp.Expression, name: str) -> None:
        if self._scope == "contact":
            refuse(node, f"`{name}` exists only after entering; use it in `unless`, `goal`, `exit` or a step")


def _bound(condition: Condition) -> float | None:
    """The number, instant or length at one end of `between`; None where it is no constant."""
    match condition:
        case Compare(value=int() | float() as value) | Since(length=int() as value) | Until(length=value):
            return value
    return None


def _too_deep() -> ConditionError:
    return ConditionError(f"nests brackets and `not` more than {_DEEP_MAX} deep; make a segment of a part of it")


def _has_no_order(term: Term) -> str:
    if term.type == "truth":
        return f"`{term.name}` is true or false; write `{term.name}` or `not {term.name}`"
    example = term.example if isinstance(term, Fact) else f"{term.name} in ('sat', 'sun')"
    # Databases order texts by their own languages, so the same condition would mean two things.
    return f"`{term.name}` is a text, which has no order; use =, != or in, e.g. {example}"


def _parts(node: exp.Connector) -> list[exp.Expression]:
    return [cast("exp.Expression", part) for part in node.flatten()]


def _is_call(node: exp.Expression, name: str) -> bool:
    return isinstance(node, exp.Anonymous) and name_of(node)[0] == name


__all__ = ["ConditionError", "Language", "parse_condition", "parse_events"]
