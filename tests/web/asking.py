"""Asks the web application as browsers, mail programs and providers do."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI
from sqlalchemy import select
from twilio.request_validator import RequestValidator

from clm.store.database import Database
from clm.store.schema import contacts, metadata
from tests.engine.shop import NOW

PUBLIC_URL = "https://mail.shop.example"
BEHIND_THE_PROXY = "http://10.0.0.5:8080"
AUTH_TOKEN = "a token of Twilio's"
EVENTS = "/webhooks/sendgrid"
STATUS = "/webhooks/twilio/status"
INBOUND = "/webhooks/twilio/inbound"


class Asker:
    """Asks one application, keeping no cookies."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    def __call__(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request."""
        return asyncio.run(self.ask(method, path, **more))

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request, from within a loop."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url=BEHIND_THE_PROXY) as client:
            return await client.request(method, path, **more)

    def sms(self, text: str, *, sid: str = "SM1", sender: str = "+447700900123", **more: str) -> httpx.Response:
        """An SMS that somebody sends us, as Twilio tells it."""
        return self.twilio(INBOUND, {"MessageSid": sid, "From": sender, "To": "+15005550006", "Body": text, **more})

    def twilio(
        self, path: str, form: dict[str, str], *, token: str = AUTH_TOKEN, url: str | None = None
    ) -> httpx.Response:
        """A webhook, signed as Twilio does."""
        signature = RequestValidator(token).compute_signature(url or PUBLIC_URL + path, form)
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        return self("POST", path, content=urlencode(form), headers=headers)

    async def waits_for(self, events: int) -> None:
        """Return once so many events have come in and wait for the transaction before theirs."""
        intake = self.app.state.reception.intake
        while intake.waiting < events:  # noqa: ASYNC110 - the intake has no reason to tell anybody
            await asyncio.sleep(0.01)

    def close(self) -> None:
        """Stop its writer and close its database."""

        async def over() -> None:
            async with self.app.router.lifespan_context(self.app):
                pass

        asyncio.run(over())


class SendGrid:
    """Signs with a key of its own."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        der = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.public_key = b64encode(der).decode()

    def headers(self, body: bytes, at: int = NOW) -> dict[str, str]:
        """The headers that go with these very bytes."""
        timestamp = str(at // 1_000)
        signature = self._key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return {
            "X-Twilio-Email-Event-Webhook-Signature": b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
            "Content-Type": "application/json",
        }

    def request(self, *events: Any) -> dict[str, Any]:
        """Content and headers of a request with these events."""
        body = json.dumps(events).encode()
        return {"content": body, "headers": self.headers(body)}


def event(number: int, kind: str = "delivered", **more: Any) -> dict[str, Any]:
    """An event as SendGrid tells it."""
    return {
        "email": "planted.person@example.com",
        "event": kind,
        "timestamp": NOW // 1_000,
        "sg_event_id": f"event-{number}",
        "sg_message_id": "abc.filter001",
        **more,
    }


async def in_parts(parts: int, size: int) -> AsyncIterator[bytes]:
    """A body that does not say how long it is."""
    for _ in range(parts):
        yield b" " * size


def everything(database: Database) -> dict[str, list[Any]]:
    """Every row of every table, in order."""
    with database.read() as tx:
        return {
            table.name: sorted(tuple(row) for row in tx.execute(select(table)))
            if table.name != "replies"
            else [tuple(row) for row in tx.execute(select(table).order_by(table.c.id))]
            for table in metadata.sorted_tables
        }


def contact_id(database: Database, external_id: str) -> int:
    """The number of a contact."""
    with database.read() as tx:
        found = tx.scalar(select(contacts.c.id).where(contacts.c.external_id == external_id))
    assert isinstance(found, int)
    return found
