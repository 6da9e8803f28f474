"""How many contacts are such and such: what `clm facts` and `clm segments` count."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import case, func, select

from clm.domain.condition import Condition
from clm.domain.fact import Fact
from clm.store.conditions import compiled
from clm.store.database import Found, Transaction
from clm.store.schema import enrolments, events, profiles, watermarks


def contacts_in_all(tx: Transaction) -> int:
    """How many contacts there are."""
    return tx.scalar(select(func.count()).select_from(profiles)) or 0


def coverage(tx: Transaction, facts: Sequence[Fact]) -> dict[str, int]:
    """Of how many contacts each fact is known, or is true where it is true or false; one pass over the profiles."""
    if not facts:
        return {}
    counts = [
        func.count(case((profiles.c[fact.name].is_(True), 1)) if fact.type == "truth" else profiles.c[fact.name])
        for fact in facts
    ]
    row = tx.execute(select(*counts)).one()
    return dict(zip((fact.name for fact in facts), row, strict=True))


def event_names(tx: Transaction) -> list[Found]:
    """Every event there has been: name, events, contacts, and when the latest was (at)."""
    e = events.c
    counts = (func.count().label("events"), func.count(e.contact_id.distinct()).label("contacts"))
    query = select(e.name, *counts, func.max(e.at).label("at")).group_by(e.name).order_by(e.name)
    return list(tx.execute(query))


def meeting(tx: Transaction, conditions: Sequence[Condition], now: int) -> list[int]:
    """How many contacts each condition holds of, in one pass."""
    if not conditions:
        return []
    held = [func.count(case((compiled(condition, now), 1))) for condition in conditions]
    return list(tx.execute(select(*held).select_from(profiles)).one())


def by_stage(tx: Transaction) -> dict[str, int]:
    """How many contacts are in each lifecycle stage."""
    p = profiles.c
    query = select(p.stage, func.count().label("contacts")).where(p.stage.is_not(None)).group_by(p.stage)
    return {row.stage: row.contacts for row in tx.execute(query)}


def by_group(tx: Transaction) -> dict[str, int]:
    """How many contacts are in each RFM group."""
    p = profiles.c
    query = select(p.rfm_group, func.count().label("contacts")).where(p.rfm_group.is_not(None)).group_by(p.rfm_group)
    return {row.rfm_group: row.contacts for row in tx.execute(query)}


def enrolled(tx: Transaction, campaign: str | None = None) -> list[Found]:
    """Enrolments by campaign, version and status: active, completed, exited, held_out (of all), goals (of all).

    Of all campaigns, or of one alone.
    """
    e = enrolments.c
    query = select(
        e.campaign,
        e.version,
        func.count(case((e.status == "active", 1))).label("active"),
        func.count(case((e.status == "completed", 1))).label("completed"),
        func.count(case((e.status == "exited", 1))).label("exited"),
        func.count(e.holdout).label("held_out"),
        func.count(e.goal_at).label("goals"),
        func.min(e.entered_at).label("first_entered_at"),
    )
    if campaign is not None:
        query = query.where(e.campaign == campaign)
    return list(tx.execute(query.group_by(e.campaign, e.version).order_by(e.campaign, func.min(e.entered_at))))


def backlogs(tx: Transaction) -> set[str]:
    """Campaigns that more people qualify for than may enter at once."""
    w = watermarks.c
    scopes = tx.scalars(select(w.scope).where(w.backlog_since.is_not(None)))
    return {scope.removeprefix("enter ") for scope in scopes}
