"""What there is to speak of: facts and how many contacts they are known of; segments, stages and groups, counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clm.config import Configuration
from clm.domain.fact import FACTS
from clm.domain.instant import iso
from clm.domain.language import FUNCTIONS
from clm.store import census
from clm.store.database import Database


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The condition language, as it is filled with life: rows as `clm facts --json` prints them."""

    contacts: int
    facts: list[dict[str, Any]]
    functions: list[dict[str, Any]]
    events: list[dict[str, Any]]


def vocabulary(database: Database) -> Vocabulary:
    """Every fact, function and event name, with how many contacts each is known of."""
    kept = [fact for fact in FACTS.values() if fact.scope == "contact"]
    with database.read() as tx:
        contacts = census.contacts_in_all(tx)
        known = census.coverage(tx, kept)
        events = census.event_names(tx)
    return Vocabulary(
        contacts,
        [
            {
                "name": fact.name,
                "type": fact.type,
                "meaning": fact.meaning,
                "example": fact.example,
                "use": _use(fact.scope),
                "known_of": known.get(fact.name),
            }
            for fact in FACTS.values()
        ],
        [
            {
                "name": function.name,
                "type": function.type,
                "meaning": function.meaning,
                "example": function.example,
                "use": _use(function.scope),
            }
            for function in FUNCTIONS
        ],
        [
            {"name": row.name, "events": row.events, "contacts": row.contacts, "latest_at": iso(row.at)}
            for row in events
        ],
    )


def _use(scope: str) -> str:
    return "after entering" if scope == "enrolment" else "anywhere"


@dataclass(frozen=True, slots=True)
class Peopled:
    """Named sets of contacts and how many are in each: rows as `clm segments --json` prints them."""

    contacts: int
    segments: list[dict[str, Any]]
    stages: list[dict[str, Any]]
    groups: list[dict[str, Any]]


def peopled(database: Database, configuration: Configuration, *, now: int) -> Peopled:
    """Segments as they are at `now`; stages and groups as they were last scored."""
    segments = list(configuration.segments.values())
    with database.read() as tx:
        contacts = census.contacts_in_all(tx)
        counts = census.meeting(tx, [segment.condition for segment in segments], now)
        by_stage, by_group = census.by_stage(tx), census.by_group(tx)
    return Peopled(
        contacts,
        [
            {"name": segment.name, "title": segment.title, "when": segment.text, "contacts": count}
            for segment, count in zip(segments, counts, strict=True)
        ],
        [
            {"name": stage.name, "kpi": stage.kpi, "contacts": by_stage.get(stage.name, 0)}
            for stage in configuration.stages.stages
        ],
        [{"name": name, "contacts": by_group.get(name, 0)} for name in sorted(configuration.rfm.names)],
    )
