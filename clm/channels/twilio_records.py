"""Twilio's own records of messages: asked about one whose answer was lost, and read in case callbacks were."""

from __future__ import annotations

import email.utils
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, timedelta
from typing import Any

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
_AFTER_MS = HOUR_MS // 2  # Twilio makes a message within seconds of the request
_WAITING_MS = 2 * DAY_MS  # after it was sent, a message may still be told to have come or not
_OURS = ("outbound-api",)


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
        async for message in self._messages({"To": question.to}):
            made = _instant(message, "date_created")
            if made is not None and made < since:
                break  # the newest come first
            if message.get("direction") not in _OURS or (made is not None and made > until):
                continue
            words = message.get("body") if made is not None else None
            if question.fingerprint is not None and words and fingerprint(words) == question.fingerprint:
                return Answer(found=True, provider_id=message.get("sid"), detail=f"Twilio: {message.get('status')}")
            others += 1
        if others:
            return Answer(found=None, detail=f"Twilio has {others} to that number of that time, of other words")
        return Answer(found=False, detail="Twilio has none to that number of that time")

    async def sweep(self, *, since: int, until: int) -> list[ProviderEvent]:
        """The messages whose status changed between two instants.

        Twilio filters by the day of sending alone, so days are asked for and instants compared here.
        """
        asked = {
            "DateSent>": f"{from_ms(since - _WAITING_MS):%Y-%m-%d}",
            "DateSent<": f"{from_ms(until) + timedelta(days=1):%Y-%m-%d}",
        }
        events = []
        async for message in self._messages(asked):
            at = _instant(message, "date_updated") or _instant(message, "date_sent")
            if at is None or not since <= at < until or message.get("direction") not in _OURS:
                continue
            event = message_event(
                sid=message.get("sid"),
                status=message.get("status"),
                to=message.get("to"),
                error_code=message.get("error_code"),
                error_message=message.get("error_message"),
                reference=None,
                at=at,
            )
            if event is not None:
                events.append(event)
        return events

    async def _messages(self, asked: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """The messages that Twilio lists, newest first, page after page."""
        url: URL | None = self._url.with_query({**asked, "PageSize": str(PAGE_MESSAGES)})
        for _ in range(PAGES_MAX):
            if url is None:
                return
            page = await self._page(url)
            for message in page.get("messages") or ():
                if isinstance(message, dict):
                    yield message
            following = page.get("next_page_uri")
            # The same host and resource, whatever the answer says: our password goes along.
            url = self._url.with_query(URL(following).query) if isinstance(following, str) and following else None
        raise ClmError(f"Twilio lists more than {PAGE_MESSAGES * PAGES_MAX:,} messages; ask about a shorter time")

    async def _page(self, url: URL) -> dict[str, Any]:
        reply = await self._exchange.get(url, self._headers, bytes_max=_PAGE_BYTES_MAX)
        if not isinstance(reply, Reply):
            raise ClmError(f"Twilio did not answer: {reply.says}")
        page = reply.json() if reply.whole else None
        if reply.status == 200 and isinstance(page, dict):
            return page
        told = page if isinstance(page, dict) else {}
        error = TwilioRestException(reply.status, url.path, redacted(str(told.get("message") or "")), told.get("code"))
        remedy = "; check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN" if reply.status in {401, 403} else ""
        raise ClmError(f"Twilio does not tell: HTTP {error.status} {error.code or ''} {error.msg}".rstrip() + remedy)


def _instant(message: Mapping[str, Any], field: str) -> int | None:
    """An instant as Twilio writes it (RFC 2822), in milliseconds."""
    try:
        when = email.utils.parsedate_to_datetime(str(message.get(field)))
    except ValueError:
        return None
    return to_ms(when if when.tzinfo is not None else when.replace(tzinfo=UTC))  # RFC 2822 has -0000 for UTC
