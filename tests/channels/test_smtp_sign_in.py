"""Signing in to a mail server: encrypted first, and stopped where the password is refused."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from clm.channels.smtp import Server, Smtp, read_server
from clm.domain.delivery import Limits
from clm.domain.outcome import Accepted, Outcome
from clm.errors import ConfigurationError
from tests.channels.mail_server import (
    ACCEPTED,
    AGAIN,
    QUICK,
    STOP,
    MailServer,
    pem,
    word,
)
from tests.channels.speaking import MAIL, handed


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A certificate for this machine: what the server shows, and who trusts it."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(pem(key))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return server, ssl.create_default_context(cafile=str(folder / "cert.pem"))


def test_encryption_is_taken_where_it_is_offered(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """STARTTLS comes before the password and the mail; a certificate that nobody trusts stops all of it."""
    theirs, ours = tls
    server = MailServer(extensions=("STARTTLS",), tls=theirs)

    async def one(trusted: ssl.SSLContext | None) -> Outcome:
        async with server.up():
            who = Server("127.0.0.1", server.port, encrypted=False, user="shop", password="a secret")
            return (await handed(Smtp(who, limits=Limits(timeout_seconds=5), tls=trusted), MAIL))[0]

    assert word(asyncio.run(one(ours))) == ACCEPTED
    verbs = [command.split(" ")[0] for command in server.commands]
    assert verbs.index("STARTTLS") < verbs.index("AUTH") < verbs.index("MAIL")
    server.extensions, server.commands = ("STARTTLS",), []
    assert word(asyncio.run(one(None))) == AGAIN
    assert not [command for command in server.commands if command.startswith(("AUTH", "MAIL"))]


def test_smtps_is_encrypted_from_the_first_byte(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """A server on the port for encrypted mail is spoken to in no other way."""
    theirs, ours = tls
    server = MailServer(extensions=("AUTH PLAIN",))

    async def one() -> list[Outcome]:
        async with server.up(ssl=theirs):
            who = Server("127.0.0.1", server.port, encrypted=True, user="shop", password="a secret")
            return await handed(Smtp(who, limits=Limits(timeout_seconds=5), tls=ours), MAIL)

    assert asyncio.run(one()) == [Accepted("4F2A9")]


@pytest.mark.parametrize(
    ("extensions", "answer", "expected"),
    [
        (("AUTH PLAIN",), b"235 welcome\r\n", ACCEPTED),
        (("AUTH PLAIN LOGIN",), b"535 5.7.8 wrong\r\n", STOP),
        (("AUTH PLAIN",), b"534 5.7.9 weak\r\n", STOP),
        (("AUTH PLAIN",), b"454 4.7.0 cannot look now\r\n", AGAIN),
        ((), b"", STOP),
    ],
)
def test_a_password_that_is_refused_stops_the_channel(
    extensions: tuple[str, ...], answer: bytes, expected: str
) -> None:
    """Every other mail would be refused too, so nothing is burnt; and nothing goes over that connection any more."""
    server = MailServer({"AUTH": answer}, extensions=extensions)

    async def two() -> list[Outcome]:
        async with server.up():
            who = Server("127.0.0.1", server.port, encrypted=False, user="shop", password="a secret")
            return await handed(Smtp(who, limits=QUICK), MAIL, MAIL)

    assert [word(outcome) for outcome in asyncio.run(two())] == [expected] * 2
    assert bool(server.mails) == (expected == ACCEPTED)


def test_a_password_is_not_sent_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server elsewhere that offers no encryption gets no password, and the channel stops."""
    monkeypatch.setattr("clm.channels.smtp.is_loopback", lambda _: False)
    server = MailServer(extensions=("AUTH PLAIN",))

    async def one() -> list[Outcome]:
        async with server.up():
            who = Server("127.0.0.1", server.port, encrypted=False, user="shop", password="a secret")
            return await handed(Smtp(who, limits=QUICK), MAIL)

    (outcome,) = asyncio.run(one())
    assert word(outcome) == STOP
    assert not [command for command in server.commands if command.startswith(("AUTH", "MAIL"))]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", Server("mail.example", 25, False, None, "")),
        ("smtp://shop%40x:p%3Aw@mail.example", Server("mail.example", 587, False, "shop@x", "p:w")),
        ("smtp://mail.example:2525", Server("mail.example", 2525, False, None, "")),
        ("smtps://u:p@mail.example", Server("mail.example", 465, True, "u", "p")),
    ],
)
def test_where_the_server_is(url: str, expected: Server) -> None:
    """The URL says host, port, encryption and who signs in."""
    assert read_server(SecretStr(url)) == expected


@pytest.mark.parametrize("url", ["", "mail.example", "http://mail.example", "smtp://", "smtp://h:x", "smtp://[", "://"])
def test_a_url_that_is_none_is_named_and_not_quoted(url: str) -> None:
    """The fault names the variable; what it holds may be a password."""
    with pytest.raises(ConfigurationError, match="SMTP_URL") as caught:
        read_server(SecretStr(url or " "))
    assert "mail.example" not in str(caught.value)
