"""Compiles a condition's tree to an expression over the profile, every value bound."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)

from clm.domain.atlas import zones
from clm.domain.clock import local_date, local_time
from clm.domain.condition import (
    COMPARE,
    And,
    Compare,
    Condition,
    Holds,
    InSegment,
    Known,
    Not,
    OneOf,
    Operator,
    Or,
    Since,
    Until,
)
from clm.domain.fact import Fact
from clm.domain.instant import DAY_MS, to_ms
from clm.domain.term import (
    HOME_ZONE,
    Anniversary,
    Filter,
    Happened,
    Local,
    Moved,
    Occurrences,
    Reacted,
    Term,
    UsualGap,
    days_kept,
)
from clm.store.portable import among, json_number, json_property
from clm.store.schema import (
    delivery_events,
    enrolments,
    events,
    group_history,
    messages,
    profiles,
    shop_values,
    stage_history,
)

USUAL_GAPS = "usual_gaps"
"""The shop value that holds its customers' usual gaps: days by quantile, as a JSON object."""
ANNIVERSARY_YEARS_MAX = 40
"""So far back anniversaries of times other than births are looked for."""


def compiled(condition: Condition, now: int) -> ColumnElement[bool]:
    """The condition at `now` (milliseconds) as SQL: true, false or null where `evaluate` says True, False or None.

    Expects `profiles` in the statement, and `enrolments` too where terms of an enrolment are used.
    """
    match condition:
        case And(parts):
            return and_(*(compiled(part, now) for part in parts))
        case Or(parts):
            return or_(*(compiled(part, now) for part in parts))
        case Not(part):
            return not_(compiled(part, now))
        case InSegment(_, part):
            return compiled(part, now)
        case Known(Local()):
            return true()
        case Known(term):
            return column(term, now).is_not(None)
        case Compare(Local() as term, op, value):
            return _zones_in(term, now, lambda found: COMPARE[op](found, value))
        case OneOf(Local() as term, values):
            return _zones_in(term, now, lambda found: found in values)
        case _:
            return _atom(condition, now)


def _atom(condition: Holds | Compare | Since | Until | OneOf, now: int) -> ColumnElement[bool]:
    value = column(condition.term, now)
    match condition:
        case Holds(term):
            return value.is_(True) if isinstance(term, Fact) and term.scope == "contact" else value
        case OneOf(_, values):
            # Not `IN`: PostgreSQL is told one type for the whole list, and takes 0.5 for 0 beside whole numbers.
            return or_(*(value == bindparam(None, one) for one in values))
        case Since(_, _, length):
            passed = column(length, now) if isinstance(length, UsualGap) else length
            return and_(_compare(value, condition.instant_op, now - passed), value <= now)
        case Until(_, op, length):
            return and_(_compare(value, op, literal(now + length)), value >= now)
        case Compare(_, op, other):
            right = bindparam(None, other) if isinstance(other, str | int | float) else column(other, now)
            return _compare(value, op, right)


def _compare(left: Any, op: Operator, right: Any) -> ColumnElement[bool]:
    return COMPARE[op](left, right)  # type: ignore[return-value] # the operators build expressions here


def column(term: Term, now: int) -> ColumnElement[Any]:
    """The value of a term as SQL."""
    match term:
        case Fact():
            return _fact(term, now)
        case Occurrences():
            return _happenings(func.count(), term, now)
        case Happened(which):
            return _happenings(func.max(events.c.at) if which == "last" else func.min(events.c.at), term, now)
        case Reacted():
            return _reacted(term)
        case Moved():
            return _moved(term, now)
        case UsualGap():
            return _usual_gap(term)
        case Anniversary():
            return _anniversary(term, now)
        case Local():
            raise ValueError(f"{term.name} has no value in SQL; it is compared with constants")


def values_of(terms: Iterable[Term], now: int) -> dict[str, ColumnElement[Any]]:
    """What `evaluate` needs to know, by name: the terms that have a value in SQL, and the zone the contact lives in."""
    found: dict[str, ColumnElement[Any]] = {HOME_ZONE: profiles.c.home_zone}
    for term in terms:
        if term.scope != "moment":
            found.setdefault(term.name, column(term, now))
    return found


def _fact(fact: Fact, now: int) -> ColumnElement[Any]:
    match fact.name:
        case "entered_at":
            return enrolments.c.entered_at
        case "ordered_since_entry":
            return profiles.c.last_order_at > enrolments.c.entered_at
        case "now":
            return literal(now, BigInteger())
        case _:
            return profiles.c[fact.name]


def _happenings(what: Any, term: Occurrences | Happened, now: int) -> ColumnElement[Any]:
    """A count or a time over the events of the contact that `term` means, up to now."""
    e = events.c
    theirs = [e.contact_id == profiles.c.contact_id, e.at <= now, meant(term)]
    if isinstance(term, Occurrences):
        theirs.append(e.at > enrolments.c.entered_at if term.within is None else e.at > now - term.within)
    outer = (profiles, enrolments) if isinstance(term, Occurrences) and term.within is None else (profiles,)
    return select(what).where(*theirs).correlate(*outer).scalar_subquery()


def meant(term: Occurrences | Happened) -> ColumnElement[bool]:
    """Whether an event is one that `term` speaks of, by its name and properties."""
    return and_(events.c.name == term.event, *(_filtered(one) for one in term.filters))


def _filtered(one: Filter) -> ColumnElement[bool]:
    if isinstance(one.value, bool):
        found = json_property(events.c.properties, one.key, "truth")
        return _compare(found, one.op, literal("true" if one.value else "false"))
    if isinstance(one.value, str):
        return _compare(json_property(events.c.properties, one.key, "text"), one.op, literal(one.value))
    return _compare(json_property(events.c.properties, one.key, "number"), one.op, literal(float(one.value), Double()))


def _reacted(term: Reacted) -> ColumnElement[bool]:
    d, m = delivery_events.c, messages.c
    return (
        exists()
        .where(
            m.enrolment_id == enrolments.c.id,
            m.step == term.step,
            d.message_id == m.id,
            d.kind == term.kind,
            d.by_machine.is_(False),
        )
        .correlate(enrolments)
    )


def _moved(term: Moved, now: int) -> ColumnElement[bool]:
    history = group_history if term.of == "group" else stage_history
    at = history.c.since if term.change == "entered" else history.c.until
    return (
        exists()
        .where(
            history.c.contact_id == profiles.c.contact_id,
            # Hidden from the indexes on names, in which SQLite would go through everybody's moves for each contact.
            history.c.name.concat("") == term.group,
            at > now - term.within,
            at <= now,
        )
        .correlate(profiles)
    )


def own_gap(quantile: float) -> ColumnElement[Any]:
    """The column that holds a quantile of the own gaps, in milliseconds."""
    return profiles.c[f"gap_{round(quantile * 100)}_ms"]


def shop_gap(quantile: float) -> ColumnElement[Any]:
    """The shop's usual gap in milliseconds; null while it has too few customers to tell."""
    in_days = json_number(shop_values.c.value, f"{quantile:g}")
    query = select(cast(in_days * DAY_MS, BigInteger)).where(shop_values.c.name == USUAL_GAPS)
    return query.scalar_subquery()


def _usual_gap(term: UsualGap) -> ColumnElement[Any]:
    return func.coalesce(own_gap(term.quantile), shop_gap(term.quantile), literal(term.default, BigInteger()))


def zone_of_contact(default: str) -> ColumnElement[str]:
    """The zone the contact lives in, or the shop's."""
    return func.coalesce(profiles.c.home_zone, literal(default))


def _zones_in(term: Local, now: int, meant: Any) -> ColumnElement[bool]:
    """Whether the contact's zone is one of those where the local time is what is meant."""
    found = {zone for zone in zones() | {term.zone} if meant(term.at(zone, now))}
    return among(zone_of_contact(term.zone), found)


def _anniversary(term: Anniversary, now: int) -> ColumnElement[bool]:
    value = profiles.c[term.fact.name]
    if term.fact.name != "born_on":
        return or_(false(), *(value.between(low, high - 1) for low, high in anniversary_days(term, now)))
    by_date: dict[tuple[int, int, int], set[str]] = {}
    for zone in zones() | {term.zone}:
        today = local_date(zone, now)
        by_date.setdefault((today.year, today.month, today.day), set()).add(zone)
    arms = []
    for (year, _, _), there in sorted(by_date.items()):
        today = local_date(next(iter(there)), now)
        kept = [month * 100 + day for month, day in days_kept(today)]
        january = to_ms(datetime(year, 1, 1, tzinfo=UTC))
        arms.append(and_(among(zone_of_contact(term.zone), there), profiles.c.birthday.in_(kept), value < january))
    return case((value.is_(None), None), else_=or_(*arms))


def anniversary_days(term: Anniversary, now: int) -> list[tuple[int, int]]:
    """The days, as milliseconds from and to, whose anniversary is kept today in the shop's zone, latest first."""
    today = local_date(term.zone, now)
    found = []
    for year in range(today.year - 1, today.year - 1 - ANNIVERSARY_YEARS_MAX, -1):
        for month, day in days_kept(today):
            try:
                begins = local_time(term.zone, now).replace(
                    year=year, month=month, day=day, hour=0, minute=0, second=0, microsecond=0, fold=0
                )
            except ValueError:  # 29 February of a common year
                continue
            ends = (begins + timedelta(days=1)).replace(fold=0)
            found.append((to_ms(begins), to_ms(ends)))
    return found
