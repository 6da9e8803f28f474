"""A mail server that answers each command as told, and keeps what it was given."""

from __future__ import annotations

import asyncio
import contextlib
import email
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from typing import Any

from cryptography.hazmat.primitives import serialization

from clm.channels.smtp import Server, Smtp
from clm.domain.delivery import Limits
from clm.domain.outcome import Accepted, InDoubt, NotSent, Outcome, Rejected
from tests.channels.speaking import MAIL, break_off, handed, serving

QUICK = Limits(at_once=4, timeout_seconds=0.4)
Override = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class MailServer:
    """A mail server that answers each command as told, and keeps what it was given."""

    answers: dict[str, bytes | Override] = field(default_factory=dict)
    """By command (`RCPT`, or `.` for the mail itself), instead of the usual answer."""
    extensions: tuple[str, ...] = ("8BITMIME", "SIZE 1000000")
    tls: ssl.SSLContext | None = None
    port: int = 0
    connections: int = 0
    commands: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk with one client."""
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._answer("greeting", b"220 here\r\n", reader, writer)
            while not writer.is_closing():
                line = (await reader.readuntil(b"\r\n")).decode().rstrip()
                self.commands.append(line)
                await self._command(line.split(" ")[0].upper(), reader, writer)

    async def _command(self, verb: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        usual = b"250 2.0.0 ok\r\n"
        if verb == "EHLO":
            usual = "".join(f"250-{one}\r\n" for one in ("here", *self.extensions)).encode() + b"250 HELP\r\n"
        elif verb == "DATA":
            usual = b"354 go on\r\n"
        elif verb == "QUIT":
            usual = b"221 bye\r\n"
        elif verb == "AUTH":
            usual = b"235 2.7.0 welcome\r\n"
        elif verb == "STARTTLS":
            writer.write(b"220 go on\r\n")
            assert self.tls is not None
            await writer.start_tls(self.tls)
            self.extensions = ("8BITMIME", "AUTH PLAIN")
            return
        await self._answer(verb, usual, reader, writer)
        if verb == "DATA" and "DATA" not in self.answers:
            mail = await reader.readuntil(b"\r\n.\r\n")
            self.mails.append(mail[:-3].replace(b"\r\n..", b"\r\n."))
            await self._answer(".", b"250 2.0.0 Ok: queued as 4F2A9\r\n", reader, writer)

    async def _answer(
        self, verb: str, usual: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        answer = self.answers.get(verb, usual)
        if isinstance(answer, bytes):
            writer.write(answer)
            await writer.drain()
        else:
            await answer(reader, writer)

    @contextlib.asynccontextmanager
    async def up(self, **options: Any) -> AsyncIterator[MailServer]:
        """Listen on a free port."""
        async with serving(self.serve, **options) as self.port:
            yield self


async def broken(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Break the connection."""
    break_off(writer)


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Say nothing more."""
    await reader.read()


def channel(server: MailServer, **options: Any) -> Smtp:
    """A channel to that server."""
    return Smtp(Server("127.0.0.1", server.port, encrypted=False), **({"limits": QUICK} | options))


def send(server: MailServer, *envelopes: Any, **options: Any) -> list[Outcome]:
    """Hand mails over, one after the other."""

    async def all_of_them() -> list[Outcome]:
        async with server.up():
            return await handed(channel(server, **options), *(envelopes or (MAIL,)))

    return asyncio.run(all_of_them())


def read(mail: bytes) -> EmailMessage:
    """A mail as a mail program reads it."""
    parsed: EmailMessage = email.message_from_bytes(mail, policy=policy.default)
    assert not [defect for part in parsed.walk() for defect in part.defects]
    return parsed


ACCEPTED, REJECTED, INVALID, AGAIN, STOP, DOUBT = "accepted", "rejected", "invalid", "again", "stop", "doubt"


def word(outcome: Outcome) -> str:
    """The outcome in one word."""
    match outcome:
        case Accepted():
            return ACCEPTED
        case Rejected(suppress="invalid"):
            return INVALID
        case Rejected(suppress=None):
            return REJECTED
        case NotSent(stop=True):
            return STOP
        case NotSent():
            return AGAIN
        case InDoubt():
            return DOUBT
    raise AssertionError(outcome)


def pem(key: Any) -> bytes:
    """A private key as its file holds it."""
    return bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
