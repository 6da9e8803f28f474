"""Whether a message may be sent now: every rule, and which comes first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clm.domain.condition_parser import parse_condition
from clm.domain.instant import DAY_MS
from clm.domain.policy import Candidate, Send, Stop, authorise

NOW = 20_000 * DAY_MS
MAIL = Candidate(
    channel="email",
    purpose="marketing",
    address="ada@example.com",
    expires_at=NOW,
    enrolment_open=True,
    goal=parse_condition("ordered_since_entry", scope="enrolment"),
    unless=parse_condition("order_count > 5"),
)
WILLING = {"email_consent": True, "sms_consent": False, "order_count": 1, "ordered_since_entry": False}

NO_CONSENT = Stop("refused", "no e-mail consent")
NO_SMS_CONSENT = Stop("refused", "no SMS consent")
GOAL = Stop("refused", "goal reached")
UNLESS = Stop("refused", "no longer eligible (unless)", ends_enrolment=True)
LEFT = Stop("refused", "left the campaign")
LATE = Stop("expired", "too late to be worth sending")
NO_ADDRESS = Stop("refused", "no e-mail address")
NO_NUMBER = Stop("refused", "no phone number")

TABLE: list[tuple[str, dict[str, Any], dict[str, Any], Send | Stop]] = [
    # what is told, what differs in the message, what differs in the facts, the verdict
    ("all is well", {}, {}, Send()),
    ("consent withdrawn", {}, {"email_consent": False}, NO_CONSENT),
    ("consent unknown", {}, {"email_consent": None}, NO_CONSENT),
    ("transactional needs no consent", {"purpose": "transactional"}, {"email_consent": False}, Send()),
    ("each channel has its own consent", {"channel": "sms"}, {}, NO_SMS_CONSENT),
    ("SMS with consent", {"channel": "sms", "address": "+447700900123"}, {"sms_consent": True}, Send()),
    ("SMS without a number", {"channel": "sms", "address": None}, {"sms_consent": True}, NO_NUMBER),
    ("goal reached", {}, {"ordered_since_entry": True}, GOAL),
    ("goal unknown", {}, {"ordered_since_entry": None}, Send()),
    ("unless holds", {}, {"order_count": 6}, UNLESS),
    ("unless unknown", {}, {"order_count": None}, Send()),
    ("left the campaign", {"enrolment_open": False}, {}, LEFT),
    ("leaves at its last moment", {"expires_at": NOW}, {}, Send()),
    ("too late", {"expires_at": NOW - 1}, {}, LATE),
    ("no address", {"address": None}, {}, NO_ADDRESS),
    ("blank address", {"address": ""}, {}, NO_ADDRESS),
    (
        "consent comes before all",
        {"address": None, "expires_at": 0},
        {"email_consent": False, "order_count": 6},
        NO_CONSENT,
    ),
    ("goal before unless", {}, {"ordered_since_entry": True, "order_count": 6}, GOAL),
    ("a point before the clock", {"expires_at": 0, "enrolment_open": False}, {}, LEFT),
    ("the clock before the address", {"expires_at": NOW - 1, "address": None}, {}, LATE),
]


@pytest.mark.parametrize(("candidate", "facts", "verdict"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_policy(candidate: dict[str, Any], facts: dict[str, Any], verdict: Send | Stop) -> None:
    """Consent first, because it is the law; then whether there is still a point; then whether there is an address."""
    assert authorise(replace(MAIL, **candidate), WILLING | facts, NOW) == verdict
