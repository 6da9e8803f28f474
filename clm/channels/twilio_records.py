"""Twilio's own records of messages: asked about one whose answer was lost, and read in case callbacks were."""

from __future__ import annotations

import email.utils
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, timedelta
from typing import Any, NamedTuple

from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]
from yarl import URL

from clm.channels.exchange import Exchange, Reply
from clm.channels.protocol import Answer, Question
from clm.channels.redact import redacted
from clm.channels.twilio_events import message_event
from clm.domain.fingerprint import fingerprint
from clm.domain.instant import DAY_MS, HOUR_MS, from_ms, to_ms
from clm.domain.provider_event import ProviderEvent
from clm.errors import ClmError

PAGE_MESSAGES = 500
PAGES_MAX = 200
_PAGE_BYTES_MAX = 4 * 1024 * 1024
_BEFORE_MS = HOUR_MS // 12  # their clock and ours
_AFTER_MS = 12 * HOUR_MS  # a run that begins late hands over what was intended for an earlier instant
_SETTLED_MS = HOUR_MS // 12  # a request that Twilio took may still be on its way through Twilio
_WAITING_MS = 2 * DAY_MS  # after it was sent, a message may still be told to have come or not
_OURS = ("outbound-api",)


class _Page(NamedTuple):
    messages: list[dict[str, Any]]
    at: int | None
    """When it was made, by Twilio's clock."""


class Records:
    """Reads the Messages resource of one account."""

    def __init__(self, exchange: Exchange, url: URL, headers: Mapping[str, str]) -> None:
        self._exchange = exchange
        self._url = url
        self._headers = headers

    async def ask(self, question: Question) -> Answer:
        """Whether a message to that number was made about then, with those words.

        Asked by number alone, and the instants are compared here: a filter by the date of sending leaves out what
        still waits to be sent.
        """
        since, until = question.intended_at - _BEFORE_MS, question.intended_at + _AFTER_MS
        others = 0
        asked_at: int | None = None
        async for page in self._pages({"To": question.to}):
            asked_at = asked_at or page.at
            for message in page.messages:
                made = _instant(message.get("date_created"))
                if made is not None and made < since:  # the newest come first
                    return _not_there(others, question, asked_at)
                if message.get("direction") not in _OURS or (made is not None and made > until):
                    continue
                words = message.get("body") if made is not None else None
                if question.fingerprint is not None and words and fingerprint(words) == question.fingerprint:
                    return Answer(found=True, provider_id=message.get("sid"), detail=f"Twilio: {message.get('status')}")
                others += 1
        return _not_there(others, question, asked_at)

    async def sweep(self, *, since: int, until: int) -> list[ProviderEvent]:
        """The messages whose status changed between two instants.

        Twilio filters by the day of sending alone, so days are asked for and instants compared here.
        """
        asked = {
            "DateSent>": f"{from_ms(since - _WAITING_MS):%Y-%m-%d}",
            "DateSent<": f"{from_ms(until) + timedelta(days=1):%Y-%m-%d}",
        }
        return [
            event
            async for page in self._pages(asked)
            for message in page.messages
            if (event := _event(message, since=since, until=until)) is not None
        ]

    async def _pages(self, asked: Mapping[str, str]) -> AsyncIterator[_Page]:
        """What Twilio lists, newest first, page after page."""
        url: URL | None = self._url.with_query({**asked, "PageSize": str(PAGE_MESSAGES)})
        for _ in range(PAGES_MAX):
            if url is None:
                return
            page, at = await self._page(url)
            yield _Page([message for message in page.get("messages") or () if isinstance(message, dict)], at)
            following = page.get("next_page_uri")
            # The same host and resource, whatever the answer says: our password goes along.
            url = self._url.with_query(URL(following).query) if isinstance(following, str) and following else None
        raise ClmError(f"Twilio lists more than {PAGE_MESSAGES * PAGES_MAX:,} messages; ask about a shorter time")

    async def _page(self, url: URL) -> tuple[dict[str, Any], int | None]:
        reply = await self._exchange.get(url, self._headers, bytes_max=_PAGE_BYTES_MAX)
        if not isinstance(reply, Reply):
            raise ClmError(f"Twilio did not answer: {reply.says}")
        page = reply.json() if reply.whole else None
        if reply.status == 200 and isinstance(page, dict):
            return page, _instant(reply.headers.get("Date"))
        told = page if isinstance(page, dict) else {}
        error = TwilioRestException(reply.status, url.path, redacted(str(told.get("message") or "")), told.get("code"))
        remedy = "; check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN" if reply.status in {401, 403} else ""
        raise ClmError(f"Twilio does not tell: HTTP {error.status} {error.code or ''} {error.msg}".rstrip() + remedy)


def _event(message: Mapping[str, Any], *, since: int, until: int) -> ProviderEvent | None:
    """The event that one of our messages came to its status, where that was between two instants."""
    at = _instant(message.get("date_updated")) or _instant(message.get("date_sent"))
    if at is None or not since <= at < until or message.get("direction") not in _OURS:
        return None
    return message_event(
        sid=message.get("sid"),
        status=message.get("status"),
        to=message.get("to"),
        error_code=message.get("error_code"),
        error_message=message.get("error_message"),
        reference=None,
        at=at,
    )


def _not_there(others: int, question: Question, asked_at: int | None) -> Answer:
    """What it proves that the message was not found, at an instant of Twilio's own clock."""
    if others:
        return Answer(found=None, detail=f"Twilio has {others} to that number of that time, of other words")
    if asked_at is not None and asked_at < question.intended_at + _SETTLED_MS:
        return Answer(found=None, detail="Twilio has none yet to that number; ask again in some minutes")
    return Answer(found=False, detail="Twilio has none to that number of that time")


def _instant(text: object) -> int | None:
    """An instant as Twilio writes it (RFC 2822), in milliseconds."""
    try:
        when = email.utils.parsedate_to_datetime(str(text))
    except ValueError:
        return None
    return to_ms(when if when.tzinfo is not None else when.replace(tzinfo=UTC))  # RFC 2822 has -0000 for UTC
