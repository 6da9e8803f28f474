"""What Twilio tells of SMS: status callbacks, answers of people, and the signature under both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from multidict import MultiDict
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from clm.channels.redact import CHARACTERS_MAX, redacted
from clm.channels.twilio_codes import LAPSED, PROVIDER, SUPPRESSING, alert
from clm.domain.provider_event import EventKind, ProviderEvent

FIELDS_MAX = 200

STATUSES: Mapping[str, EventKind] = {
    "accepted": "processed",
    "scheduled": "processed",
    "queued": "processed",
    "sending": "processed",
    "sent": "sent",
    "partially_delivered": "sent",
    "canceled": "failed",
    "failed": "failed",
    "undelivered": "undelivered",
    "delivered": "delivered",
    "read": "opened",
}
"""Twilio's word, and ours. They come in any order."""

_SID = re.compile(r"[A-Za-z0-9]{2,64}")
_NUMBER = re.compile(r"\+[1-9]\d{2,14}")
_REFERENCE_CHARACTERS_MAX = 64


@dataclass(frozen=True, slots=True)
class Inbound:
    """An SMS that somebody sent us."""

    message_sid: str
    sender: str
    to: str
    text: str
    opt_out: str | None
    """STOP, START or HELP where Twilio has understood it and answered it itself."""


def form_of(body: bytes) -> MultiDict[str]:
    """The fields of a form; raises ValueError for one that is not a form, or has more than FIELDS_MAX fields."""
    pairs = parse_qsl(
        body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=FIELDS_MAX
    )
    return MultiDict(pairs)


def signature_is_right(url: str, form: MultiDict[str], signature: str, auth_token: str) -> bool:
    """Whether Twilio signed this for `url`: the public one, with its query, as we gave it to Twilio.

    What follows a `#` is for Twilio alone and not signed. A missing token is never right.
    """
    if not auth_token or not signature:
        return False
    right: bool = RequestValidator(auth_token).validate(url.partition("#")[0], form, signature)
    return right


def status_event(form: Mapping[str, str], *, reference: str | None, now: int) -> ProviderEvent | None:
    """The event of a status callback; None where it is none that we know. Twilio gives no instant: it is `now`."""
    return message_event(
        sid=form.get("MessageSid") or form.get("SmsSid"),
        status=form.get("MessageStatus") or form.get("SmsStatus"),
        to=form.get("To"),
        error_code=form.get("ErrorCode"),
        error_message=form.get("ErrorMessage"),
        reference=reference,
        at=now,
    )


def message_event(
    *,
    sid: str | None,
    status: str | None,
    to: str | None,
    error_code: str | int | None,
    error_message: str | None,
    reference: str | None,
    at: int,
) -> ProviderEvent | None:
    """The event that a message has come to a status, the same however we learned of it; None for one unknown."""
    known = STATUSES.get((status or "").lower())
    if known is None or sid is None or not _SID.fullmatch(sid):
        return None
    given = str(error_code or "")
    code = int(given) if re.fullmatch(r"\d{1,6}", given) else None
    detail = f"{code or ''} {redacted(error_message or '')}".strip()[:CHARACTERS_MAX] or None
    if reference is not None and (len(reference) > _REFERENCE_CHARACTERS_MAX or not reference.isprintable()):
        reference = None
    return ProviderEvent(
        provider=PROVIDER,
        event_id=f"{sid}:{status.lower()}" if status else sid,
        kind=known,
        at=at,
        channel="sms",
        reference=reference,
        provider_message_id=sid,
        address=to if to is not None and _NUMBER.fullmatch(to) else None,
        suppress=None if code is None else SUPPRESSING.get(code),
        alert=alert(detail),
        lapsed=known in {"failed", "undelivered"} and code in LAPSED,
        detail=detail,
    )


def inbound(form: Mapping[str, str]) -> Inbound | None:
    """The SMS that somebody sent us; None where the form is none."""
    sid, sender = form.get("MessageSid") or form.get("SmsSid") or "", form.get("From") or ""
    if not _SID.fullmatch(sid) or not _NUMBER.fullmatch(sender):
        return None
    return Inbound(sid, sender, form.get("To") or "", form.get("Body") or "", form.get("OptOutType") or None)
