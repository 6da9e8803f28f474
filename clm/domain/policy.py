"""Whether a message may be sent now: one pure function, used wherever the question is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from clm.domain.condition import Condition, evaluate
from clm.domain.content import ChannelName
from clm.domain.instant import iso
from clm.domain.message import MessageStatus

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
    goal_until: int | None
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
    if candidate.goal is not None and _within(candidate.goal_until, now) and evaluate(candidate.goal, facts, now):
        return Stop("refused", "goal reached", ends_enrolment=True)
    if candidate.unless is not None and evaluate(candidate.unless, facts, now):
        return Stop("refused", "no longer eligible (unless)", ends_enrolment=True)
    if not candidate.enrolment_open:
        return Stop("refused", "left the campaign")
    if now > candidate.expires_at:
        return Stop("expired", f"too late: was to leave by {iso(candidate.expires_at)}")
    if not candidate.address:
        return Stop("refused", "no e-mail address" if candidate.channel == "email" else "no phone number")
    return Send()


def _within(until: int | None, now: int) -> bool:
    return until is None or now <= until
