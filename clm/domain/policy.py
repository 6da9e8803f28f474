"""Whether a message may be sent now: one pure function, used wherever the question is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from clm.domain.condition import Condition, evaluate
from clm.domain.content import ChannelName
from clm.domain.message import MessageStatus

TOO_LATE = "too late to be worth sending"

Purpose = Literal["marketing", "transactional"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message as policy sees it; instants are milliseconds."""

    channel: ChannelName
    purpose: Purpose
    address: str | None
    expires_at: int
    enrolment_open: bool
    goal: Condition | None
    unless: Condition | None


@dataclass(frozen=True, slots=True)
class Send:
    """Hand it over."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Never hand it over; `ends_enrolment` says that the whole journey is over for this contact."""

    status: MessageStatus
    reason: str
    ends_enrolment: bool = False


def authorise(candidate: Candidate, facts: Mapping[str, Any], now: int) -> Send | Stop:
    """Send, or stop with a status and a reason; `facts` are the contact's own, as committed now.

    Order matters for the reason a person reads: consent first, because it is the law; then whether there is still a
    point; then whether there is an address.
    """
    consent = facts.get("email_consent" if candidate.channel == "email" else "sms_consent")
    channel = "e-mail" if candidate.channel == "email" else "SMS"
    if candidate.purpose == "marketing" and not consent:
        return Stop("refused", f"no {channel} consent")
    # Whenever it was reached: the window of a goal is about counting it, not about writing to somebody who has bought.
    # The journey itself is ended where the goal is counted (clm.engine.advance).
    if candidate.goal is not None and evaluate(candidate.goal, facts, now):
        return Stop("refused", "goal reached")
    if candidate.unless is not None and evaluate(candidate.unless, facts, now):
        return Stop("refused", "no longer eligible (unless)", ends_enrolment=True)
    if not candidate.enrolment_open:
        return Stop("refused", "left the campaign")
    if now > candidate.expires_at:
        return Stop("expired", TOO_LATE)
    if not candidate.address:
        return Stop("refused", "no e-mail address" if candidate.channel == "email" else "no phone number")
    return Send()
