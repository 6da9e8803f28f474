"""Which column or text fills which field of a feed, decided once per file and checked before any row is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from clm.domain.nearest import nearest
from clm.domain.record import Feed
from clm.errors import MappingError
from clm.sources.fields import FIELDS, LOCALE_PREFIXES, REQUIRED, SYNONYMS, field_of
from clm.sources.rows import Get
from clm.sources.spec import FeedSpec, faults_in
from clm.sources.values import plain_text

COLUMNS_SHOWN_MAX: Final = 30

_PIECE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class Filling:
    """How one field is filled."""

    field: str
    shown: str  # as a person reads it: the column's name, or the text in quotes
    get: Get
    constant: str | None = None  # the text, where it names no column


@dataclass(frozen=True, slots=True)
class Mapping:
    """How every field of a file is filled, and which columns fill none."""

    fillings: tuple[Filling, ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of one file and how to take them out of a row."""

    where: str
    names: Sequence[str]
    get: Callable[[str], Get]

    def check(self, column: str, *, why: str) -> None:
        if column not in self.names:
            listed = ", ".join(self.names[:COLUMNS_SHOWN_MAX]) + (", …" if len(self.names) > COLUMNS_SHOWN_MAX else "")
            raise MappingError(
                f"{self.where}: {why} names the column `{column}`, which the file does not have"
                f"{nearest(column, list(self.names))} (columns: {listed})"
            )
        if self.names.count(column) > 1:
            raise MappingError(f"{self.where}: {why} names the column `{column}`, which the file has more than once")


def check_spec(spec: FeedSpec, *, where: str) -> None:
    """Raise MappingError when `spec` itself is wrong, whatever the file holds."""
    faults = faults_in(spec)
    if faults:
        raise MappingError("\n".join(f"{where}: {'.'.join(place)}: {message}" for place, message in faults))


def fill_fields(spec: FeedSpec, *, where: str, columns: Sequence[str], get: Callable[[str], Get]) -> Mapping:
    """The mapping of a file with `columns`; raises MappingError with the remedy when it cannot be.

    What the spec maps or sets wins; then columns called exactly like a field; then columns called like a synonym.
    """
    check_spec(spec, where=where)
    table = _Columns(where, columns, get)
    fillings: dict[str, Filling] = {}
    used: set[str] = set()
    for name, column in spec.map.items():
        field = _field(name, spec.feed)
        table.check(column, why=f"`{name}={column}`")
        fillings[field] = Filling(field, column, get(column))
        used.add(column)
    for name, template in spec.set.items():
        field = _field(name, spec.feed)
        fillings[field], named = _template(field, template, table, why=f"`set {name}: {template}`")
        used |= named
    own = [column for column in columns if column.startswith(LOCALE_PREFIXES)]
    for column in (*FIELDS[spec.feed], *SYNONYMS, *own):
        named_for = field_of(column, spec.feed)
        if named_for is not None and column in columns and named_for not in fillings:
            table.check(column, why=f"the field `{named_for}`")
            fillings[named_for] = Filling(named_for, column, get(column))
            used.add(column)
    missing = [field for field in REQUIRED[spec.feed] if field not in fillings]
    if missing:
        raise MappingError(_missing(spec.feed, missing, where, columns))
    return Mapping(tuple(fillings.values()), tuple(column for column in columns if column not in used))


def _field(name: str, feed: Feed) -> str:
    field = field_of(name, feed)
    assert field is not None, f"faults_in lets only fields of {feed} through, not {name}"
    return field


def _missing(feed: Feed, missing: list[str], where: str, columns: Sequence[str]) -> str:
    listed = ", ".join(columns[:COLUMNS_SHOWN_MAX])
    fields = ", ".join(f"`{field}`" for field in missing)
    return (
        f"{where}: nothing fills {fields}, which {feed} need; say which column does, "
        f"such as `--map {missing[0]}=COLUMN` or `map:` in config/sources.yaml (columns: {listed})"
    )


def _template(field: str, template: str, table: _Columns, *, why: str) -> tuple[Filling, set[str]]:
    """`{column}` in the text is the row's value; a row in which all the named columns are empty has no value."""
    pattern, end, named = "", 0, list[str]()
    for match in _PIECE.finditer(template):
        pattern += template[end : match.start()]
        end = match.end()
        if match[0] in ("{{", "}}"):
            pattern += match[0]
        elif match[1]:
            table.check(match[1], why=why)
            named.append(match[1])
            pattern += "{}"
        else:
            raise MappingError(f"{table.where}: {why}: write `{{column}}` with a column's name, or `{{{{` for a brace")
    pattern += template[end:]
    if not named:
        text = pattern.format()
        return Filling(field, f'"{text}"', lambda _row: text, constant=text), set()
    gets = [table.get(column) for column in named]

    def fill(row: Any) -> str | None:
        texts = [plain_text(get(row)) for get in gets]
        return pattern.format(*("" if text is None else text for text in texts)) if any(texts) else None

    return Filling(field, f'"{template}"', fill), set(named)
