"""What a condition can speak of beside plain facts: events in a window, reactions, changes of group, local time.

Each term has a `name`, its own text in the language, under which its value is handed to `evaluate`, and the `type` and
`scope` a fact has. Terms that depend on the instant and on where the contact lives alone have no value to hand over:
they are computed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, ClassVar, Literal

from clm.domain.clock import local_date, local_time, weekday
from clm.domain.fact import Fact, FactType, Scope
from clm.domain.instant import DAY_MS, from_ms

Operator = Literal["=", "!=", "<", "<=", ">", ">="]
Scalar = str | int | float | bool
QUANTILES = (0.5, 0.8, 0.9)
"""The quantiles of a contact's gaps that the profile keeps."""

HOME_ZONE = "home_zone"
"""Under this name the facts hold the IANA zone the contact lives in, or None."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a property of an event must be; an event without the property, or with one of another type, is not meant."""

    key: str
    op: Operator
    value: Scalar

    def __str__(self) -> str:
        """As it is written in a condition."""
        return f"{self.key} {self.op} {_written(self.value)}"


@dataclass(frozen=True)
class Occurrences:
    """How many times an event happened: in the last `within` milliseconds, or since entering where that is None."""

    event: str
    within: int | None
    filters: tuple[Filter, ...] = ()

    @cached_property  # asked for with every message that is decided on
    def name(self) -> str:
        """The term as text."""
        if self.within is None:
            return f"did_since_entry('{self.event}'{_listed(self.filters)})"
        return f"did('{self.event}', within = {days(self.within)}{_listed(self.filters)})"

    @property
    def scope(self) -> Scope:
        """Where it may be used."""
        return "contact" if self.within is not None else "enrolment"

    type: ClassVar[FactType] = "number"


@dataclass(frozen=True)
class Happened:
    """When an event happened first, or last, up to now."""

    which: Literal["first", "last"]
    event: str
    filters: tuple[Filter, ...] = ()

    @cached_property
    def name(self) -> str:
        """The term as text."""
        return f"{self.which}('{self.event}'{_listed(self.filters)})"

    type: ClassVar[FactType] = "time"
    scope: ClassVar[Scope] = "contact"


@dataclass(frozen=True)
class Reacted:
    """Whether the contact opened or clicked the message of a step of this enrolment; machines do not count."""

    kind: Literal["opened", "clicked"]
    step: str

    @cached_property
    def name(self) -> str:
        """The term as text."""
        return f"{self.kind}('{self.step}')"

    type: ClassVar[FactType] = "truth"
    scope: ClassVar[Scope] = "enrolment"


@dataclass(frozen=True)
class Moved:
    """Whether the contact came into, or left, an RFM group or a stage in the last `within` milliseconds."""

    change: Literal["entered", "left"]
    of: Literal["group", "stage"]
    group: str
    within: int

    @cached_property
    def name(self) -> str:
        """The term as text."""
        return f"{self.change}_{self.of}('{self.group}', {days(self.within)})"

    type: ClassVar[FactType] = "truth"
    scope: ClassVar[Scope] = "contact"


@dataclass(frozen=True)
class UsualGap:
    """So long the contact usually lets pass between two orders, in milliseconds.

    A quantile of the own gaps for whoever ordered three times, else of the shop's customers where there are enough of
    them (clm.engine.score), else `default`.
    """

    quantile: float
    default: int

    @cached_property
    def name(self) -> str:
        """The term as text."""
        return f"usual_gap({self.quantile:g}, {days(self.default)})"

    type: ClassVar[FactType] = "number"
    scope: ClassVar[Scope] = "contact"


@dataclass(frozen=True, slots=True)
class Local:
    """The hour (0 to 23) or weekday where the contact lives, or in the shop's zone where that is not known."""

    part: Literal["hour", "weekday"]
    zone: str

    @property
    def name(self) -> str:
        """The term as text."""
        return f"local_{self.part}"

    @property
    def type(self) -> FactType:
        """What it is compared with."""
        return "number" if self.part == "hour" else "text"

    scope: ClassVar[Scope] = "moment"

    def at(self, home_zone: str | None, now: int) -> int | str:
        """Its value in a zone at an instant."""
        local = local_time(home_zone or self.zone, now)
        return local.hour if self.part == "hour" else weekday(local)


@dataclass(frozen=True, slots=True)
class Anniversary:
    """Whether a date comes round today, at least a year after it.

    The date of birth in the contact's own zone; other times as days in the shop's zone. Who was born on 29 February
    has their day on the 28th in other years.
    """

    fact: Fact
    zone: str

    @property
    def name(self) -> str:
        """The term as text."""
        return f"anniversary({self.fact.name})"

    type: ClassVar[FactType] = "truth"
    scope: ClassVar[Scope] = "moment"

    def holds(self, value: int, home_zone: str | None, now: int) -> bool:
        """Whether `now` is in an anniversary of `value`."""
        if self.fact.name == "born_on":
            that, today = from_ms(value).date(), local_date(home_zone or self.zone, now)
        else:
            that, today = local_date(self.zone, value), local_date(self.zone, now)
        return today.year > that.year and (that.month, that.day) in days_kept(today)


Term = Fact | Occurrences | Happened | Reacted | Moved | UsualGap | Local | Anniversary


def days(ms: int) -> str:
    """Milliseconds as days, as short as they can be written."""
    return f"{ms / DAY_MS:.10g}"


def days_kept(today: date) -> tuple[tuple[int, int], ...]:
    """The (month, day) that are kept on `today`: its own, and 29 February on the 28th of a common year."""
    own = (today.month, today.day)
    if own == (2, 28) and not _is_leap(today.year):
        return own, (2, 29)
    return (own,)


def value_of(term: Term, facts: Mapping[str, Any], now: int) -> Any:
    """The value of a term, given facts by name; None is unknown."""
    match term:
        case Fact(name="now"):
            return now
        case Local():
            return term.at(facts.get(HOME_ZONE), now)
        case Anniversary(fact):
            value = facts.get(fact.name)
            return None if value is None else term.holds(value, facts.get(HOME_ZONE), now)
        case _:
            return facts.get(term.name)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _written(value: Scalar) -> str:
    return "true" if value is True else "false" if value is False else repr(value)


def _listed(filters: tuple[Filter, ...]) -> str:
    return "".join(f", {one}" for one in filters)
