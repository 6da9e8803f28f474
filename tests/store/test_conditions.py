"""A condition means the same in SQL, on both databases, as evaluated for one contact."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from clm.domain.condition import Condition, evaluate, terms_of
from clm.domain.condition_parser import parse_condition
from clm.store.conditions import compiled, values_of
from clm.store.database import Database
from clm.store.schema import enrolments, profiles
from tests.any_condition import conditions, written
from tests.people import NOW, Person, people, put, put_shop_gap


@pytest.mark.slow
@settings(max_examples=150)
@given(condition=conditions, somebody=st.lists(people, min_size=1, max_size=4), shop_gap=st.booleans())
def test_sql_says_what_evaluation_says(
    database: Database, condition: Condition, somebody: list[Person], shop_gap: bool
) -> None:
    """For any condition and any facts, unknown ones included: true, false or unknown, the same everywhere.

    And the values that SQL finds for the condition's terms are those that the rows hold.
    """
    somebody = [replace(person, shop_gap=shop_gap) for person in somebody]
    terms = list(terms_of(condition))
    asked = values_of(terms, NOW)
    with database.engine.connect() as tx:  # never committed, so every example begins with nothing
        if shop_gap:
            put_shop_gap(tx)
        ids = [put(tx, number, person) for number, person in enumerate(somebody, 1)]
        columns = [column.label(f"value_{index}") for index, column in enumerate(asked.values())]
        query = select(profiles.c.contact_id, compiled(condition, NOW).label("truth"), *columns)
        query = query.join(enrolments, enrolments.c.contact_id == profiles.c.contact_id)
        found = {row.contact_id: row for row in tx.execute(query)}
        tx.rollback()
    for contact_id, person in zip(ids, somebody, strict=True):
        row = found[contact_id]
        values = {name: row[index + 2] for index, name in enumerate(asked)}
        assert values == person.values(terms, NOW)
        truth = None if row.truth is None else bool(row.truth)
        assert truth == evaluate(condition, values, NOW)


@given(condition=conditions)
def test_a_condition_written_down_reads_back_as_itself(condition: Condition) -> None:
    """Whatever the language can mean can be written, and means that."""
    assert parse_condition(written(condition), scope="enrolment") == condition
