"""Replies: SMS that people sent us, each kept once however often its provider tells it."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select, text, update

from clm.store.database import Found, Transaction
from clm.store.delivery import storable
from clm.store.schema import replies

_CHARACTERS_MAX = 1_600  # as many as a provider carries


class Reply(NamedTuple):
    """One SMS, and what was understood."""

    provider: str
    provider_event_id: str
    contact_id: int | None
    text: str
    meaning: str | None
    at: int


def add(tx: Transaction, reply: Reply, *, now: int) -> bool:
    """Keep a reply; False where it has been told before. Of two who tell it at once one waits for the other."""
    added = text(
        "INSERT INTO replies (provider, provider_event_id, contact_id, text, meaning, at, recorded_at)"
        " VALUES (:provider, :provider_event_id, :contact_id, :text, :meaning, :at, :now)"
        " ON CONFLICT (provider, provider_event_id) DO NOTHING"
    )
    return (
        tx.execute(
            added, reply._asdict() | {"text": storable(reply.text, characters_max=_CHARACTERS_MAX), "now": now}
        ).rowcount
        == 1
    )


def note_answer(tx: Transaction, provider: str, provider_event_id: str, answer: str | None) -> None:
    """Keep what the reply was answered with."""
    whose = (replies.c.provider == provider, replies.c.provider_event_id == provider_event_id)
    tx.execute(update(replies).where(*whose).values(answer=answer))


def note_survey_answer(tx: Transaction, provider: str, provider_event_id: str, contact_id: int) -> None:
    """Keep that the reply answered a survey, and which of those who share the number had been asked."""
    whose = (replies.c.provider == provider, replies.c.provider_event_id == provider_event_id)
    tx.execute(update(replies).where(*whose).values(meaning="answer", contact_id=contact_id))


def told(tx: Transaction, provider: str, provider_event_id: str) -> Found | None:
    """The reply as it was kept: meaning, answer and whose it is; None where it is new."""
    r = replies.c
    whose = (r.provider == provider, r.provider_event_id == provider_event_id)
    return tx.execute(select(r.meaning, r.answer, r.contact_id).where(*whose)).one_or_none()
