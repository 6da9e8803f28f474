"""Conditions of any shape, for property tests, and how a marketer would write them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from clm.domain.clock import WEEKDAYS
from clm.domain.condition import (
    COMPARE,
    And,
    Compare,
    Condition,
    Fact,
    Holds,
    Known,
    Not,
    OneOf,
    Or,
    Since,
    Term,
    Until,
)
from clm.domain.fact import FACTS
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.term import (
    Anniversary,
    Filter,
    Happened,
    Local,
    Moved,
    Occurrences,
    Reacted,
    UsualGap,
)
from tests.people import EVENTS, GROUPS, STEPS, ZONES, times, values

_lengths = st.integers(1, 10).map(lambda halves: halves * DAY_MS // 2)
_order = st.sampled_from(["<", "<=", ">", ">="])
_filters = st.lists(
    st.one_of(
        st.builds(Filter, st.just("category"), st.sampled_from(["=", "!="]), st.sampled_from(["tea", "o'clock"])),
        st.builds(Filter, st.just("score"), st.sampled_from(list(COMPARE)), st.sampled_from([9, 9.5, 1])),
        st.builds(Filter, st.just("gift"), st.sampled_from(["=", "!="]), st.booleans()),
    ),
    max_size=2,
    unique_by=lambda one: one.key,
).map(tuple)
_happened = st.builds(Happened, st.sampled_from(["first", "last"]), st.sampled_from(EVENTS), _filters)


def _facts(*types: str, moment: bool = False) -> st.SearchStrategy[Fact]:
    meant = [fact for fact in FACTS.values() if fact.type in types and (moment or fact.scope != "moment")]
    return st.sampled_from(meant)


_times_known = _facts("time") | _happened


def _constants(fact: Fact) -> st.SearchStrategy[Any]:
    """What the fact may be compared with."""
    closed = {"country": ("GB", "IE"), "zone": ZONES, "p_alive": (0, 0.5, 1)}
    return st.sampled_from(closed[fact.name]) if fact.name in closed else values[fact.type]


def _comparison(fact: Fact) -> st.SearchStrategy[Compare]:
    others = [other for other in FACTS.values() if other.type == fact.type and other != fact]
    others = [other for other in others if not other.name.startswith("local_")]
    ordered = fact.type in {"number", "money", "time"}
    operators = st.sampled_from(list(COMPARE) if ordered else ["=", "!="])
    return st.builds(Compare, st.just(fact), operators, st.sampled_from(others)) | st.builds(
        Compare, st.just(fact), _order if fact.type == "time" else operators, _constants(fact)
    )


def _one_of(fact: Fact) -> st.SearchStrategy[OneOf]:
    return st.builds(OneOf, st.just(fact), st.lists(_constants(fact), min_size=1, max_size=3).map(tuple))


timed = st.one_of(
    st.builds(Compare, st.just(FACTS["now"]), _order, times),
    st.builds(Since, _times_known, _order, _lengths),
    st.builds(Since, _facts("time"), _order, st.builds(UsualGap, st.sampled_from([0.5, 0.8, 0.9]), _lengths)),
    st.builds(Since, st.just(FACTS["last_order_at"]), _order, st.just(UsualGap(0.8, 2 * DAY_MS))),
    st.builds(Until, _times_known, _order, _lengths),
    st.builds(
        Compare,
        st.builds(Occurrences, st.sampled_from(EVENTS), _lengths | st.none(), _filters),
        st.just(">="),
        st.integers(1, 3),
    ),
    st.builds(
        Holds,
        st.builds(
            Moved,
            st.sampled_from(["entered", "left"]),
            st.sampled_from(["group", "stage"]),
            st.sampled_from(GROUPS),
            _lengths,
        ),
    ),
    st.builds(
        Holds, st.builds(Anniversary, st.sampled_from([FACTS["born_on"], FACTS["signed_up_at"]]), st.just("UTC"))
    ),
    st.builds(Compare, st.just(Local("hour", "UTC")), st.sampled_from(list(COMPARE)), st.integers(0, 23)),
    st.builds(
        OneOf, st.just(Local("weekday", "UTC")), st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=6).map(tuple)
    ),
)
"""Atoms that time alone can turn."""

atoms = st.one_of(
    timed,
    st.builds(Holds, _facts("truth")),
    st.builds(Known, _facts("time", "number", "money", "text", "truth") | _happened).map(Not),  # `is null`
    _facts("time", "number", "money", "text", "truth").flatmap(_comparison),
    st.builds(Compare, _happened, st.sampled_from(["<", ">="]), _facts("time")),
    st.builds(Since, _happened, _order, st.builds(UsualGap, st.sampled_from([0.5, 0.8, 0.9]), _lengths)),
    _facts("number", "money", "text", "truth").flatmap(_one_of),
    st.builds(Holds, st.builds(Reacted, st.sampled_from(["opened", "clicked"]), st.sampled_from(STEPS))),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    atoms,
    lambda parts: (
        st.builds(Not, parts) | st.builds(And, st.tuples(parts, parts)) | st.builds(Or, st.tuples(parts, parts, parts))
    ),
    max_leaves=6,
)


def written(condition: Condition) -> str:  # noqa: PLR0911 - one for each kind of node
    """A condition as a marketer would write it."""
    match condition:
        case And(parts):
            return " and ".join(f"({written(part)})" for part in parts)
        case Or(parts):
            return " or ".join(f"({written(part)})" for part in parts)
        case Not(Known(term)):
            return f"{_text(term)} is null"
        case Not(part):
            return f"not ({written(part)})"
        case Holds(term):
            return _text(term)
        case Compare(Occurrences() as term, _, at_least):
            return _text(term)[:-1] + f", at_least = {at_least})"
        case Compare(term, op, value):
            right = _literal(term, value) if isinstance(value, str | int | float) else _text(value)
            return f"{_text(term)} {op} {right}"
        case Since(term, op, UsualGap(quantile, default)):
            return f"days_since({_text(term)}) {op} usual_gap({quantile}, {default / DAY_MS})"
        case Since(term, op, length):
            return f"days_since({_text(term)}) {op} {length / DAY_MS}"
        case Until(term, op, length):
            return f"hours_until({_text(term)}) {op} {length / HOUR_MS}"
        case OneOf(term, values):
            return f"{_text(term)} in ({', '.join(_literal(term, value) for value in values)})"
    raise AssertionError(condition)


def _text(term: Term) -> str:
    match term:
        case Fact(name=name):
            return name
        case Occurrences(event, None, filters):
            return f"did_since_entry('{event}'{_filters_text(filters)})"
        case Occurrences(event, int(within), filters):
            return f"did('{event}', within = {within / DAY_MS}{_filters_text(filters)})"
        case Happened(which, event, filters):
            return f"{which}('{event}'{_filters_text(filters)})"
        case Reacted(kind, step):
            return f"{kind}('{step}')"
        case Moved(change, of, name, within):
            return f"{change}_{of}('{name}', {within / DAY_MS})"
        case Anniversary(fact):
            return f"anniversary({fact.name})"
        case Local(part):
            return f"local_{part}"
    raise AssertionError(term)


def _filters_text(filters: tuple[Filter, ...]) -> str:
    return "".join(f", {one.key} {one.op} {_plain(one.value)}" for one in filters)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def _literal(term: Term, value: Any) -> str:
    if term.type == "money":
        return f"{'-' if value < 0 else ''}{abs(value) // 100}.{abs(value) % 100:02}"
    if term.type == "time":
        moment = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC")) + timedelta(milliseconds=value)
        return f"'{moment:%Y-%m-%dT%H:%M:%S}.{value % 1000:03}'"
    return _plain(value)
