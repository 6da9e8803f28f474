"""One HTTP exchange with a provider: over a kept-alive connection, in bounded time, and never repeated."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError, RawResponseMessage
from yarl import URL

from clm.channels.answers import Meaning, of_fault
from clm.domain.delivery import Limits

ANSWER_BYTES_MAX = 64 * 1024
"""An answer is a few hundred bytes; nobody fills our memory with more."""
_OURS = "Accept: */*\r\nAccept-Encoding: identity\r\nUser-Agent: clm"
_KEEP_ALIVE_SECONDS = 20.0  # shorter than any provider's own, so that connections are closed by us and not under us
_INFORMATIONAL, _SWITCHING, _SUCCESSFUL = 100, 101, 200
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
    compression is asked for), up to a limit. aiohttp opens, keeps and reads the connections; what its session does
    around each request (cookies, proxies, redirects, a task that writes) costs 100 µs a message, and nobody needs it.
    """

    def __init__(self, limits: Limits) -> None:
        seconds = limits.timeout_seconds
        self._at_once = limits.at_once
        self._seconds = seconds
        self._connecting = aiohttp.ClientTimeout(
            total=None,
            connect=seconds * _CONNECT_SHARE,
            ceil_threshold=seconds + 1,  # or aiohttp rounds the deadline up to whole seconds
        )
        self._connectors: dict[asyncio.AbstractEventLoop, aiohttp.TCPConnector] = {}
        self._hosts: dict[URL, aiohttp.ClientRequest] = {}
        """What a connector has to know of a request, by the origin it goes to."""

    async def post(self, url: URL, body: bytes, headers: Mapping[str, str]) -> Reply | Meaning:
        """Send `body`; where no status came back, what that means."""
        return await self._request("POST", url, headers, body=body)

    async def get(self, url: URL, headers: Mapping[str, str], *, bytes_max: int) -> Reply | Meaning:
        """Ask for what is at `url`."""
        return await self._request("GET", url, headers, bytes_max=bytes_max)

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        connector = self._connectors.pop(asyncio.get_running_loop(), None)
        if connector is not None:
            await connector.close()

    async def _request(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        bytes_max: int = ANSWER_BYTES_MAX,
    ) -> Reply | Meaning:
        written = _head(method, url, headers, body) + (body or b"")
        coming = _Coming(bytes_max)
        try:
            async with asyncio.timeout(self._seconds):
                connection = await self._connection(url)
                try:
                    await coming.read(connection, written)
                except BaseException:
                    _hang_up(connection)
                    raise
                if connection.transport is not None and connection.transport.get_write_buffer_size():
                    _hang_up(connection)  # answered before all was sent: nobody knows what they take the rest for
                connection.release()  # closes it where there is more to come that nobody reads
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            return coming.reply() or of_fault(error)
        return coming.reply() or of_fault(aiohttp.ServerDisconnectedError())

    async def _connection(self, url: URL) -> Connection:
        loop = asyncio.get_running_loop()
        connector = self._connectors.get(loop)
        if connector is None:
            connector = self._connectors[loop] = aiohttp.TCPConnector(
                limit=self._at_once, keepalive_timeout=_KEEP_ALIVE_SECONDS
            )
        origin = url.origin()
        host = self._hosts.get(origin)
        if host is None:
            host = self._hosts[origin] = aiohttp.ClientRequest("GET", origin, loop=loop)
        try:
            return await connector.connect(host, [], self._connecting)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError from error


def _head(method: str, url: URL, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """The head of a request; raises ValueError for what would break out of its line."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if any("\r" in line or "\n" in line or "\0" in line for line in lines):
        raise ValueError("a header holds a line break")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    first = f"{method} {url.raw_path_qs} HTTP/1.1\r\nHost: {url.host_port_subcomponent}\r\n{_OURS}\r\n"
    return (first + "".join(f"{line}\r\n" for line in lines) + "\r\n").encode()


def _hang_up(connection: Connection) -> None:
    """Close at once: what has not been sent yet is not sent any more."""
    transport = connection.transport
    connection.close()
    if transport is not None:
        transport.abort()


class _Coming:
    """An answer, as much of it as has come."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._head: RawResponseMessage | None = None
        self._body = bytearray()
        self.whole = False

    def reply(self) -> Reply | None:
        """What has come; None where not even a status has."""
        head = self._head
        return None if head is None else Reply(head.code, head.headers, bytes(self._body), self.whole)

    async def read(self, connection: Connection, request: bytes) -> None:
        """Write a whole request and read its answer, as far as we read."""
        protocol = connection.protocol
        if protocol is None or protocol.transport is None or protocol.transport.is_closing():
            raise aiohttp.ClientConnectionResetError
        protocol.set_response_params(read_until_eof=True, auto_decompress=False)
        protocol.transport.write(request)
        head, content = await self._final(protocol)
        self._head = head
        while not content.at_eof():
            self._body += await content.readany()
            if len(self._body) > self._bytes_max:
                del self._body[self._bytes_max :]
                return  # the rest is not worth the connection
        self.whole = True

    async def _final(self, protocol: ResponseHandler) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
        """The head of the answer, after those that only say that one will come."""
        while True:
            try:
                head, content = await protocol.read()
            except HttpProcessingError as error:
                raise aiohttp.ClientPayloadError from error
            if not _INFORMATIONAL <= head.code < _SUCCESSFUL or head.code == _SWITCHING:
                return head, content
