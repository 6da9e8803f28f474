"""What each answer of a provider means for the message: one table a provider, read by `outcome`.

The question is always the same: can the message have been accepted? Where it surely was not it may be handed over again
(`not_sent`), or every other message would meet the same (`stop`), or it is refused for good (`rejected`). Where nobody
can know it is in doubt; an answer that stands in no table is too.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import aiohttp

from clm.domain.instant import DAY_MS, HOUR_MS, SECOND_MS, to_ms
from clm.domain.outcome import Accepted, InDoubt, NotSent, Outcome, Rejected

WAIT_MS_MAX = HOUR_MS
"""No longer than this is a channel kept waiting by what a provider asks for."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an answer means, in words for the person who reads why a message stands where it stands."""

    verdict: Literal["accepted", "rejected", "not_sent", "stop", "in_doubt"]
    says: str
    suppress: str | None = None
    """For what reason nothing may go to the address any more (clm.store.suppressions.REASONS)."""
    alert: bool = False
    """A person has to look, because the next message may meet the same."""


Statuses = Mapping[int | str, Meaning]
"""By status, or by `4xx` for those of a class that are not named."""

_REFUSED = Meaning("rejected", "refused what was in it")
_TOO_LARGE = Meaning("rejected", "too large")
_WRONG_KEY = Meaning("stop", "the key is wrong, or has no right to send")
_WRONG_PLACE = Meaning("stop", "not what is asked at this URL")
_ELSEWHERE = Meaning("stop", "redirects, and redirects are not followed; check the URL")
_LATER = Meaning("not_sent", "too many at once")
_LOST = Meaning("in_doubt", "an error of theirs, before or after it was taken")

HTTP: Statuses = {
    "1xx": Meaning("in_doubt", "no final answer"),
    "2xx": Meaning("in_doubt", "not the answer of one who took it"),
    "3xx": _ELSEWHERE,
    303: Meaning("in_doubt", "redirects to something else, perhaps after having taken it"),
    400: _REFUSED,
    401: _WRONG_KEY,
    402: Meaning("stop", "the account cannot pay"),
    403: _WRONG_KEY,
    404: _WRONG_PLACE,
    405: _WRONG_PLACE,
    406: _WRONG_PLACE,
    407: Meaning("stop", "a proxy asks for a password"),
    408: Meaning("not_sent", "the request did not arrive whole"),
    410: _WRONG_PLACE,
    413: _TOO_LARGE,
    414: _TOO_LARGE,
    415: _WRONG_PLACE,
    422: _REFUSED,
    425: _LATER,
    429: _LATER,
    431: _TOO_LARGE,
    "4xx": Meaning("stop", "refused, in a way we do not know"),
    "5xx": _LOST,
}
"""What holds for anybody who speaks HTTP."""

SENDGRID: Statuses = {**HTTP, 202: Meaning("accepted", "queued")}
TWILIO: Statuses = {**HTTP, 201: Meaning("accepted", "queued")}
WEBHOOK: Statuses = {**HTTP, "2xx": Meaning("accepted", "taken")}

_NO_SUCH_NUMBER = Meaning("rejected", "the number cannot be written to", suppress="invalid")
_OUR_NUMBER = Meaning("stop", "our own number or name cannot send this; check brand.sms_sender")
_NO_ROUTE = Meaning("rejected", "the account may not write to that country", alert=True)

TWILIO_CODES: Mapping[int, Meaning] = {
    14107: _LATER,
    20003: _WRONG_KEY,
    20005: Meaning("stop", "the account is not active"),
    20006: _WRONG_KEY,
    20008: Meaning("stop", "these are test credentials"),
    20429: _LATER,
    21211: _NO_SUCH_NUMBER,
    21212: _OUR_NUMBER,
    21217: _NO_SUCH_NUMBER,
    21408: _NO_ROUTE,
    21602: Meaning("rejected", "there are no words in it"),
    21603: _OUR_NUMBER,
    21604: Meaning("rejected", "there is no number to write to"),
    21606: _OUR_NUMBER,
    21608: Meaning("rejected", "a trial account writes to verified numbers alone", alert=True),
    21609: Meaning("stop", "Twilio cannot reach CLM_PUBLIC_URL"),
    21610: Meaning("rejected", "they have said stop", suppress="stopped"),
    21611: Meaning("not_sent", "too many wait to be sent from our number"),
    21612: _NO_ROUTE,
    21614: _NO_SUCH_NUMBER,
    21617: Meaning("rejected", "longer than 1,600 characters"),
    21635: _NO_SUCH_NUMBER,
    21659: _OUR_NUMBER,
    21660: _OUR_NUMBER,
    30001: _LATER,
    30002: Meaning("stop", "the account is suspended"),
    30007: Meaning("rejected", "filtered by a carrier", alert=True),
    30034: Meaning("rejected", "our number is not registered with the carriers", alert=True),
    30450: Meaning("rejected", "held back as a risk", alert=True),
    63038: Meaning("not_sent", "the account's messages of this day are used up"),
}
"""The codes in an answer of Twilio below 500, which say more than its status."""

TRANSPORT: tuple[tuple[type[BaseException], Meaning], ...] = (
    (aiohttp.ConnectionTimeoutError, Meaning("not_sent", "no connection in time")),
    (aiohttp.ClientConnectorDNSError, Meaning("not_sent", "its name cannot be looked up")),
    (aiohttp.ClientConnectorCertificateError, Meaning("not_sent", "its certificate is not trusted")),
    (aiohttp.ClientConnectorSSLError, Meaning("not_sent", "no encryption could be agreed on")),
    (aiohttp.ServerFingerprintMismatch, Meaning("not_sent", "its certificate is not trusted")),
    (aiohttp.ClientConnectorError, Meaning("not_sent", "no connection")),
    (aiohttp.InvalidURL, Meaning("stop", "its URL is not one")),
    (TimeoutError, Meaning("in_doubt", "no answer in time")),
    (aiohttp.ClientError, Meaning("in_doubt", "the connection broke, and with it the answer")),
    (OSError, Meaning("in_doubt", "the connection broke, and with it the answer")),
)
"""What it means where no status came; the first that fits. Only before a connection stands is it sure that nothing was
sent: what was written into one may have been read, whatever became of it."""


def of_status(statuses: Statuses, status: int) -> Meaning:
    """What a status means."""
    return statuses.get(status) or statuses.get(f"{status // 100}xx") or _LOST


def of_fault(error: BaseException) -> Meaning:
    """What it means that this was raised instead of an answer."""
    return next((meaning for kind, meaning in TRANSPORT if isinstance(error, kind)), _LOST)


def outcome(
    meaning: Meaning, who: str, *, provider_id: str | None = None, told: str = "", wait_ms: int | None = None
) -> Outcome:
    """The outcome for the dispatcher; `told` is what the provider itself said, already without addresses."""
    reason = f"{who}: {meaning.says}" + (f" ({told})" if told else "")
    match meaning.verdict:
        case "accepted":
            return Accepted(provider_id)
        case "rejected":
            return Rejected(reason, suppress=meaning.suppress, alert=meaning.alert)
        case "not_sent":
            return NotSent(reason, retry_after_ms=wait_ms)
        case "stop":
            return NotSent(reason, retry_after_ms=wait_ms, stop=True)
        case "in_doubt":
            return InDoubt(reason)


def wait_asked(headers: Mapping[str, str]) -> int | None:
    """How long the provider asks us to wait, in milliseconds, at most WAIT_MS_MAX; None where it does not say.

    Where it names an instant, that is measured against its own clock (the Date of the same answer), not against ours.
    """
    retry = headers.get("Retry-After", "").strip()
    reset = headers.get("X-RateLimit-Reset", "").strip()
    if re.fullmatch(r"\d{1,9}", retry):
        return min(int(retry) * SECOND_MS, WAIT_MS_MAX)
    until = _instant(retry) if retry else None
    if until is None and re.fullmatch(r"\d{1,12}", reset):
        until = int(reset) * SECOND_MS
        if until < 10 * 365 * DAY_MS:  # seconds to wait, as some write it, and not seconds since 1970
            return min(until, WAIT_MS_MAX)
    answered = _instant(headers.get("Date", "")) if until is not None else None
    if until is None or answered is None:
        return None
    return min(max(until - answered, 0), WAIT_MS_MAX)


def _instant(text: str) -> int | None:
    try:
        return to_ms(email.utils.parsedate_to_datetime(text))
    except ValueError:
        return None
