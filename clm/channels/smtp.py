"""E-mail by a mail server of one's own, over kept connections, signed with DKIM."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from aiosmtplib import SMTP, SMTPException, SMTPResponse, SMTPResponseException, SMTPServerDisconnected
from pydantic import SecretStr

from clm.channels.loopback import is_loopback
from clm.channels.mime import UnfitMail, ascii_address, mail_bytes
from clm.channels.rate import Pace
from clm.channels.signing import DkimKey
from clm.channels.smtp_answers import Stage, of_answer, of_silence
from clm.domain.content import Envelope
from clm.domain.delivery import Limits
from clm.domain.outcome import Accepted, NotSent, Outcome, Rejected
from clm.errors import ConfigurationError, Fault

_IDLE_SECONDS_MAX = 30.0  # servers hang up after minutes; we do first
_GOODBYE_SECONDS = 1.0
_START_INPUT = 354
_START_OF_LINE_DOT = re.compile(rb"(?m)^\.")


class Server(NamedTuple):
    """Where the mail server is, and how to sign in."""

    host: str
    port: int
    encrypted: bool
    """From the first byte on; otherwise by STARTTLS, where the server offers it."""
    user: str | None = None
    password: str | None = None


def read_server(url: SecretStr) -> Server:
    """The server of `smtp://user:password@host:587` or `smtps://…`; raises ConfigurationError, which quotes nothing."""
    try:
        parts = urlsplit(url.get_secret_value())
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = None, None, None
    if parts is None or parts.scheme not in {"smtp", "smtps"} or not host:
        raise ConfigurationError([Fault("SMTP_URL", "is not smtp://user:password@host:587 or smtps://…:465")])
    user = unquote(parts.username) if parts.username else None
    encrypted = parts.scheme == "smtps"
    usual = 465 if encrypted else 25 if user is None else 587
    return Server(host, port or usual, encrypted, user, unquote(parts.password or ""))


@dataclass(slots=True)
class _Pool:
    """The connections of one event loop; the one used last is used first."""

    places: asyncio.Semaphore
    idle: list[tuple[float, SMTP]] = field(default_factory=list)

    def take(self) -> SMTP | None:
        """A connection that still stands."""
        oldest = asyncio.get_running_loop().time() - _IDLE_SECONDS_MAX
        while self.idle:
            used_at, connection = self.idle.pop()
            if used_at >= oldest and connection.is_connected:
                return connection
            connection.close()
        return None

    def keep(self, connection: SMTP) -> None:
        """Keep it for the next mail."""
        if connection.is_connected:
            self.idle.append((asyncio.get_running_loop().time(), connection))


@dataclass(slots=True)
class _Progress:
    """How far one hand-over has come."""

    stage: Stage = "connect"
    refused: bool = False
    """The server has said so, and talks on."""


class _NoSignInError(Exception):
    """The server offers no way to sign in that can be taken; the text says why."""


class Smtp:
    """Hands e-mail to one mail server.

    SMTP knows no idempotency key. The mail is taken with the answer to its last line: what breaks before that line
    leaves nothing behind, what breaks after it leaves the message in doubt.
    """

    name = "smtp"
    idempotent = False
    live = True

    def __init__(
        self, server: Server, *, limits: Limits, dkim: DkimKey | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        """`tls` stands in for the usual trust in the system's certificate authorities."""
        self.limits = limits
        self._server = server
        self._dkim = dkim
        self._tls = tls
        self._pace = Pace(limits.per_second)
        self._pools: dict[asyncio.AbstractEventLoop, _Pool] = {}

    async def turn(self) -> None:
        """Wait for the pace that was asked for."""
        await self._pace.turn()

    async def deliver(self, envelope: Envelope) -> Outcome:
        """Hand one e-mail over; waiting for a connection is part of the time it may take."""
        deadline = asyncio.get_running_loop().time() + self.limits.timeout_seconds
        try:
            mail = self._mail(envelope)
        except UnfitMail as verdict:
            return Rejected(str(verdict))
        pool = self._pool()
        try:
            async with asyncio.timeout_at(deadline):
                await pool.places.acquire()
        except TimeoutError:
            return of_silence("connect", "no connection was free in time")
        try:
            return await self._hand_over(pool, envelope, mail, deadline)
        finally:
            pool.places.release()

    async def close(self) -> None:
        """Say goodbye to the server in the running event loop."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        for _, connection in pool.idle if pool is not None else ():
            with contextlib.suppress(SMTPException, OSError):
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await connection.quit()
            connection.close()

    async def _hand_over(self, pool: _Pool, envelope: Envelope, mail: bytes, deadline: float) -> Outcome:
        progress = _Progress()
        connection = pool.take() or SMTP(timeout=None, local_hostname=_domain(envelope))
        try:
            outcome = await self._answer(connection, envelope, mail, progress, deadline)
            if not isinstance(outcome, Accepted):
                await _take_back(connection, progress)
        except BaseException:
            connection.close()
            raise
        pool.keep(connection)
        return outcome

    async def _answer(
        self, connection: SMTP, envelope: Envelope, mail: bytes, progress: _Progress, deadline: float
    ) -> Outcome:
        """What the server says, or what it means that it says nothing."""
        try:
            async with asyncio.timeout_at(deadline):
                if not connection.is_connected:
                    await self._open(connection, progress)
                code, text = await self._say(connection, envelope, mail, progress)
        except SMTPResponseException as refusal:
            code, text = refusal.code, refusal.message
        except _NoSignInError as why:
            return NotSent(f"mail server: {why}", stop=True)
        except TimeoutError:
            return of_silence(progress.stage, "no answer in time")
        except (SMTPException, OSError, ValueError) as error:
            return of_silence(progress.stage, f"the connection broke ({type(error).__name__})")
        progress.refused = 400 <= code < 600 and progress.stage not in {"connect", "sign in"}
        return of_answer(progress.stage, code, text)

    async def _open(self, connection: SMTP, progress: _Progress) -> None:
        """Connect, encrypt where the server can, and sign in."""
        server = self._server
        await connection.connect(
            hostname=server.host,
            port=server.port,
            timeout=None,
            use_tls=server.encrypted,
            start_tls=False if server.encrypted else None,
            tls_context=self._tls,
        )
        if server.user is None:
            return
        if connection.get_transport_info("sslcontext") is None and not is_loopback(server.host):
            raise _NoSignInError("offers no encryption, and a password is not sent in the clear")
        progress.stage = "sign in"
        if connection.is_ehlo_or_helo_needed:
            await connection.ehlo()
        if not connection.supported_auth_methods:
            raise _NoSignInError("asks for no password that we could give; leave it out of SMTP_URL")
        await connection.login(server.user, server.password or "")

    async def _say(self, connection: SMTP, envelope: Envelope, mail: bytes, progress: _Progress) -> SMTPResponse:
        """One mail transaction, to its end or to the first answer that ends it."""
        progress.stage = "sender"
        if connection.is_ehlo_or_helo_needed:
            await connection.ehlo()
        options = []
        if not mail.isascii():
            if connection.supports_extension("8bitmime"):
                options.append("BODY=8BITMIME")
            else:
                mail = self._mail(envelope, eight_bit=False)
        if connection.supports_extension("size"):
            options.append(f"SIZE={len(mail)}")
        await connection.mail(ascii_address("from", envelope.sender), options=options)
        progress.stage = "recipient"
        await connection.rcpt(ascii_address("to", envelope.to))
        progress.stage = "data"
        answer = await connection.execute_command(b"DATA")
        return answer if answer.code != _START_INPUT else await self._send(connection, mail, progress)

    @staticmethod
    async def _send(connection: SMTP, mail: bytes, progress: _Progress) -> SMTPResponse:
        """The mail with its last line. aiosmtplib's own `data()` does not say whether that had begun when it failed."""
        protocol = connection.protocol
        if protocol is None:
            raise SMTPServerDisconnected("Connection lost")
        protocol.write(_START_OF_LINE_DOT.sub(b"..", mail) + b".\r\n")
        progress.stage = "end"
        return await protocol.read_response()

    def _pool(self) -> _Pool:
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            pool = self._pools[loop] = _Pool(asyncio.Semaphore(self.limits.at_once))
        return pool

    def _mail(self, envelope: Envelope, *, eight_bit: bool = True) -> bytes:
        ascii_address("to", envelope.to)
        mail = mail_bytes(envelope, eight_bit=eight_bit)
        if not mail.endswith(b"\r\n"):
            mail += b"\r\n"  # as it will be on its way, and so as it has to be signed
        return mail if self._dkim is None else self._dkim.signed(mail, _domain(envelope))


async def _take_back(connection: SMTP, progress: _Progress) -> None:
    """Let the server forget a mail that it has refused, so that the connection can carry the next one.

    After anything else an answer may still be on its way, and would be taken for that of another command: it is closed.
    """
    try:
        if progress.refused:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await connection.rset()
            return
    except (SMTPException, OSError):
        pass
    connection.close()


def _domain(envelope: Envelope) -> str:
    return ascii_address("from", envelope.sender).rpartition("@")[2]
