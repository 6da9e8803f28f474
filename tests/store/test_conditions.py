"""A condition means the same in SQL, on both databases, as evaluated for one contact."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

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
    evaluate,
)
from clm.domain.condition_parser import parse_condition
from clm.domain.fact import FACTS, Fact
from clm.domain.instant import DAY_MS
from clm.store.conditions import compiled
from clm.store.database import Database, Transaction
from clm.store.schema import contacts, enrolments, profiles

NOW = 20_000 * DAY_MS
_TEXTS = ("GB", "gb", "İE", "O'Brien", "100%", "", "ü")
_MONEY_MAX = 10**11

times = st.one_of(
    st.integers(NOW - 5 * DAY_MS, NOW + DAY_MS),
    st.builds(lambda days: NOW - days * DAY_MS, st.integers(-2, 6)),  # where comparisons turn
)
values: dict[str, st.SearchStrategy[Any]] = {
    "time": times,
    "number": st.integers(0, 4) | st.sampled_from([0.5, 1.5, 3.0]),
    "money": st.integers(-3, 3) | st.integers(-_MONEY_MAX, _MONEY_MAX),
    "text": st.sampled_from(_TEXTS),
    "truth": st.booleans(),
}


def _fact_values(fact: Fact) -> st.SearchStrategy[Any]:
    """What a fact may be, unknown where its column may be null."""
    if fact.name == "order_count":
        return st.integers(0, 4)
    if fact.scope == "contact" and profiles.c[fact.name].nullable:
        return st.none() | values[fact.type]
    return values[fact.type]


people = st.fixed_dictionaries(
    {fact.name: _fact_values(fact) for fact in FACTS.values() if fact.name != "ordered_since_entry"}
).map(
    lambda facts: (
        facts
        | {
            "ordered_since_entry": None
            if facts["last_order_at"] is None
            else facts["last_order_at"] > facts["entered_at"]
        }
    )
)


def _facts(*types: str) -> st.SearchStrategy[Fact]:
    return st.sampled_from([fact for fact in FACTS.values() if fact.type in types])


def _comparison(fact: Fact) -> st.SearchStrategy[Compare]:
    others = [other for other in FACTS.values() if other.type == fact.type and other != fact]
    ordered = fact.type in {"number", "money", "time"}
    operators = st.sampled_from(list(COMPARE) if ordered else ["=", "!="])
    constants = st.nothing() if fact.type == "time" else values[fact.type]
    return st.builds(Compare, st.just(fact), operators, constants | st.sampled_from(others))


def _one_of(fact: Fact) -> st.SearchStrategy[OneOf]:
    return st.builds(OneOf, st.just(fact), st.lists(values[fact.type], min_size=1, max_size=3).map(tuple))


leaves = st.one_of(
    st.builds(Holds, _facts("truth")),
    st.builds(Known, _facts("time", "number", "money", "text", "truth")).map(Not),  # `is null`
    _facts("time", "number", "money", "text", "truth").flatmap(_comparison),
    st.builds(DaysSince, _facts("time"), st.sampled_from(["<", "<=", ">", ">="]), st.integers(0, 6) | st.floats(0, 6)),
    _facts("number", "money", "text", "truth").flatmap(_one_of),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    leaves,
    lambda parts: (
        st.builds(Not, parts) | st.builds(And, st.tuples(parts, parts)) | st.builds(Or, st.tuples(parts, parts, parts))
    ),
    max_leaves=6,
)


@settings(max_examples=100)
@given(condition=conditions, somebody=st.lists(people, min_size=1, max_size=4))
def test_sql_says_what_evaluation_says(
    database: Database, condition: Condition, somebody: list[dict[str, Any]]
) -> None:
    """For any condition and any facts, unknown ones included: true, false or unknown, the same everywhere."""
    with database.engine.connect() as tx:  # never committed, so every example begins with nothing
        ids = [_insert(tx, number, facts) for number, facts in enumerate(somebody, 1)]
        query = select(profiles.c.contact_id, compiled(condition, NOW).label("truth")).join(
            enrolments, enrolments.c.contact_id == profiles.c.contact_id
        )
        found = {row.contact_id: row.truth for row in tx.execute(query)}
        tx.rollback()
    said = [None if found[contact_id] is None else bool(found[contact_id]) for contact_id in ids]
    assert said == [evaluate(condition, facts, NOW) for facts in somebody]


@given(condition=conditions)
def test_a_condition_written_down_reads_back_as_itself(condition: Condition) -> None:
    """Whatever the language can mean can be written, and means that."""
    assert parse_condition(_written(condition), scope="enrolment") == condition


def _insert(tx: Transaction, number: int, facts: dict[str, Any]) -> int:
    row = tx.execute(
        insert(contacts).values(source="shop", external_id=str(number), created_at=0).returning(contacts.c.id)
    ).one()
    known = {name: value for name, value in facts.items() if FACTS[name].scope == "contact"}
    tx.execute(insert(profiles).values(contact_id=row.id, revenue_365d_since=0, changed_at=0, **known))
    tx.execute(
        insert(enrolments).values(
            campaign="nudge", version="1", contact_id=row.id, trigger_key="contact", entered_at=facts["entered_at"],
            status="active", position=0, next_due_at=0,
        )
    )  # fmt: skip
    return row.id


def _written(condition: Condition) -> str:
    match condition:
        case And(parts):
            return " and ".join(f"({_written(part)})" for part in parts)
        case Or(parts):
            return " or ".join(f"({_written(part)})" for part in parts)
        case Not(Known(fact)):
            return f"{fact.name} is null"
        case Not(part):
            return f"not ({_written(part)})"
        case Holds(fact):
            return fact.name
        case Compare(fact, op, Fact(name=other)):
            return f"{fact.name} {op} {other}"
        case Compare(fact, op, value):
            return f"{fact.name} {op} {_literal(fact, value)}"
        case DaysSince(fact, op, days):
            return f"days_since({fact.name}) {op} {days}"
        case OneOf(fact, values_):
            return f"{fact.name} in ({', '.join(_literal(fact, value) for value in values_)})"
    raise AssertionError(condition)


def _literal(fact: Fact, value: Any) -> str:
    if fact.type == "truth":
        return str(value).lower()
    if fact.type == "text":
        return "'" + value.replace("'", "''") + "'"
    if fact.type == "money":
        return f"{'-' if value < 0 else ''}{abs(value) // 100}.{abs(value) % 100:02}"
    return str(value)
