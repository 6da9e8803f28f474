"""Enrolments: one contact in one campaign because of one fact; moved on and ended as sets."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import and_, exists, false, func, or_, select, text

from clm.store.changes import stamp
from clm.store.database import Found, Transaction
from clm.store.dialect import ids_in, ids_value, insert_many
from clm.store.schema import campaign_versions, contacts, decisions, enrolments

ALL_DONE = "all steps done"


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


def leave(
    tx: Transaction,
    reasons: Mapping[int, str],
    *,
    now: int,
    facts: Mapping[int, Mapping[str, Any]] | None = None,
) -> None:
    """End journeys early, by enrolment id and reason; those that have ended already are left alone.

    So are those that a run has in hand: the caller holds the contacts' profiles, which that run may wait for, and the
    next message of such a journey is refused for the same reason.
    """
    if not reasons:
        return
    e = enrolments.c
    # Not `e.id.in_(…)`: that would write two pairs of brackets, and SQLite takes the first id alone.
    theirs = text(f"enrolments.id IN {ids_in(tx)}").bindparams(ids=ids_value(tx, reasons))
    query = select(e.id, e.contact_id, e.campaign, e.holdout, e.status).where(theirs, e.status == "active")
    leaving: dict[tuple[str, str], list[Standing]] = {}
    for row in tx.execute(query.order_by(e.id).with_for_update(skip_locked=True, key_share=True)):
        why = (facts or {}).get(row.id, {})
        one = Standing(row.id, row.contact_id, held_out=row.holdout is not None, status=row.status, facts=why)
        leaving.setdefault((row.campaign, reasons[row.id]), []).append(one)
    for (campaign, reason), who in leaving.items():
        end(tx, who, campaign=campaign, reason=reason, now=now)
    let_in_again(tx, {one.contact_id for who in leaving.values() for one in who})


def let_in_again(tx: Transaction, contact_ids: Collection[int]) -> None:
    """Have the next look for who enters be at people whose journeys have ended, where they may come again.

    When they ended is no help: it is the instant of a run, and another run may have looked beyond it before this one
    was over. Last in a transaction and once, because profiles are locked in one order, and after enrolments.
    """
    if not contact_ids:
        return
    given = {"ids": ids_value(tx, sorted(contact_ids))}
    if tx.dialect.name == "postgresql":
        held = f"SELECT FROM profiles WHERE contact_id IN {ids_in(tx)} ORDER BY contact_id FOR NO KEY UPDATE"
        tx.execute(text(held), given)
    changed = text(f"UPDATE profiles SET changed = :changed WHERE contact_id IN {ids_in(tx)}")
    tx.execute(changed, given | {"changed": stamp(tx)})


def entered_between(tx: Transaction, since: int, until: int) -> list[Found]:
    """Who entered each campaign after `since`, up to and including `until`: campaign, entered, held_out (of these)."""
    e = enrolments.c
    counts = (func.count().label("entered"), func.count(e.holdout).label("held_out"))
    query = select(e.campaign, *counts).where(e.entered_at > since, e.entered_at <= until)
    return list(tx.execute(query.group_by(e.campaign)))


class Moved(NamedTuple):
    """An enrolment that has just reached a step."""

    id: int
    contact_id: int


@dataclass(frozen=True, slots=True)
class Standing:
    """An enrolment at a node of its program, locked while the transaction lasts (clm.store.flight finds them)."""

    id: int
    contact_id: int
    held_out: bool
    status: str
    home_zone: str | None = None
    lot: int = 0
    answer: int | None = None
    """Which of the conditions asked is the first that holds; None where none does."""
    in_time: bool = False
    """Whether a goal reached now counts."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the conditions asked for."""


def go_on(tx: Transaction, ids: Sequence[int], *, to: int, due_at: int) -> None:
    """Move enrolments to a node."""
    if ids:
        statement = f"UPDATE enrolments SET position = :to, next_due_at = :due_at WHERE id IN {ids_in(tx)}"
        tx.execute(text(statement), {"to": to, "due_at": due_at, "ids": ids_value(tx, ids)})


def put_off(tx: Transaction, ids: Sequence[int], *, due_at: int) -> None:
    """Have enrolments stand where they are, due at another instant."""
    if ids:
        statement = f"UPDATE enrolments SET next_due_at = :due_at WHERE id IN {ids_in(tx)}"
        tx.execute(text(statement), {"due_at": due_at, "ids": ids_value(tx, ids)})


def draw(tx: Transaction, ids: Sequence[int], drawn: str) -> None:
    """Note which arm of a split enrolments have drawn, beside those drawn before."""
    if ids:
        statement = (
            "UPDATE enrolments SET variant = CASE WHEN variant IS NULL THEN :drawn ELSE variant || ',' || :drawn END"
            f" WHERE id IN {ids_in(tx)}"
        )
        tx.execute(text(statement), {"drawn": drawn, "ids": ids_value(tx, ids)})


def change_version(tx: Transaction, ids: Sequence[int], version: str, *, to: int) -> None:
    """Move enrolments to a node of another version of their campaign; what they wait for stays as it was."""
    if ids:
        statement = f"UPDATE enrolments SET version = :version, position = :to WHERE id IN {ids_in(tx)}"
        tx.execute(text(statement), {"version": version, "to": to, "ids": ids_value(tx, ids)})


def end(tx: Transaction, who: Sequence[Standing], *, campaign: str, reason: str | None, now: int) -> None:
    """End journeys, left for a reason or, without one, with all steps done; and keep the decision."""
    if not who:
        return
    status = "completed" if reason is None else "exited"
    changes = "status = :status, exit_reason = :reason, ended_at = :now"
    given = {"status": status, "reason": reason, "now": now, "ids": ids_value(tx, [one.id for one in who])}
    tx.execute(text(f"UPDATE enrolments SET {changes} WHERE id IN {ids_in(tx)}"), given)
    decide(tx, who, campaign=campaign, kind=status, reason=reason or ALL_DONE, now=now)


def entered_at(tx: Transaction, ids: Sequence[int]) -> dict[int, int]:
    """When enrolments began, by id."""
    query = text(f"SELECT id, entered_at FROM enrolments WHERE id IN {ids_in(tx)}")
    return {row.id: row.entered_at for row in tx.execute(query, {"ids": ids_value(tx, ids)})}


def note_goal(tx: Transaction, who: Sequence[Standing], *, now: int) -> None:
    """Note that the goal has been reached, where that was in time."""
    ids = [one.id for one in who if one.in_time]
    if ids:
        statement = f"UPDATE enrolments SET goal_at = :now WHERE id IN {ids_in(tx)}"
        tx.execute(text(statement), {"now": now, "ids": ids_value(tx, ids)})


def decide(tx: Transaction, who: Sequence[Standing], *, campaign: str, kind: str, reason: str, now: int) -> None:
    """Keep why something happened to enrolments, each with the facts it was decided by."""
    columns = ("contact_id", "campaign", "enrolment_id", "kind", "reason", "facts", "at")
    rows = [
        (one.contact_id, campaign, one.id, kind, reason, json.dumps(one.facts) if one.facts else None, now)
        for one in who
    ]
    insert_many(tx, decisions, columns, rows, on_conflict="ON CONFLICT DO NOTHING")


def written_to(tx: Transaction, who: Sequence[Standing], channel: str) -> dict[int, set[str]]:
    """The statuses of the messages by a channel that were made for each of the enrolments."""
    query = text(f"SELECT enrolment_id, status FROM messages WHERE enrolment_id IN {ids_in(tx)} AND channel = :channel")
    found: dict[int, set[str]] = {one.id: set() for one in who}
    for row in tx.execute(query, {"ids": ids_value(tx, found), "channel": channel}):
        found[row.enrolment_id].add(row.status)
    return found


def addresses(tx: Transaction, who: Sequence[Standing], channel: str) -> dict[int, str]:
    """Where contacts are reached by the channel, by enrolment; those who are not reached are left out."""
    column = contacts.c.email if channel == "email" else contacts.c.phone
    whose = text(f"contacts.id IN {ids_in(tx)}").bindparams(ids=ids_value(tx, [one.contact_id for one in who]))
    known = {row.id: row.address for row in tx.execute(select(contacts.c.id, column.label("address")).where(whose))}
    return {one.id: known[one.contact_id] for one in who if known.get(one.contact_id)}
