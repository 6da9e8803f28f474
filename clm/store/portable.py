"""Expressions that the two databases write differently, as constructs that compile on both."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Literal

from sqlalchemy import Boolean, ColumnElement, Float, Insert, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class InsertNew(Insert):
    """An INSERT that leaves alone what a unique key says is there already.

    The dialects' own inserts with ON CONFLICT are compiled anew each time, 10 to 30 ms for a campaign's statement; this
    one is cached as others are.
    """

    inherit_cache = True


@compiles(InsertNew)
def _insert_new(element: InsertNew, compiler: Any, **options: Any) -> str:
    inserted: str = compiler.visit_insert(element, **options)
    return f"{inserted} ON CONFLICT DO NOTHING"


JsonType = Literal["text", "number", "truth"]

_SQLITE_TYPES = {"text": "('text')", "number": "('integer', 'real')"}
_POSTGRES_TYPES = {"text": "string", "number": "number"}


class _Among(FunctionElement[bool]):
    """Whether the first argument is one of the texts of a JSON array, the second: one parameter for all of them."""

    type = Boolean()
    inherit_cache = True


def among(column: ColumnElement[Any], texts: Collection[str]) -> ColumnElement[bool]:
    """`column IN (texts)`, for hundreds of them."""
    return _Among(column, bindparam(None, json.dumps(sorted(texts)), type_=Text()))


@compiles(_Among, "sqlite")
def _among_sqlite(element: _Among, compiler: Any, **options: Any) -> str:
    column, texts = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({texts})))"


@compiles(_Among, "postgresql")
def _among_postgresql(element: _Among, compiler: Any, **options: Any) -> str:
    column, texts = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} IN (SELECT json_array_elements_text(CAST({texts} AS json))))"


class _JsonProperty(FunctionElement[Any]):
    """A property of a JSON object kept as text; null where it is missing or of another type."""

    inherit_cache = True


class _JsonText(_JsonProperty):
    type = Text()
    inherit_cache = True
    of: JsonType = "text"


class _JsonNumber(_JsonProperty):
    type = Float()
    inherit_cache = True
    of: JsonType = "number"


class _JsonTruth(_JsonProperty):
    type = Text()
    inherit_cache = True
    of: JsonType = "truth"


def json_property(column: ColumnElement[Any], key: str, of: JsonType) -> ColumnElement[Any]:
    """A top-level property by its key; a truth is the text `true` or `false`."""
    kind = {"text": _JsonText, "number": _JsonNumber, "truth": _JsonTruth}[of]
    return kind(column, bindparam(None, key, type_=Text()))


@compiles(_JsonText, "sqlite")
@compiles(_JsonNumber, "sqlite")
@compiles(_JsonTruth, "sqlite")
def _property_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    column, key = (compiler.process(clause, **options) for clause in element.clauses)
    path = f"""('$."' || {key} || '"')"""
    if element.of == "truth":
        return f"CASE json_type({column}, {path}) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' END"
    return (
        f"CASE WHEN json_type({column}, {path}) IN {_SQLITE_TYPES[element.of]} THEN json_extract({column}, {path}) END"
    )


@compiles(_JsonText, "postgresql")
@compiles(_JsonNumber, "postgresql")
@compiles(_JsonTruth, "postgresql")
def _property_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    column, key = (compiler.process(clause, **options) for clause in element.clauses)
    value = f"(CAST({column} AS jsonb) -> {key})"
    if element.of == "truth":
        return f"CASE WHEN jsonb_typeof({value}) = 'boolean' THEN {value} #>> '{{}}' END"
    read = f"{value} #>> '{{}}'"
    if element.of == "number":
        read = f"CAST({read} AS double precision)"
    return f"CASE WHEN jsonb_typeof({value}) = '{_POSTGRES_TYPES[element.of]}' THEN {read} END"


def json_number(column: ColumnElement[Any], key: str) -> ColumnElement[float]:
    """The number under a key that may hold any character."""
    return json_property(column, key, "number")
