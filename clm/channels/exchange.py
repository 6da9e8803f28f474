"""One HTTP exchange with a provider: over a kept-alive connection, in bounded time, and never repeated."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from clm.channels.answers import Meaning, of_fault
from clm.domain.delivery import Limits

ANSWER_BYTES_MAX = 64 * 1024
"""An answer is a few hundred bytes; nobody fills our memory with more."""
_KEEP_ALIVE_SECONDS = 20.0  # shorter than any provider's own, so that connections are closed by us and not under us
_CONNECT_SHARE = 0.5  # of the time there is: so a connection that never came is told from an answer that never came


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool
    """Whether the body is all of it: it did not break off, and was not longer than we read."""

    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class Exchange:
    """The connections to one provider: at most `at_once` of them, opened when needed, kept for the next message.

    Each event loop has its own. Nothing is retried, and no redirect is followed; an answer is read as it is (no
    compression is asked for), up to a limit.
    """

    def __init__(self, limits: Limits) -> None:
        seconds = limits.timeout_seconds
        self._at_once = limits.at_once
        self._timeout = aiohttp.ClientTimeout(
            total=seconds,
            connect=seconds * _CONNECT_SHARE,
            ceil_threshold=seconds + 1,  # or aiohttp rounds the deadline up to whole seconds
        )
        self._sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}

    async def post(self, url: URL, body: bytes, headers: Mapping[str, str]) -> Reply | Meaning:
        """Send `body`; where no status came back, what that means."""
        return await self._request("POST", url, headers, body=body)

    async def get(self, url: URL, headers: Mapping[str, str], *, bytes_max: int) -> Reply | Meaning:
        """Ask for what is at `url`."""
        return await self._request("GET", url, headers, bytes_max=bytes_max)

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    async def _request(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        bytes_max: int = ANSWER_BYTES_MAX,
    ) -> Reply | Meaning:
        reply: Reply | None = None
        try:
            async with self._session().request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response:
                content, whole = await _read(response, bytes_max)
                reply = Reply(response.status, response.headers, content, whole)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            return reply or of_fault(error)
        return reply

    def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            session = self._sessions[loop] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._at_once, keepalive_timeout=_KEEP_ALIVE_SECONDS),
                timeout=self._timeout,
                headers={"Accept-Encoding": "identity", "User-Agent": "clm"},
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return session


async def _read(response: aiohttp.ClientResponse, bytes_max: int) -> tuple[bytes, bool]:
    """The body up to a limit, and whether it is whole; the status has come, so what breaks now breaks details alone."""
    body = bytearray()
    try:
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > bytes_max:
                response.close()  # the rest is not worth the connection
                return bytes(body[:bytes_max]), False
    except (aiohttp.ClientError, OSError):
        response.close()
        return bytes(body), False
    return bytes(body), True
