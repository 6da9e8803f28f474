"""HTTP as `benchmarks.fake_server` speaks it: one kept-alive connection, requests whole, answers whole.

A protocol of its own instead of a web framework, because it must never be what a measurement waits for: 100 µs a
request is what half a core gives at 5,000 a second.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

_REASONS = {200: "OK", 201: "Created", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}
_REASONS |= {411: "Length Required", 429: "Too Many Requests", 503: "Service Unavailable"}
_LENGTH = re.compile(rb"(?i)\r\ncontent-length:\s*(\d+)")
_CHUNKED = re.compile(rb"(?i)\r\ntransfer-encoding:")


class Request(NamedTuple):
    """One HTTP request."""

    method: str
    target: str
    head: bytes
    body: bytes


class Connection(asyncio.Protocol):
    """One kept-alive connection; requests are answered one after the other, because the sender waits for each."""

    def __init__(self, answer: Callable[[Request, Connection], None], opened: set[Connection]) -> None:
        self._answer = answer
        self._opened = opened
        self._buffer = bytearray()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the connection, so that all can be cut at once."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's own name for it
        """Forget it."""
        self._opened.discard(self)

    def data_received(self, data: bytes) -> None:
        """Answer each request that has come whole."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end])
            if _CHUNKED.search(head):
                self.write(411, b"", {"Connection": "close"})
                self.transport.close()
                return
            found = _LENGTH.search(head)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._buffer) < whole:
                return
            body = bytes(self._buffer[end + 4 : whole])
            del self._buffer[:whole]
            method, target, _ = head[: head.find(b"\r\n")].decode("latin-1").split(" ", 2)
            self._answer(Request(method, target, head, body), self)

    def write(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """One whole answer; nothing where the other end has gone."""
        if self.transport.is_closing():
            return
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
        self.transport.write(head.encode("latin-1") + body)
