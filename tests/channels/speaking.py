"""Servers on this machine that answer as told, byte for byte, and envelopes to hand to them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from clm.channels.protocol import Channel
from clm.domain.content import Content, Envelope
from clm.domain.outcome import Outcome

MAIL = Envelope(
    message_id=42,
    reference="m42-0123456789ab",
    channel="email",
    to="mina@customer.example",
    to_name="مینا کریمی",
    sender="hello@shop.example",
    sender_name="Leaf & Spice",
    content=Content("en", text="Hello Mina\n", subject="Hello — 10% for you", html="<p>Hello <b>Mina</b></p>"),
    at_ms=1_764_115_200_000,
    headers={
        "Reply-To": "care@shop.example",
        "List-Unsubscribe": "<https://shop.example/u/MTIz.abcdefghijklmnopqrstuvwxyz0>, <mailto:stop@shop.example>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    },
    labels=("win-back", "first-letter"),
)
SMS = Envelope(
    message_id=43,
    reference="m43-0123456789ab",
    channel="sms",
    to="+447700900123",
    to_name=None,
    sender="LeafSpice",
    sender_name=None,
    content=Content("en", text="Leaf & Spice: 10% off ☕ Reply STOP to stop"),
    at_ms=1_764_115_200_000,
    labels=("win-back", "first-sms"),
)
SID = "AC" + "0" * 32
"""A Twilio account that nobody has."""


@dataclass(slots=True)
class Request:
    """What one HTTP request was."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Heard:
    """What a server was asked, and over how many connections."""

    url: str
    requests: list[Request] = field(default_factory=list)
    connections: int = 0


Answer = Callable[[Request, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def http(status: int, body: bytes = b"", *, reason: str = "-", **headers: str) -> bytes:
    """An HTTP answer; `x_message_id=` becomes `X-Message-Id:`."""
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def saying(answer: bytes) -> Answer:
    """Always this answer."""

    async def answer_it(_: Request, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return answer_it


async def resetting(_: Request, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read the request, and break the connection as a dying machine does."""
    break_off(writer)


def cut_short(answer: bytes) -> Answer:
    """The answer, and the end of the connection whatever it promised."""

    async def answer_it(_: Request, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    return answer_it


async def silent(_: Request, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Never answer."""
    await reader.read()


def break_off(writer: asyncio.StreamWriter) -> None:
    """Close with a reset instead of a goodbye."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextlib.asynccontextmanager
async def http_server(answer: Answer) -> AsyncIterator[Heard]:
    """A server of HTTP that answers as told."""
    heard = Heard("")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                request = Request(head[0], headers, body)
                heard.requests.append(request)
                await answer(request, reader, writer)
        writer.close()

    async with serving(serve) as port:
        heard.url = f"http://127.0.0.1:{port}"
        yield heard


@contextlib.asynccontextmanager
async def serving(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], **options: Any
) -> AsyncIterator[int]:
    """A server on a free port; what still runs when it is over is ended."""
    tasks: set[asyncio.Task[Any]] = set()

    async def kept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(asyncio.CancelledError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(kept, "127.0.0.1", 0, limit=2**22, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


async def handed(channel: Channel, *envelopes: Envelope) -> list[Outcome]:
    """Hand envelopes over one after the other, and close."""
    try:
        return [await channel.deliver(envelope) for envelope in envelopes]
    finally:
        await channel.close()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
