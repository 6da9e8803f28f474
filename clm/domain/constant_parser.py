"""Reads the constants that terms are compared with, refusing what could never match."""

from __future__ import annotations

from sqlglot import exp

from clm.domain.atlas import is_zone
from clm.domain.clock import instant_of
from clm.domain.condition import Operator, Scalar
from clm.domain.fact import Fact, FactType
from clm.domain.language import Language, number, refuse, shown
from clm.domain.nearest import nearest
from clm.domain.term import Local, Term

KINDS: dict[FactType, str] = {
    "time": "a time",
    "number": "a number",
    "money": "an amount of money",
    "text": "a text",
    "truth": "true or false",
}
"""How each type is called when a comparison is refused."""

_NUMBER_MAX = 1e12
"""In major units; more is a slip of the finger, and its minor units would not fit a database's integer."""


def constant(node: exp.Expression, term: Term, op: Operator, language: Language) -> Scalar:
    """The value that `term` is compared with: money in minor units, times in milliseconds; raises ConditionError."""
    value: Scalar | None = None
    text = str(node.this) if isinstance(node, exp.Literal) and node.is_string else None
    match term.type:
        case "text":
            value = None if text is None else _text(node, term, text, language)
        case "time":
            value = _instant(node, term, op, text, language)
        case "truth":
            value = bool(node.this) if isinstance(node, exp.Boolean) else None
        case _:
            value = _number(node, term, language)
    if value is None:
        example = term.example if isinstance(term, Fact) else term.name
        refuse(node, f"`{term.name}` is {KINDS[term.type]} and cannot be compared with `{shown(node)}`; e.g. {example}")
    return value


def _text(node: exp.Expression, term: Term, text: str, language: Language) -> str:
    """Texts of a closed set are checked, because a misspelt one would match nobody for ever."""
    if not text.isprintable():
        refuse(node, f"`{term.name}` is compared with a text that holds a control character")
    known = language.texts_of(term)
    if known is not None and text not in known:
        refuse(node, f"`{term.name}` is never '{text}'{nearest(text, known)} (known: {', '.join(known)})")
    if term.name == "country" and not (len(text) == 2 and text.isascii() and text.isalpha() and text.isupper()):
        refuse(node, f"`country` is never '{text}'; write the two capital letters of its ISO code, e.g. 'GB'")
    if term.name == "zone" and not is_zone(text):
        refuse(node, f"`zone` is never '{text}'; write the IANA name of a time zone, e.g. 'Europe/London'")
    return text


def _instant(node: exp.Expression, term: Term, op: Operator, text: str | None, language: Language) -> int:
    if text is None:
        remedy = f"write days_since({term.name}) {op} a number of days, or a date '2026-01-31'"
        refuse(node, f"`{term.name}` is a time; {remedy}")
    if op in {"=", "!="}:
        refuse(node, "a time hardly ever equals another; use `between '2026-01-01' and '2026-01-02'`")
    try:
        return instant_of(text, language.zone)
    except ValueError:
        refuse(node, f"`{text}` is not a date; write '2026-01-31', or '2026-01-31T09:00'")


def _number(node: exp.Expression, term: Term, language: Language) -> float | None:
    value = number(node)
    if value is None:
        return None
    if abs(value) > _NUMBER_MAX:
        refuse(node, f"numbers lie between {-_NUMBER_MAX:,.0f} and {_NUMBER_MAX:,.0f}")
    top = 23 if isinstance(term, Local) else 1 if term.name == "p_alive" else None
    if top is not None and not 0 <= value <= top:
        refuse(node, f"`{term.name}` lies between 0 and {top}; compare it with a number in between")
    return round(value * language.minor_per_major) if term.type == "money" else value
