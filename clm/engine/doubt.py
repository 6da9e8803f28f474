"""Messages in doubt, as a person deals with them: see them, ask the provider, decide."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from clm.channels.protocol import Answer, Asked, Channel, Question
from clm.domain.content import ChannelName
from clm.domain.message import MessageStatus
from clm.domain.reference import reference
from clm.errors import ClmError
from clm.store import doubt, references
from clm.store.database import Database, Found

Decision = Literal["sent", "not-sent", "rejected", "dead"]
_STATUS: Mapping[Decision, MessageStatus] = {
    "sent": "sent",
    "not-sent": "queued",
    "rejected": "rejected",
    "dead": "dead",
}
ASKED_MAX = 500
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Replied:
    """One message in doubt, and what its provider said of it."""

    message_id: int
    answer: Answer


def ask(
    database: Database, channels: Mapping[ChannelName, Channel], rows: Sequence[Found], *, now: int
) -> list[Replied]:
    """Ask the providers of these messages; those that they have are sent from now on, the others stay as they are.

    Raises ClmError where a provider cannot be asked, or does not answer.
    """
    if len(rows) > ASKED_MAX:
        raise ClmError(f"at most {ASKED_MAX} messages are asked for at once; name some of them")
    carriers = {channel.name: channel for channel in channels.values()}
    key = references.key(database, now=now)
    asked: list[tuple[int, Asked, Question]] = []
    for row in rows:
        carrier = carriers.get(row.provider)
        if carrier is None:
            raise ClmError(
                f"message {row.id} went by {row.provider}, which is not connected now;"
                " set CLM_LIVE=1 and its key to ask it"
            )
        if not isinstance(carrier, Asked):
            raise ClmError(
                f"message {row.id}: {row.provider} cannot be asked about one message;"
                f" look it up there and say `clm doubt resolve {row.id} --as sent` (or not-sent, dead)"
            )
        question = Question(reference(row.id, key), row.address or "", row.intended_at, row.fingerprint)
        asked.append((row.id, carrier, question))
    replied = asyncio.run(_all(asked, list(carriers.values())))
    found = [one.message_id for one in replied if one.answer.found]
    with database.write(durable=True) as tx:
        doubt.accepted(tx, found, now=now)
    return replied


async def _all(asked: Sequence[tuple[int, Asked, Question]], carriers: Sequence[Channel]) -> list[Replied]:
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(message_id: int, carrier: Asked, question: Question) -> Replied:
        async with places:
            return Replied(message_id, await carrier.ask(question))

    try:
        return list(await asyncio.gather(*(one(*each) for each in asked)))
    finally:
        for carrier in carriers:
            await carrier.close()


def resolve(database: Database, message_ids: Sequence[int], decision: Decision, *, why: str, now: int) -> list[int]:
    """Close doubts as somebody has decided who knows; returns those that were in doubt.

    `not-sent` queues the message again: it is authorised anew, and expires as before.
    """
    told = dict.fromkeys(message_ids, why)
    with database.write(durable=True) as tx:
        return doubt.close(tx, told, _STATUS[decision], now=now)
