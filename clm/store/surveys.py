"""Surveys as rows: which message asks for which, and what was answered, which is kept among the events."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Text, and_, case, cast, exists, func, literal, or_, select, text, tuple_

from clm.domain.record import OWN_SOURCE, EventRecord
from clm.domain.survey import LOW_MARKS, asked_in
from clm.store import events as stored_events
from clm.store.database import Found, Transaction
from clm.store.dialect import ids_in, ids_value, json_scalar
from clm.store.profiles import LOW_MARK_MS
from clm.store.schema import campaign_versions, contacts, enrolments, events, messages, orders

_LEFT = ("sent", "sending", "in_doubt", "dead")
"""Of messages that were begun to be handed over; who replies to one that was given up for lost has had it."""


class Asking(NamedTuple):
    """A message, with the survey that its step asks for in the version the contact is on."""

    message_id: int
    contact_id: int
    channel: str
    survey: str
    locale: str | None
    """Of the contact."""
    entered_at: int


def asking(tx: Transaction, message_id: int) -> Asking | None:
    """What a message asks for; None where there is no such message, or where it asks for nothing."""
    return next(iter(_asking(tx, messages.c.id == message_id)), None)


def asked_lately(tx: Transaction, contact_ids: Collection[int], *, since: int) -> list[Asking]:
    """What messages asked the contacts for that may have left after `since`: SMS first, then the latest first."""
    m = messages.c
    theirs = text(f"messages.contact_id IN {ids_in(tx)}").bindparams(ids=ids_value(tx, sorted(contact_ids)))
    found = _asking(tx, and_(theirs, m.status.in_(_LEFT), m.intended_at > since))
    return sorted(found, key=lambda one: (one.channel != "sms", -one.message_id))


def _asking(tx: Transaction, where: Any) -> list[Asking]:
    m, e, v, c = messages.c, enrolments.c, campaign_versions.c, contacts.c
    query = (
        select(m.id, m.contact_id, m.channel, m.step, c.locale, e.entered_at, v.definition)
        .join(enrolments, e.id == m.enrolment_id)
        .join(campaign_versions, and_(v.campaign == e.campaign, v.version == e.version))
        .join(contacts, c.id == m.contact_id)
        .where(where)
    )
    found = []
    for row in tx.execute(query):
        survey = asked_in(row.definition).get(row.step)
        if survey is not None:
            found.append(Asking(row.id, row.contact_id, row.channel, survey, row.locale, row.entered_at))
    return found


def order_of(tx: Transaction, contact_id: int, *, at: int) -> str | None:
    """The shop's id of the last order at `at` that has not been taken back whole; what a rating is of."""
    o, back = orders.c, orders.alias("back")
    taken = select(func.sum(back.c.amount)).where(
        back.c.source == o.source, back.c.cancels == o.external_id, back.c.contact_id == contact_id
    )
    stands = func.coalesce(taken.scalar_subquery(), -1) < o.amount
    query = select(o.external_id).where(o.contact_id == contact_id, o.kind == "order", o.ordered_at <= at, stands)
    found: str | None = tx.scalar(query.order_by(o.ordered_at.desc(), o.external_id.desc()).limit(1))
    return found


class Answered(NamedTuple):
    """One answer to a message, as it is kept."""

    at: int
    properties: dict[str, Any]


def answers(tx: Transaction, contact_id: int, message_id: int) -> list[Answered]:
    """What has been answered to a message, oldest first."""
    e = events.c
    whose = (e.contact_id == contact_id, e.name == "survey_answered", e.source == OWN_SOURCE)
    mine = e.external_id.like(f"survey {message_id} %")
    query = select(e.at, e.properties).where(*whose, mine).order_by(e.at, e.id)
    return [Answered(row.at, json.loads(row.properties)) for row in tx.execute(query)]


class Happened(NamedTuple):
    """An event that clm itself tells, with a name of its own by which it is told once."""

    external_id: str
    name: str
    at: int
    properties: dict[str, Any]


def tell(tx: Transaction, contact_id: int, happened: Collection[Happened], *, now: int) -> None:
    """Append events of a contact; one told before is left alone."""
    records = [
        (
            EventRecord(
                one.external_id, "", one.name, one.at, json.dumps(one.properties, sort_keys=True, ensure_ascii=False)
            ),
            contact_id,
        )
        for one in happened
    ]
    stored_events.add(tx, OWN_SOURCE, records, now=now)


class Ticket(NamedTuple):
    """A ticket that clm has opened, and when each last happened."""

    ticket_id: str
    survey: str | None
    """The one whose answer opened it."""
    opened_at: int
    closed_at: int | None

    @property
    def is_open(self) -> bool:
        """As facts count it (`open_tickets`): opened later than it was closed, if ever."""
        return self.closed_at is None or self.opened_at > self.closed_at


def tickets(tx: Transaction, contact_id: int, *, now: int) -> list[Ticket]:
    """The tickets of a contact that clm has opened, the earliest first, whoever has closed them.

    What clm opened so long ago that it has lapsed is left out, as facts leave it out (sql/profile.sql).
    """
    ticket, survey = (json_scalar(tx, "properties", key) for key in ("ticket_id", "survey"))
    query = text(
        f"SELECT ticket_id, MAX(CASE WHEN name = 'ticket_opened' AND (source <> :source OR at > :lapsed) THEN at END)"
        f" AS opened_at, MAX(CASE WHEN name = 'ticket_closed' THEN at END) AS closed_at, MAX(survey) AS survey"
        f" FROM (SELECT {ticket} AS ticket_id, {survey} AS survey, name, at, source FROM events"
        "  WHERE contact_id = :contact_id AND name IN ('ticket_opened', 'ticket_closed')) AS told"
        " WHERE ticket_id IS NOT NULL GROUP BY ticket_id"
        " HAVING MAX(CASE WHEN name = 'ticket_opened' AND source = :source THEN at END) IS NOT NULL"
        " AND MAX(CASE WHEN name = 'ticket_opened' AND (source <> :source OR at > :lapsed) THEN at END) IS NOT NULL"
        " ORDER BY opened_at, ticket_id"
    )
    rows = tx.execute(query, {"contact_id": contact_id, "source": OWN_SOURCE, "lapsed": now - LOW_MARK_MS})
    return [Ticket(row.ticket_id, row.survey, row.opened_at, row.closed_at) for row in rows]


class LowMark(NamedTuple):
    """An answer by which config/policy.yaml holds promotions, as long as nothing has ended it."""

    survey: str
    mark: float
    source: str
    """Who has told of it."""
    external_id: str
    at: int


def low_marks(tx: Transaction, contact_id: int, *, now: int) -> list[LowMark]:
    """The low marks of a contact that hold promotions at `now`, by survey: none better since, and no ticket closed.

    What is low, for how long, and which of two at one instant counts is as the policy that ships has it.
    """
    survey, mark = json_scalar(tx, "properties", "survey"), json_scalar(tx, "properties", "score", number=True)
    query = text(
        "SELECT survey, mark, source, external_id, at FROM ("
        "SELECT told.*, ROW_NUMBER() OVER (PARTITION BY survey ORDER BY at DESC, COALESCE(mark, :nps + 1)) AS place"
        f" FROM (SELECT {survey} AS survey, {mark} AS mark, source, external_id, at FROM events"
        "  WHERE contact_id = :contact_id AND name = 'survey_answered' AND at > :lapsed AND at <= :now) AS told"
        " WHERE survey = 'nps' OR survey = 'rating' AND mark IS NOT NULL) AS latest"
        " WHERE place = 1 AND mark <= CASE survey WHEN 'nps' THEN :nps ELSE :rating END AND NOT EXISTS ("
        "SELECT 1 FROM events closed WHERE closed.contact_id = :contact_id AND closed.name = 'ticket_closed'"
        " AND closed.at >= latest.at AND closed.at <= :now)"
        " ORDER BY at, survey"
    )
    given = {"contact_id": contact_id, "now": now, "lapsed": now - LOW_MARK_MS, **LOW_MARKS}
    return [LowMark(*row) for row in tx.execute(query, given)]


class Response(NamedTuple):
    """How many were asked, and how many of them have answered; whoever was reminded counts once."""

    asked: int
    answered: int


def responses(tx: Transaction, *, since: int | None = None) -> dict[str, Response]:
    """By survey, the journeys in which a message that asks for it was sent after `since`, or ever."""
    v = campaign_versions.c
    steps: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for row in tx.execute(select(v.campaign, v.version, v.definition).where(v.definition.like('%"survey":%'))):
        for step, survey in asked_in(row.definition).items():
            steps.setdefault(survey, {}).setdefault(row.campaign, []).append((row.version, step))
    return {survey: _response(tx, campaigns, since) for survey, campaigns in steps.items()}


def _response(tx: Transaction, campaigns: dict[str, list[tuple[str, str]]], since: int | None) -> Response:
    m, e, answer = messages.c, enrolments.c, events.alias("answer").c
    first = literal("survey ") + cast(m.id, Text) + literal(" 1")
    answered = exists().where(answer.source == OWN_SOURCE, answer.external_id == first)
    asking = or_(*(and_(m.campaign == name, tuple_(e.version, m.step).in_(steps)) for name, steps in campaigns.items()))
    query = (
        select(func.count(m.enrolment_id.distinct()), func.count(case((answered, m.enrolment_id)).distinct()))
        .join_from(messages, enrolments, e.id == m.enrolment_id)
        .where(m.status == "sent", asking)
    )
    return Response(*tx.execute(query if since is None else query.where(m.sent_at > since)).one())


def histogram(tx: Transaction, question: str, *, since: int | None = None) -> list[Found]:
    """How many gave which answer to `question` (`score` is the mark): survey, answer, answers.

    Of several answers to one message the latest counts; what a source has told counts each time.
    """
    survey, said, message = (json_scalar(tx, "properties", key) for key in ("survey", question, "message_id"))
    query = text(
        f"SELECT survey, said, COUNT(*) AS answers FROM ("
        f"SELECT {survey} AS survey, {said} AS said, ROW_NUMBER() OVER ("
        f"PARTITION BY source, COALESCE({message}, external_id) ORDER BY at DESC, id DESC) AS place"
        " FROM events WHERE name = 'survey_answered' AND at > :since) AS latest"
        " WHERE place = 1 AND survey IS NOT NULL GROUP BY survey, said ORDER BY survey, said"
    )
    return list(tx.execute(query, {"since": -(2**62) if since is None else since}))
