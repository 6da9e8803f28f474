"""What came of what was sent, counted: what breakers, canaries and the blast radius are judged by."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import text

from clm.domain.instant import DAY_MS
from clm.store.database import Transaction


class Figures(NamedTuple):
    """Messages that were handed over, and those of them that did harm; one refused for its address has bounced."""

    sent: int
    rejected: int
    bounced: int
    complained: int


_HARM = (
    "SELECT COUNT(DISTINCT CASE WHEN kind = 'bounced' THEN message_id END) AS bounced,"
    " COUNT(DISTINCT CASE WHEN kind = 'complained' THEN message_id END) AS complained"
    " FROM delivery_events WHERE kind IN ('bounced', 'complained')"
)


def of_sender(tx: Transaction, channel: str, sender: str, *, since: int) -> Figures:
    """What was handed over by a channel under one sender from `since` on."""
    mine = "a.channel = :channel AND a.sender = :sender AND a.intended_at >= :since"
    given = {"channel": channel, "sender": sender, "since": since}
    counts = (
        "SELECT COUNT(CASE WHEN outcome IN ('accepted', 'bounced') THEN 1 END) AS sent,"
        " COUNT(CASE WHEN outcome = 'rejected' THEN 1 END) AS rejected,"
        f" COUNT(CASE WHEN outcome = 'bounced' THEN 1 END) AS bounced FROM attempts a WHERE {mine}"
    )
    handed = tx.execute(text(counts), given).one()
    # Few: the index has only bounces and complaints in it.
    harmed = (
        f"{_HARM} AND at >= :since AND EXISTS (SELECT 1 FROM attempts a WHERE a.message_id = delivery_events.message_id"
        # Hidden from the index on senders, which SQLite would go through once for each event.
        " AND a.channel = :channel AND a.sender || '' = :sender AND a.intended_at + 0 >= :since)"
    )
    harm = tx.execute(text(harmed), given).one()
    return Figures(handed.sent, handed.rejected, handed.bounced + harm.bounced, harm.complained)


def of_version(tx: Transaction, campaign: str, version: str) -> Figures:
    """What was handed over to contacts for one version of a campaign."""
    mine = (
        "m.campaign = :campaign AND m.channel IN ('email', 'sms') AND m.status IN ('sent', 'rejected')"
        " AND EXISTS (SELECT 1 FROM enrolments e WHERE e.id = m.enrolment_id AND e.version = :version)"
    )
    given = {"campaign": campaign, "version": version}
    counts = (
        "SELECT COUNT(CASE WHEN m.status = 'sent' THEN 1 END) AS sent,"
        f" COUNT(CASE WHEN m.status = 'rejected' THEN 1 END) AS rejected FROM messages m WHERE {mine}"
    )
    handed = tx.execute(text(counts), given).one()
    harmed = f"{_HARM} AND EXISTS (SELECT 1 FROM messages m WHERE m.id = delivery_events.message_id AND {mine})"
    harm = tx.execute(text(harmed), given).one()
    return Figures(handed.sent, handed.rejected, harm.bounced, harm.complained)


def queued(tx: Transaction, campaign: str, *, since: int, until: int) -> int:
    """How many messages to contacts a campaign has queued after `since`, up to and including `until`."""
    query = (
        # Hidden from the index on campaigns, in which SQLite would go through all that the campaign has ever queued.
        "SELECT COUNT(*) FROM messages WHERE campaign || '' = :campaign AND channel IN ('email', 'sms')"
        " AND created_at > :since AND created_at <= :until"
    )
    count: int = tx.scalar(text(query), {"campaign": campaign, "since": since, "until": until}) or 0
    return count


def largest_day(tx: Transaction, campaign: str, *, until: int, weeks: int) -> int:
    """The most messages to contacts that a campaign has queued in a day (24 hours back from `until`, and so on)."""
    query = (
        "SELECT MAX(messages) FROM (SELECT (:until - created_at) / :day AS day, COUNT(*) AS messages FROM messages"
        " WHERE campaign = :campaign AND channel IN ('email', 'sms') AND created_at > :since AND created_at <= :until"
        " GROUP BY 1) days"
    )
    given = {"campaign": campaign, "until": until, "since": until - 7 * weeks * DAY_MS, "day": DAY_MS}
    most: int | None = tx.scalar(text(query), given)
    return most or 0


class Failure(NamedTuple):
    """Why SMS did not arrive, as a provider has put it, and how many."""

    provider: str
    detail: str
    events: int


def failures(tx: Transaction, *, since: int) -> list[Failure]:
    """What was told after `since` of SMS that did not arrive, the most frequent first."""
    query = (
        "SELECT provider, detail, COUNT(*) FROM delivery_events WHERE kind IN ('failed', 'undelivered')"
        " AND recorded_at > :since AND detail IS NOT NULL GROUP BY provider, detail ORDER BY 3 DESC, 1, 2"
    )
    return [Failure(*row) for row in tx.execute(text(query), {"since": since})]
