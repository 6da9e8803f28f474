"""Every answer a provider can give becomes the one outcome that reliability allows."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable

import pytest
from pydantic import SecretStr
from yarl import URL

from clm.channels import answers
from clm.channels.answers import Meaning
from clm.channels.exchange import ANSWER_BYTES_MAX, Exchange, Reply
from clm.channels.protocol import Channel
from clm.channels.sendgrid import SendGrid
from clm.channels.twilio import Twilio
from clm.channels.webhook import Webhook
from clm.domain.content import Envelope
from clm.domain.delivery import Limits
from clm.domain.outcome import Accepted, InDoubt, NotSent, Outcome, Rejected
from tests.channels.speaking import (
    MAIL,
    SID,
    SMS,
    Answer,
    break_off,
    cut_short,
    free_port,
    handed,
    http,
    http_server,
    resetting,
    saying,
    serving,
    silent,
)

KEY = SecretStr("a-key-for-this-machine-alone")
QUICK = Limits(at_once=4, timeout_seconds=0.4)


def sendgrid(url: str) -> Channel:
    """SendGrid at `url`."""
    return SendGrid(KEY, api_url=url, limits=QUICK)


def twilio(url: str) -> Channel:
    """Twilio at `url`."""
    return Twilio(SID, KEY, api_url=url, public_url="https://shop.example", limits=QUICK)


def webhook(url: str) -> Channel:
    """A webhook at `url`."""
    return Webhook(url, KEY, limits=QUICK)


CHANNELS: dict[str, tuple[Callable[[str], Channel], Envelope]] = {
    "sendgrid": (sendgrid, MAIL),
    "twilio": (twilio, SMS),
    "webhook": (webhook, MAIL),
}


def outcome_of(provider: str, answer: Answer) -> Outcome:
    """What comes of one message where the server answers so."""
    make, envelope = CHANNELS[provider]

    async def one() -> Outcome:
        async with http_server(answer) as server:
            (outcome,) = await handed(make(server.url), envelope)
            assert len(server.requests) == 1, "nothing is tried twice"
            return outcome

    return asyncio.run(one())


# The whole of what providers.md says, written down a second time and not read from the tables under test.
ACCEPTED, REJECTED, AGAIN, STOP, DOUBT = "accepted", "rejected", "again", "stop", "doubt"
STATUSES: dict[str, dict[int, str]] = {
    "sendgrid": {
        200: DOUBT, 202: ACCEPTED, 204: DOUBT, 301: STOP, 303: DOUBT, 307: STOP, 400: REJECTED, 401: STOP, 403: STOP,
        404: STOP, 405: STOP, 408: AGAIN, 413: REJECTED, 418: STOP, 429: AGAIN, 500: DOUBT, 502: DOUBT, 503: DOUBT,
        504: DOUBT, 599: DOUBT,
    },
    "twilio": {
        200: DOUBT, 201: ACCEPTED, 302: STOP, 400: REJECTED, 401: STOP, 403: STOP, 404: STOP, 429: AGAIN, 500: DOUBT,
        503: DOUBT,
    },
    "webhook": {
        200: ACCEPTED, 202: ACCEPTED, 204: ACCEPTED, 301: STOP, 400: REJECTED, 401: STOP, 404: STOP, 410: STOP,
        413: REJECTED, 429: AGAIN, 500: DOUBT, 503: DOUBT,
    },
}  # fmt: skip


def word(outcome: Outcome) -> str:
    """The outcome in one word."""
    match outcome:
        case Accepted():
            return ACCEPTED
        case Rejected():
            return REJECTED
        case NotSent(stop=True):
            return STOP
        case NotSent():
            return AGAIN
        case InDoubt():
            return DOUBT


@pytest.mark.parametrize(
    ("provider", "status", "expected"),
    [(provider, status, expected) for provider, table in STATUSES.items() for status, expected in table.items()],
)
def test_a_status_means_one_outcome(provider: str, status: int, expected: str) -> None:
    """What was surely not taken may go again, what may have been taken is in doubt, and our own fault stops."""
    assert word(outcome_of(provider, saying(http(status)))) == expected


@pytest.mark.parametrize("provider", CHANNELS)
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (silent, DOUBT),
        (resetting, DOUBT),
        (cut_short(b""), DOUBT),
        (cut_short(b"HTTP/1.1 20"), DOUBT),
        (cut_short(b"\x00\xff not HTTP at all\r\n\r\n"), DOUBT),
        (cut_short(http(500, b"x" * 100)[:60]), DOUBT),
        (cut_short(http(400, b"x" * 100)[:60]), REJECTED),
        (cut_short(http(413, b"<html>Too large</html>", content_type="text/html")), REJECTED),
        (saying(http(400, b"[" * 50_000)), REJECTED),
        (saying(http(400, b'{"errors": 7, "code": "x", "message": []}')), REJECTED),
        (saying(http(400, b"y" * (ANSWER_BYTES_MAX * 4))), REJECTED),
        (saying(http(429, b"null")), AGAIN),
    ],
    ids=[
        "no-answer", "reset", "closed", "half-a-status", "not-http", "half-a-500", "half-a-400", "html-413", "nested",
        "odd-json", "huge", "null",
    ],
)  # fmt: skip
def test_a_broken_answer_is_in_doubt_unless_its_status_came(provider: str, answer: Answer, expected: str) -> None:
    """Only a status says what became of the message; what breaks after it costs details alone."""
    assert word(outcome_of(provider, answer)) == expected


@pytest.mark.parametrize("provider", CHANNELS)
def test_no_connection_means_not_sent(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody listens, or the name cannot be found, nothing can have left."""
    make, envelope = CHANNELS[provider]
    (outcome,) = asyncio.run(handed(make(f"http://127.0.0.1:{free_port()}"), envelope))
    assert word(outcome) == AGAIN, outcome

    def nowhere(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    (outcome,) = asyncio.run(handed(make("http://nobody.invalid"), envelope))
    assert word(outcome) == AGAIN, outcome
    assert "looked up" in outcome.reason


@pytest.mark.parametrize("provider", CHANNELS)
def test_no_encryption_means_not_sent(provider: str) -> None:
    """A server that breaks off, or says something else, while encryption is agreed on has been told nothing."""
    make, envelope = CHANNELS[provider]

    async def against(serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]) -> Outcome:
        async def first_bytes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            serve(reader, writer)

        async with serving(first_bytes) as port:
            return (await handed(make(f"https://127.0.0.1:{port}"), envelope))[0]

    for serve in (lambda _, writer: break_off(writer), lambda _, writer: writer.write(b"HTTP/1.1 200 OK\r\n\r\n")):
        assert word(asyncio.run(against(serve))) == AGAIN


@pytest.mark.parametrize("provider", CHANNELS)
def test_reset_before_anything_was_read_is_in_doubt(provider: str) -> None:
    """Once a connection stands nobody can tell what was read from it, even where it broke at once."""
    make, envelope = CHANNELS[provider]

    async def one() -> Outcome:
        async def accept_and_break(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            break_off(writer)

        async with serving(accept_and_break) as port:
            return (await handed(make(f"http://127.0.0.1:{port}"), envelope))[0]

    assert word(asyncio.run(one())) == DOUBT


def test_connection_that_never_stands_is_not_sent() -> None:
    """Where all connections are taken for too long, a message that waited for one was never sent."""

    async def both() -> list[Outcome]:
        async with http_server(silent) as server:
            channel = SendGrid(KEY, api_url=server.url, limits=Limits(at_once=1, timeout_seconds=0.4))
            outcomes = await asyncio.gather(channel.deliver(MAIL), channel.deliver(MAIL))
            await channel.close()
            return outcomes

    assert sorted(word(outcome) for outcome in asyncio.run(both())) == [AGAIN, DOUBT]


@pytest.mark.parametrize("code", sorted(answers.TWILIO_CODES))
def test_a_code_of_twilio_says_more_than_its_status(code: int) -> None:
    """A code in an answer below 500 decides; in one of 500 or more nobody can know."""
    body = json.dumps({"code": code, "message": "The number +447700900123 is …", "status": 400}).encode()
    meaning = answers.TWILIO_CODES[code]
    outcome = outcome_of("twilio", saying(http(400, body)))
    match meaning:
        case Meaning("rejected"):
            assert isinstance(outcome, Rejected)
            assert (outcome.suppress, outcome.alert) == (meaning.suppress, meaning.alert)
        case Meaning("stop"):
            assert isinstance(outcome, NotSent)
            assert outcome.stop
        case _:
            assert isinstance(outcome, NotSent)
            assert not outcome.stop
    assert not isinstance(outcome, Accepted)
    assert "7700900123" not in outcome.reason
    assert str(code) in outcome.reason
    assert isinstance(outcome_of("twilio", saying(http(503, body))), InDoubt)


SUPPRESSING = {21211: "invalid", 21217: "invalid", 21610: "stopped", 21614: "invalid", 21635: "invalid"}


def test_the_numbers_that_get_nothing_any_more() -> None:
    """Only codes about the number itself suppress it."""
    found = {code: meaning.suppress for code, meaning in answers.TWILIO_CODES.items() if meaning.suppress}
    assert found == SUPPRESSING


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7_000),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "-5"}, None),
        ({"retry_after": "999999"}, answers.WAIT_MS_MAX),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:30 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 30_000),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:30 GMT"}, None),
        ({"x_ratelimit_reset": "1445412490", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 10_000),
        ({"x_ratelimit_reset": "1445412470", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"x_ratelimit_reset": "1445412490"}, None),
        ({"x_ratelimit_reset": "12"}, 12_000),
        ({"retry_after": "3", "x_ratelimit_reset": "12"}, 3_000),
    ],
)
def test_the_wait_a_provider_asks_for_is_kept(headers: dict[str, str], expected: int | None) -> None:
    """Seconds, a date or the end of a window, measured by the provider's own clock, and never more than an hour."""
    outcome = outcome_of("sendgrid", saying(http(429, **headers)))
    assert isinstance(outcome, NotSent)
    assert outcome.retry_after_ms == expected


def test_no_more_of_an_answer_is_read_than_is_useful() -> None:
    """Whoever answers without end fills nobody's memory, and is hung up on."""

    async def one() -> Reply | Meaning:
        async with http_server(saying(http(200, b"y" * (ANSWER_BYTES_MAX * 4)))) as server:
            exchange = Exchange(QUICK)
            reply = await exchange.post(URL(server.url), b"{}", {})
            await exchange.close()
            return reply

    reply = asyncio.run(one())
    assert isinstance(reply, Reply)
    assert (reply.status, len(reply.body), reply.whole) == (200, ANSWER_BYTES_MAX, False)


def test_a_reason_never_holds_an_address() -> None:
    """What a provider says of the message is kept without the person it names."""
    told = {"errors": [{"field": "to", "message": f"{MAIL.to} is no address; see https://x.example/?a=1\r\nBcc: x"}]}
    outcome = outcome_of("sendgrid", saying(http(400, json.dumps(told).encode())))
    assert outcome == Rejected("SendGrid 400: refused what was in it (to … is no address; see … Bcc: x)")
