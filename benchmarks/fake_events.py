"""What a provider tells of the messages it took, signed as the real ones sign it: repeated, late and out of order."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from benchmarks.fake_provider import Accepted

BATCH_EVENTS: Final = 100
SIGNATURE: Final = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP: Final = "X-Twilio-Email-Event-Webhook-Timestamp"
TWILIO_SIGNATURE: Final = "X-Twilio-Signature"


class Webhook(NamedTuple):
    """One request that a provider makes to us."""

    url: str
    body: bytes
    headers: Mapping[str, str]


class SendGridKey:
    """The key with which the fake SendGrid signs; drawn anew each time."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public(self) -> str:
        """As SendGrid shows it: SENDGRID_WEBHOOK_KEY."""
        encoded = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(encoded).decode()

    def sign(self, timestamp: str, body: bytes) -> str:
        """Base64 of the ECDSA signature over the timestamp and the raw bytes."""
        return base64.b64encode(self._key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))).decode()


def sendgrid_webhooks(
    accepted: Sequence[Accepted],
    url: str,
    key: SendGridKey,
    *,
    kinds: Sequence[str] = ("processed", "delivered"),
    repeats: int = 1,
    seed: int | None = None,
    now: int,
) -> list[Webhook]:
    """The event webhooks about these messages; each event comes `repeats` times, in any order where there is a seed.

    `now` is when they are sent, in milliseconds.
    """
    events = [
        {
            **one.told["custom_args"],
            "email": one.to,
            "event": kind,
            "timestamp": (one.at + number) // 1_000,
            "sg_event_id": f"{one.id}-{kind}",
            "sg_message_id": f"{one.id}.filter0001.0",
            "smtp-id": f"<{one.id}@fake.example>",
            "category": one.told["categories"],
        }
        for one in accepted
        if one.provider == "sendgrid"
        for number, kind in enumerate(kinds)
    ] * repeats
    if seed is not None:
        random.Random(seed).shuffle(events)
    timestamp = str(now // 1_000)
    webhooks = []
    for start in range(0, len(events), BATCH_EVENTS):
        # As their own do: indented not at all, and ended by CRLF, over which they sign too.
        body = json.dumps(events[start : start + BATCH_EVENTS], separators=(",", ":")).encode() + b"\r\n"
        headers = {"Content-Type": "application/json", TIMESTAMP: timestamp, SIGNATURE: key.sign(timestamp, body)}
        webhooks.append(Webhook(url, body, headers))
    return webhooks


def twilio_webhooks(
    accepted: Sequence[Accepted],
    token: str,
    *,
    statuses: Sequence[str] = ("sent", "delivered"),
    repeats: int = 1,
    seed: int | None = None,
) -> list[Webhook]:
    """The status callbacks about these messages, each to the address that its message named."""
    webhooks = [
        _twilio(one, status, token)
        for one in accepted
        if one.provider == "twilio" and one.told["callback"]
        for status in statuses
    ] * repeats
    if seed is not None:
        random.Random(seed).shuffle(webhooks)
    return webhooks


def _twilio(one: Accepted, status: str, token: str) -> Webhook:
    form: dict[str, Any] = {
        "AccountSid": "AC" + "0" * 32,
        "ApiVersion": "2010-04-01",
        "From": one.told["from"] or "",
        "MessageSid": one.id,
        "MessageStatus": status,
        "SmsSid": one.id,
        "SmsStatus": status,
        "To": one.to,
    }
    # The fragment is an order to Twilio (#rc=5&rp=all) and no part of what it asks for or signs.
    url = one.told["callback"].partition("#")[0]
    signed = url + "".join(f"{name}{value}" for name, value in sorted(form.items()))
    signature = base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", TWILIO_SIGNATURE: signature}
    return Webhook(url, urlencode(form).encode(), headers)
