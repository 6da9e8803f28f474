"""Enrolments: one contact in one campaign because of one fact; entered, moved on and ended as sets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, and_, case, exists, false, func, literal, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from clm.domain.condition import Condition, facts_of
from clm.store.conditions import compiled, shown
from clm.store.database import Found, Transaction
from clm.store.dialect import ids_in, ids_value, json_object
from clm.store.schema import campaign_versions, decisions, enrolments, profiles

OncePer = Literal["contact", "first_order", "last_order"]


def keep_version(tx: Transaction, *, campaign: str, version: str, definition: str, now: int) -> None:
    """Keep a campaign's definition, so that whoever enters now can stay on it."""
    statement = text(
        "INSERT INTO campaign_versions (campaign, version, definition, first_used_at)"
        " VALUES (:campaign, :version, :definition, :now) ON CONFLICT (campaign, version) DO NOTHING"
    )
    tx.execute(statement, {"campaign": campaign, "version": version, "definition": definition, "now": now})


def versions_in_flight(tx: Transaction, campaign: str, *, since: int) -> list[Found]:
    """Versions (campaign, version, definition) somebody is on, or has completed after entering since `since`."""
    v, e = campaign_versions.c, enrolments.c
    on_it = and_(e.campaign == v.campaign, e.version == v.version)
    in_flight = exists().where(on_it, e.status == "active")
    goal_open = exists().where(on_it, e.status == "completed", e.goal_at.is_(None), e.entered_at >= since)
    query = select(v.campaign, v.version, v.definition).where(v.campaign == campaign, or_(in_flight, goal_open))
    return list(tx.execute(query.order_by(v.first_used_at)))


def versions(tx: Transaction, keys: Collection[tuple[str, str]]) -> list[Found]:
    """The versions (campaign, version, definition) with these names."""
    v = campaign_versions.c
    named = [and_(v.campaign == campaign, v.version == version) for campaign, version in keys]
    return list(tx.execute(select(v.campaign, v.version, v.definition).where(or_(false(), *named))))


def enter(
    tx: Transaction,
    *,
    campaign: str,
    version: str,
    when: Condition,
    unless: Condition | None,
    once_per: OncePer,
    now: int,
) -> int:
    """Enrol everybody of whom `when` holds, once per the fact that names the enrolment; returns how many entered.

    One statement. The unique key (campaign, contact_id, trigger_key) is what makes it once, however many runs do this
    at the same time; the anti-join only spares it the work.
    """
    key = _trigger_key(once_per)
    already = exists().where(
        enrolments.c.campaign == campaign,
        enrolments.c.contact_id == profiles.c.contact_id,
        enrolments.c.trigger_key == key,
    )
    conditions = [compiled(when, now), key.is_not(None), ~already]
    if unless is not None:
        entering = _entering(unless)
        if entering is not None:
            conditions.append(~func.coalesce(compiled(entering, now), literal(False)))
    chosen = select(
        literal(campaign),
        literal(version),
        profiles.c.contact_id,
        key,
        literal(now),
        literal("active"),
        literal(0),
        literal(now),
    ).where(*conditions)
    # Neighbours written together keep the indexes in memory. And sorting, which `+ 0` makes sure of, ends the looking
    # before the writing begins: while PostgreSQL takes `enrolments` for empty it may go through all of it for each
    # profile, and must not meet its own new rows there (310,000 into an empty table: above nine minutes, now 7 s).
    chosen = chosen.order_by(profiles.c.contact_id + 0)
    insert = _insert(tx)(enrolments).from_select(
        ["campaign", "version", "contact_id", "trigger_key", "entered_at", "status", "position", "next_due_at"], chosen
    )
    entered = tx.execute(insert.on_conflict_do_nothing(), execution_options={"preserve_rowcount": True}).rowcount
    if entered:
        _decide_entered(tx, campaign=campaign, when=when, now=now)
    return entered


def _entering(unless: Condition) -> Condition | None:
    """`unless` as it can be asked before entering: not at all, where it speaks of facts that only exist after it."""
    return None if any(fact.scope == "enrolment" for fact in facts_of(unless)) else unless


def _trigger_key(once_per: OncePer) -> ColumnElement[str]:
    if once_per == "contact":
        return literal("contact")
    return profiles.c[f"{once_per}_id"]


def _decide_entered(tx: Transaction, *, campaign: str, when: Condition, now: int) -> None:
    chosen = (
        select(
            enrolments.c.contact_id, enrolments.c.campaign, enrolments.c.id, literal("entered"),
            literal("enter.when holds"),
            json_object(tx, shown(list(facts_of(when)))), enrolments.c.entered_at,
        )
        .join(profiles, profiles.c.contact_id == enrolments.c.contact_id)
        .where(enrolments.c.campaign == campaign, enrolments.c.entered_at == now)
    )  # fmt: skip
    columns = ["contact_id", "campaign", "enrolment_id", "kind", "reason", "facts", "at"]
    tx.execute(_insert(tx)(decisions).from_select(columns, chosen).on_conflict_do_nothing())


def reach_goal(tx: Transaction, *, campaign: str, version: str, goal: Condition, within: int | None, now: int) -> int:
    """End the journeys of everybody who has reached the goal, and note it where it was in time; returns how many did.

    In time means that the window is still open, or that the last order fell into it: a run that comes days late must
    neither write to somebody who has bought, nor forget that they did.
    """
    e = enrolments.c
    reached = exists().where(profiles.c.contact_id == e.contact_id, compiled(goal, now)).correlate(enrolments)
    in_time: ColumnElement[bool] = literal(True)
    if within is not None:
        bought = exists().where(
            profiles.c.contact_id == e.contact_id,
            profiles.c.last_order_at.between(e.entered_at, e.entered_at + within),
        )
        in_time = or_(e.entered_at >= now - within, bought.correlate(enrolments))
    who = [e.campaign == campaign, e.version == version, e.entered_at <= now, e.goal_at.is_(None), reached]
    noted = update(enrolments).where(*who, e.status == "completed", in_time).values(goal_at=now)
    count = tx.execute(noted).rowcount
    ended = (
        update(enrolments)
        .where(*who, e.status == "active")
        .values(status="exited", exit_reason="goal reached", ended_at=now, goal_at=case((in_time, now)))
    )
    left = tx.execute(ended).rowcount
    if left:
        _decide_ended(tx, campaign=campaign, now=now)
    return count + left


def leave(tx: Transaction, reasons: Mapping[int, str], *, now: int) -> None:
    """End journeys early, by enrolment id and reason; those that have ended already are left alone.

    In the order of their ids, so that two dispatchers never wait for each other.
    """
    e = enrolments.c
    for enrolment_id, reason in sorted(reasons.items()):
        tx.execute(
            update(enrolments)
            .where(e.id == enrolment_id, e.status == "active")
            .values(status="exited", exit_reason=reason, ended_at=now)
        )
    for campaign in set(tx.scalars(select(e.campaign).where(e.id.in_(reasons)))):
        _decide_ended(tx, campaign=campaign, now=now, ids=reasons)


def _decide_ended(tx: Transaction, *, campaign: str, now: int, ids: Collection[int] | None = None) -> None:
    """Keep why journeys of a campaign have ended at `now`: all that have, or those of `ids`."""
    e = enrolments.c
    which = [e.campaign == campaign, e.status.in_(("exited", "completed")), e.ended_at == now]
    if ids is not None:
        which.append(e.id.in_(text(ids_in(tx)).bindparams(ids=ids_value(tx, ids))))
    chosen = select(
        e.contact_id, e.campaign, e.id, e.status, func.coalesce(e.exit_reason, "all steps done"), e.ended_at
    ).where(*which)
    columns = ["contact_id", "campaign", "enrolment_id", "kind", "reason", "at"]
    tx.execute(_insert(tx)(decisions).from_select(columns, chosen).on_conflict_do_nothing())


def entered_between(tx: Transaction, since: int, until: int) -> dict[str, int]:
    """How many entered each campaign after `since`, up to and including `until`."""
    e = enrolments.c
    query = select(e.campaign, func.count().label("entered")).where(e.entered_at > since, e.entered_at <= until)
    return {row.campaign: row.entered for row in tx.execute(query.group_by(e.campaign))}


class Moved(NamedTuple):
    """An enrolment that has just reached a step."""

    id: int
    contact_id: int


def move_on(
    tx: Transaction, *, campaign: str, version: str, position: int, next_due_at: int, last: bool, now: int, limit: int
) -> list[Moved]:
    """Take up to `limit` due enrolments past the step at `position`; each is taken by one run only.

    Two statements, the second by id: as one, PostgreSQL may run the locking part anew for every row it compares with,
    which takes time in the square of `limit` and may lock more rows than that. Rows that another run has moved
    meanwhile are not found, because PostgreSQL asks the condition again once it has the lock.
    """
    e = enrolments.c
    due = (
        select(e.id, e.contact_id)
        .where(
            e.campaign == campaign,
            e.version == version,
            e.status == "active",
            e.position == position,
            e.next_due_at <= now,
        )
        .order_by(e.next_due_at)  # as ix_enrolments_due has them, so that a batch reads no more than itself
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = [Moved(row.id, row.contact_id) for row in tx.execute(due)]
    if not found:
        return found
    changes = "position = :position, next_due_at = :next_due_at"
    if last:
        changes += ", status = 'completed', ended_at = :now"
    tx.execute(
        text(f"UPDATE enrolments SET {changes} WHERE id IN {ids_in(tx)}"),
        {
            "position": position + 1,
            "next_due_at": next_due_at,
            "ids": ids_value(tx, [one.id for one in found]),
            **({"now": now} if last else {}),
        },
    )
    if last:
        _decide_ended(tx, campaign=campaign, now=now, ids=[one.id for one in found])
    return found


def _insert(tx: Transaction) -> Any:
    """INSERT with ON CONFLICT, which each dialect has under its own name."""
    return sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
