"""The sixteen campaigns clm ships, held to the table they were written from, and to each other."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain, pairwise
from typing import Any

import pytest
import yaml

from clm.config import Configuration, load_configuration
from clm.domain.campaign import Campaign, SendStep, SuppressStep, WaitUntilStep, every_step
from clm.domain.condition import And, Condition, InSegment, Not, Or, Since, Term, evaluate, terms_of
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.program import program
from clm.domain.term import HOME_ZONE, Moved, UsualGap

from .conftest import PROJECT

FOLDER = PROJECT / "config" / "campaigns"
PEOPLE = 20_000
NOW = 1_795_338_000_000  # 2026-11-22T09:00:00Z
DAY = DAY_MS

LOW_MARKS = (
    "last('survey_answered', survey = 'rating', score <= 2) or last('survey_answered', survey = 'nps', score <= 6)"
    " or last('ticket_opened', topic = 'low mark')"
)

# Priority, hold-out in %, the fact that names an enrolment, again after so many days.
TABLE: dict[str, tuple[int, int, str, int | None]] = {
    "confirm": (100, 0, "last('signup_requested')", 0),
    "welcome": (60, 10, "contact", None),
    "first_purchase": (85, 10, "first_order", None),
    "second_purchase": (70, 10, "first_order", None),
    "feedback": (90, 0, "last_order", 14),
    "feedback_low": (95, 0, LOW_MARKS, None),
    "feedback_high": (40, 0, "contact", 180),
    "win_back": (80, 10, "last_order", None),
    "reactivated": (85, 10, "last_order", None),
    "high_value": (40, 10, "contact", 90),
    "slipping_vip": (80, 5, "contact", 90),
    "reorder": (50, 10, "last_order", None),
    "abandoned_cart": (58, 10, "last('cart_updated')", 7),
    "birthday": (40, 0, "contact", 300),
    "trial": (55, 10, "contact", None),
    "referral": (40, 0, "contact", 180),
    "sunset": (45, 0, "contact", None),
}
COHORTS = ("registered", "first_time", "reactivated", "frequent", "lapsed")
APART = [
    ("first_purchase", "second_purchase"),
    ("first_purchase", "reactivated"),
    ("first_purchase", "win_back"),
    ("second_purchase", "reactivated"),
    ("second_purchase", "win_back"),
    ("reactivated", "win_back"),
    ("slipping_vip", "win_back"),
    ("slipping_vip", "high_value"),
    ("first_purchase", "slipping_vip"),
    ("second_purchase", "high_value"),
]


@cache
def _configuration() -> Configuration:
    return load_configuration(PROJECT / "config")


def _campaign(name: str) -> Campaign:
    return next(campaign for campaign in _configuration().campaigns if campaign.campaign == name)


each_campaign = pytest.mark.parametrize("name", TABLE)


def test_all_are_there() -> None:
    """Every campaign of the table is a file, and each file is a campaign of the table."""
    assert {campaign.campaign for campaign in _configuration().campaigns} == set(TABLE)


@each_campaign
def test_a_campaign_keeps_to_the_table(name: str) -> None:
    """Priority, hold-out, what makes an enrolment once, and when somebody may enter again are those of the table."""
    campaign = _campaign(name)
    again = campaign.enter.again_after
    assert TABLE[name] == (
        campaign.priority,
        round(campaign.holdout * 100),
        campaign.enter.once_per,
        None if again is None else again // DAY,
    )


def test_only_what_takes_people_off_the_list_waits_to_be_switched_on() -> None:
    """Everything is live but sunset, and nothing but sunset suppresses anybody."""
    assert [one.campaign for one in _configuration().campaigns if one.status != "live"] == ["sunset"]
    suppressing = {
        campaign.campaign
        for campaign in _configuration().campaigns
        for _, step in every_step(campaign.steps)
        if isinstance(step, SuppressStep)
    }
    assert suppressing == {"sunset"}


@each_campaign
def test_a_campaign_says_first_what_it_is_for(name: str) -> None:
    """A file begins with a sentence for people, and docs/campaigns.md has a section for it."""
    first = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert re.fullmatch(r"# [A-Z].{30,}\.", first)
    assert f"\n## `{name}`: " in (PROJECT / "docs" / "campaigns.md").read_text(encoding="utf-8")


@each_campaign
def test_a_campaign_can_be_carried_out(name: str) -> None:
    """Its steps make a program without circles or steps nobody comes to."""
    assert program(_campaign(name)).nodes


def test_service_comes_first_but_for_the_campaign_that_is_service() -> None:
    """Only the low mark's alert goes out while somebody is owed service."""
    ignoring = [one.campaign for one in _configuration().campaigns if one.service_first == "ignore"]
    assert ignoring == ["feedback_low"]


def test_the_basket_waits_for_no_discount() -> None:
    """Help, basket and thanks to the best customers carry no offer."""
    for name in ("abandoned_cart", "high_value", "slipping_vip", "feedback", "reorder"):
        assert not [step for step in _campaign(name).sends if step.coupon]


def test_staff_campaigns_write_to_nobody_but_the_team() -> None:
    """A low mark is answered by a person: both steps of its campaign are mails to the team."""
    assert {step.channel for step in _campaign("feedback_low").sends} == {"staff"}
    also = {one.campaign for one in _configuration().campaigns for step in one.sends if step.channel == "staff"}
    assert also == {"feedback_low", "high_value", "slipping_vip"}


def test_conditions_that_wait_are_bounded() -> None:
    """Whatever a step waits for, the journey goes on in the end."""
    for campaign in _configuration().campaigns:
        for _, step in every_step(campaign.steps):
            if isinstance(step, WaitUntilStep) and "when" in step.wait_until.model_dump():
                assert step.wait_until.at_most


def test_the_timetable_of_welcome() -> None:
    """Hello at once, the story after two days, a choice after four, and the code after a week."""
    days, at = {}, 0
    for loc, step in every_step(_campaign("welcome").steps):
        if isinstance(step, SendStep):
            days[step.send] = at / DAY
        elif len(loc) == 2:
            at += getattr(step, "wait", 0)
    assert days == {"hello": 0, "story": 2, "spice_shelf": 4, "tea_shelf": 4, "best_sellers": 4, "code": 7}


# -- who is where -----------------------------------------------------------------------------------------------------


@cache
def _conditions(name: str) -> tuple[Condition, Condition | None]:
    rules = _configuration().rules(_campaign(name))
    return rules.enter, rules.unless


def _enters(name: str, facts: dict[str, Any]) -> bool:
    enter, unless = _conditions(name)
    return evaluate(enter, facts, NOW) is True and not (unless is not None and evaluate(unless, facts, NOW))


def _atoms(condition: Condition) -> Iterator[Condition]:
    match condition:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _atoms(part)
        case Not(part) | InSegment(_, part):
            yield from _atoms(part)
        case _:
            yield condition


def _spots(edges: set[int]) -> list[int]:
    """A value on either side of each edge, between neighbours and beyond: all that a comparison can tell apart."""
    ends = sorted(edges)
    beside = [spot for edge in ends for spot in (edge - HOUR_MS, edge + HOUR_MS)]
    return sorted({*beside, *((low + high) // 2 for low, high in pairwise(ends)), ends[-1] + DAY, ends[-1] + 2 * DAY})


def _asked(*campaigns: str) -> list[Condition]:
    """What is asked of whoever enters these campaigns."""
    return [condition for name in campaigns for condition in _conditions(name) if condition is not None]


def _values(term: Term, days: list[int]) -> Sequence[Any]:
    """What the term can be, on one side or the other of what the conditions ask; `days` are lengths in ms."""
    match term:
        case Moved():
            return (False, True)
        case UsualGap():
            return days
        case _ if term.type == "truth":
            return (False, True)
    if term.name == "rfm_group":
        return (None, *sorted(_configuration().rfm.names))
    if term.name.endswith("_gap_days"):
        return [spot / DAY for spot in days]
    numbers: dict[str, Sequence[Any]] = {
        "open_tickets": (0, 1),
        "last_rating": (None, 2, 5),
        "spend_percentile": (None, 50.0, 95.0),
        "p_alive": (None, 0.2, 0.9),
        "order_count": (0, 1, 2, 3),
    }
    return numbers[term.name] if term.name in numbers else [None, *(NOW - spot for spot in days)]


def _people(conditions: Sequence[Condition]) -> Iterator[dict[str, Any]]:
    """Thousands of contacts who differ in what the conditions ask, with facts as profiles keep them.

    Nobody has an order without its times, or a gap without two orders.
    """
    lengths = (atom.length for condition in conditions for atom in _atoms(condition) if isinstance(atom, Since))
    days = _spots({2 * DAY, 90 * DAY, *(length for length in lengths if isinstance(length, int))})
    terms = {term.name: term for condition in conditions for term in terms_of(condition)}
    values = {name: _values(term, days) for name, term in terms.items()}
    lots = random.Random(20_261_122)
    for _ in range(PEOPLE):
        facts = {name: lots.choice(known) for name, known in values.items()} | {HOME_ZONE: None}
        ordered = facts.get("last_order_at") or facts.get("first_order_at") or NOW - days[1]
        gap = facts.get("last_gap_days", 30.0)
        if facts["order_count"] == 0:
            facts |= dict.fromkeys(("first_order_at", "last_order_at", "last_gap_days", "longest_gap_days"))
        elif facts["order_count"] == 1:
            facts |= {"first_order_at": ordered, "last_order_at": ordered}
            facts |= {"last_gap_days": None, "longest_gap_days": None}
        else:
            longest = gap if facts["order_count"] == 2 else max(gap, facts.get("longest_gap_days", gap))
            facts |= {"first_order_at": ordered - round(longest * DAY), "last_order_at": ordered}
            facts |= {"last_gap_days": gap, "longest_gap_days": longest}
        yield facts


def test_everybody_is_in_exactly_one_cohort() -> None:
    """Registered, first-time, reactivated, frequent or lapsed: one of them, and never two."""
    segments = _configuration().segments
    for facts in _people([segments[name].condition for name in COHORTS]):
        assert [evaluate(segments[name].condition, facts, NOW) for name in COHORTS].count(True) == 1, facts


@pytest.mark.parametrize(("one", "other"), APART, ids=[f"{one}-{other}" for one, other in APART])
def test_nobody_enters_both(one: str, other: str) -> None:
    """Campaigns that would say two things to the same person at once exclude each other, whatever the facts are."""
    entering = [facts for facts in _people(_asked(one, other)) if _enters(one, facts)]
    assert entering
    assert [facts for facts in entering if _enters(other, facts)] == []


@pytest.mark.parametrize("name", sorted({name for pair in APART for name in pair}))
def test_somebody_enters_each(name: str) -> None:
    """No campaign is kept apart from the others by letting nobody in."""
    terms = [term for condition in _asked(*chain(*APART)) for term in terms_of(condition)]
    ago = {term.name: None for term in terms} | {"open_tickets": 0, "order_count": 3, HOME_ZONE: None}
    ago |= {"email_consent": True}
    ago |= {term.name: term.default for term in terms if isinstance(term, UsualGap)}
    ago |= {term.name: False for term in terms if isinstance(term, Moved)}

    def ordered(days: int, **more: Any) -> dict[str, Any]:
        at = NOW - days * DAY
        return ago | {"last_order_at": at, "first_order_at": at, "last_gap_days": 30.0, "longest_gap_days": 60.0} | more

    delivered = {"last('order_delivered')": NOW - DAY}
    somebody = {
        "first_purchase": ordered(4, order_count=1, **delivered),
        "second_purchase": ordered(30, order_count=1),
        "win_back": ordered(91),
        "reactivated": ordered(4, last_gap_days=91.0, longest_gap_days=91.0, **delivered),
        "high_value": ordered(9, rfm_group="champions", **{"entered_group('champions', 30)": True}),
        "slipping_vip": ordered(99, rfm_group="cannot_lose", **{"entered_group('cannot_lose', 7)": True}),
    }
    assert _enters(name, somebody[name])
    assert [other for other in somebody if _enters(other, somebody[name])] == [name]


def test_the_file_format_is_what_marketers_see() -> None:
    """Each file reads as plain YAML: conditions are texts, durations are written with a unit."""
    for path in FOLDER.glob("*.yaml"):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert isinstance(data["enter"]["when"], str)
        assert all(re.fullmatch(r"\d+[hd]", step["wait"]) for step in data["steps"] if "wait" in step)
