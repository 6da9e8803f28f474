"""Mail over SMTP: what arrives, and what each answer or silence of the server means."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from clm.channels.smtp import Server, Smtp
from clm.domain.delivery import Limits
from clm.domain.outcome import Accepted, Outcome, Rejected
from tests.channels.mail_server import (
    ACCEPTED,
    AGAIN,
    DOUBT,
    INVALID,
    QUICK,
    REJECTED,
    STOP,
    MailServer,
    Override,
    broken,
    channel,
    read,
    send,
    silence,
    word,
)
from tests.channels.speaking import MAIL, free_port, handed


def test_mail_arrives_as_written_over_a_kept_connection() -> None:
    """Names, words, headers and lines that begin with a full stop come through; the next mail takes the same way."""
    words = replace(MAIL.content, text="Hello\n.\n..two\n.\nend — مینا\n")
    server = MailServer()
    outcomes = send(server, replace(MAIL, content=words), MAIL, MAIL)
    assert outcomes == [Accepted("4F2A9")] * 3
    assert server.connections == 1
    found = read(server.mails[0])
    assert found["to"].addresses[0].display_name == MAIL.to_name
    assert found["list-unsubscribe"] == MAIL.headers["List-Unsubscribe"]
    assert found["message-id"] == "<m42-0123456789ab@shop.example>"
    assert found.get_body(("plain",)).get_content().splitlines() == words.text.splitlines()
    asked = next(command for command in server.commands if command.startswith(f"MAIL FROM:<{MAIL.sender}>"))
    assert {"BODY=8BITMIME", f"SIZE={len(server.mails[0])}"} <= set(asked.split(" "))
    assert f"RCPT TO:<{MAIL.to}>" in server.commands


def test_a_server_of_ascii_gets_ascii() -> None:
    """Where 8BITMIME is not offered, words beyond ASCII travel as base64, and arrive the same."""
    server = MailServer(extensions=())
    words = replace(MAIL.content, text="سلام\n", html="<p>سلام</p>")
    assert send(server, replace(MAIL, content=words)) == [Accepted("4F2A9")]
    assert server.mails[0].isascii()
    assert read(server.mails[0]).get_body(("plain",)).get_content().strip() == "سلام"


@pytest.mark.parametrize(
    ("verb", "answer", "expected"),
    [
        ("greeting", b"421 4.3.2 not now\r\n", AGAIN),
        ("greeting", b"450 later\r\n", AGAIN),
        ("greeting", b"554 5.7.1 go away\r\n", STOP),
        ("greeting", b"HTTP/1.1 400 Bad Request\r\n", AGAIN),
        ("greeting", broken, AGAIN),
        ("greeting", silence, AGAIN),
        ("MAIL", b"451 4.3.0 later\r\n", AGAIN),
        ("MAIL", b"530 5.7.0 sign in first\r\n", STOP),
        ("MAIL", b"550 5.7.1 sender not allowed\r\n", STOP),
        ("MAIL", b"552 5.3.4 too large\r\n", REJECTED),
        ("MAIL", b"553 5.1.8 sender unknown\r\n", STOP),
        ("MAIL", broken, AGAIN),
        ("MAIL", silence, AGAIN),
        ("RCPT", b"421 4.7.0 too many\r\n", AGAIN),
        ("RCPT", b"450 4.2.0 greylisted\r\n", AGAIN),
        ("RCPT", b"452 4.2.2 mailbox full\r\n", AGAIN),
        ("RCPT", b"550 no such user\r\n", INVALID),
        ("RCPT", b"551 moved\r\n", INVALID),
        ("RCPT", b"553 not a mailbox\r\n", INVALID),
        ("RCPT", b"550 5.1.1 no such user\r\n", INVALID),
        ("RCPT", b"554 5.1.10 null MX\r\n", INVALID),
        ("RCPT", b"550-5.1.1 no such user\r\n550 5.1.1 really\r\n", INVALID),
        ("RCPT", b"550 5.7.1 blocked\r\n", REJECTED),
        ("RCPT", b"550 5.2.1 disabled\r\n", REJECTED),
        ("RCPT", b"552 5.2.2 full\r\n", REJECTED),
        ("RCPT", b"554 no\r\n", REJECTED),
        ("RCPT", b"550 5.1.8 sender unknown\r\n", STOP),
        ("RCPT", b"gibberish\r\n", AGAIN),
        ("RCPT", broken, AGAIN),
        ("RCPT", silence, AGAIN),
        ("DATA", b"451 4.3.0 later\r\n", AGAIN),
        ("DATA", b"554 5.5.1 no\r\n", REJECTED),
        ("DATA", broken, AGAIN),
        ("DATA", silence, AGAIN),
        (".", b"250 ok\r\n", ACCEPTED),
        (".", b"251 forwarded\r\n", ACCEPTED),
        (".", b"421 4.3.2 closing\r\n", AGAIN),
        (".", b"451 4.7.1 later\r\n", AGAIN),
        (".", b"550 5.1.1 no such user after all\r\n", INVALID),
        (".", b"550 5.7.1 looks like spam\r\n", REJECTED),
        (".", b"554 no\r\n", REJECTED),
        (".", b"354 what\r\n", DOUBT),
        (".", b"gibberish\r\n", DOUBT),
        (".", broken, DOUBT),
        (".", silence, DOUBT),
    ],
)  # fmt: skip
def test_an_answer_means_one_outcome(verb: str, answer: bytes | Override, expected: str) -> None:
    """Before the last line of the mail nothing can have been taken; after it, only the server knows."""
    server = MailServer({verb: answer})
    (outcome,) = send(server)
    assert word(outcome) == expected, outcome
    if verb in {"greeting", "MAIL", "RCPT", "DATA"}:
        assert server.mails == []


def test_nobody_there_means_not_sent() -> None:
    """Where nobody listens nothing can have left."""
    server = Server("127.0.0.1", free_port(), encrypted=False)
    (outcome,) = asyncio.run(handed(Smtp(server, limits=QUICK), MAIL))
    assert word(outcome) == AGAIN


def test_after_a_refusal_the_connection_carries_the_next_mail() -> None:
    """One refused recipient costs no new connection, and does not spoil who comes next."""
    server = MailServer()

    async def first_refused(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        refused = sum(command.startswith("RCPT") for command in server.commands) == 1
        writer.write(b"550 5.1.1 no such user\r\n" if refused else b"250 ok\r\n")

    server.answers["RCPT"] = first_refused
    assert [word(outcome) for outcome in send(server, MAIL, MAIL)] == [INVALID, ACCEPTED]
    assert server.connections == 1
    assert "RSET" in server.commands


def test_a_refusal_is_known_even_if_the_server_then_hangs_up() -> None:
    """What the server said counts, whatever becomes of the connection afterwards."""
    for after in (broken, silence):
        server = MailServer({"RCPT": b"550 5.1.1 no such user\r\n", "RSET": after})
        assert [word(outcome) for outcome in send(server, MAIL, MAIL)] == [INVALID] * 2
        assert server.connections == 2


def test_a_connection_that_went_away_is_replaced() -> None:
    """A server that closes after each mail costs a new connection, and no message."""

    async def bye(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"250 ok\r\n")
        writer.close()

    server = MailServer({".": bye})

    async def with_a_pause() -> list[Outcome]:
        async with server.up():
            smtp = channel(server)
            first = await smtp.deliver(MAIL)
            await asyncio.sleep(0.05)  # for the goodbye to arrive
            second = await smtp.deliver(MAIL)
            await smtp.close()
            return [first, second]

    assert [word(outcome) for outcome in asyncio.run(with_a_pause())] == [ACCEPTED, ACCEPTED]
    assert server.connections == 2


def test_no_more_connections_than_the_limit() -> None:
    """Twenty mails at once go over four connections."""
    server = MailServer()

    async def at_once() -> list[Outcome]:
        async with server.up():
            smtp = channel(server, limits=Limits(at_once=4, timeout_seconds=5))
            outcomes = await asyncio.gather(*(smtp.deliver(MAIL) for _ in range(20)))
            await smtp.close()
            return outcomes

    assert asyncio.run(at_once()) == [Accepted("4F2A9")] * 20
    assert server.connections == 4
    assert server.commands.count("QUIT") == 4


def test_a_mail_that_found_no_connection_was_not_sent() -> None:
    """Where another mail holds the only connection for too long, the one that waits for it has not left."""
    server = MailServer({".": silence})

    async def both() -> list[Outcome]:
        async with server.up():
            smtp = channel(server, limits=Limits(at_once=1, timeout_seconds=0.4))
            outcomes = await asyncio.gather(smtp.deliver(MAIL), smtp.deliver(MAIL))
            await smtp.close()
            return outcomes

    assert sorted(word(outcome) for outcome in asyncio.run(both())) == [AGAIN, DOUBT]
    assert len(server.mails) == 1


@pytest.mark.parametrize("odd", [b"gibberish\r\n", b"354 what\r\n", b"gibberish\r\n250 ok\r\n550 5.1.1 no\r\n"])
def test_an_answer_nobody_understands_is_not_taken_for_the_next(odd: bytes) -> None:
    """What may still be on its way from one mail is never read as the answer to another."""
    server = MailServer({".": odd})
    assert [word(outcome) for outcome in send(server, MAIL, MAIL)] == [DOUBT, DOUBT]
    assert server.connections == 2


def test_smuggling_never_reaches_the_server() -> None:
    """An address, name or subject that could give a command or a header of its own is refused here."""
    server = MailServer()
    for envelope in (
        replace(MAIL, to="mina@customer.example>\r\nRCPT TO:<all@customer.example"),
        replace(MAIL, to="mina@customer.example> BODY=X"),
        replace(MAIL, sender="a b@shop.example"),
        replace(MAIL, to_name="Mina\r\nBcc: all@customer.example"),
        replace(MAIL, content=replace(MAIL.content, subject="Hi\nBcc: all@customer.example")),
    ):
        (outcome,) = send(server, envelope)
        assert isinstance(outcome, Rejected)
        assert "customer.example" not in outcome.reason
    assert server.connections == 0
