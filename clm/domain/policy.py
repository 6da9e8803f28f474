"""Whether a message may be sent now: one pure function, used wherever the question is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from clm.domain.clock import local_time
from clm.domain.condition import Condition, Or, evaluate, terms_of
from clm.domain.content import TEAM, ChannelName
from clm.domain.delivery import Delivery
from clm.domain.hours import Hours, next_open
from clm.domain.instant import DAY_MS, HOUR_MS, iso
from clm.domain.message import MessageStatus
from clm.domain.term import value_of
from clm.domain.whereabouts import Whereabouts

TOO_LATE = "too late to be worth sending"
NOWHERE = Whereabouts((), ())
"""Where a contact is of whom nothing is known."""

Purpose = Literal["marketing", "transactional"]
Facts = Mapping[str, Any]

_CONSENT: Mapping[str, str] = {"email": "email_consent", "sms": "sms_consent"}
_WORDS = {
    "email": ("e-mail", "e-mails", "an e-mail"),
    "sms": ("SMS", "SMS", "an SMS"),
    "any": ("message", "messages", "a message"),
}
_SERVICE = {"open_tickets": "open ticket", "last_rating": "low rating", "late_delivery": "late delivery"}
"""How a marketer calls it that service comes first, by the fact that says so."""


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many marketing messages to a contact in any `within` milliseconds; `any` is all channels together."""

    channel: Literal["email", "sms", "any"]
    at_most: int
    within: int


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for every campaign (config/policy.yaml); an empty one asks for nothing beyond the law."""

    zone: str = "UTC"
    """The shop's own, for contacts of whom no zone is known."""
    gaps: Mapping[str, int] = field(default_factory=dict)
    """By channel, in milliseconds: so long after one marketing message comes the next at the earliest."""
    caps: tuple[Cap, ...] = ()
    hours: Mapping[str, Hours] = field(default_factory=dict)
    """By channel: when it may be used, by the shop's choice and by the law of each place."""
    service_first: Condition | None = None
    look_again: int = 6 * HOUR_MS
    offers: Condition | None = None
    """What must hold of whoever is made an offer."""
    holdout: float = 0.0
    """The share (0 to 1) of all contacts who get nothing from any campaign, so that all of them can be measured."""
    backlog_entries: int = 10_000
    backlog_within_ms: int = DAY_MS
    delivery: Delivery = field(default_factory=Delivery)


class Contacted(NamedTuple):
    """A marketing message that the contact has been sent, or may have been."""

    channel: str
    at: int


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
    held_out: bool = False
    suppressed: str | None = None
    """Why nothing may go to the address by this channel."""
    service_first: bool = True
    """Whether the campaign waits where service comes first."""
    offer: bool = False
    """Whether the message carries an offer."""
    whereabouts: Whereabouts = NOWHERE
    history: tuple[Contacted, ...] = ()
    """The contact's other marketing messages, as far back as caps and gaps look."""
    unwanted: str | None = None
    """The topic of the campaign, where the contact wants no word on it."""
    at_most_every: int = 0
    """The gap in milliseconds that the contact wishes between marketing e-mails."""
    waited_for: str | None = None
    """What it was deferred for up to its deadline, where it was."""


@dataclass(frozen=True, slots=True)
class Send:
    """Hand it over."""


@dataclass(frozen=True, slots=True)
class Defer:
    """Ask again at `until`; `facts` are those that mattered, by the guard that asked them."""

    until: int
    reason: str
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stop:
    """Never hand it over; `ends_enrolment` says that the whole journey is over for this contact."""

    status: MessageStatus
    reason: str
    ends_enrolment: bool = False
    facts: Facts = field(default_factory=dict)


Verdict = Send | Defer | Stop


def authorise(candidate: Candidate, facts: Facts, policy: Policy, now: int) -> Verdict:
    """Send, ask again later, or stop with a status and a reason; `facts` are the contact's own, as committed now.

    Order matters for the reason a person reads: the law first; then whether there is still a point; then what the
    contact is owed (service, information before offers, quiet, not too much at once). Transactional messages and
    those to the team are spared the last, and what waits beyond its deadline ends with what it waited for.
    """
    refused = _unlawful(candidate, facts) or _pointless(candidate, facts, now)
    if refused is not None:
        return refused
    if candidate.purpose == "transactional" or candidate.channel in TEAM:
        return Send()
    service = _service(candidate, facts, policy, now)
    if service is None and candidate.offer and policy.offers and not evaluate(policy.offers, facts, now):
        asked = _asked(policy.offers, facts, now)
        return Stop("refused", "an offer needs interest first, and none was shown", facts={"offers": asked})
    verdict = _not_yet(candidate, policy, service, now)
    if isinstance(verdict, Defer) and verdict.until > candidate.expires_at:
        return Stop("expired", too_late(verdict.reason), facts=verdict.facts)
    return verdict


def too_late(waited_for: str | None) -> str:
    """The reason of a message that has expired, given what it waited for up to its deadline."""
    return TOO_LATE if waited_for is None else f"{waited_for}, until it was too late"


def _unlawful(candidate: Candidate, facts: Facts) -> Stop | None:
    """A suppressed address gets nothing, whatever the purpose; marketing needs consent as well."""
    if candidate.channel in TEAM:
        return None
    if candidate.suppressed is not None:
        reason = f"{'address' if candidate.channel == 'email' else 'number'} suppressed: {candidate.suppressed}"
        return Stop("refused", reason, facts={"suppressed": candidate.suppressed})
    if candidate.purpose == "marketing" and candidate.unwanted is not None:
        return Stop("refused", f"wants no word on {candidate.unwanted}", facts={"unwanted": candidate.unwanted})
    consent = _CONSENT[candidate.channel]
    if candidate.purpose == "marketing" and not facts.get(consent):
        return Stop("refused", f"no {_WORDS[candidate.channel][0]} consent", facts={consent: facts.get(consent)})
    return None


def _pointless(candidate: Candidate, facts: Facts, now: int) -> Stop | None:
    # Whenever it was reached: the window of a goal is about counting it, not about writing to somebody who has bought.
    # The journey itself is ended where the goal is counted (clm.engine.advance).
    if candidate.goal is not None and evaluate(candidate.goal, facts, now):
        return Stop("refused", "goal reached", facts=_asked(candidate.goal, facts, now))
    if candidate.unless is not None and evaluate(candidate.unless, facts, now):
        asked = _asked(candidate.unless, facts, now)
        return Stop("refused", "no longer eligible (unless)", ends_enrolment=True, facts=asked)
    if candidate.held_out:
        return Stop("refused", "held out, to measure the campaign by")
    if not candidate.enrolment_open:
        return Stop("refused", "left the campaign")
    if not candidate.address:
        return Stop("refused", "no phone number" if candidate.channel == "sms" else "no e-mail address")
    if now > candidate.expires_at:
        return Stop("expired", too_late(candidate.waited_for), facts={"expires_at": iso(candidate.expires_at)})
    return None


def _service(candidate: Candidate, facts: Facts, policy: Policy, now: int) -> Defer | None:
    """Promotions wait while the contact is owed service; looked at again once more at the deadline itself."""
    owed = policy.service_first
    if owed is None or not candidate.service_first or not evaluate(owed, facts, now):
        return None
    while isinstance(owed, Or):
        owed = next(part for part in owed.parts if evaluate(part, facts, now))
    asked = _asked(owed, facts, now)
    what = next((words for fact, words in _SERVICE.items() if fact in asked), "service comes first")
    until = now + policy.look_again
    if now < candidate.expires_at < until:
        until = candidate.expires_at
    return Defer(until, f"{what}: promotions wait", {"service_first": asked})


def _not_yet(candidate: Candidate, policy: Policy, service: Defer | None, now: int) -> Verdict:
    """The first instant at which nothing stands in the way any more, so that nobody is deferred twice in a row."""
    asked_for = (service, _gap(candidate, policy, now), _wish(candidate, now), *_caps(candidate, policy, now))
    waits = [wait for wait in asked_for if wait]
    latest = max(waits, key=lambda wait: wait.until, default=None)
    hours = policy.hours.get(candidate.channel)
    at = now if latest is None else latest.until
    if hours is None or at > candidate.expires_at:
        return latest or Send()
    where = candidate.whereabouts.or_at(policy.zone)
    opens = next_open(at, where, hours)
    before = f"{latest.reason}, then " if latest else ""
    asked = {"zones": list(where.zones), "places": list(where.places)}
    earlier = latest.facts if latest else {}
    if opens is None:
        reason = f"{before}quiet at every hour of two weeks in {_listed(where)}"
        return Stop("refused", reason, facts={**earlier, "quiet_hours": asked})
    if opens == at:
        return latest or Send()
    zone = where.zones[0]
    reason = f"{before}quiet until {local_time(zone, opens):%H:%M} {zone}"
    return Defer(opens, reason, {**earlier, "quiet_hours": {**asked, "opens": iso(opens)}})


def _gap(candidate: Candidate, policy: Policy, now: int) -> Defer | None:
    gap = policy.gaps.get(candidate.channel, 0)
    last = max((one.at for one in candidate.history if one.channel == candidate.channel), default=None)
    if last is None or last + gap <= now:
        return None
    reason = f"{_WORDS[candidate.channel][2]} less than {_span(gap)} ago"
    return Defer(last + gap, reason, {"gap": {"last": iso(last), "gap": _span(gap)}})


def _wish(candidate: Candidate, now: int) -> Defer | None:
    """The contact's own cap: no two marketing e-mails within the time that they have chosen."""
    every = candidate.at_most_every
    if candidate.channel != "email" or not every:
        return None
    last = max((one.at for one in candidate.history if one.channel == "email"), default=None)
    if last is None or last + every <= now:
        return None
    reason = f"wants no more than one e-mail in {_span(every)}"
    return Defer(last + every, reason, {"wish": {"last": iso(last), "every": _span(every)}})


def _caps(candidate: Candidate, policy: Policy, now: int) -> list[Defer]:
    """A cap has room again when the last but so many of what it counts drops out of its window."""
    found = []
    for cap in policy.caps:
        if cap.channel not in (candidate.channel, "any"):
            continue
        counted = sorted((one.at for one in candidate.history if cap.channel in (one.channel, "any")), reverse=True)
        if len(counted) < cap.at_most or counted[cap.at_most - 1] + cap.within <= now:
            continue
        sent = sum(at > now - cap.within for at in counted)
        reason = f"{sent} {_WORDS[cap.channel][sent > 1]} in {_span(cap.within)} already"
        asked = {"channel": cap.channel, "sent": sent, "at_most": cap.at_most, "within": _span(cap.within)}
        found.append(Defer(counted[cap.at_most - 1] + cap.within, reason, {"cap": asked}))
    return found


def _asked(condition: Condition, facts: Facts, now: int) -> dict[str, Any]:
    """What the condition asks for, and what it was told."""
    return {term.name: value_of(term, facts, now) for term in terms_of(condition)}


def _listed(where: Whereabouts) -> str:
    return ", ".join((*where.zones, *where.places))


def _span(ms: int) -> str:
    """A length as a marketer says it: 16 hours, 7 days."""
    for unit, name in ((DAY_MS, "day"), (HOUR_MS, "hour"), (HOUR_MS // 60, "minute")):
        if ms % unit == 0 and (ms >= 2 * unit or name == "minute"):
            return f"{ms // unit} {name}{'' if ms == unit else 's'}"
    return f"{ms / HOUR_MS:.4g} hours"
