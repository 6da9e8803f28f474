"""What a program is told: one signed request, the same each time it is repeated."""

from __future__ import annotations

import asyncio
import hmac
import json
from dataclasses import replace
from hashlib import sha256

from pydantic import SecretStr

from clm.channels.webhook import Webhook
from clm.domain.content import Content, Envelope
from clm.domain.delivery import Limits
from clm.domain.outcome import Accepted, NotSent, Outcome, Rejected
from tests.channels.speaking import MAIL, Answer, Heard, handed, http, http_server, saying

SECRET = "a-secret-for-this-machine-alone"
WORDS = Content("en", "Call C-1042 — سلام", subject="Call")
TOLD = replace(MAIL, channel="webhook", to="", to_name=None, headers={}, content=WORDS)
OK = saying(http(200, b"ok"))


def posted(*envelopes: Envelope, answer: Answer = OK) -> tuple[list[Outcome], Heard]:
    """Hand messages over; what came of them, and what the program heard."""

    async def all_of_them() -> tuple[list[Outcome], Heard]:
        async with http_server(answer) as server:
            channel = Webhook(f"{server.url}/hooks/T0/B0?x=1", SecretStr(SECRET), limits=Limits())
            return await handed(channel, *envelopes), server

    return asyncio.run(all_of_them())


def test_a_program_is_told_once_and_can_check_by_whom() -> None:
    """The body says what Slack and others need; the signature covers it and its time; the key names the message."""
    outcomes, server = posted(TOLD)
    assert outcomes == [Accepted()]
    (request,) = server.requests
    assert request.line == "POST /hooks/T0/B0?x=1 HTTP/1.1"
    assert json.loads(request.body) == {
        "id": TOLD.reference,
        "campaign": "win-back",
        "step": "first-letter",
        "subject": "Call",
        "text": "Call C-1042 — سلام",
        "at": "2025-11-26T00:00:00Z",
    }
    seconds, _, seal = request.headers["clm-signature"].removeprefix("t=").partition(",v1=")
    expected = hmac.new(SECRET.encode(), seconds.encode() + b"." + request.body, sha256).hexdigest()
    assert (int(seconds), seal) == (TOLD.at_ms // 1_000, expected)
    assert request.headers["idempotency-key"] == TOLD.reference
    assert request.headers["content-type"] == "application/json"


def test_repeated_it_is_the_same_request() -> None:
    """The receiver can drop what it has had, by its key."""
    _, server = posted(TOLD, TOLD)
    first, again = server.requests
    assert (first.body, first.headers) == (again.body, again.headers)
    assert Webhook.idempotent


def test_a_redirect_is_not_followed() -> None:
    """The words go to the address of our configuration and to no other; somebody has to look."""
    outcomes, server = posted(TOLD, answer=saying(http(307, location="/elsewhere")))
    assert len(server.requests) == 1
    (outcome,) = outcomes
    assert isinstance(outcome, NotSent)
    assert outcome.stop


def test_what_cannot_be_posted_is_refused() -> None:
    """Half a letter, or a message of more than a megabyte."""
    for text in ("\ud83d", "x" * 1_000_001):
        outcomes, server = posted(replace(TOLD, content=Content("en", text)))
        assert isinstance(outcomes[0], Rejected)
        assert server.requests == []
