"""What goes to Twilio, what it is asked about a lost answer, and what its records say."""

from __future__ import annotations

import asyncio
import email.utils
import json
from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from openapi_core.exceptions import OpenAPIError
from pydantic import SecretStr

from clm.channels.protocol import Answer, Asked, Question, Swept
from clm.channels.twilio import Twilio, callback_url
from clm.domain.content import Content, Envelope
from clm.domain.delivery import Limits
from clm.domain.fingerprint import fingerprint
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.outcome import Accepted, Outcome, Rejected
from clm.domain.provider_event import ProviderEvent
from clm.errors import ClmError
from tests.channels.official import TWILIO, require_official
from tests.channels.speaking import SID, SMS, Heard, Request, handed, http, http_server, saying

TOKEN = "a-token-for-this-machine-alone"
MESSAGE = "SM" + "1" * 32
AT = SMS.at_ms
PUBLIC = "https://news.shop.example"


def channel(url: str, *, public_url: str = PUBLIC) -> Twilio:
    """Twilio at `url`."""
    return Twilio(SID, SecretStr(TOKEN), api_url=url, public_url=public_url, limits=Limits())


def sent(*envelopes: Envelope, public_url: str = PUBLIC) -> tuple[list[Outcome], Heard]:
    """Hand SMS over; what came of them, and what the server heard."""

    async def all_of_them() -> tuple[list[Outcome], Heard]:
        body = json.dumps({"sid": MESSAGE, "status": "queued"}).encode()
        async with http_server(saying(http(201, body))) as server:
            return await handed(channel(server.url, public_url=public_url), *envelopes), server

    return asyncio.run(all_of_them())


def form(request: Request) -> dict[str, str]:
    """The fields of a request."""
    return {name: value for name, (value,) in parse_qs(request.body.decode("ascii"), strict_parsing=True).items()}


def test_an_sms_is_one_request_as_the_document_has_it() -> None:
    """Path, sign-in and form are those of Twilio's own OpenAPI document; the answer's sid is kept."""
    outcomes, server = sent(SMS, SMS)
    assert outcomes == [Accepted(MESSAGE)] * 2
    assert (len(server.requests), server.connections) == (2, 1), "one message a request, over a kept connection"
    request = server.requests[0]
    assert request.line == f"POST /2010-04-01/Accounts/{SID}/Messages.json HTTP/1.1"
    scheme, _, secret = request.headers["authorization"].partition(" ")
    assert (scheme, b64decode(secret)) == ("Basic", f"{SID}:{TOKEN}".encode())
    assert form(request) == {
        "To": SMS.to,
        "From": SMS.sender,
        "Body": SMS.content.text,
        "StatusCallback": f"{PUBLIC}/webhooks/twilio/status?m={SMS.reference}#rc=5&rp=all",
    }
    require_official(TWILIO, request)


def test_the_document_notices_a_damaged_request() -> None:
    """The check against the document can fail."""
    _, server = sent(SMS)
    request = server.requests[0]
    with pytest.raises(OpenAPIError):
        require_official(TWILIO, replace_line(request, request.line.replace("Messages", "Massages")))
    with pytest.raises(OpenAPIError):
        require_official(TWILIO, replace_line(request, request.line.replace(SID, "AC1")))
    request.body += b"&ValidityPeriod=soon"
    with pytest.raises(OpenAPIError):
        require_official(TWILIO, request)


def replace_line(request: Request, line: str) -> Request:
    """The request with another first line."""
    return Request(line, request.headers, request.body)


@pytest.mark.parametrize(
    "envelope",
    [
        replace(SMS, to=""),
        replace(SMS, to="07700900123"),
        replace(SMS, to="+447700900123,+447700900124"),
        replace(SMS, to="+447700900123\n"),
        replace(SMS, to="whatsapp:+447700900123"),
        replace(SMS, sender=""),
        replace(SMS, sender="Shop\r\n"),
        replace(SMS, content=Content("en", "")),
        replace(SMS, content=Content("en", " \n")),
        replace(SMS, content=Content("en", "x" * 1_601)),
        replace(SMS, content=Content("en", "a\0b")),
        replace(SMS, content=Content("en", "half a letter: \ud83d")),
    ],
)
def test_what_the_api_refuses_is_refused_here(envelope: Envelope) -> None:
    """Nothing of it is sent, and the reason names the field and not the person."""
    (outcome,), server = sent(envelope)
    assert isinstance(outcome, Rejected)
    assert "7700900" not in outcome.reason
    assert server.requests == []


def test_the_longest_sms_goes() -> None:
    """1,600 characters of any script, lines and all."""
    text = "سلام\n" * 320
    outcomes, server = sent(replace(SMS, content=Content("fa", text)))
    assert outcomes == [Accepted(MESSAGE)]
    assert form(server.requests[0])["Body"] == text


@pytest.mark.parametrize(
    ("public", "api", "expected"),
    [
        (PUBLIC, "https://api.twilio.com", f"{PUBLIC}/webhooks/twilio/status"),
        (PUBLIC + "/", "https://api.twilio.com", f"{PUBLIC}/webhooks/twilio/status"),
        ("http://news.shop.example", "https://api.twilio.com", None),
        ("http://127.0.0.1:8080", "https://api.twilio.com", None),
        ("https://localhost", "https://api.twilio.com", None),
        ("http://127.0.0.1:8080", "http://127.0.0.1:9", "http://127.0.0.1:8080/webhooks/twilio/status"),
        ("http://127.evil.example", "http://127.0.0.1:9", None),
    ],
)
def test_twilio_is_given_an_address_it_can_reach(public: str, api: str, expected: str | None) -> None:
    """A public HTTPS address, or this machine's own for a stand-in on this machine; otherwise none at all."""
    assert callback_url(public, api) == expected


def test_without_an_address_the_sms_goes_all_the_same() -> None:
    """Where Twilio cannot reach us it is not told to."""
    outcomes, server = sent(SMS, public_url="http://news.shop.example")
    assert outcomes == [Accepted(MESSAGE)]
    assert "StatusCallback" not in form(server.requests[0])


@pytest.mark.parametrize(
    ("left_ms", "seconds"),
    [(-1, "1"), (0, "1"), (999, "1"), (90_999, "90"), (36_000_000, "36000"), (11 * HOUR_MS, "36000")],
)
def test_twilio_keeps_an_sms_no_longer_than_it_is_good(left_ms: int, seconds: str) -> None:
    """What Twilio has queued and cannot send in time never arrives; it takes 1 to 36,000 seconds."""
    outcomes, server = sent(replace(SMS, good_until_ms=SMS.at_ms + left_ms))
    assert outcomes == [Accepted(MESSAGE)]
    assert form(server.requests[0])["ValidityPeriod"] == seconds
    require_official(TWILIO, server.requests[0])


# What Twilio has recorded.


def message(at: int, body: str | None = SMS.content.text, **told: Any) -> dict[str, Any]:
    """One message as Twilio lists it."""
    when = email.utils.formatdate(at / 1_000, usegmt=False)
    usual = {"sid": MESSAGE, "to": SMS.to, "status": "delivered", "direction": "outbound-api", "error_code": None}
    return usual | {"body": body, "date_created": when, "date_sent": when, "date_updated": when} | told


def pages(*found: list[dict[str, Any]], host: str = "", **headers: str) -> Callable[..., Awaitable[None]]:
    """Twilio's list of messages, page after page; what it says of the next page may name another host."""

    async def answer(request: Request, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = parse_qs(urlsplit(request.line.split(" ")[1]).query)
        number = int(asked.get("Page", ["0"])[0])
        more = number + 1 < len(found)
        following = f"{host}/elsewhere.json?To=x&PageSize=500&Page={number + 1}&PageToken=PA{MESSAGE}"
        page = {"messages": found[number], "next_page_uri": following if more else None}
        writer.write(http(200, json.dumps(page).encode(), **headers))

    return answer


def asked(question: Question, answer: Callable[..., Awaitable[None]]) -> tuple[Answer, Heard]:
    """What Twilio says of a message, and how it was asked."""

    async def ask() -> tuple[Answer, Heard]:
        async with http_server(answer) as server:
            twilio = channel(server.url)
            try:
                return await twilio.ask(question), server
            finally:
                await twilio.close()

    return asyncio.run(ask())


LOST = Question(SMS.reference, SMS.to, AT, fingerprint(SMS.content.text))


def test_a_channel_that_can_be_asked_and_swept() -> None:
    """Twilio is both."""
    assert isinstance(channel("http://127.0.0.1:1"), Asked)
    assert isinstance(channel("http://127.0.0.1:1"), Swept)


def test_a_lost_message_is_found_by_number_time_and_words() -> None:
    """Also when it still waits to be sent, and on a later page; our password goes to no host that an answer names."""
    waiting = message(AT + 2_000, date_sent=None, status="queued")
    answer, server = asked(LOST, pages([message(AT + DAY_MS)], [waiting], host="http://evil.example"))
    assert answer == Answer(found=True, provider_id=MESSAGE, detail="Twilio: queued")
    assert len(server.requests) == 2
    for request in server.requests:
        assert request.line.startswith(f"GET /2010-04-01/Accounts/{SID}/Messages.json?")
        require_official(TWILIO, request)
    assert parse_qs(urlsplit(server.requests[0].line.split(" ")[1]).query)["To"] == [SMS.to]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], False),
        ([message(AT - DAY_MS)], False),
        ([message(AT + DAY_MS)], False),
        ([message(AT, direction="inbound")], False),
        ([message(AT, body="other words")], None),
        ([message(AT, body=None)], None),
        ([message(AT, date_created="whenever")], None),
        ([message(AT - 60_000)], True),
        ([message(AT + 3 * HOUR_MS)], True),  # of a run that began late
    ],
)
def test_what_its_records_cannot_tell_stays_open(found: list[dict[str, Any]], expected: bool | None) -> None:
    """No message of that time: it was not taken. One of other words, or of none: nobody knows."""
    assert asked(LOST, pages(found))[0].found is expected


def test_a_question_that_comes_too_early_proves_nothing() -> None:
    """By Twilio's own clock: what it took a moment ago may not be in its records yet."""
    for seconds, expected in ((60, None), (600, False)):
        date = email.utils.formatdate(AT / 1_000 + seconds, usegmt=True)
        assert asked(LOST, pages([], date=date))[0].found is expected


def test_without_knowing_the_words_a_message_of_that_time_proves_nothing() -> None:
    """It may be another one."""
    assert asked(replace(LOST, fingerprint=None), pages([message(AT)]))[0].found is None
    assert asked(replace(LOST, fingerprint=None), pages([]))[0].found is False


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (http(401, b'{"code": 20003, "message": "Authenticate"}'), "check TWILIO_ACCOUNT_SID"),
        (http(500), "HTTP 500"),
        (http(200, b"[]"), "HTTP 200"),
        (http(200, b"{"), "HTTP 200"),
        (http(200, b"x" * 5_000_000), "HTTP 200"),
    ],
)
def test_a_question_without_an_answer_says_so(answer: bytes, words: str) -> None:
    """An error, not an answer that the message is not there."""
    with pytest.raises(ClmError, match=words):
        asked(LOST, saying(answer))


def test_a_list_without_end_is_left() -> None:
    """Pages are counted, so that a server that always has one more cannot keep us."""
    with pytest.raises(ClmError, match="shorter time"):
        asked(LOST, pages(*[[] for _ in range(250)]))


def swept(*found: list[dict[str, Any]], since: int, until: int) -> tuple[list[ProviderEvent], Heard]:
    """What Twilio's records say of a time."""

    async def sweep() -> tuple[list[ProviderEvent], Heard]:
        async with http_server(pages(*found)) as server:
            twilio = channel(server.url)
            try:
                return list(await twilio.sweep(since=since, until=until)), server
            finally:
                await twilio.close()

    return asyncio.run(sweep())


def test_a_sweep_tells_what_callbacks_would_have_told() -> None:
    """Each message's status becomes the event that its callback has, so that both together count once."""
    other = "SM" + "2" * 32
    events, server = swept(
        [message(AT), message(AT + 1_000, sid=other, status="undelivered", error_code=30_005, error_message="Unknown")],
        [message(AT, direction="inbound"), message(AT - DAY_MS), message(AT, status="odd"), message(AT, sid=None)],
        since=AT - HOUR_MS,
        until=AT + HOUR_MS,
    )
    assert [(one.event_id, one.kind, one.suppress, one.at) for one in events] == [
        (f"{MESSAGE}:delivered", "delivered", None, AT),
        (f"{other}:undelivered", "undelivered", "invalid", AT + 1_000),
    ]
    assert {(one.provider, one.channel, one.provider_message_id == one.event_id[:34]) for one in events} == {
        ("twilio", "sms", True)
    }
    query = parse_qs(urlsplit(server.requests[0].line.split(" ")[1]).query)
    assert (query["DateSent>"], query["DateSent<"]) == (["2025-11-23"], ["2025-11-27"])
    require_official(TWILIO, server.requests[1])
