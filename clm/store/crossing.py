"""Of whom a condition may have become true since somebody last looked: the ones to look at again.

Without new facts only time can make a condition true, and only by passing a threshold: `days_since(x) > 90` becomes
true of whoever has x between the last look less 90 days and now less 90 days, an index range on x. So a look costs as
much as there is to see: contacts whose facts changed, and contacts who passed a threshold. The sets here may be too
large, never too small: whoever is found is judged by the whole condition. A property test holds this against looking at
everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, union_all

from clm.domain.atlas import zones
from clm.domain.clock import local_date
from clm.domain.condition import (
    And,
    Compare,
    Condition,
    Holds,
    InSegment,
    Known,
    Not,
    OneOf,
    Or,
    Since,
    Until,
    evaluate,
)
from clm.domain.fact import Fact
from clm.domain.fingerprint import fingerprint
from clm.domain.term import Anniversary, Happened, Local, Moved, Occurrences, Term, UsualGap, days_kept
from clm.store.changes import changed_since
from clm.store.conditions import USUAL_GAPS, anniversary_days, own_gap, shop_gap, zone_of_contact
from clm.store.database import Transaction
from clm.store.portable import among
from clm.store.schema import enrolments, events, group_history, profiles, shop_values, stage_history
from clm.store.watermarks import Mark

_LAPSES = {0.5: "next_order_expected_at", 0.8: "lapse_80_at", 0.9: "lapse_90_at"}
"""Columns, with indexes, that hold when the usual gap after the last order is over."""

Ids = Select[Any]
"""A statement that finds contact ids."""


class EverybodyError(Exception):
    """A condition has turned true of everybody at once, or of nobody in particular: all must be looked at."""


@dataclass(frozen=True, slots=True)
class _Span:
    """The time since the last look; both ends count, because a threshold may lie on either."""

    tx: Transaction
    since: int
    now: int
    campaign: str | None

    def ids(self, term: Term, low: int | None = None, high: int | None = None) -> Iterator[Ids]:
        """Contacts whose time `term` lies between `low` and `high`; by default, in the span itself."""
        low, high = self.since if low is None else low, self.now if high is None else high
        match term:
            case Happened(_, event):
                yield select(events.c.contact_id).where(events.c.name == event, events.c.at.between(low, high))
            case Fact(name="entered_at"):
                e = enrolments.c
                yield select(e.contact_id).where(e.campaign == self.campaign, e.entered_at.between(low, high))
            case Fact(scope="contact"):
                yield select(profiles.c.contact_id).where(profiles.c[term.name].between(low, high))


def candidates(
    tx: Transaction,
    conditions: Iterable[Condition],
    mark: Mark | None,
    now: int,
    *,
    campaign: str | None = None,
    again_after: tuple[str, int] | None = None,
) -> Any | None:
    """A statement for the ids of contacts of whom one of `conditions` may hold at `now` that did not at `mark`.

    None means everybody: without a mark, or when the day has come that a condition names. Ids may come twice. With
    `campaign`, whoever entered it since the mark is among them, and `entered_at` may be asked. With `again_after`, a
    campaign and a length, so is whoever may enter that one again.
    """
    if mark is None:
        return None
    span = _Span(tx, mark.evaluated_at, now, campaign)
    found: list[Ids] = [
        select(profiles.c.contact_id).where(changed_since(profiles.c.changed, mark.horizon, mark.snapshot))
    ]
    if campaign is not None:
        e = enrolments.c
        found.append(select(e.contact_id).where(e.campaign == campaign, e.entered_at >= mark.evaluated_at))
    if again_after is not None:
        found += _free_again(*again_after, span)
    try:
        for condition in conditions:
            found += _turning(condition, True, span)
    except EverybodyError:
        return None
    return union_all(*found) if len(found) > 1 else found[0]


def rules_of(tx: Transaction, *parts: object) -> int:
    """A fingerprint of what is evaluated: the conditions given, and the shop's usual gaps where they are asked.

    When it is another than at the last look, everybody is looked at.
    """
    shown = repr(parts)
    gaps = (
        tx.scalar(select(shop_values.c.value).where(shop_values.c.name == USUAL_GAPS)) if "UsualGap" in shown else None
    )
    return fingerprint((shown, gaps))


def _turning(condition: Condition, to: bool, span: _Span) -> Iterator[Ids]:
    """Contacts of whom the condition may have turned `to` (true, or not true) in the span."""
    match condition:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _turning(part, to, span)
        case Not(part):
            yield from _turning(part, not to, span)
        case InSegment(_, part):
            yield from _turning(part, to, span)
        case Since():
            yield from _since(condition, to, span)
        case Until():
            yield from _until(condition, to, span)
        case Holds(term):
            yield from _truth(term, to, span)
        case Known(term):
            yield from _appearing(term, span)
        case Compare(term, _, value):
            yield from _compared(condition, to, span)
            yield from _appearing(term, span)
            if not isinstance(value, str | int | float):
                yield from _appearing(value, span)
        case OneOf(term, _):
            yield from _local(condition, span) if isinstance(term, Local) else _appearing(term, span)


def _since(atom: Since, to: bool, span: _Span) -> Iterator[Ids]:
    """Time since only grows: `>` turns true at the length; `<` turns true when the time comes, false at the length."""
    yield from _appearing(atom.term, span)
    if atom.op in {">", ">="} and not to:
        return
    if atom.op in {"<", "<="} and to:
        yield from span.ids(atom.term)  # a time that lay ahead has come
        return
    if isinstance(atom.length, UsualGap):
        yield from _beyond_usual(atom.term, atom.length, span)
        return
    yield from span.ids(atom.term, span.since - atom.length, span.now - atom.length)


def _until(atom: Until, to: bool, span: _Span) -> Iterator[Ids]:
    """Time only shrinks until: `<` turns true at the length, and everything ends when the time comes."""
    yield from _appearing(atom.term, span)
    if not to:
        yield from span.ids(atom.term)
    if (atom.op in {"<", "<="}) == to:
        yield from span.ids(atom.term, span.since + atom.length, span.now + atom.length)


def _beyond_usual(term: Term, gap: UsualGap, span: _Span) -> Iterator[Ids]:
    """Whoever passed their own usual gap, and whoever has none and passed the shop's."""
    own = own_gap(gap.quantile)
    fallback = span.tx.scalar(select(func.coalesce(shop_gap(gap.quantile), literal(gap.default))))
    if not isinstance(term, Fact):
        raise EverybodyError
    time = profiles.c[term.name] if term.scope == "contact" else None
    if time is None:
        raise EverybodyError
    ends: ColumnElement[Any] = profiles.c[_LAPSES[gap.quantile]] if term.name == "last_order_at" else time + own
    yield select(profiles.c.contact_id).where(ends.between(span.since, span.now))
    passed = time.between(span.since - fallback, span.now - fallback)
    yield select(profiles.c.contact_id).where(own.is_(None), passed)


def _truth(term: Term, to: bool, span: _Span) -> Iterator[Ids]:
    match term:
        case Moved(change, of, name, within):
            history = group_history if of == "group" else stage_history
            at = history.c.since if change == "entered" else history.c.until
            low, high = (span.since, span.now) if to else (span.since - within, span.now - within)
            yield select(history.c.contact_id).where(history.c.name == name, at.between(low, high))
        case Anniversary():
            yield from _anniversary(term, span.now if to else span.since, span)


def _anniversary(term: Anniversary, at: int, span: _Span) -> Iterator[Ids]:
    """Whoever has their day at one end of the span, where the date has turned in between."""
    if term.fact.name != "born_on":
        if local_date(term.zone, span.since) != local_date(term.zone, span.now):
            value = profiles.c[term.fact.name]
            ranges = [value.between(low, high) for low, high in anniversary_days(term, at)]
            yield select(profiles.c.contact_id).where(or_(*ranges))
        return
    everywhere = zones() | {term.zone}
    turned = {zone for zone in everywhere if local_date(zone, span.since) != local_date(zone, span.now)}
    if turned:
        kept = {month * 100 + day for zone in turned for month, day in days_kept(local_date(zone, at))}
        theirs = profiles.c.birthday.in_(sorted(kept))
        yield select(profiles.c.contact_id).where(theirs, among(zone_of_contact(term.zone), turned))


def _compared(atom: Compare, to: bool, span: _Span) -> Iterator[Ids]:
    match atom.term:
        case Local():
            yield from _local(atom, span)
        case Fact(name="now"):
            if evaluate(atom, {}, span.since) != evaluate(atom, {}, span.now):
                raise EverybodyError
        case Occurrences(event, within) if within is not None:
            leaving = (atom.op in {">", ">="}) != to
            if leaving or atom.op in {"=", "!="}:
                at = events.c.at.between(span.since - within, span.now - within)
                yield select(events.c.contact_id).where(events.c.name == event, at)
    if isinstance(atom.value, Fact) and atom.value.name == "now":
        yield from span.ids(atom.term)  # a time that is compared with now is passed like a threshold


def _local(atom: Compare | OneOf, span: _Span) -> Iterator[Ids]:
    """Everybody in the zones whose clock has come to another answer."""
    term = atom.term
    if not isinstance(term, Local):
        return
    turned = {
        zone
        for zone in zones() | {term.zone}
        if evaluate(atom, {"home_zone": zone}, span.since) != evaluate(atom, {"home_zone": zone}, span.now)
    }
    if turned:
        yield select(profiles.c.contact_id).where(among(zone_of_contact(term.zone), turned))


def _free_again(campaign: str, length: int, span: _Span) -> Iterator[Ids]:
    """Whoever entered so long ago; whoever leaves later than that is stamped (`enrolments.let_in_again`)."""
    e = enrolments.c
    entered = e.entered_at.between(span.since - length, span.now - length)
    yield select(e.contact_id).where(e.campaign == campaign, entered)


def _appearing(term: Term, span: _Span) -> Iterator[Ids]:
    """Whoever has an event dated into the span: it was recorded ahead of its time and counts only from then on."""
    if isinstance(term, Occurrences | Happened):
        in_span = and_(events.c.name == term.event, events.c.at.between(span.since, span.now))
        yield select(events.c.contact_id).where(in_span)
