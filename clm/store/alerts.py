"""What the team is told by mail: each matter once a day at most, and what waits for its mail.

A mail carries all matters of one kind that wait. Whoever mails claims them first; of two who do, each gets others.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select, text, update

from clm.domain.instant import DAY_MS
from clm.store.database import Found, Transaction
from clm.store.dialect import lock
from clm.store.schema import alerts, messages

TOGETHER_MAX = 100
"""So many matters go in one mail at most."""
_UNTOLD = ("queued", "sending")
"""Where the mail of a matter is still to go, or on its way."""


class Matter(NamedTuple):
    """Something that a person should know of."""

    kind: str
    subject: str
    """What it is about; of one kind and subject there is one mail a day at most."""
    text: str
    remedy: str | None = None


def note(tx: Transaction, matter: Matter, *, now: int, once: bool = False) -> None:
    """Have the team told of it, unless they were in the last day or, with `once`, ever were.

    By a mail that was refused nobody was told. What was not met for a day has begun anew. The unique key on (kind,
    subject) is what two dispatchers cannot get around: the second waits for the first, and finds what that one wrote.
    """
    again = (
        f"alerts.status NOT IN {_UNTOLD} AND (NOT :once OR alerts.status = 'rejected')"
        " AND ABS(excluded.last_at - COALESCE(alerts.mailed_at, 0)) >= :day"
    )
    statement = (
        "INSERT INTO alerts (kind, subject, text, remedy, since, last_at, status)"
        " VALUES (:kind, :subject, :text, :remedy, :now, :now, 'queued')"
        " ON CONFLICT (kind, subject) DO UPDATE SET text = excluded.text, remedy = excluded.remedy,"
        " since = CASE WHEN ABS(excluded.last_at - alerts.last_at) >= :day THEN excluded.since ELSE alerts.since END,"
        f" tries = CASE WHEN {again} THEN 0 ELSE alerts.tries END,"
        f" lease_until = CASE WHEN {again} THEN NULL ELSE alerts.lease_until END,"
        f" status = CASE WHEN {again} THEN 'queued' ELSE alerts.status END, last_at = excluded.last_at"
    )
    tx.execute(text(statement), {**matter._asdict(), "now": now, "once": once, "day": DAY_MS})


def over(tx: Transaction, kind: str, subject: str) -> None:
    """Note that something has been put right: where it comes up again, it has begun anew."""
    a = alerts.c
    tx.execute(update(alerts).where(a.kind == kind, a.subject == subject).values(last_at=0))


class Claimed(NamedTuple):
    """One mail that is about to be handed over, and what it tells of."""

    mail: int
    tries: int
    """How often it has been tried, this time included; with the number it is who settles."""
    matters: list[Found]
    """kind, subject, text, remedy, since."""
    lapsed: bool
    """Whether somebody claimed it before and died: it may have left."""


def waiting(tx: Transaction, *, clock_now: int) -> bool:
    """Whether there is something to tell; asked first, without holding up those who send."""
    return tx.scalar(select(alerts.c.id).where(_free(clock_now)).limit(1)) is not None


def claim(tx: Transaction, *, lease_until: int, now: int, clock_now: int) -> Claimed | None:
    """Claim the next mail; first those whose holder died, whole, as they were; None where nothing waits."""
    lock(tx, "mail of alerts")
    a = alerts.c
    first = tx.execute(
        select(a.kind, a.status, a.mail).where(_free(clock_now)).order_by(a.status.desc(), a.since, a.id).limit(1)
    ).first()
    if first is None:
        return None
    lapsed = first.status == "sending"
    mine = a.mail == first.mail if lapsed else a.kind == first.kind
    # Held in one order, which is that in which they are noted. Its first holder may settle it meanwhile.
    columns = (a.id, a.kind, a.subject, a.text, a.remedy, a.since, a.tries)
    still = and_(mine, a.status == first.status, _free(clock_now))
    rows = list(tx.execute(select(*columns).where(still).order_by(a.subject).limit(TOGETHER_MAX).with_for_update()))
    if not rows:
        return None
    number = first.mail if lapsed else (tx.scalar(select(func.max(a.mail))) or 0) + 1
    tries = max(row.tries for row in rows) + 1
    tx.execute(
        update(alerts)
        .where(a.id.in_([row.id for row in rows]))
        .values(status="sending", mail=number, mailed_at=now, tries=tries, lease_until=lease_until)
    )
    return Claimed(number, tries, rows, lapsed)


def settle(
    tx: Transaction, claimed: Claimed, status: str, detail: str | None = None, *, pause_until: int | None = None
) -> bool:
    """Record what came of a mail; False where its lease lapsed and somebody else has claimed it since."""
    a = alerts.c
    mine = (a.mail == claimed.mail, a.tries == claimed.tries, a.status == "sending")
    settled = update(alerts).where(*mine).values(status=status, detail=detail, lease_until=pause_until)
    return tx.execute(settled).rowcount > 0


def messages_queued(
    tx: Transaction, *, reason: str | None = None, channel: str | None = None, campaign: str | None = None
) -> int:
    """How many messages wait: for a reason, by a channel, or of a campaign."""
    m = messages.c
    asked = ((m.reason, reason), (m.channel, channel), (m.campaign, campaign))
    where = [column == value for column, value in asked if value is not None]
    return tx.scalar(select(func.count()).where(m.status == "queued", *where)) or 0


def _free(clock_now: int) -> ColumnElement[bool]:
    a = alerts.c
    untold = text(f"alerts.status IN {_UNTOLD}")  # as the index says it
    return and_(untold, or_(a.lease_until.is_(None), a.lease_until <= clock_now))
