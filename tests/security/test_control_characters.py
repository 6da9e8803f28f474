"""No control character leaves in a header, a name or an address: it could smuggle in another header or recipient."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from benchmarks.fake_provider import FakeProvider, fake_provider
from clm.channels.outbox import Outbox
from clm.channels.protocol import Channel
from clm.channels.sendgrid import SendGrid
from clm.channels.twilio import Twilio
from clm.domain.content import Content, Envelope
from clm.domain.delivery import Limits
from clm.domain.outcome import Accepted, Rejected

MAIL = Envelope(
    message_id=1,
    reference="m1-0123456789ab",
    channel="email",
    to="ada@example.com",
    to_name="Ada",
    sender="letters@shop.example",
    sender_name="Nadia",
    content=Content("en", "Good day.", "Hello", "<p>Good day.</p>"),
    at_ms=1_700_000_000_000,
    headers={"Reply-To": "hello@shop.example"},
)
TEXT = replace(
    MAIL, channel="sms", to="+447700900123", sender="Shop", sender_name=None, content=Content("en", "Hello"), headers={}
)
SMUGGLED = ["\r\nBcc: eve@example.com", "\nBcc: eve@example.com", "\rX", "\0", "\x1b[2J", "\x7f", "\x85", "\u2028"]
FIELDS: dict[str, Callable[[Envelope, str], Envelope]] = {
    "to": lambda mail, more: replace(mail, to=mail.to + more),
    "to name": lambda mail, more: replace(mail, to_name=f"Ada{more}"),
    "sender": lambda mail, more: replace(mail, sender=mail.sender + more),
    "sender name": lambda mail, more: replace(mail, sender_name=f"Nadia{more}"),
    "subject": lambda mail, more: replace(mail, content=replace(mail.content, subject=f"Hello{more}")),
    "header": lambda mail, more: replace(mail, headers={"Reply-To": f"hello@shop.example{more}"}),
}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A provider that would take everything."""
    with fake_provider(tmp_path_factory.mktemp("provider"), keep_requests=True) as started:
        yield started


def _mail_channels(provider: FakeProvider, folder: Path) -> list[Channel]:
    return [SendGrid(SecretStr("SG.key"), api_url=provider.url, limits=Limits()), Outbox(folder)]


def _sms_channel(provider: FakeProvider) -> Channel:
    account, token = "AC" + "0" * 32, SecretStr("token")
    return Twilio(account, token, api_url=provider.url, public_url="https://shop.example", limits=Limits())


def _deliver(channel: Channel, envelope: Envelope) -> object:
    async def once() -> object:
        try:
            return await channel.deliver(envelope)
        finally:
            await channel.close()

    return asyncio.run(once())


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("more", SMUGGLED)
def test_mail_with_a_control_character_is_refused_here(
    provider: FakeProvider, tmp_path: Path, field: str, more: str
) -> None:
    """By every channel, before anything leaves, and without quoting whom it was for."""
    for channel in _mail_channels(provider, tmp_path):
        outcome = _deliver(channel, FIELDS[field](MAIL, more))
        assert isinstance(outcome, Rejected), channel.name
        assert "ada" not in outcome.reason.lower()
    assert provider.counts().get("requests", 0) == 0
    assert list(tmp_path.rglob("*.eml")) == []


@pytest.mark.parametrize("more", [more for more in SMUGGLED if more != "\u2028"])
def test_sms_with_a_control_character_is_refused_here(provider: FakeProvider, more: str) -> None:
    """In number and sender any, in the text all but line breaks."""
    channel = _sms_channel(provider)
    tried = [replace(TEXT, to=TEXT.to + more)]
    if more[0] not in "\r\n":
        tried.append(replace(TEXT, content=Content("en", f"Hello{more}")))
    for envelope in tried:
        assert isinstance(_deliver(channel, envelope), Rejected)
    assert provider.counts().get("requests", 0) == 0


def test_the_same_without_them_leaves(tmp_path: Path) -> None:
    """So that the tests above are about the control characters."""
    with fake_provider(tmp_path) as provider:
        for channel in _mail_channels(provider, tmp_path):
            assert isinstance(_deliver(channel, MAIL), Accepted), channel.name
        sms = Twilio(
            "AC" + "0" * 32,
            SecretStr("token"),
            api_url=provider.url,
            public_url="https://shop.example",
            limits=Limits(),
        )
        assert isinstance(_deliver(sms, TEXT), Accepted)
        assert provider.counts()["requests"] == 2
