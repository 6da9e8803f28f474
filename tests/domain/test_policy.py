"""Whether a message may be sent now: every guard, which comes first, and what the reason tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clm.domain.condition_parser import parse_condition
from clm.domain.hours import ALWAYS, Hours, QuietHours, Week
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.policy import Candidate, Cap, Contacted, Defer, Policy, Send, Stop, Verdict, authorise
from clm.domain.whereabouts import Whereabouts

NOW = 20_000 * DAY_MS
"""Midnight of a Friday in October, UTC; London is an hour ahead."""
NOON = NOW + 12 * HOUR_MS
LONDON = Whereabouts(("Europe/London",), ("GB",))
AROUND = Whereabouts(("America/Los_Angeles", "America/New_York"), ("US", "US-CA", "US-NY"))
BY_DAY = QuietHours.model_validate({"mon-sat": "09:00-20:00", "sun": "12:00-20:00"}).week

MAIL = Candidate(
    channel="email",
    purpose="marketing",
    address="ada@example.com",
    expires_at=NOW + 3 * DAY_MS,
    enrolment_open=True,
    goal=parse_condition("ordered_since_entry", scope="enrolment"),
    unless=parse_condition("order_count > 5"),
)
SMS = replace(MAIL, channel="sms", address="+447700900123", whereabouts=LONDON)
STAFF = replace(MAIL, channel="staff", address="team@example.com")
WILLING = {
    "email_consent": True,
    "sms_consent": True,
    "order_count": 1,
    "ordered_since_entry": False,
    "open_tickets": 0,
    "last_rating": None,
    "late_delivery": False,
}
POLICY = Policy(
    gaps={"email": 16 * HOUR_MS, "sms": 24 * HOUR_MS},
    caps=(Cap("email", 3, 7 * DAY_MS), Cap("sms", 1, 7 * DAY_MS), Cap("any", 4, 30 * DAY_MS)),
    hours={"sms": Hours(BY_DAY)},
    service_first=parse_condition("open_tickets > 0 or last_rating <= 2 or late_delivery"),
    offers=parse_condition("order_count >= 1"),
)


def judged(candidate: Candidate, policy: Policy = POLICY, *, now: int = NOON, **facts: Any) -> Verdict:
    """What policy says of a message to somebody willing, of whom some facts are otherwise."""
    return authorise(candidate, WILLING | facts, policy, now)


def mails(*days_ago: float) -> tuple[Contacted, ...]:
    """E-mails that left so many days before noon."""
    return tuple(Contacted("email", NOON - round(days * DAY_MS)) for days in days_ago)


NO_CONSENT = Stop("refused", "no e-mail consent", facts={"email_consent": False})
GOAL = Stop("refused", "goal reached", facts={"ordered_since_entry": True})
UNLESS = Stop("refused", "no longer eligible (unless)", ends_enrolment=True, facts={"order_count": 6})
SUPPRESSED = Stop("refused", "address suppressed: bounced", facts={"suppressed": "bounced"})
LEFT = Stop("refused", "left the campaign")
HELD_OUT = Stop("refused", "held out, to measure the campaign by")
LATE = Stop("expired", "too late to be worth sending", facts={"expires_at": "2024-10-04T11:59:59Z"})
NO_ADDRESS = Stop("refused", "no e-mail address")
TICKET = Defer(NOON + 6 * HOUR_MS, "open ticket: promotions wait", {"service_first": {"open_tickets": 1}})
NO_INTEREST = Stop("refused", "an offer needs interest first, and none was shown", facts={"offers": {"order_count": 0}})

TABLE: list[tuple[str, dict[str, Any], dict[str, Any], Verdict]] = [
    # what is told, what differs in the message, what differs in the facts, the verdict
    ("all is well", {}, {}, Send()),
    ("consent withdrawn", {}, {"email_consent": False}, NO_CONSENT),
    ("consent unknown", {}, {"email_consent": None}, replace(NO_CONSENT, facts={"email_consent": None})),
    ("transactional needs no consent", {"purpose": "transactional"}, {"email_consent": False}, Send()),
    ("suppressed", {"suppressed": "bounced"}, {}, SUPPRESSED),
    ("suppressed whatever the purpose", {"suppressed": "bounced", "purpose": "transactional"}, {}, SUPPRESSED),
    ("goal reached", {}, {"ordered_since_entry": True}, GOAL),
    ("goal unknown", {}, {"ordered_since_entry": None}, Send()),
    ("unless holds", {}, {"order_count": 6}, UNLESS),
    ("unless unknown", {}, {"order_count": None}, Send()),
    ("held out", {"held_out": True}, {}, HELD_OUT),
    ("left the campaign", {"enrolment_open": False}, {}, LEFT),
    ("leaves at its last moment", {"expires_at": NOON}, {}, Send()),
    ("too late", {"expires_at": NOON - 1}, {}, LATE),
    ("no address", {"address": None}, {}, NO_ADDRESS),
    ("blank address", {"address": ""}, {}, NO_ADDRESS),
    ("service comes first", {}, {"open_tickets": 1}, TICKET),
    ("a campaign that is the service", {"service_first": False}, {"open_tickets": 1}, Send()),
    ("an offer to a customer", {"offer": True}, {}, Send()),
    ("an offer to somebody looking around", {"offer": True}, {"order_count": 0}, NO_INTEREST),
    # which comes first
    (
        "suppression before all",
        {"suppressed": "bounced", "address": None, "expires_at": 0},
        {"email_consent": False, "order_count": 6},
        SUPPRESSED,
    ),
    (
        "consent before the rest",
        {"address": None, "expires_at": 0},
        {"email_consent": False, "order_count": 6},
        NO_CONSENT,
    ),
    ("goal before unless", {}, {"ordered_since_entry": True, "order_count": 6}, GOAL),
    ("unless before having left", {"enrolment_open": False}, {"order_count": 6}, UNLESS),
    ("a point before an address", {"address": None, "enrolment_open": False}, {}, LEFT),
    ("the address before the clock", {"expires_at": NOON - 1, "address": None}, {}, NO_ADDRESS),
    ("the clock before service", {"expires_at": NOON - 1}, {"open_tickets": 1}, LATE),
    ("service before the offer", {"offer": True}, {"open_tickets": 1, "order_count": 0}, TICKET),
    ("the offer before caps and gaps", {"offer": True, "history": mails(0.1, 1, 2)}, {"order_count": 0}, NO_INTEREST),
]


@pytest.mark.parametrize(("candidate", "facts", "verdict"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_policy(candidate: dict[str, Any], facts: dict[str, Any], verdict: Verdict) -> None:
    """The law first; then whether there is still a point; then what the contact is owed."""
    found = judged(replace(MAIL, **candidate), **facts)
    if verdict is LATE:
        assert isinstance(found, Stop)
        assert (found.status, found.reason) == (LATE.status, LATE.reason)
    else:
        assert found == verdict


def test_each_channel_has_its_own_consent_address_and_words() -> None:
    """Who gave an e-mail address has not said yes to SMS."""
    assert judged(SMS) == Send()
    assert judged(SMS, sms_consent=False) == Stop("refused", "no SMS consent", facts={"sms_consent": False})
    assert judged(replace(SMS, address=None)) == Stop("refused", "no phone number")
    assert judged(replace(SMS, suppressed="stopped")) == Stop(
        "refused", "number suppressed: stopped", facts={"suppressed": "stopped"}
    )


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"open_tickets": 2}, "open ticket: promotions wait"),
        ({"last_rating": 1.0}, "low rating: promotions wait"),
        ({"late_delivery": True}, "late delivery: promotions wait"),
        ({"late_delivery": True, "open_tickets": 1}, "open ticket: promotions wait"),
    ],
)
def test_service_first_says_what_is_owed(facts: dict[str, Any], reason: str) -> None:
    """In the words of whoever has to put it right; only the part that holds is told."""
    verdict = judged(MAIL, **facts)
    assert isinstance(verdict, Defer)
    assert verdict.reason == reason
    (asked,) = verdict.facts.values()
    assert asked.items() <= (WILLING | facts).items()
    assert len(asked) == 1


def test_service_first_is_looked_at_again_and_once_more_at_the_deadline() -> None:
    """A ticket that is closed an hour before the message would be too late has not cost it; one still open has."""
    late = replace(MAIL, expires_at=NOON + HOUR_MS)
    verdict = judged(late, open_tickets=1)
    assert verdict == replace(TICKET, until=NOON + HOUR_MS)
    assert judged(late, now=late.expires_at, open_tickets=0) == Send()
    assert judged(late, now=late.expires_at, open_tickets=1) == Stop(
        "expired", "open ticket: promotions wait, until it was too late", facts=TICKET.facts
    )
    after = judged(replace(late, waited_for=TICKET.reason), now=late.expires_at + 1)
    assert isinstance(after, Stop)
    assert (after.status, after.reason) == ("expired", "open ticket: promotions wait, until it was too late")


@pytest.mark.parametrize(
    ("hour", "where", "until", "reason"),
    [
        (3, LONDON, 8, "quiet until 09:00 Europe/London"),  # summer time
        (19, LONDON, 32, "quiet until 09:00 Europe/London"),
        (8, LONDON, 8, None),
        (18.99, LONDON, 18.99, None),
        (12, AROUND, 16, "quiet until 09:00 America/Los_Angeles"),  # and noon in New York
        (23.99, AROUND, 23.99, None),  # 16:59 and 19:59
        (24, AROUND, 40, "quiet until 09:00 America/Los_Angeles"),  # 20:00 in New York
        (3, Whereabouts((), ("GB",)), 9, "quiet until 09:00 UTC"),  # the shop's own zone
    ],
)
def test_quiet_hours_are_those_of_where_the_contact_may_be(
    hour: float, where: Whereabouts, until: float, reason: str | None
) -> None:
    """Where that may be several places, a message waits until none is quiet; the start counts and the end does not."""
    verdict = judged(replace(SMS, whereabouts=where), now=NOW + round(hour * HOUR_MS))
    if reason is None:
        assert verdict == Send()
    else:
        assert isinstance(verdict, Defer)
        assert (verdict.until, verdict.reason) == (NOW + until * HOUR_MS, reason)
        assert verdict.facts["quiet_hours"]["places"] == list(where.places)


def test_the_law_of_a_place_is_kept_whatever_the_shop_says() -> None:
    """An open shop does not make a Florida evening legal."""
    florida = Whereabouts(("America/New_York",), ("US", "US-FL"))
    eight = QuietHours.model_validate({"every day": "08:00-20:00"}).week
    policy = replace(POLICY, hours={"sms": Hours(ALWAYS, {"US-FL": eight})})
    evening = NOW + 24 * HOUR_MS + HOUR_MS // 2  # 20:30 in Florida
    verdict = judged(replace(SMS, whereabouts=florida), policy, now=evening)
    assert isinstance(verdict, Defer)
    assert verdict.until == NOW + 36 * HOUR_MS
    assert judged(SMS, policy, now=evening) == Send()


def test_hours_that_never_come_end_the_message() -> None:
    """Two laws without a common hour: nothing waits for ever."""
    policy = replace(POLICY, hours={"sms": Hours(Week(((),) * 7))})
    verdict = judged(replace(SMS, expires_at=NOON + 100 * DAY_MS), policy)
    assert isinstance(verdict, Stop)
    assert (verdict.status, verdict.reason) == (
        "refused", "quiet at every hour of two weeks in Europe/London, GB",
    )  # fmt: skip


def test_a_gap_is_kept_on_one_channel() -> None:
    """Sixteen hours after the last e-mail the next one may go; what went by SMS does not matter."""
    recent = replace(MAIL, history=(*mails(0.25), Contacted("sms", NOON - HOUR_MS)))
    assert judged(recent) == Defer(
        NOON + 10 * HOUR_MS,
        "an e-mail less than 16 hours ago",
        {"gap": {"last": "2024-10-04T06:00:00Z", "gap": "16 hours"}},
    )
    assert judged(recent, now=NOON + 10 * HOUR_MS) == Send()
    (waiting,) = [judged(replace(SMS, history=(Contacted("sms", NOON - HOUR_MS),)), replace(POLICY, caps=()))]
    assert isinstance(waiting, Defer)
    assert waiting.reason == "an SMS less than 24 hours ago"


@pytest.mark.parametrize(
    ("days_ago", "waits_days", "reason"),
    [
        ((1, 2), None, None),
        ((1, 2, 3), 4, "3 e-mails in 7 days already"),
        ((1, 2, 3, 4), 4, "4 e-mails in 7 days already"),  # a cap was lowered: one that drops out is not enough
        ((1, 2, 7), None, None),  # seven days ago to the millisecond has dropped out
        ((-1, 1, 2), 5, "3 e-mails in 7 days already"),  # a run for an earlier instant counts what comes after it
    ],
)
def test_a_cap_waits_until_its_window_has_room(
    days_ago: tuple[float, ...], waits_days: int | None, reason: str | None
) -> None:
    """Rolling windows: room comes when the oldest that is one too many drops out, to the millisecond."""
    counted = replace(MAIL, history=mails(*days_ago), expires_at=NOON + 30 * DAY_MS)
    policy = replace(POLICY, caps=POLICY.caps[:1], gaps={})
    verdict = judged(counted, policy)
    if waits_days is None:
        assert verdict == Send()
        return
    until = NOON + waits_days * DAY_MS
    asked = {"channel": "email", "sent": len(days_ago), "at_most": 3, "within": "7 days"}
    assert verdict == Defer(until, reason or "", {"cap": asked})
    assert judged(counted, policy, now=until) == Send()
    assert isinstance(judged(counted, policy, now=until - 1), Defer)


def test_a_cap_on_all_channels_counts_all_of_them() -> None:
    """Four messages in a month are four, however they came."""
    history = (*mails(20, 10), Contacted("sms", NOON - 15 * DAY_MS), Contacted("sms", NOON - 25 * DAY_MS))
    verdict = judged(replace(MAIL, history=history, expires_at=NOON + 30 * DAY_MS))
    assert isinstance(verdict, Defer)
    assert (verdict.until, verdict.reason) == (NOON + 5 * DAY_MS, "4 messages in 30 days already")


def test_of_several_guards_the_last_to_open_decides() -> None:
    """Nobody is told of a gap until ten, of a cap at ten, and of the night thereafter: one wait, to the end of all."""
    history = (Contacted("sms", NOON - 2 * HOUR_MS), *mails(1, 2))
    policy = replace(POLICY, caps=())
    verdict = judged(replace(SMS, history=history), policy)
    assert isinstance(verdict, Defer)
    assert verdict.until == NOON + 22 * HOUR_MS
    assert verdict.reason == "an SMS less than 24 hours ago"
    evening = tuple(one._replace(at=NOON + 8 * HOUR_MS) for one in history)
    verdict = judged(replace(SMS, history=evening), policy, now=NOON + 9 * HOUR_MS)
    assert isinstance(verdict, Defer)
    assert verdict.until == NOW + 2 * DAY_MS + 11 * HOUR_MS, "from Saturday night to Sunday noon"
    assert verdict.reason == "an SMS less than 24 hours ago, then quiet until 12:00 Europe/London"
    assert set(verdict.facts) == {"gap", "quiet_hours"}


def test_what_would_wait_beyond_its_deadline_ends_with_what_it_waited_for() -> None:
    """The loser of priority is dropped with the reason, not silently and not as if nobody had come by."""
    full = replace(MAIL, history=mails(1, 2, 3), expires_at=NOON + 4 * DAY_MS - 1)
    verdict = judged(full)
    assert isinstance(verdict, Stop)
    assert (verdict.status, verdict.reason) == ("expired", "3 e-mails in 7 days already, until it was too late")
    assert set(verdict.facts) == {"cap"}
    night = judged(replace(SMS, expires_at=NOW + 7 * HOUR_MS), now=NOW)
    assert isinstance(night, Stop)
    assert night.reason == "quiet until 09:00 Europe/London, until it was too late"
    assert isinstance(judged(replace(SMS, expires_at=NOW + 8 * HOUR_MS), now=NOW), Defer)


@pytest.mark.parametrize("candidate", [replace(SMS, purpose="transactional", offer=True), replace(STAFF, offer=True)])
def test_receipts_and_the_team_are_spared_what_protects_from_promotions(candidate: Candidate) -> None:
    """No consent, cap, gap, night, ticket or offer guard holds up a receipt, or a call that the team should make."""
    busy = replace(candidate, history=(Contacted("sms", NOW), *mails(0, 0.1, 0.2)))
    facts = {"sms_consent": False, "email_consent": False, "open_tickets": 3}
    assert judged(busy, now=NOW, **facts) == Send()


def test_the_team_is_told_whoever_is_suppressed_and_nothing_that_is_settled() -> None:
    """A task for the team ends with its journey, and is never refused for what the contact opted out of."""
    assert judged(replace(STAFF, suppressed="unsubscribed")) == Send()
    assert judged(STAFF, ordered_since_entry=True) == GOAL
    assert judged(STAFF, order_count=6) == UNLESS
    assert judged(replace(STAFF, enrolment_open=False)) == LEFT
    assert judged(replace(STAFF, address=None)) == NO_ADDRESS
    late = judged(replace(STAFF, expires_at=NOON - 1))
    assert isinstance(late, Stop)
    assert late.status == "expired"


def test_an_empty_policy_asks_for_nothing_beyond_the_law() -> None:
    """Guards are what config/policy.yaml says; consent and suppression are not a matter of choice."""
    busy = replace(SMS, history=(Contacted("sms", NOW),) * 9, offer=True)
    assert judged(busy, Policy(), now=NOW, open_tickets=9, order_count=0) == Send()
    assert judged(replace(busy, suppressed="stopped"), Policy(), now=NOW).__class__ is Stop
