"""What SendGrid's event webhook tells: a JSON array, signed, in any order, with repetitions."""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from sendgrid.helpers.eventwebhook import EventWebhook, EventWebhookHeader  # type: ignore[import-untyped]

from clm.channels.redact import redacted
from clm.domain.instant import DAY_MS, HOUR_MS, SECOND_MS
from clm.domain.provider_event import EventKind, ProviderEvent

PROVIDER = "sendgrid"
SIGNATURE_HEADER: str = EventWebhookHeader.SIGNATURE
TIMESTAMP_HEADER: str = EventWebhookHeader.TIMESTAMP
REFERENCE_ARG = "clm_reference"
"""Under this name our reference travels with a message and comes back with each of its events."""

AGE_MS_MAX = DAY_MS + 2 * HOUR_MS
"""SendGrid tries for about 24 hours, and nowhere promises to sign a later try anew. Playing a request back within that
time changes nothing, since an event is stored once."""
AHEAD_MS_MAX = HOUR_MS // 6  # our clock and theirs
EVENTS_MAX = 10_000
_ID_CHARACTERS_MAX = 200
_REFERENCE_CHARACTERS_MAX = 64
_ADDRESS_CHARACTERS_MAX = 320
_MILLISECONDS_FROM = 100_000_000_000  # so many seconds are the year 5138: it was meant as milliseconds
_LATEST_MS = 7_258_118_400_000  # the year 2200

KINDS: Mapping[str, EventKind] = {
    "processed": "processed",
    "deferred": "deferred",
    "delivered": "delivered",
    "bounce": "bounced",
    "dropped": "dropped",
    "open": "opened",
    "click": "clicked",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
    "group_resubscribe": "resubscribed",
}
_SUPPRESSING: Mapping[EventKind, str] = {
    "bounced": "bounced",
    "complained": "complained",
    "unsubscribed": "unsubscribed",
}
_DROPPED: Mapping[str, str] = {
    "bounced address": "bounced",
    "unsubscribed address": "unsubscribed",
    "spam reporting address": "complained",
    "invalid": "invalid",
}
"""Why SendGrid did not send it, where that is the address: it stands on a list of theirs."""


def signature_is_right(body: bytes, signature: str, timestamp: str, public_key: str, *, now: int) -> bool:
    """Whether SendGrid signed these very bytes, not too long ago; a missing key is never right.

    `public_key` is base64 as SendGrid shows it; raises ValueError where it is no key.
    """
    if not public_key:
        return False
    try:
        webhook = EventWebhook(public_key.strip())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("SENDGRID_WEBHOOK_KEY is not a public key as SendGrid shows it") from error
    if not re.fullmatch(r"\d{1,12}", timestamp):
        return False
    age = now - int(timestamp) * SECOND_MS
    if not -AHEAD_MS_MAX <= age <= AGE_MS_MAX:
        return False
    try:
        # The helper makes bytes of text again; of what is not UTF-8, which is not JSON either, it could not.
        right: bool = webhook.verify_signature(body.decode("utf-8"), signature, timestamp)
    except (UnicodeDecodeError, binascii.Error, ValueError):
        return False
    return right


def events_of(body: bytes) -> tuple[list[ProviderEvent], list[str]]:
    """The events in a request, and what is wrong with the others, by their place; one bad event spoils no other.

    Faults name fields and never values. Raises nothing: a body that is no array at all is one fault.
    """
    try:
        told = json.loads(body, parse_int=_number, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return [], ["the body is not JSON"]
    if not isinstance(told, list):
        return [], ["the body is not a list of events"]
    if len(told) > EVENTS_MAX:
        return [], [f"the body holds more than {EVENTS_MAX:,} events"]
    events: list[ProviderEvent] = []
    faults: list[str] = []
    for place, one in enumerate(told):
        try:
            events.append(_event(one))
        except _UnreadableEvent as fault:
            faults.append(f"event {place}: {fault}")
        except RecursionError:
            faults.append(f"event {place}: is nested too deeply")
    return events, faults


class _UnreadableEvent(Exception):  # noqa: N818 - a verdict on one event
    """Why it cannot be read."""


def _event(told: Any) -> ProviderEvent:
    if not isinstance(told, dict):
        raise _UnreadableEvent("is not an object")
    word = _text(told, "event", at_most=40)
    kind = KINDS.get((word or "").lower())
    if kind is None:
        raise _UnreadableEvent("its `event` is none that we know" if word else "has no `event`")
    if kind == "bounced" and str(told.get("type", "")).lower() == "blocked":
        kind = "blocked"
    suppress = _SUPPRESSING.get(kind)
    if kind == "dropped":
        suppress = _dropped(told)
    return ProviderEvent(
        provider=PROVIDER,
        event_id=_text(told, "sg_event_id", at_most=_ID_CHARACTERS_MAX) or _name_for(told),
        kind=kind,
        at=_instant(told.get("timestamp")),
        channel="email",
        reference=_text(told, REFERENCE_ARG, at_most=_REFERENCE_CHARACTERS_MAX),
        provider_message_id=_message_id(told),
        address=address_in(told),
        by_machine=told.get("sg_machine_open") in {True, "true"},
        suppress=suppress,
        lift="unsubscribed" if kind == "resubscribed" else None,
        detail=_detail(told),
    )


def _text(told: Mapping[str, Any], field: str, *, at_most: int) -> str | None:
    """A field that names something; None where it is missing, and a fault where no database could keep it."""
    value = told.get(field)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > at_most or not value.isprintable():
        raise _UnreadableEvent(f"its `{field}` is not a name")
    return value


def _instant(value: Any) -> int:
    """`timestamp` in milliseconds: seconds as a number, though text and milliseconds have been seen."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,13}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _UnreadableEvent("its `timestamp` is not a number")
    at = value if value >= _MILLISECONDS_FROM else value * SECOND_MS
    if not 0 < at < _LATEST_MS:
        raise _UnreadableEvent("its `timestamp` is not of this time")
    return int(at)


def _message_id(told: Mapping[str, Any]) -> str | None:
    """What mail/send called X-Message-Id: `sg_message_id` up to the name of the machine behind it."""
    given = _text(told, "sg_message_id", at_most=_ID_CHARACTERS_MAX)
    return None if given is None else short_id(given)


def short_id(given: str) -> str:
    """Of SendGrid's name of a message, what mail/send had called it."""
    return re.split(r"\.(?:filter|recvd)", given[:_ID_CHARACTERS_MAX])[0]


def address_in(told: Mapping[str, Any]) -> str | None:
    """Whom it is about; None where that is no address."""
    value = told.get("email")
    if not isinstance(value, str) or "@" not in value:
        return None
    return value if len(value) <= _ADDRESS_CHARACTERS_MAX and value.isprintable() else None


def _dropped(told: Mapping[str, Any]) -> str | None:
    return _DROPPED.get(str(told.get("reason", "")).strip().lower())


def _detail(told: Mapping[str, Any]) -> str | None:
    """What else was told of its delivery. Links, machines and programs of the person are left where they are."""
    said = (told.get(field) for field in ("status", "type", "bounce_classification", "reason", "response"))
    return redacted(" ".join(one for one in said if isinstance(one, str))) or None


def _name_for(told: Mapping[str, Any]) -> str:
    """A name for an event that has none, the same whenever it is told again."""
    text = json.dumps(told, sort_keys=True, ensure_ascii=True)
    return f"unnamed-{sha256(text.encode()).hexdigest()[:32]}"


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= 20 else float("inf")  # and not a minute of arithmetic


def _no_number(_: str) -> None:
    """NaN and Infinity are not JSON, and no event of ours needs them."""
