"""What the condition language knows beside its grammar: names in use, units, and how a refusal is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from sqlglot import exp

from clm.domain.clock import WEEKDAYS
from clm.domain.condition import Condition
from clm.domain.nearest import nearest
from clm.domain.term import Local, Term

LENGTHS = ("days_since", "days_until", "hours_since", "hours_until")
"""Functions of a time that are numbers."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the language, as `clm facts` explains it."""

    name: str
    type: str
    meaning: str
    example: str
    scope: str = "contact"


FUNCTIONS = (
    Function("days_since", "number", "days of 24 hours passed since a time", "days_since(last_order_at) > 90"),
    Function("hours_since", "number", "the same in hours", "hours_since(last('cart_updated')) >= 4"),
    Function("days_until", "number", "days still to pass until a time", "days_until(next_order_expected_at) <= 3"),
    Function("hours_until", "number", "the same in hours", "hours_until(next_order_expected_at) <= 12"),
    Function(
        "usual_gap",
        "number",
        "days: a quantile of the own gaps between orders, else of the shop's, else the default",
        "days_since(last_order_at) > usual_gap(0.8, 90)",
    ),
    Function(
        "last",
        "time",
        "when an event happened last; its properties may be named",
        "days_since(last('order_delivered')) between 1 and 2",
    ),
    Function("first", "time", "when an event happened first", "days_since(first('trial_started')) >= 7"),
    Function(
        "did",
        "truth",
        "an event happened in so many days, at least so often",
        "did('viewed_category', within = 7, at_least = 2, category = 'tea')",
    ),
    Function("anniversary", "truth", "the day comes round today", "anniversary(born_on)"),
    Function("in_segment", "truth", "a condition of config/segments.yaml holds", "in_segment('vip')"),
    Function("entered_group", "truth", "came into an RFM group in so many days", "entered_group('at_risk', 7)"),
    Function("left_group", "truth", "left an RFM group in so many days", "left_group('champions', 7)"),
    Function("entered_stage", "truth", "came into a stage in so many days", "entered_stage('retention', 7)"),
    Function("left_stage", "truth", "left a stage in so many days", "left_stage('retention', 7)"),
    Function(
        "did_since_entry",
        "truth",
        "an event happened since entering",
        "did_since_entry('survey_answered')",
        "enrolment",
    ),
    Function("clicked", "truth", "clicked in the message of a step", "clicked('incentive')", "enrolment"),
    Function("opened", "truth", "opened the message of a step; machines do not count", "opened('news')", "enrolment"),
)
TRUTHS = frozenset(function.name for function in FUNCTIONS if function.type == "truth")


class ConditionError(ValueError):
    """A condition is not in the language; `offset` is the place in its text, in characters from 0."""

    def __init__(self, message: str, offset: int = 0) -> None:
        self.offset = offset
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Language:
    """The names a project gives, and its units; None for names that nobody can check yet."""

    minor_per_major: int = 100
    zone: str = "UTC"
    segments: Mapping[str, Condition] = field(default_factory=dict)
    groups: Collection[str] | None = None
    stages: Collection[str] | None = None
    steps: Collection[str] | None = None

    def texts_of(self, term: Term) -> Collection[str] | None:
        """The only texts a term can be; None where there is no telling."""
        if isinstance(term, Local):
            return WEEKDAYS
        return {"rfm_group": self.groups, "stage": self.stages}.get(term.name)

    def known_name(self, call: exp.Expression, function: str, of: str, known: Collection[str] | None) -> str:
        """The name a function is given first; refused where it is not one of `known`."""
        _, arguments = name_of(call)
        first = arguments[0] if arguments else None
        if not isinstance(first, exp.Literal) or not first.is_string:
            refuse(call, f"{function} takes the name of a {of} in quotes, e.g. {example_of(function)}")
        name = str(first.this)
        if known is not None and name not in known:
            listed = f" (known: {', '.join(sorted(known))})" if known else f"; there is no {of} yet"
            refuse(first, f"there is no {of} `{name}`{nearest(name, known)}{listed}")
        return name


def example_of(function: str) -> str:
    """How a function is used."""
    return next(one.example for one in FUNCTIONS if one.name == function)


def unknown_function(name: str) -> str:
    """What to say of a function that is not in the language."""
    known = [function.name for function in FUNCTIONS]
    return f"`{name}` is not a function{nearest(name, known)} (known: {', '.join(known)})"


def name_of(call: exp.Expression) -> tuple[str, list[exp.Expression]]:
    """A function's name in lower case and its arguments; an empty name for anything else."""
    if isinstance(call, exp.Anonymous):
        return str(call.this).lower(), list(call.expressions)
    return "", []


def bare(node: exp.Expression) -> exp.Expression:
    """The expression inside its brackets."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def number(node: exp.Expression) -> float | None:
    """A number as written; None for anything else."""
    if isinstance(node, exp.Neg):
        value = number(node.this)
        return None if value is None else -value
    if isinstance(node, exp.Literal) and not node.is_string:
        text = str(node.this)
        return int(text) if text.isdigit() else float(text)
    return None


def shown(node: exp.Expression) -> str:
    """The expression as text, not too long for a message."""
    text = node.sql()
    return text if len(text) <= 60 else text[:57] + "…"


def refuse(node: exp.Expression, message: str) -> NoReturn:
    """Raise ConditionError at the place of `node`."""
    places: list[Any] = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    raise ConditionError(message, min(places, default=0))
