"""Whatever the facts: a message that may be sent obeys every guard, by a slow check written another way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clm.domain.condition_parser import parse_condition
from clm.domain.hours import Hours, QuietHours
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.policy import Candidate, Cap, Contacted, Defer, Policy, Send, Stop, Verdict, authorise
from clm.domain.whereabouts import Whereabouts

BEGIN = 20_000 * DAY_MS
ZONES = ("Europe/London", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Kiritimati")
SHOP = {"mon-fri": "09:00-20:00", "sat, sun": "12:00-17:30"}
FLORIDA = {"every day": "08:00-16:00"}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

GUARDED = Policy(
    zone="Asia/Tokyo",
    hours={"sms": Hours(QuietHours.model_validate(SHOP).week, {"US-FL": QuietHours.model_validate(FLORIDA).week})},
    service_first=parse_condition("open_tickets > 0 or late_delivery"),
    offers=parse_condition("order_count >= 1"),
)

hours = st.integers(0, 40 * 24).map(lambda hour: hour * HOUR_MS)
spans = st.sampled_from([HOUR_MS, 5 * HOUR_MS, DAY_MS, 7 * DAY_MS, 30 * DAY_MS])
policies = st.builds(
    lambda gaps, caps: Policy(
        GUARDED.zone, gaps, tuple(caps), GUARDED.hours, GUARDED.service_first, 6 * HOUR_MS, GUARDED.offers
    ),
    st.fixed_dictionaries({"email": spans, "sms": spans}),
    st.lists(st.builds(Cap, st.sampled_from(["email", "sms", "any"]), st.integers(1, 4), spans), max_size=4),
)
facts = st.fixed_dictionaries(
    {
        "email_consent": st.sampled_from([True, True, True, False, None]),
        "sms_consent": st.sampled_from([True, True, True, False, None]),
        "order_count": st.integers(0, 3),
        "open_tickets": st.sampled_from([0, 0, 0, 1]),
        "late_delivery": st.sampled_from([False, False, False, True]),
        "ordered_since_entry": st.sampled_from([False, False, False, True, None]),
    }
)
whereabouts = st.builds(
    Whereabouts,
    st.lists(st.sampled_from(ZONES), max_size=3, unique=True).map(lambda zones: tuple(sorted(zones))),
    st.sampled_from([(), ("GB",), ("US", "US-FL")]),
)
histories = st.lists(st.builds(Contacted, st.sampled_from(["email", "sms"]), hours.map(lambda at: BEGIN + at)))
deadlines = st.integers(0, 80 * 24).map(lambda hour: BEGIN + hour * HOUR_MS)
GOAL = parse_condition("ordered_since_entry", scope="enrolment")
UNLESS = parse_condition("order_count > 2")
anything = st.builds(
    Candidate,
    channel=st.sampled_from(["email", "sms", "sms", "staff"]),
    purpose=st.sampled_from(["marketing", "marketing", "marketing", "transactional"]),
    address=st.sampled_from(["there", "there", "there", None]),
    expires_at=deadlines,
    enrolment_open=st.sampled_from([True, True, True, False]),
    goal=st.just(GOAL),
    unless=st.just(UNLESS),
    held_out=st.sampled_from([False, False, False, True]),
    suppressed=st.sampled_from([None, None, None, "complained"]),
    service_first=st.booleans(),
    offer=st.booleans(),
    whereabouts=whereabouts,
    history=histories.map(tuple),
)
WILLING = {
    "email_consent": True,
    "sms_consent": True,
    "order_count": 1,
    "open_tickets": 0,
    "late_delivery": False,
    "ordered_since_entry": False,
}
promotions = st.builds(
    lambda channel, expires_at, where, history: Candidate(
        channel, "marketing", "there", expires_at, True, GOAL, UNLESS, whereabouts=where, history=tuple(history)
    ),
    st.sampled_from(["email", "sms", "sms", "sms"]),
    deadlines,
    whereabouts,
    histories,
)


def wrongs(one: Candidate, known: dict[str, Any], policy: Policy, now: int) -> set[str]:
    """Every guard that a message leaving now would break; slow and plain."""
    broken = _without_a_point(one, known, now)
    if one.channel == "staff":
        return broken
    if one.suppressed:
        broken.add("suppressed")
    if one.purpose == "transactional":
        return broken
    if known[f"{one.channel}_consent"] is not True:
        broken.add("no consent")
    if one.service_first and (known["open_tickets"] > 0 or known["late_delivery"]):
        broken.add("service first")
    if one.offer and known["order_count"] < 1:
        broken.add("offer")
    return broken | _too_much(one, policy, now) | _too_late_in_the_day(one, policy, now)


def _without_a_point(one: Candidate, known: dict[str, Any], now: int) -> set[str]:
    broken = set()
    if known["ordered_since_entry"]:
        broken.add("goal")
    if known["order_count"] > 2:
        broken.add("unless")
    if one.held_out:
        broken.add("held out")
    if not one.enrolment_open:
        broken.add("left")
    if one.address is None:
        broken.add("no address")
    if now > one.expires_at:
        broken.add("late")
    return broken


def _too_much(one: Candidate, policy: Policy, now: int) -> set[str]:
    broken = set()
    if any(sent.channel == one.channel and now < sent.at + policy.gaps[one.channel] for sent in one.history):
        broken.add("gap")
    for cap in policy.caps:
        alike = [sent for sent in one.history if cap.channel in ("any", sent.channel)]
        inside = [sent for sent in alike if sent.at + cap.within > now]
        if cap.channel in ("any", one.channel) and len(inside) >= cap.at_most:
            broken.add("cap")
    return broken


def _too_late_in_the_day(one: Candidate, policy: Policy, now: int) -> set[str]:
    if one.channel != "sms":
        return set()
    for zone in one.whereabouts.zones or (policy.zone,):
        local = datetime.fromtimestamp(now / 1_000, UTC).astimezone(ZoneInfo(zone))
        minute = local.hour * 60 + local.minute
        opens, closes = (9 * 60, 20 * 60) if local.weekday() < 5 else (12 * 60, 17 * 60 + 30)
        if "US-FL" in one.whereabouts.places:
            closes = min(closes, 16 * 60)
        if not opens <= minute < closes:
            return {"quiet"}
    return set()


GUARDS = {"service_first": "service first", "gap": "gap", "cap": "cap", "quiet_hours": "quiet"}


@pytest.mark.slow
@settings(max_examples=500)
@given(anything, facts, policies, hours)
def test_whatever_the_facts(one: Candidate, known: dict[str, Any], policy: Policy, hour: int) -> None:
    """Sent breaks no guard; deferred is for a guard that is broken, later than now and not beyond the deadline.

    What is deferred and asked again at that instant, with nothing else changed, is not deferred by the same guard,
    unless service still comes first. What is stopped had a reason that no waiting would have mended in time.
    """
    check(one, known, policy, BEGIN + hour)


@pytest.mark.slow
@settings(max_examples=500)
@given(promotions, policies, hours)
def test_promotions_to_whoever_is_willing(one: Candidate, policy: Policy, hour: int) -> None:
    """The same where only gaps, caps and quiet hours can stand in the way, one after the other."""
    check(one, WILLING, policy, BEGIN + hour)


def check(one: Candidate, known: dict[str, Any], policy: Policy, now: int) -> None:
    """Hold the verdict against the slow check."""
    verdict = authorise(one, known, policy, now)
    broken = wrongs(one, known, policy, now)
    if isinstance(verdict, Send):
        assert broken == set()
    elif isinstance(verdict, Defer):
        assert now < verdict.until <= one.expires_at
        assert broken
        # Whoever is owed service is not asked yet whether they may be made an offer.
        looks_again = {"service first", "offer"} if "service first" in broken else set()
        assert broken <= set(GUARDS.values()) | looks_again
        then = wrongs(one, known, policy, verdict.until)
        assert then <= looks_again
        assert then or authorise(one, known, policy, verdict.until) == Send()
        assert set(verdict.facts) <= set(GUARDS)
    else:
        assert broken
        assert verdict.status in {"refused", "expired"}
        assert verdict.reason
        if verdict.status == "expired" and "late" not in broken:
            assert _never_before(one, known, policy, now, one.expires_at)


def _never_before(one: Candidate, known: dict[str, Any], policy: Policy, now: int, end: int) -> bool:
    """Whether some guard is broken at every quarter of an hour until the end; of what looks again, at its looks."""
    if "service first" in wrongs(one, known, policy, now):
        return True
    return all(wrongs(one, known, policy, at) for at in range(now, end + 1, HOUR_MS // 4))


@settings(max_examples=40)
@given(policies, st.lists(st.tuples(hours, st.sampled_from(["email", "sms"])), min_size=20, max_size=120), facts)
def test_in_no_window_of_sixty_days_is_there_too_much(
    policy: Policy, wanted: list[tuple[int, str]], known: dict[str, Any]
) -> None:
    """Campaigns that all want to write at once: hour by hour, who is let through never exceeds a cap or a gap."""
    known = known | {"email_consent": True, "sms_consent": True, "order_count": 1}
    known |= {"open_tickets": 0, "late_delivery": False, "ordered_since_entry": False}
    waiting = [(BEGIN + at, channel, BEGIN + at + 5 * DAY_MS) for at, channel in wanted]
    sent: list[Contacted] = []
    for now in range(BEGIN, BEGIN + 60 * DAY_MS, HOUR_MS):
        for each in sorted(waiting):
            due_at, channel, expires_at = each
            if due_at > now:
                continue
            waiting.remove(each)
            verdict = _asked(channel, expires_at, tuple(sent), known, policy, now)
            if isinstance(verdict, Defer):
                waiting.append((verdict.until, channel, expires_at))
            elif isinstance(verdict, Send):
                sent.append(Contacted(channel, now))
            else:
                assert isinstance(verdict, Stop)
                assert verdict.status == "expired"
    assert not waiting, "everything came to an end"
    for cap in policy.caps:
        times = [one.at for one in sent if cap.channel in ("any", one.channel)]
        assert all(sum(at <= other < at + cap.within for other in times) <= cap.at_most for at in times)
    for channel, gap in policy.gaps.items():
        times = sorted(one.at for one in sent if one.channel == channel)
        assert all(later - earlier >= gap for earlier, later in pairwise(times))


def _asked(
    channel: Any, expires_at: int, sent: tuple[Contacted, ...], known: dict[str, Any], policy: Policy, now: int
) -> Verdict:
    where = Whereabouts(("Europe/London",), ("GB",))
    one = Candidate(channel, "marketing", "there", expires_at, True, None, None, whereabouts=where, history=sent)
    return authorise(one, known, policy, now)


def test_the_slow_check_knows_the_day_of_the_week() -> None:
    """The oracle's own footing: the first day is the Friday that the calendar says."""
    assert DAYS[(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=BEGIN)).weekday()] == "fri"
