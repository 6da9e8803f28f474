"""People in flight, found where they stand in a version's program, batch by batch.

A batch is found and locked by one statement and changed by id in others: as one, PostgreSQL may run the locking part
anew for every row it compares with, which takes time in the square of the batch and may lock more rows than that.

Locks are FOR NO KEY UPDATE: whoever dispatches inserts messages and decisions, which refer to enrolments, and neither
has to wait for the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, delete, literal, null, or_, select, text

from clm.domain.condition import Condition, terms_of
from clm.domain.term import HOME_ZONE
from clm.store import watermarks
from clm.store.conditions import compiled, values_of
from clm.store.crossing import candidates, rules_of
from clm.store.database import Transaction
from clm.store.dialect import ids_in, ids_value
from clm.store.enrolments import Standing
from clm.store.schema import enrolments, profiles
from clm.store.schema import watermarks as marks

CANDIDATES_MAX = 20_000
"""Of more contacts than this, looking at everybody is quicker."""


class Flight(NamedTuple):
    """Everybody in one version of a campaign."""

    campaign: str
    version: str

    @property
    def scope(self) -> str:
        """What its looks are known by."""
        return f"flight {self.campaign} {self.version}"


def awaited(tx: Transaction, flight: Flight, positions: Iterable[int], *, now: int) -> set[int]:
    """Those of the nodes at which somebody is due; one probe of an index each, however many stand elsewhere."""
    statement = text(
        f"WITH nodes (position) AS {ids_in(tx)} SELECT position FROM nodes WHERE"
        " (SELECT 1 FROM enrolments AS e WHERE e.campaign = :campaign AND e.version = :version"
        " AND e.position = nodes.position AND e.status = 'active' AND e.next_due_at <= :now LIMIT 1) IS NOT NULL"
    )
    given = {"campaign": flight.campaign, "version": flight.version, "now": now, "ids": ids_value(tx, positions)}
    return set(tx.scalars(statement, given))


def due(
    tx: Transaction,
    flight: Flight,
    position: int,
    *,
    now: int,
    limit: int,
    asking: Sequence[Condition] = (),
    asked_at: int | None = None,
    profile: bool = False,
    among: Collection[int] | None = None,
) -> list[Standing]:
    """Up to `limit` enrolments that are due at a node, with the answers to `asking`; each is taken by one run only.

    With `among` those of these few contacts alone.

    Rows that another run has in hand are passed over, and those it has moved meanwhile are not found, because
    PostgreSQL asks the condition again once it has the lock.
    """
    e = enrolments.c
    where = [*_at(flight, position), e.next_due_at <= now]
    if among is not None:
        where.append(e.contact_id.in_(list(among)))
    finding = _Finding(asking, now if asked_at is None else asked_at, profile)
    # In the order of ix_enrolments_due, so that a batch reads no more than itself.
    query = finding.query().where(*where).order_by(e.next_due_at).limit(limit)
    return finding.read(tx, query.with_for_update(of=enrolments, skip_locked=True, key_share=True))


def standing(tx: Transaction, flight: Flight, position: int | None, *, limit: int) -> list[Standing]:
    """Up to `limit` enrolments at a node, or at whichever, due or not."""
    finding = _Finding()
    # In the order of ix_enrolments_due, so that a batch reads no more than itself.
    order = (enrolments.c.position, enrolments.c.next_due_at)
    query = finding.query().where(*_at(flight, position)).order_by(*order).limit(limit)
    return finding.read(tx, query.with_for_update(of=enrolments, skip_locked=True, key_share=True))


def _at(flight: Flight, position: int | None) -> list[ColumnElement[bool]]:
    e = enrolments.c
    there = [e.campaign == flight.campaign, e.version == flight.version, e.status == "active"]
    return there if position is None else [*there, e.position == position]


class Looking:
    """One look at a flight: who has come to fulfil a condition since the last one.

    Unlike those who take what is due, it waits for rows that others have in hand: passing over them here would miss
    what has just come true of them until their facts change again.
    """

    def __init__(self, tx: Transaction, flight: Flight, *, asking: Sequence[Condition], now: int, limit: int) -> None:
        self._tx = tx
        self._flight = flight
        self._now = now
        self._limit = limit
        self._look = watermarks.begin(tx, flight.scope, rules=rules_of(tx, *asking), now=now)

    def end(self) -> None:
        """Record that everybody has been looked at."""
        watermarks.end(self._tx, self._look, now=self._now)

    def fulfilled(self, condition: Condition, *, position: int | None = None) -> Iterator[list[Standing]]:
        """Those in flight, or at one node, of whom the condition holds; whoever is given has to be moved or ended."""
        e = enrolments.c
        where = [e.status == "active"] if position is None else [e.status == "active", e.position == position]
        return self._batches(condition, where, literal(value=False))

    def reached(self, goal: Condition, *, within: int | None) -> Iterator[list[Standing]]:
        """Those who have reached the goal and are in flight, or have been through all steps and reached it in time.

        In time means that the window is still open, or that the last order fell into it: a run that comes days late
        must neither write to somebody who has bought, nor forget that they did.
        """
        e = enrolments.c
        in_time: ColumnElement[bool] = literal(value=True)
        if within is not None:
            bought = profiles.c.last_order_at.between(e.entered_at, e.entered_at + within)
            in_time = or_(e.entered_at >= self._now - within, and_(profiles.c.last_order_at.is_not(None), bought))
        open_to = or_(e.status == "active", and_(e.status == "completed", in_time))
        return self._batches(goal, [e.goal_at.is_(None), open_to], in_time)

    def _batches(
        self, condition: Condition, where: list[ColumnElement[bool]], in_time: ColumnElement[bool]
    ) -> Iterator[list[Standing]]:
        e = enrolments.c
        finding = _Finding([condition], self._now)
        query = finding.query(in_time).where(
            e.campaign == self._flight.campaign,
            e.version == self._flight.version,
            e.entered_at <= self._now,
            compiled(condition, self._now),
            *where,
        )
        some = self._some(condition)
        if some is not None:
            # Not `e.id.in_(…)`: that would write two pairs of brackets, and SQLite takes the first id alone.
            among = text(f"enrolments.id IN {ids_in(self._tx)}").bindparams(ids=ids_value(self._tx, some))
            query = query.where(among)
        # In the order of their ids, as `enrolments.leave` has them, so that nobody waits for each other.
        query = query.order_by(e.id).limit(self._limit).with_for_update(of=enrolments, key_share=True)
        while some != [] and (rows := finding.read(self._tx, query)):
            yield rows
            if len(rows) < self._limit:
                return

    def _some(self, condition: Condition) -> list[int] | None:
        """The enrolments of whom the condition may have become true since the last look; None is all of them.

        Found before they are asked: left to itself, a database without good statistics goes through everybody in
        flight for each of a handful of candidates.
        """
        tx, flight = self._tx, self._flight
        among = candidates(tx, [condition], self._look.mark, self._now, campaign=flight.campaign)
        if among is None:
            return None
        # Ids come twice: what the limit cuts off is rows, and so rows are what must be fewer than it.
        rows = list(tx.scalars(among.limit(CANDIDATES_MAX)))
        if len(rows) >= CANDIDATES_MAX:
            return None
        theirs = text(
            f"WITH given (id) AS {ids_in(tx)} SELECT e.id FROM given CROSS JOIN enrolments AS e"
            " WHERE e.contact_id = given.id AND e.campaign = :campaign AND e.version = :version"
            " AND e.status <> 'exited'"
        )
        given = {"ids": ids_value(tx, set(rows)), "campaign": flight.campaign, "version": flight.version}
        return list(tx.scalars(theirs, given))


def begin_to_hold(tx: Transaction, flight: Flight, *, asking: Sequence[Condition], now: int) -> int:
    """The instant to ask a condition for on which somebody begins to wait: `now`, or that of a later look.

    Looks wait until this transaction is over. Who is found not to fulfil the condition is then seen by each look after
    it, and none before it has passed the instant asked for.
    """
    look = watermarks.begin(tx, flight.scope, rules=rules_of(tx, *asking), now=now)
    return now if look.before is None else max(now, look.before.evaluated_at)


def forget(tx: Transaction, flight: Flight) -> None:
    """Have the next look be at everybody: some come to this flight of whom nothing has been asked yet.

    Waits for a look under way, which may not have seen them, to be over.
    """
    watermarks.begin(tx, flight.scope, rules=0, now=0)
    tx.execute(delete(marks).where(marks.c.scope == flight.scope))


@dataclass(frozen=True, slots=True)
class _Finding:
    """A statement that finds enrolments, the questions it asks of each, and how its rows are read."""

    asking: Sequence[Condition] = ()
    at: int = 0
    profile: bool = False
    """Whether to join the profile; asking needs it."""

    @property
    def _values(self) -> dict[str, ColumnElement[Any]]:
        if not self.asking:
            return {}
        terms = [term for condition in self.asking for term in terms_of(condition)]
        values = values_of(terms, self.at)
        return {name: value for name, value in values.items() if name != HOME_ZONE}

    def query(self, in_time: ColumnElement[bool] | None = None) -> Select[Any]:
        """The statement, without its conditions; its columns are those of Standing, in order, and then the facts."""
        e, p = enrolments.c, profiles.c
        joined = self.profile or bool(self.asking)
        answers = [(compiled(condition, self.at), number) for number, condition in enumerate(self.asking)]
        query = select(
            e.id,
            e.contact_id,
            e.holdout.is_not(None),
            e.status,
            p.home_zone if joined else null(),
            p.lot if joined else literal(0),
            case(*answers, else_=None) if answers else null(),
            literal(value=False) if in_time is None else in_time,
            *(value.label(f"fact_{number}") for number, value in enumerate(self._values.values())),
        ).select_from(enrolments)
        return query.join(profiles, p.contact_id == e.contact_id) if joined else query

    def read(self, tx: Transaction, query: Select[Any]) -> list[Standing]:
        """The enrolments that the statement finds."""
        names = list(self._values)
        return [
            Standing(
                one, contact_id, held_out, status, zone, lot, answer, in_time, dict(zip(names, facts, strict=True))
            )
            for one, contact_id, held_out, status, zone, lot, answer, in_time, *facts in tx.execute(query)
        ]
