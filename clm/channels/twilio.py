"""SMS by Twilio: one message a request, never repeated here.

Twilio's own asynchronous client is not used: it shares one unbounded session among event loops, keeps the last request
in a field that the next overwrites, has no limit on an answer, and logs numbers and words when told to log. What it
would send is one form, and what it reads is one JSON object.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlencode

from aiohttp import encode_basic_auth
from pydantic import SecretStr
from yarl import URL

from clm.channels import answers
from clm.channels.exchange import Exchange, Reply
from clm.channels.loopback import is_loopback
from clm.channels.protocol import Answer, Question
from clm.channels.rate import Pace
from clm.channels.redact import redacted
from clm.channels.twilio_records import Records
from clm.domain.content import Envelope
from clm.domain.delivery import Limits
from clm.domain.instant import SECOND_MS
from clm.domain.outcome import Outcome, Rejected
from clm.domain.provider_event import ProviderEvent

CHARACTERS_MAX = 1_600
VALIDITY_SECONDS_MAX = 36_000
STATUS_PATH = "/webhooks/twilio/status"
REFERENCE_PARAMETER = "m"
_RETRIES = "#rc=5&rp=all"  # or a callback is tried twice, and only where no connection came
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_PROVIDER_ID = re.compile(r"[A-Za-z0-9]{1,64}")


class Twilio:
    """Hands SMS to Twilio's Messages resource, asks it about one, and reads what it recorded.

    Twilio takes no idempotency key, so a message whose answer was lost is in doubt; our reference travels in the
    callback's URL, which Twilio signs.
    """

    name = "twilio"
    idempotent = False
    live = True

    def __init__(
        self, account_sid: str, auth_token: SecretStr, *, api_url: str, public_url: str, limits: Limits
    ) -> None:
        self.limits = limits
        account = URL(f"{api_url.rstrip('/')}/2010-04-01/Accounts/{account_sid}/Messages.json")
        self._url = account
        self._callback = callback_url(public_url, api_url)
        sign_in = {"Authorization": encode_basic_auth(account_sid, auth_token.get_secret_value())}
        self._headers = {**sign_in, "Content-Type": "application/x-www-form-urlencoded"}
        self._exchange = Exchange(limits)
        self._records = Records(self._exchange, account, sign_in)
        self._pace = Pace(limits.per_second)

    async def deliver(self, envelope: Envelope) -> Outcome:
        """Hand one SMS over; what Twilio would refuse is refused here already."""
        unfit = _unfit(envelope)
        if unfit is not None:
            return Rejected(unfit)
        form = {"To": envelope.to, "From": envelope.sender, "Body": envelope.content.text}
        if self._callback is not None:
            form["StatusCallback"] = f"{self._callback}?{REFERENCE_PARAMETER}={envelope.reference}{_RETRIES}"
        if envelope.good_until_ms is not None:
            # Twilio queues what it cannot send at once, and would send it when nobody wants it any more, or at night.
            seconds = (envelope.good_until_ms - envelope.at_ms) // SECOND_MS
            form["ValidityPeriod"] = str(min(max(seconds, 1), VALIDITY_SECONDS_MAX))
        try:
            body = urlencode(form).encode("ascii")
        except UnicodeEncodeError:
            return Rejected("the text is not Unicode")
        reply = await self._exchange.post(self._url, body, self._headers)
        return answers.outcome(reply, "Twilio") if not isinstance(reply, Reply) else _outcome(reply)

    async def ask(self, question: Question) -> Answer:
        """Whether Twilio has the message, by its recipient, its time and its words."""
        return await self._records.ask(question)

    async def sweep(self, *, since: int, until: int) -> Sequence[ProviderEvent]:
        """What became of the messages sent between two instants, as Twilio has it now."""
        return await self._records.sweep(since=since, until=until)

    async def turn(self) -> None:
        """Wait for the pace that was asked for."""
        await self._pace.turn()

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        await self._exchange.close()


def callback_url(public_url: str, api_url: str) -> str | None:
    """Where Twilio tells what became of a message; None where it could not reach us, and would refuse the message.

    Twilio calls public HTTPS addresses alone. One of this machine is for a stand-in of Twilio on this machine.
    """
    ours = URL(public_url)
    here = is_loopback(ours.host) and is_loopback(URL(api_url).host)
    if not here and (ours.scheme != "https" or is_loopback(ours.host)):
        return None
    return public_url.rstrip("/") + STATUS_PATH


def _unfit(envelope: Envelope) -> str | None:
    """Why Twilio would refuse the SMS, where it would."""
    text = envelope.content.text
    if not _NUMBER.fullmatch(envelope.to):
        return "to is not a number in international form (E.164)"
    if not text.strip():
        return "the SMS has no words"
    if len(text) > CHARACTERS_MAX:
        return f"the SMS is longer than {CHARACTERS_MAX:,} characters"
    if _CONTROL.search(text):
        return "the SMS holds a control character"
    if not envelope.sender or not envelope.sender.isprintable():
        return "from is not a number or name that can send SMS"
    return None


def _outcome(reply: Reply) -> Outcome:
    told = reply.json()
    told = told if isinstance(told, dict) else {}
    code = told.get("code")
    meaning = answers.of_status(answers.TWILIO, reply.status)
    if 400 <= reply.status < 500 and isinstance(code, int):
        meaning = answers.TWILIO_CODES.get(code, meaning)
    sid = told.get("sid")
    return answers.outcome(
        meaning,
        f"Twilio {reply.status}" + (f" {code}" if isinstance(code, int) else ""),
        provider_id=sid if isinstance(sid, str) and _PROVIDER_ID.fullmatch(sid) else None,
        told=redacted(str(told.get("message") or "")) if reply.status >= 400 else "",
        wait_ms=answers.wait_asked(reply.headers),
    )
