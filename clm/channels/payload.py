"""What a program is told of one message: the body of a webhook, and its signature."""

from __future__ import annotations

import hmac
from hashlib import sha256

from clm.domain.content import Envelope
from clm.domain.instant import SECOND_MS, iso

SIGNATURE_HEADER = "Clm-Signature"
IDEMPOTENCY_HEADER = "Idempotency-Key"


def payload(envelope: Envelope) -> dict[str, object]:
    """The message as a program reads it; `text` alone is what Slack shows."""
    campaign, step = (*envelope.labels, None, None)[:2]
    return {
        "id": envelope.reference,
        "campaign": campaign,
        "step": step,
        "subject": envelope.content.subject,
        "text": envelope.content.text,
        "at": iso(envelope.at_ms),
    }


def signature(body: bytes, secret: str, *, at_ms: int) -> str:
    """`t=<unix seconds>,v1=<hex>`: HMAC-SHA256 over `<t>.<body>`, so that a receiver may refuse what is old."""
    seconds = str(at_ms // SECOND_MS)
    seal = hmac.new(secret.encode(), seconds.encode() + b"." + body, sha256).hexdigest()
    return f"t={seconds},v1={seal}"
