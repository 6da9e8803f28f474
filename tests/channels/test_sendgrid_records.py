"""What SendGrid is asked about a lost answer, and which addresses its lists say get nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from openapi_core.exceptions import OpenAPIError
from pydantic import SecretStr

from benchmarks.fake_provider import fake_provider
from clm.channels.protocol import Answer, Asked, Question, Swept
from clm.channels.sendgrid import SendGrid
from clm.channels.sendgrid_records import LISTS, PAGE_ADDRESSES
from clm.domain.delivery import Limits
from clm.domain.instant import HOUR_MS, SECOND_MS
from clm.domain.provider_event import ProviderEvent
from clm.errors import ClmError
from clm.store.suppressions import REASONS
from tests.channels.official import (
    SENDGRID_ACTIVITY,
    SENDGRID_SUPPRESSIONS,
    require_official,
    require_official_answer,
)
from tests.channels.speaking import MAIL, Heard, Request, http, http_server, saying, silent

KEY = "SG.for-this-machine-alone.0123456789"
AT = MAIL.at_ms
LOST = Question(MAIL.reference, MAIL.to, AT, None)


def channel(url: str, key: str = KEY, **limits: Any) -> SendGrid:
    """SendGrid at `url`."""
    return SendGrid(SecretStr(key), api_url=url + "/", limits=Limits(**limits))


def query(request: Request) -> dict[str, str]:
    """What a request asked for."""
    return {name: value for name, (value,) in parse_qs(urlsplit(request.line.split(" ")[1]).query).items()}


def test_a_channel_that_can_be_asked_and_swept() -> None:
    """SendGrid is both."""
    assert isinstance(channel("http://127.0.0.1:1"), Asked)
    assert isinstance(channel("http://127.0.0.1:1"), Swept)


# Asked about one mail.


def mail(**told: Any) -> dict[str, Any]:
    """One mail as Email Activity shows it."""
    usual = {
        "from_email": MAIL.sender,
        "msg_id": "14c5d75ce93.dfd.64b469.filterdrecv-5645d9c87f-78xbf-1-5FB4B0A4-5.0",
        "subject": "Hello",
        "to_email": MAIL.to,
        "status": "delivered",
        "opens_count": 0,
        "clicks_count": 0,
        "last_event_time": "2025-11-26T00:00:00Z",
    }
    return usual | told


def asked(answer: Callable[..., Awaitable[None]], question: Question = LOST) -> tuple[Answer, Heard]:
    """What SendGrid says of a mail, and how it was asked."""

    async def ask() -> tuple[Answer, Heard]:
        async with http_server(answer) as server:
            sendgrid = channel(server.url, timeout_seconds=1.0)
            try:
                return await sendgrid.ask(question), server
            finally:
                await sendgrid.close()

    return asyncio.run(ask())


def activity(*mails: Any) -> Callable[..., Awaitable[None]]:
    """SendGrid's answer with these mails."""
    return saying(http(200, json.dumps({"messages": mails}).encode(), content_type="application/json"))


@pytest.mark.parametrize("status", ["processed", "delivered", "not_delivered"])
def test_a_mail_that_sendgrid_shows_was_accepted(status: str) -> None:
    """Found by our reference, whatever became of it afterwards; its name is the one that mail/send gives."""
    answer, server = asked(activity(mail(status=status, to_email=MAIL.to.upper())))
    assert answer == Answer(found=True, provider_id="14c5d75ce93.dfd.64b469", detail=f"SendGrid: {status}")
    (request,) = server.requests
    assert request.line.startswith("GET /v3/messages?")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert query(request) == {"query": f"(unique_args['clm_reference']=\"{MAIL.reference}\")", "limit": "10"}
    require_official(SENDGRID_ACTIVITY, request)
    body = json.dumps({"messages": [mail(status=status)]}).encode()
    require_official_answer(SENDGRID_ACTIVITY, request, body)


def test_the_documents_notice_damage() -> None:
    """The checks against them can fail, of questions and of answers."""
    _, server = asked(activity())
    (request,) = server.requests
    with pytest.raises(OpenAPIError):
        require_official_answer(SENDGRID_ACTIVITY, request, json.dumps({"messages": [{"to_email": 1}]}).encode())
    request.line = request.line.replace("limit=10", "limit=0")
    with pytest.raises(OpenAPIError):
        require_official(SENDGRID_ACTIVITY, request)


def test_an_address_in_another_script_is_compared_as_it_was_handed_over() -> None:
    """The domain in ASCII, which is how SendGrid knows it."""
    question = replace(LOST, to="mina@küche.example")
    assert asked(activity(mail(to_email="mina@xn--kche-0ra.example")), question)[0].found is True


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (activity(), "late"),
        (activity(mail(to_email="another@customer.example")), "another address"),
        (activity(mail(to_email=None)), "another address"),
        (activity("a mail", 7), "late"),
        (saying(http(429, b"{}", retry_after="37")), "37 seconds"),
        (saying(http(429, b"{}")), "60 seconds"),
    ],
)
def test_what_activity_cannot_tell_stays_open(answer: Callable[..., Awaitable[None]], words: str) -> None:
    """Nothing found is no proof, because activity comes late and goes early; no answer names the address."""
    told, _ = asked(answer)
    assert told.found is None
    assert words in (told.detail or "")
    assert "customer.example" not in (told.detail or "")


@pytest.mark.parametrize("status", [401, 403, 404])
def test_without_the_add_on_it_says_what_to_do_instead(status: int) -> None:
    """Email Activity is bought separately; a person can look the mail up and say what they saw."""
    body = b'{"errors": [{"message": "access forbidden to mina@customer.example"}]}'
    with pytest.raises(ClmError, match=r"bought.*clm doubt resolve") as error:
        asked(saying(http(status, body)))
    assert f"HTTP {status} access forbidden to …" in str(error.value)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (saying(http(500, b"oh")), "HTTP 500"),
        (saying(http(400, b'{"errors": ["odd"]}')), "HTTP 400"),
        (saying(http(200, b"[]")), "HTTP 200"),
        (saying(http(200, b"{")), "HTTP 200"),
        (saying(http(200, b"x" * 5_000_000)), "HTTP 200"),
        (silent, "no answer in time"),
    ],
)
def test_a_question_without_an_answer_says_so(answer: Callable[..., Awaitable[None]], words: str) -> None:
    """An error, not an answer that the mail is not there."""
    with pytest.raises(ClmError, match=words) as error:
        asked(answer)
    assert "bought" not in str(error.value)


# Its lists.

ENTRIES: dict[str, list[dict[str, Any]]] = {
    "bounces": [
        {
            "created": AT // 1_000,
            "email": "gone@a.example",
            "reason": "550 5.1.1 <gone@a.example> unknown",
            "status": "5.1.1",
        }
    ],
    "spam_reports": [{"created": AT // 1_000 + 1, "email": "angry@a.example", "ip": "10.63.202.100"}],
    "invalid_emails": [{"created": AT // 1_000 + 2, "email": "odd@b.example", "reason": "Mail domain is unknown"}],
    "unsubscribes": [{"created": AT // 1_000 + 3, "email": "tired@a.example"}],
}


def lists(entries: dict[str, list[Any]]) -> Callable[..., Awaitable[None]]:
    """SendGrid's lists, page after page."""

    async def answer(request: Request, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked_for = query(request)
        first, most = int(asked_for["offset"]), int(asked_for["limit"])
        found = entries.get(urlsplit(request.line.split(" ")[1]).path.rpartition("/")[2], [])
        writer.write(http(200, json.dumps(found[first : first + most]).encode()))

    return answer


def swept(answer: Callable[..., Awaitable[None]], key: str = KEY) -> tuple[Sequence[ProviderEvent], Heard]:
    """What SendGrid's lists say of a time."""

    async def sweep() -> tuple[Sequence[ProviderEvent], Heard]:
        async with http_server(answer) as server:
            sendgrid = channel(server.url, key, timeout_seconds=5.0)
            try:
                return await sendgrid.sweep(since=AT - HOUR_MS, until=AT + HOUR_MS), server
            finally:
                await sendgrid.close()

    return asyncio.run(sweep())


def test_a_sweep_tells_which_addresses_get_nothing() -> None:
    """One event an entry, about an address and no message, at the instant that SendGrid gives."""
    events, server = swept(lists(ENTRIES))
    assert [(one.kind, one.suppress, one.address, one.at - AT, one.detail) for one in events] == [
        ("bounced", "bounced", "gone@a.example", 0, "550 5.1.1 <…> unknown"),
        ("complained", "complained", "angry@a.example", 1_000, None),
        ("dropped", "invalid", "odd@b.example", 2_000, "Mail domain is unknown"),
        ("unsubscribed", "unsubscribed", "tired@a.example", 3_000, None),
    ]
    assert {(one.provider, one.channel, one.reference, one.provider_message_id) for one in events} == {
        ("sendgrid", "email", None, None)
    }
    assert {one.suppress for one in events} <= set(REASONS)
    assert [urlsplit(request.line.split(" ")[1]).path for request in server.requests] == [
        f"/v3/suppression/{one.path}" for one in LISTS
    ]
    for request, entries in zip(server.requests, ENTRIES.values(), strict=True):
        assert query(request) == {
            "start_time": str((AT - HOUR_MS) // SECOND_MS),
            "end_time": str((AT + HOUR_MS) // SECOND_MS),
            "limit": "500",
            "offset": "0",
        }
        require_official(SENDGRID_SUPPRESSIONS, request)
        require_official_answer(SENDGRID_SUPPRESSIONS, request, json.dumps(entries).encode())


def test_an_entry_has_one_name_that_gives_no_address_away() -> None:
    """Told again it is the same event; another list, person or instant is another; with another key nobody can tell."""
    first, again = (swept(lists(ENTRIES))[0] for _ in range(2))
    names = [one.event_id for one in first]
    assert [one.event_id for one in again] == names
    assert len(set(names)) == 4
    later = {"unsubscribes": [{"created": AT // 1_000 + 9, "email": "Tired@A.example"}]}
    (moved,) = swept(lists(later))[0]
    assert moved.event_id.rpartition(":")[0] == names[3].rpartition(":")[0]
    assert moved.event_id != names[3]
    assert swept(lists(ENTRIES), "SG.another-key-altogether")[0][3].event_id != names[3]
    assert not any("example" in name for name in names)


def test_every_page_of_a_list_is_read() -> None:
    """Also where the last page is full."""
    many = [{"created": AT // 1_000, "email": f"p{number}@a.example"} for number in range(2 * PAGE_ADDRESSES)]
    events, server = swept(lists({"unsubscribes": many}))
    assert len({one.address for one in events}) == len(many)
    offsets = [query(one)["offset"] for one in server.requests if "unsubscribes" in one.line]
    assert offsets == ["0", "500", "1000"]


@pytest.mark.parametrize(
    "entry",
    [
        "gone@a.example",
        {},
        {"email": "gone@a.example"},
        {"email": "gone", "created": 1},
        {"email": None, "created": 1},
        {"email": "gone@a.example", "created": "1764115200"},
        {"email": "gone@a.example", "created": True},
        {"email": "gone@a.example", "created": -1},
        {"email": "gone@a.example", "created": 1e30},
    ],
)
def test_one_entry_that_cannot_be_read_spoils_no_other(entry: Any) -> None:
    """It is left out."""
    events, _ = swept(lists({"bounces": [entry, *ENTRIES["bounces"]]}))
    assert [one.address for one in events] == ["gone@a.example"]


def test_a_list_without_end_is_left() -> None:
    """Pages are counted, so that a server that always has one more cannot keep us."""
    full = http(200, json.dumps([{"created": 1, "email": "x@a.example"}] * PAGE_ADDRESSES).encode())
    with pytest.raises(ClmError, match="more than 100,000"):
        swept(saying(full))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (http(403, b'{"errors": [{"message": "access forbidden"}]}'), "access forbidden; SENDGRID_API_KEY needs"),
        (http(429, b"{}"), "HTTP 429"),
        (http(200, b"{}"), "HTTP 200"),
        (http(200, b"["), "HTTP 200"),
    ],
)
def test_a_list_that_does_not_come_is_an_error(answer: bytes, words: str) -> None:
    """And not a list with nobody on it."""
    with pytest.raises(ClmError, match=words):
        swept(saying(answer))


def test_the_stand_in_of_benchmarks_keeps_the_same_records() -> None:
    """What it took it shows, and no other; its lists are empty. So everything runs against it as against SendGrid."""

    async def hear(url: str) -> tuple[Answer, Answer, Sequence[ProviderEvent]]:
        sendgrid = channel(url)
        try:
            await sendgrid.deliver(MAIL)
            found, other = [await sendgrid.ask(replace(LOST, reference=one)) for one in (MAIL.reference, "m9-0")]
            return found, other, await sendgrid.sweep(since=0, until=AT)
        finally:
            await sendgrid.close()

    with fake_provider() as provider:
        found, other, events = asyncio.run(hear(provider.url))
        assert (found.found, found.provider_id) == (True, provider.accepted()[0].id)
        assert (other.found, list(events)) == (None, [])
