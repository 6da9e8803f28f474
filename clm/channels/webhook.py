"""Tells a program of a message: a signed JSON POST to a URL of our own configuration.

Whoever receives it checks `Clm-Signature` and drops an `Idempotency-Key` it has had before; so a hand-over whose answer
was lost is simply repeated by the dispatcher.
"""

from __future__ import annotations

import orjson
from pydantic import SecretStr
from yarl import URL

from clm.channels import answers
from clm.channels.exchange import Exchange, Reply
from clm.channels.payload import IDEMPOTENCY_HEADER, SIGNATURE_HEADER, payload, signature
from clm.channels.rate import Pace
from clm.domain.content import Envelope
from clm.domain.delivery import Limits
from clm.domain.outcome import Outcome, Rejected

BYTES_MAX = 1_000_000


class Webhook:
    """Posts messages to one URL; no URL that came with a contact is ever asked for."""

    name = "webhook"
    idempotent = True
    live = True

    def __init__(self, url: str, secret: SecretStr, *, limits: Limits) -> None:
        self.limits = limits
        self._url = URL(url)
        self._secret = secret
        self._exchange = Exchange(limits)
        self._pace = Pace(limits.per_second)

    async def deliver(self, envelope: Envelope) -> Outcome:
        """Post one message; the answer's body is not read for meaning."""
        try:
            body = orjson.dumps(payload(envelope))
        except orjson.JSONEncodeError:
            return Rejected("the text is not Unicode")
        if len(body) > BYTES_MAX:
            return Rejected("the message is larger than 1 MB")
        reply = await self._exchange.post(
            self._url,
            body,
            {
                "Content-Type": "application/json",
                IDEMPOTENCY_HEADER: envelope.reference,
                SIGNATURE_HEADER: signature(body, self._secret.get_secret_value(), at_ms=envelope.at_ms),
            },
        )
        if not isinstance(reply, Reply):
            return answers.outcome(reply, "webhook")
        meaning = answers.of_status(answers.WEBHOOK, reply.status)
        return answers.outcome(meaning, f"webhook {reply.status}", wait_ms=answers.wait_asked(reply.headers))

    async def turn(self) -> None:
        """Wait for the pace that was asked for."""
        await self._pace.turn()

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        await self._exchange.close()
