"""Who can meet a condition at all, where an index can tell: what a look at everybody need not look past.

`hours_since(last('cart_updated')) <= 72` is true only of somebody with such an event in the last 72 hours, a range of
an index. The sets may be too large, never too small; a property test holds them against the condition itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Select, select, union_all

from clm.domain.clock import local_date
from clm.domain.condition import And, Compare, Condition, Holds, InSegment, Or, Since, Until
from clm.domain.fact import Fact
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.term import Anniversary, Happened, Moved, Occurrences, Term, days_kept
from clm.store.schema import events, group_history, profiles, stage_history

_LENGTH_MAX = 60 * DAY_MS
"""Of a longer stretch of time an index finds so many that reading everybody is quicker."""


class _Narrow(NamedTuple):
    """Statements whose ids together hold everybody in question, and the time they span."""

    length: int
    ids: tuple[Select[Any], ...]


def possible(condition: Condition, now: int) -> Any | None:
    """A statement for the ids of everybody of whom the condition may hold at `now`; None means anybody."""
    found = _narrowed(condition, now)
    if found is None or found.length > _LENGTH_MAX:
        return None
    return union_all(*found.ids) if len(found.ids) > 1 else found.ids[0]


def _narrowed(condition: Condition, now: int) -> _Narrow | None:
    match condition:
        case And(parts):
            narrow = [found for part in parts if (found := _narrowed(part, now)) is not None]
            return min(narrow, key=lambda one: one.length, default=None)
        case Or(parts):
            either = [_narrowed(part, now) for part in parts]
            known = [one for one in either if one is not None]
            if len(known) < len(either):
                return None
            return _Narrow(sum(one.length for one in known), tuple(ids for one in known for ids in one.ids))
        case InSegment(_, part):
            return _narrowed(part, now)
        case Since(term, "<" | "<=", int(length)):
            return _between(term, now - length, now)
        case Until(term, "<" | "<=", length):
            return _between(term, now, now + length)
        case Compare(Occurrences(event, int(within)), ">" | ">=", _):
            return _between(Happened("last", event), now - within, now)
        case Holds(Moved(change, of, name, within)):
            history = group_history if of == "group" else stage_history
            at = history.c.since if change == "entered" else history.c.until
            moved = select(history.c.contact_id).where(history.c.name == name, at.between(now - within, now))
            return _Narrow(within, (moved,))
        case Holds(Anniversary(Fact(name="born_on"))):
            return _birthdays(now)
    return None


def _between(term: Term, low: int, high: int) -> _Narrow | None:
    """Contacts whose time lies between; of an event, who has one there, the first or last or not."""
    match term:
        case Happened(_, event):
            theirs = select(events.c.contact_id).where(events.c.name == event, events.c.at.between(low, high))
        case Fact(scope="contact", name=name):
            theirs = select(profiles.c.contact_id).where(profiles.c[name].between(low, high))
        case _:
            return None
    return _Narrow(high - low, (theirs,))


def _birthdays(now: int) -> _Narrow:
    """Whoever has their day somewhere on earth; no clock is more than fourteen hours from UTC's."""
    dates = {local_date("UTC", now + hours * HOUR_MS) for hours in (-14, 0, 14)}
    kept = sorted({month * 100 + day for date in dates for month, day in days_kept(date)})
    return _Narrow(DAY_MS, (select(profiles.c.contact_id).where(profiles.c.birthday.in_(kept)),))
