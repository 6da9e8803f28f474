"""Takes in an SMS that somebody sent us: keeps it once, and does what it asks for in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from clm.domain.opt_out import Meaning, answered_by_twilio, is_bare_yes, understand
from clm.domain.survey import Survey
from clm.engine.subscription import committed, lift, state, stop
from clm.engine.surveys import Recorded, answer_by_sms
from clm.store import addressees, profiles, replies, suppressions
from clm.store.database import Database, Transaction

AnswerName = Literal["stopped", "started", "help", "answered"]
SOURCE = "sms reply"
"""Of the consents; the words that the person wrote are kept as a reply."""


@dataclass(frozen=True, slots=True)
class Sms:
    """One SMS to us, as its provider tells it."""

    provider: str
    event_id: str
    sender: str
    text: str
    understood: Meaning | None = None
    """What the provider itself took it for, and has answered."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was understood, what to answer, and in which language."""

    meaning: Meaning | Literal["answer"] | None
    """`answer` is a number that answers a survey."""
    answer: AnswerName | None
    """None is to say nothing: the provider has answered, or there is nothing to say."""
    locale: str | None
    repeated: bool = False


def hear(database: Database, sms: Sms, *, surveys: Mapping[str, Survey], now: int) -> Heard:
    """Keep the SMS and act on it; told again, it changes nothing and is answered as before.

    Committed, and on disk, when this returns. Raises StoreError when the database is away: then nothing is kept.
    """
    return committed(database, lambda tx: _hear(tx, sms, surveys, now=now))


def _hear(tx: Transaction, sms: Sms, surveys: Mapping[str, Survey], *, now: int) -> Heard:
    contact_ids = addressees.holders(tx, "sms", [sms.sender])
    locale = addressees.locale_of(tx, contact_ids)
    meaning: Meaning | Literal["answer"] | None = sms.understood or understand(sms.text)
    reply = replies.Reply(
        sms.provider, sms.event_id, contact_ids[0] if contact_ids else None, sms.text, meaning, at=now
    )
    before = None if replies.add(tx, reply, now=now) else replies.told(tx, sms.provider, sms.event_id)
    if before is not None:
        if before.meaning == "answer":
            locale = addressees.locale_of(tx, [before.contact_id])
        return Heard(before.meaning, before.answer, locale, repeated=True)
    profiles.hold(tx, contact_ids)
    answer: AnswerName | None = None
    if meaning == "stop":
        answer = _stop(tx, sms, contact_ids, now=now)
    elif meaning == "start":
        answer = _start(tx, sms, contact_ids, now=now)
    elif meaning == "help":
        answer = "help"
    elif (found := answer_by_sms(tx, surveys, contact_ids, sms.text, now=now)) is not None:
        meaning, locale = "answer", found.asked.locale
        replies.note_survey_answer(tx, sms.provider, sms.event_id, found.asked.contact_id)
        answer = _thanks(tx, sms, found)
    if sms.understood is not None or answered_by_twilio(sms.text):
        answer = None
    replies.note_answer(tx, sms.provider, sms.event_id, answer)
    return Heard(meaning, answer, locale)


def _thanks(tx: Transaction, sms: Sms, found: Recorded) -> AnswerName | None:
    """Once, and to nobody who has stopped our messages meanwhile."""
    stopped = suppressions.suppressed(tx, [("sms", sms.sender)])
    return None if found.again or stopped else "answered"


def _stop(tx: Transaction, sms: Sms, contact_ids: list[int], *, now: int) -> AnswerName | None:
    """An opt-out is confirmed once; who has stopped already hears nothing more."""
    new = stop(tx, "sms", sms.sender, "stopped", source=SOURCE, now=now)
    state(tx, contact_ids, "sms", granted=False, source=SOURCE, now=now)
    return "stopped" if new else None


def _start(tx: Transaction, sms: Sms, contact_ids: list[int], *, now: int) -> AnswerName | None:
    lifted = lift(tx, "sms", sms.sender, now=now)
    if not lifted and is_bare_yes(sms.text):
        return None  # an answer to something else: nobody had stopped
    state(tx, contact_ids, "sms", granted=True, source=SOURCE, now=now)
    barred = suppressions.suppressed(tx, [("sms", sms.sender)])
    return "started" if contact_ids and not barred else None
