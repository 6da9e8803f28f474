"""People of any kind, for property tests, and what is known of them, plainly.

`Person.value` says what a term is worth by going through lists in the open; it shares no code with clm's own way.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import zip_longest
from random import Random
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import insert

from clm.domain.condition import (
    COMPARE,
    Fact,
    Term,
)
from clm.domain.fact import FACTS
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.term import (
    Filter,
    Happened,
    Moved,
    Occurrences,
    Reacted,
    UsualGap,
)
from clm.store.database import Transaction
from clm.store.schema import (
    contacts,
    delivery_events,
    enrolments,
    events,
    group_history,
    messages,
    profiles,
    shop_values,
    stage_history,
)

NOW = 20_000 * DAY_MS + 11 * HOUR_MS  # 4 October 2024, 11:00 UTC
CAMPAIGN = "nudge"
STEPS = ("news", "value")
EVENTS = ("viewed", "cart_updated")
GROUPS = ("champions", "at_risk")
ZONES = ("Europe/London", "Asia/Kathmandu", "Pacific/Kiritimati", "America/New_York")
SHOP_GAP_DAYS = 2

_TEXTS = ("GB", "gb", "İE", "O'Brien", "100%", "", "ü")
_MONEY_MAX = 10**11
_COLUMNS = [fact for fact in FACTS.values() if fact.scope == "contact"]

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


@dataclass(frozen=True)
class Person:
    """One contact: columns of the profile, events, intervals, and reactions to the steps of one enrolment."""

    columns: dict[str, Any]
    entered_at: int
    events: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)
    groups: list[tuple[str, int, int | None]] = field(default_factory=list)
    stages: list[tuple[str, int, int | None]] = field(default_factory=list)
    reactions: list[tuple[str, str, bool]] = field(default_factory=list)  # step, kind, by a machine
    shop_gap: bool = False

    def values(self, terms: list[Term], now: int) -> dict[str, Any]:
        """What the terms are worth, by name, and the home zone."""
        found = {term.name: self.value(term, now) for term in terms if term.scope != "moment"}
        return found | {"home_zone": self.columns["home_zone"]}

    def value(self, term: Term, now: int) -> Any:
        """What a term is worth."""
        match term:
            case Fact(name="entered_at"):
                return self.entered_at
            case Fact(name="ordered_since_entry"):
                last = self.columns["last_order_at"]
                return None if last is None else last > self.entered_at
            case Fact():
                return self.columns[term.name]
            case Occurrences(_, within):
                after = self.entered_at if within is None else now - within
                return len([at for at in self._when(term, now) if at > after])
            case Happened("last"):
                return max(self._when(term, now), default=None)
            case Happened():
                return min(self._when(term, now), default=None)
            case Reacted(kind, step):
                return (step, kind, False) in self.reactions
            case Moved(change, of, name, within):
                history = self.groups if of == "group" else self.stages
                ends = [since if change == "entered" else until for one, since, until in history if one == name]
                return any(at is not None and now - within < at <= now for at in ends)
            case UsualGap(quantile, default):
                own = self.columns[f"gap_{round(100 * quantile)}_ms"]
                shop = SHOP_GAP_DAYS * DAY_MS if self.shop_gap else None
                return next(gap for gap in (own, shop, default) if gap is not None)
        raise AssertionError(term)

    def _when(self, term: Occurrences | Happened, now: int) -> list[int]:
        return [
            at
            for name, at, properties in self.events
            if name == term.event and at <= now and all(_meant(properties.get(one.key), one) for one in term.filters)
        ]


def _meant(value: Any, one: Filter) -> bool:
    kinds = [bool] if isinstance(one.value, bool) else [str] if isinstance(one.value, str) else [int, float]
    return type(value) in kinds and COMPARE[one.op](value, one.value)


def _column(fact: Fact, chance: Random) -> Any:
    """What a column may hold, unknown where it may be null."""
    column = profiles.c[fact.name]
    if column.nullable and chance.random() < 0.3:
        return None
    if fact.name == "born_on":
        return chance.choice([_date(1990, 10, 4), _date(1990, 10, 5), _date(1988, 10, 3), _date(2024, 10, 4)])
    match fact.type:
        case "time":
            return _time(chance)
        case "number" if column.type.python_type is float:
            return chance.choice([0, 1, 2, 3, 4, 0.5, 1.5])
        case "number":
            return chance.randint(0, 4)
        case "money":
            return chance.choice([-3, 0, 1, 3, _MONEY_MAX, -_MONEY_MAX])
        case "text":
            return chance.choice(_TEXTS)
        case _:
            return chance.random() < 0.5


def _time(chance: Random) -> int:
    """Anywhere in some days around now, and often just where comparisons turn."""
    if chance.random() < 0.5:
        return NOW - chance.randint(-4, 12) * DAY_MS // 2
    return chance.randint(NOW - 5 * DAY_MS, NOW + DAY_MS)


def _date(year: int, month: int, day: int) -> int:
    return round(datetime(year, month, day, tzinfo=UTC).timestamp() * 1000)


def _intervals(chance: Random) -> list[tuple[str, int, int | None]]:
    starts = sorted({_time(chance) for _ in range(chance.randint(0, 2))})
    return [(chance.choice(GROUPS), since, until) for since, until in zip_longest(starts, starts[1:])]


def _properties(chance: Random) -> dict[str, Any]:
    offered = {"category": ["tea", "spice", 3, True, None], "score": [1, 9, 9.5, "9"], "gift": [True, False, "true"]}
    return {key: chance.choice(values) for key, values in offered.items() if chance.random() < 0.6}


def somebody(seed: int) -> Person:
    """Anybody, drawn by chance from a number: drawing forty facts one by one would take hypothesis most of its time."""
    chance = Random(seed)
    columns = {fact.name: _column(fact, chance) for fact in _COLUMNS}
    columns["home_zone"] = chance.choice([None, *ZONES])
    for name in ("gap_50_ms", "gap_80_ms", "gap_90_ms"):
        columns[name] = chance.choice([None, *(days * DAY_MS for days in range(5))])
    last, median = columns["last_order_at"], columns["gap_50_ms"]
    columns["next_order_expected_at"] = None if last is None or median is None else last + median
    return Person(
        columns=columns,
        entered_at=_time(chance),
        events=[(chance.choice(EVENTS), _time(chance), _properties(chance)) for _ in range(chance.randint(0, 4))],
        groups=_intervals(chance),
        stages=_intervals(chance),
        reactions=[
            (chance.choice(STEPS), chance.choice(["opened", "clicked", "delivered"]), chance.random() < 0.5)
            for _ in range(chance.randint(0, 2))
        ],
    )


people = st.integers(0, 2**32).map(somebody)


def put(tx: Transaction, number: int, person: Person) -> int:
    """Write a person into the tables; returns the contact's id."""
    made = insert(contacts).values(source="shop", external_id=str(number), created_at=0).returning(contacts.c.id)
    contact_id = int(tx.scalar(made) or 0)
    columns = dict(person.columns)
    if columns["born_on"] is not None:
        born = datetime.fromtimestamp(columns["born_on"] / 1000, UTC)
        columns["birthday"] = born.month * 100 + born.day
    rhythm = (("next_order_expected_at", "gap_50_ms"), ("lapse_80_at", "gap_80_ms"), ("lapse_90_at", "gap_90_ms"))
    for ends, gap in rhythm:
        if columns["last_order_at"] is not None and columns[gap] is not None:
            columns[ends] = columns["last_order_at"] + columns[gap]
    tx.execute(insert(profiles).values(contact_id=contact_id, revenue_365d_since=0, changed=0, **columns))
    for index, (name, at, properties) in enumerate(person.events):
        tx.execute(
            insert(events).values(
                source="shop", external_id=f"{number}-{index}", contact_id=contact_id, name=name, at=at,
                properties=json.dumps(properties), recorded_at=0,
            )
        )  # fmt: skip
    for table, history in ((group_history, person.groups), (stage_history, person.stages)):
        for name, since, until in history:
            more = {"lifecycle_number": 1} if table is stage_history else {}
            tx.execute(insert(table).values(contact_id=contact_id, since=since, until=until, name=name, **more))
    _put_enrolment(tx, contact_id, person)
    return contact_id


def _put_enrolment(tx: Transaction, contact_id: int, person: Person) -> None:
    enrolment = insert(enrolments).values(
        campaign=CAMPAIGN, version="1", contact_id=contact_id, trigger_key="contact", entered_at=person.entered_at,
        status="active", position=0, next_due_at=0,
    ).returning(enrolments.c.id)  # fmt: skip
    enrolment_id = tx.scalar(enrolment)
    ids = {}
    for step in STEPS:
        message = insert(messages).values(
            enrolment_id=enrolment_id, contact_id=contact_id, campaign=CAMPAIGN, step=step, channel="email",
            purpose="marketing", queue_rank=50, status="sent", due_at=0, expires_at=0, created_at=0, attempts=1,
        ).returning(messages.c.id)  # fmt: skip
        ids[step] = tx.scalar(message)
    for index, (step, kind, by_machine) in enumerate(person.reactions):
        tx.execute(
            insert(delivery_events).values(
                provider="p", provider_event_id=f"{contact_id}-{index}", message_id=ids[step], kind=kind,
                by_machine=by_machine, at=0, recorded_at=0,
            )
        )  # fmt: skip


def put_shop_gap(tx: Transaction) -> None:
    """Let the shop's usual gap be known."""
    gaps = json.dumps({"0.5": SHOP_GAP_DAYS, "0.8": SHOP_GAP_DAYS, "0.9": SHOP_GAP_DAYS})
    tx.execute(insert(shop_values).values(name="usual_gaps", value=gaps, at=0))
