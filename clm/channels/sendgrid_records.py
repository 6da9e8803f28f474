"""SendGrid's own records: asked about a mail whose answer was lost, and its lists of addresses that get nothing."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from yarl import URL

from clm.channels.answers import wait_asked
from clm.channels.exchange import Exchange, Reply
from clm.channels.mime import UnfitMail, ascii_address
from clm.channels.protocol import Answer, Question
from clm.channels.redact import redacted
from clm.channels.sendgrid_events import PROVIDER, REFERENCE_ARG, address_in, short_id
from clm.domain.instant import SECOND_MS
from clm.domain.provider_event import EventKind, ProviderEvent
from clm.errors import ClmError

PAGE_ADDRESSES = 500
PAGES_MAX = 200
_PAGE_BYTES_MAX = 4 * 1024 * 1024
_FOUND_MAX = 10
_LATEST_SECONDS = 7_258_118_400  # the year 2200


class _List(NamedTuple):
    """A list of SendGrid's, and what it means that an address stands on it."""

    path: str
    kind: EventKind
    suppress: str


LISTS: tuple[_List, ...] = (
    _List("bounces", "bounced", "bounced"),
    _List("spam_reports", "complained", "complained"),
    _List("invalid_emails", "dropped", "invalid"),
    _List("unsubscribes", "unsubscribed", "unsubscribed"),
)
"""SendGrid drops what goes to an address on one of them. Its blocks are not among them: those come back."""


class Records:
    """Reads Email Activity and the suppression lists of one account."""

    def __init__(self, exchange: Exchange, api: URL, headers: Mapping[str, str], key: str) -> None:
        self._exchange = exchange
        self._api = api
        self._headers = {**headers, "Accept": "application/json"}
        self._key = key

    async def ask(self, question: Question) -> Answer:
        """Whether a mail with our reference is in Email Activity; that it is not there proves nothing.

        Activity appears there late, and is kept for 3 days, or 30 where that was bought.
        """
        query = f"(unique_args['{REFERENCE_ARG}']=\"{question.reference}\")"
        reply = await self._get(self._api / "v3" / "messages", {"query": query, "limit": str(_FOUND_MAX)})
        if reply.status == 429:
            seconds = (wait_asked(reply.headers) or 60 * SECOND_MS) // SECOND_MS
            return Answer(found=None, detail=f"SendGrid takes few questions a minute; ask again in {seconds} seconds")
        told = reply.json() if reply.whole else None
        found = told.get("messages") if isinstance(told, dict) else None
        if reply.status != 200 or not isinstance(found, list):
            raise ClmError(_untold(reply, "activity", _NO_ACTIVITY if reply.status in {401, 403, 404} else ""))
        mails = [mail for mail in found if isinstance(mail, dict)]
        for mail in mails:
            if _same(mail.get("to_email"), question.to):
                given = mail.get("msg_id")
                return Answer(
                    found=True,
                    provider_id=short_id(given) if isinstance(given, str) else None,
                    detail=f"SendGrid: {redacted(str(mail.get('status')))}",
                )
        if mails:
            return Answer(found=None, detail="SendGrid has one of our reference, to another address")
        return Answer(found=None, detail="SendGrid shows none; it shows them late, and forgets them after days")

    async def sweep(self, *, since: int, until: int) -> list[ProviderEvent]:
        """The addresses that came onto a list between two instants: they get nothing from us either.

        A list names no message, so these events are about an address alone.
        """
        return [
            event
            for one in LISTS
            async for entry in self._entries(one, since=since, until=until)
            if (event := self._event(one, entry)) is not None
        ]

    async def _entries(self, one: _List, *, since: int, until: int) -> AsyncIterator[Any]:
        asked = {"start_time": str(since // SECOND_MS), "end_time": str(until // SECOND_MS)}  # both inclusive
        for page in range(PAGES_MAX):
            place = {"limit": str(PAGE_ADDRESSES), "offset": str(page * PAGE_ADDRESSES)}
            reply = await self._get(self._api / "v3" / "suppression" / one.path, {**asked, **place})
            told = reply.json() if reply.whole else None
            if reply.status != 200 or not isinstance(told, list):
                raise ClmError(_untold(reply, one.path, _NO_LISTS if reply.status in {401, 403} else ""))
            for entry in told:
                yield entry
            if len(told) < PAGE_ADDRESSES:
                return
        most = PAGE_ADDRESSES * PAGES_MAX
        raise ClmError(f"SendGrid has more than {most:,} new addresses among its {one.path}; look at the account")

    def _event(self, one: _List, entry: Any) -> ProviderEvent | None:
        """What an entry of a list tells; None for one that cannot be read."""
        if not isinstance(entry, dict):
            return None
        address, created = address_in(entry), entry.get("created")
        if address is None or isinstance(created, bool) or not isinstance(created, int | float):
            return None
        if not 0 < created < _LATEST_SECONDS:
            return None
        said = entry.get("reason") or entry.get("status")  # the reason repeats the status
        return ProviderEvent(
            provider=PROVIDER,
            event_id=f"suppression:{one.path}:{self._unnamed(address)}:{int(created)}",
            kind=one.kind,
            at=int(created * SECOND_MS),
            channel="email",
            address=address,
            suppress=one.suppress,
            detail=redacted(said) or None if isinstance(said, str) else None,
        )

    def _unnamed(self, address: str) -> str:
        """The same for the same address, and nothing that whoever reads it could find the address by."""
        return hmac.new(self._key.encode(), address.lower().encode(), sha256).hexdigest()[:32]

    async def _get(self, url: URL, asked: Mapping[str, str]) -> Reply:
        reply = await self._exchange.get(url.with_query(asked), self._headers, bytes_max=_PAGE_BYTES_MAX)
        if not isinstance(reply, Reply):
            raise ClmError(f"SendGrid did not answer: {reply.says}")
        return reply


_NO_ACTIVITY = (
    "; its Email Activity has to be bought (`additional email activity history`), and SENDGRID_API_KEY needs the right"
    " to read it. Without it, look the mail up in SendGrid's own pages and say"
    " `clm doubt resolve MESSAGE --as sent` (or not-sent, dead)"
)
_NO_LISTS = "; SENDGRID_API_KEY needs the right to read suppressions"


def _untold(reply: Reply, what: str, remedy: str) -> str:
    told = reply.json()
    errors = told.get("errors") if isinstance(told, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    said = redacted(str(first.get("message") or "")) if isinstance(first, dict) else ""
    return f"SendGrid does not tell its {what}: HTTP {reply.status} {said}".rstrip() + remedy


def _same(told: object, asked: str) -> bool:
    """Whether two addresses are one, as SendGrid was given it."""
    try:
        given = ascii_address("to", asked)
    except UnfitMail:
        return False
    return isinstance(told, str) and told.strip().lower() == given.lower()
