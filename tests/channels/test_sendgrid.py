"""What goes to SendGrid: the request its document and its library ask for, and nothing its API would refuse."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from openapi_core.exceptions import OpenAPIError
from pydantic import SecretStr
from sendgrid.helpers.mail import (
    Category,
    CustomArg,
    From,
    Header,
    HtmlContent,
    Mail,
    Personalization,
    PlainTextContent,
    ReplyTo,
    Subject,
    SubscriptionTracking,
    To,
    TrackingSettings,
)

from clm.channels.sendgrid import SendGrid, request_body
from clm.domain.content import Content, Envelope
from clm.domain.delivery import Limits
from clm.domain.outcome import Accepted, Outcome, Rejected
from tests.channels.official import SENDGRID, require_official
from tests.channels.speaking import MAIL, Heard, Request, handed, http, http_server, saying

KEY = "SG.for-this-machine-alone.0123456789"


def sent(*envelopes: Envelope, **headers: str) -> tuple[list[Outcome], Heard]:
    """Hand mails over; what came of them, and what the server heard."""

    async def all_of_them() -> tuple[list[Outcome], Heard]:
        async with http_server(saying(http(202, **headers))) as server:
            channel = SendGrid(SecretStr(KEY), api_url=server.url + "/", limits=Limits())
            return await handed(channel, *envelopes), server

    return asyncio.run(all_of_them())


def built(envelope: Envelope) -> dict[str, Any]:
    """The body for one mail."""
    body: dict[str, Any] = json.loads(request_body(envelope))
    return body


def test_a_mail_is_one_request_as_the_document_has_it() -> None:
    """Path, key and body are those of SendGrid's own OpenAPI document; the answer's X-Message-Id is kept."""
    outcomes, server = sent(MAIL, MAIL, x_message_id="14c5d75ce93.dfd.64b469")
    assert outcomes == [Accepted("14c5d75ce93.dfd.64b469")] * 2
    assert (len(server.requests), server.connections) == (2, 1), "one message a request, over a kept connection"
    request = server.requests[0]
    assert request.line == "POST /v3/mail/send HTTP/1.1"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    require_official(SENDGRID, request)


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body.pop("from"),
        lambda body: body.update(subject=7),
        lambda body: body["personalizations"][0].pop("to"),
        lambda body: body["content"][0].pop("value"),
        lambda body: body.update(categories=["x" * 256]),
    ],
)
def test_the_document_notices_a_damaged_request(damage: Any) -> None:
    """The check against the document can fail."""
    body = built(MAIL)
    damage(body)
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    with pytest.raises(OpenAPIError):
        require_official(SENDGRID, Request("POST /v3/mail/send HTTP/1.1", headers, json.dumps(body).encode()))


def by_their_library(envelope: Envelope) -> dict[str, Any]:
    """The same mail, built with the helpers of PyPI's sendgrid."""
    mail = Mail()
    mail.from_email = From(envelope.sender, envelope.sender_name)
    mail.subject = Subject(envelope.content.subject)
    person = Personalization()
    person.add_to(To(envelope.to, envelope.to_name))
    person.add_custom_arg(CustomArg("clm_reference", envelope.reference))
    mail.add_personalization(person)
    mail.add_content(PlainTextContent(envelope.content.text))
    if envelope.content.html:
        mail.add_content(HtmlContent(envelope.content.html))
    for name, value in envelope.headers.items():
        if name == "Reply-To":
            mail.reply_to = ReplyTo(value)
        else:
            mail.add_header(Header(name, value))
    for label in reversed(envelope.labels):  # they come out the other way round
        mail.add_category(Category(label))
    mail.tracking_settings = TrackingSettings(subscription_tracking=SubscriptionTracking(enable=False))
    body: dict[str, Any] = mail.get()
    return body


@pytest.mark.parametrize(
    "envelope",
    [
        MAIL,
        replace(MAIL, to_name=None, sender_name=None, headers={}, labels=()),
        replace(MAIL, channel="staff", content=Content("en", "Call today.", subject="Call C-1042"), to_name=None),
    ],
)
def test_a_mail_is_what_their_library_builds(envelope: Envelope) -> None:
    """Built by hand for speed, the body is the one of SendGrid's own helpers."""
    assert built(envelope) == by_their_library(envelope)


def test_one_click_headers_go_as_they_are() -> None:
    """Both unsubscribe headers stand in one piece, and SendGrid adds no link of its own."""
    body = built(MAIL)
    assert body["headers"] == {name: value for name, value in MAIL.headers.items() if name != "Reply-To"}
    assert body["reply_to"] == {"email": "care@shop.example"}
    assert body["tracking_settings"] == {"subscription_tracking": {"enable": False}}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Leaf & Spice", "Leaf & Spice"),
        ("Café Olé", "Cafe Ole"),
        ("Leaf, Spice; and Co", "Leaf Spice and Co"),
        ("چای", None),
        ("Tea ☕", None),
        ("", None),
        (None, None),
    ],
)
def test_the_senders_name_is_ascii_or_left_out(name: str | None, expected: str | None) -> None:
    """SendGrid promises no other letters in From: accents are dropped, and a name in another script is left out."""
    assert built(replace(MAIL, sender_name=name))["from"].get("name") == expected


def test_a_name_that_sendgrid_does_not_carry_is_the_brands_own() -> None:
    """A Persian letter comes from the shop's own name, and not from a bare address; one it carries goes before."""
    fa = replace(MAIL, sender_name="نادیا از سفرون", sender_name_ascii="Nadia at Saffron")
    assert built(fa)["from"]["name"] == "Nadia at Saffron"
    assert built(replace(fa, sender_name="Nadía"))["from"]["name"] == "Nadia"


def test_the_recipients_name_holds_no_list_marks() -> None:
    """A name in any script goes through, without the marks that would make it two people."""
    (person,) = built(replace(MAIL, to_name="مینا, کریمی; M"))["personalizations"]
    assert person["to"] == [{"email": MAIL.to, "name": "مینا کریمی M"}]


def test_labels_keep_to_the_limits() -> None:
    """At most ten categories, none twice, none longer than 255 characters."""
    labels = ("a", "a", "x" * 300, *map(str, range(20)))
    found = built(replace(MAIL, labels=labels))["categories"]
    assert found == ["a", "x" * 255, *map(str, range(8))]


@pytest.mark.parametrize(
    "envelope",
    [
        replace(MAIL, to=""),
        replace(MAIL, to="nobody"),
        replace(MAIL, to="a@customer.example,b@customer.example"),
        replace(MAIL, to="mina@customer.example\r\nBcc: all@customer.example"),
        replace(MAIL, sender="shop"),
        replace(MAIL, to_name="Mina\r\nBcc: all@customer.example"),
        replace(MAIL, to_name="Mina\x00"),
        replace(MAIL, sender_name="Shop\x1b"),
        replace(MAIL, headers={"X-A": "b\r\nBcc: all@customer.example"}),
        replace(MAIL, headers={"X-A: b\r\nBcc": "all@customer.example"}),
        replace(MAIL, headers={"Reply-To": "nobody"}),
        replace(MAIL, headers={"Subject": "another"}),
        replace(MAIL, headers={"Content-Type": "text/plain"}),
        replace(MAIL, content=Content("en", "words", subject="Hi\nBcc: all@customer.example")),
        replace(MAIL, content=Content("en", "words", subject="  ")),
        replace(MAIL, content=Content("en", "words", subject=None)),
        replace(MAIL, content=Content("en", "", subject="Hi", html="")),
        replace(MAIL, content=Content("en", "half a letter: \ud83d", subject="Hi")),
        replace(MAIL, content=Content("en", "x" * 30_000_000, subject="Hi")),
    ],
)
def test_what_the_api_refuses_is_refused_here(envelope: Envelope) -> None:
    """Nothing of it is sent, and the reason names the field and not the person."""
    (outcome,), server = sent(envelope)
    assert isinstance(outcome, Rejected)
    assert "customer.example" not in outcome.reason
    assert server.requests == []


def test_the_provider_learns_our_reference_alone() -> None:
    """Of contact and message numbers nothing travels beyond what the mail itself says."""
    body = built(replace(MAIL, message_id=987_654_321))
    assert "987654321" not in json.dumps(body)
    assert body["personalizations"][0]["custom_args"] == {"clm_reference": MAIL.reference}


def test_a_channel_works_again_in_another_event_loop() -> None:
    """Each batch may run in an event loop of its own; connections of the one before are given back and not mixed up."""
    channel = SendGrid(SecretStr(KEY), api_url="http://127.0.0.1:1", limits=Limits())

    async def once() -> list[Outcome]:
        async with http_server(saying(http(202))) as server:
            channel._url = channel._url.with_port(int(server.url.rpartition(":")[2]))
            return await handed(channel, MAIL)

    assert [asyncio.run(once()), asyncio.run(once())] == [[Accepted()]] * 2


def test_messages_at_once_keep_to_the_limit_of_connections() -> None:
    """Thirty mails at once go over no more connections than the policy says."""

    async def at_once() -> tuple[list[Outcome], Heard]:
        async with http_server(saying(http(202))) as server:
            channel = SendGrid(SecretStr(KEY), api_url=server.url, limits=Limits(at_once=3))
            outcomes = await asyncio.gather(*(channel.deliver(MAIL) for _ in range(30)))
            await channel.close()
            return outcomes, server

    outcomes, server = asyncio.run(at_once())
    assert outcomes == [Accepted()] * 30
    assert server.connections == 3
