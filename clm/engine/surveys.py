"""Takes in what customers answer: an event with its facts, a ticket for a low mark, and the ticket's end.

All of one answer is one transaction, so that promotions are held from the moment the answer is there. Answering again
changes nothing where it says nothing new; anything else is a newer answer, and the newest counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clm.domain.instant import DAY_MS
from clm.domain.survey import Given, Survey, as_mark
from clm.engine.subscription import committed
from clm.store import addressees, profiles
from clm.store import surveys as stored
from clm.store.database import Database, Transaction
from clm.store.surveys import Answered, Asking, Happened, Ticket

LOW_MARK = "low mark"
"""The topic of tickets that clm opens, by which conditions know them."""
PUT_RIGHT = "put right"
"""The resolution of what somebody of the team says is over, by which conditions know it."""
REPLY_DAYS = 7
"""So long after a message that asked, an SMS which is only a number is the answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A survey as one message asks somebody for it."""

    name: str
    survey: Survey
    message_id: int
    contact_id: int
    locale: str | None
    """Of the contact."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of an answer."""

    asked: Asked
    changed: bool
    """False where it said nothing that they had not said before."""
    again: bool
    """Whether they had answered this message before."""


def wording(survey: Survey, locales: Sequence[str], brand: Mapping[str, Any]) -> dict[str, str]:
    """What a letter says around the marks, in the first of `locales` that there are words in, else in the first of all.

    title, lead, question, low_end, high_end; a survey without a scale has the first two alone.
    """
    words = next((survey.words[one] for one in locales if one in survey.words), next(iter(survey.words.values())))
    said = words.model_dump(include={"title", "lead", "question", "low_end", "high_end"}, exclude_none=True)
    reply_to = brand.get("sender", {}).get("reply_to", "")
    return {name: text.format(brand=brand["name"], reply_to=reply_to) for name, text in said.items()}


def asked(database: Database, surveys: Mapping[str, Survey], message_id: int) -> Asked | None:
    """What a message asks for; None where there is no such message or survey. Changes nothing."""
    with database.read() as tx:
        return _asked(surveys, stored.asking(tx, message_id))


def answer(database: Database, asked: Asked, given: Given, *, now: int) -> Recorded | None:
    """Record an answer to what `asked` has found; None where the message is there no more, or nothing is answered.

    Committed, and on disk, when this returns. Raises StoreError when the database is away: then nothing is recorded.
    """

    def work(tx: Transaction) -> Recorded | None:
        asking = stored.asking(tx, asked.message_id)
        if asking is None or given.is_empty:
            return None
        return _record(tx, asking, asked, given, now=now)

    return committed(database, work)


def answer_by_sms(
    tx: Transaction, surveys: Mapping[str, Survey], contact_ids: list[int], text: str, *, now: int
) -> Recorded | None:
    """Record an SMS that is only a number as the answer to what its sender was asked lately; None where it is none.

    Of several surveys with such a mark the one asked by SMS is meant, or else the latest.
    """
    mark = as_mark(text)
    if mark is None or not contact_ids:
        return None
    for asking in stored.asked_lately(tx, contact_ids, since=now - REPLY_DAYS * DAY_MS):
        found = _asked(surveys, asking)
        if found is not None and mark in found.survey.marks:
            return _record(tx, asking, found, Given(mark=mark), now=now)
    return None


def open_tickets(tx: Transaction, contact_id: int, *, now: int) -> list[Ticket]:
    """The tickets that clm has opened for a contact, nobody has closed, and that still hold promotions at `now`."""
    return [ticket for ticket in stored.tickets(tx, contact_id, now=now) if ticket.is_open]


def matters(tx: Transaction, contact_id: int, *, now: int) -> list[Ticket]:
    """What holds promotions to a contact after low marks: the open tickets, and marks for which none is open.

    Such a mark, told by a source, stands as a ticket that was opened when it was given; it is named after itself.
    """
    tickets = open_tickets(tx, contact_id, now=now)
    told = {(ticket.survey, ticket.opened_at) for ticket in tickets}
    marks = [one for one in stored.low_marks(tx, contact_id, now=now) if (one.survey, one.at) not in told]
    names = {f"{one.survey} {one.mark:g} from {one.source} {one.external_id}": one for one in marks}
    return tickets + [Ticket(name, one.survey, one.at, None) for name, one in names.items()]


def resolve(database: Database, contact_id: int, *, by: str, now: int) -> list[str]:
    """End what holds promotions to a contact after low marks, whoever told them; returns what it was.

    A ticket of the shop's own helpdesk stays open. `by` is who has put it right. Committed, and on disk, when this
    returns.
    """

    def work(tx: Transaction) -> list[str]:
        if addressees.of(tx, contact_id) is None:
            return []
        profiles.hold(tx, [contact_id])
        found = matters(tx, contact_id, now=now)
        _tell(tx, contact_id, [_closed(one, by, now=now, resolution=PUT_RIGHT) for one in found], now=now)
        return [one.ticket_id for one in found]

    return committed(database, work)


def _asked(surveys: Mapping[str, Survey], asking: Asking | None) -> Asked | None:
    if asking is None or asking.survey not in surveys:
        return None
    return Asked(asking.survey, surveys[asking.survey], asking.message_id, asking.contact_id, asking.locale)


def _record(tx: Transaction, asking: Asking, asked: Asked, given: Given, *, now: int) -> Recorded:
    """Append the answer and what follows from it; two answers at once wait for each other."""
    profiles.hold(tx, [asked.contact_id])
    before = stored.answers(tx, asked.contact_id, asked.message_id)
    if before and not given.adds_to(_given(asked.survey, before[-1])):
        return Recorded(asked, changed=False, again=True)
    # Later than the one before, also where two come in one millisecond or the clock has been put back.
    at = max([now, *(one.at + 1 for one in before)])
    number = len(before) + 1
    properties = _properties(tx, asking, asked, given)
    happened = [Happened(f"survey {asked.message_id} {number}", "survey_answered", at, properties)]
    ticket_id = f"survey {asked.message_id}"
    if asked.survey.is_low(given.mark):
        opened = {"ticket_id": ticket_id, "topic": LOW_MARK, "survey": asked.name, "score": given.mark}
        happened.append(Happened(f"ticket {ticket_id} opened {number}", "ticket_opened", at, opened))
    elif given.mark is not None:
        # A better mark to the same question: whatever was wrong is over, or was a slip of the finger.
        happened += [
            _closed(ticket, "a better mark", now=at)
            for ticket in open_tickets(tx, asked.contact_id, now=at)
            if ticket.survey == asked.name
        ]
    _tell(tx, asked.contact_id, happened, now=max(now, at))
    return Recorded(asked, changed=True, again=bool(before))


def _properties(tx: Transaction, asking: Asking, asked: Asked, given: Given) -> dict[str, Any]:
    """The answer as conditions may ask for it: `score`, `comment`, and each question by its name."""
    found: dict[str, Any] = {"survey": asked.name, "message_id": asked.message_id, **given.answers}
    if given.mark is not None:
        found["score"] = given.mark
    if given.comment is not None:
        found["comment"] = given.comment
    if asked.survey.kind == "rating":
        # Of the order that they were asked about, whatever they have ordered since.
        order_id = stored.order_of(tx, asked.contact_id, at=asking.entered_at)
        if order_id is not None:
            found["order_id"] = order_id
    return found


def _given(survey: Survey, kept: Answered) -> Given:
    said = kept.properties
    answers = {name: str(said[name]) for name in survey.questions or {} if name in said}
    return Given(mark=said.get("score"), comment=said.get("comment"), answers=answers)


def _closed(ticket: Ticket, by: str, *, now: int, **more: str) -> Happened:
    at = max(now, ticket.opened_at)  # one opened by a clock ahead of ours is closed all the same
    properties = {"ticket_id": ticket.ticket_id, "by": by, **more}
    return Happened(f"ticket {ticket.ticket_id} closed {ticket.opened_at}", "ticket_closed", at, properties)


def _tell(tx: Transaction, contact_id: int, happened: list[Happened], *, now: int) -> None:
    if happened:
        stored.tell(tx, contact_id, happened, now=now)
        profiles.recompute(tx, [contact_id], now=max([now, *(one.at for one in happened)]))
