"""config/policy.yaml: read as written, and everything wrong with it told at once, with its place and the remedy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from clm.domain.condition import evaluate, terms_of
from clm.domain.condition_parser import parse_condition
from clm.domain.hours import ALWAYS
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.language import Language
from clm.domain.policy import Cap, Policy
from clm.errors import ConfigurationError
from clm.policy_file import load_policy
from tests.conftest import PROJECT

NOTHING = """\
gaps: {}
caps: []
quiet_hours: {}
service_first: none
offers: none
holdout: 0%
backlog: {entries: 5, within: 2h}
delivery: {routes: {}, breaker: none, canary: none, blast_radius: none, silence: 1d}
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a policy.yaml beside the shipped legal hours, and says in which folder."""

    def written(text: str) -> Path:
        shutil.copy(PROJECT / "config" / "sms_hours.yaml", tmp_path)
        (tmp_path / "policy.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return written


def faults(folder: Path) -> list[str]:
    """What is refused, with file names in place of whole paths."""
    with pytest.raises(ConfigurationError) as refusal:
        load_policy(folder, Language())
    return [str(fault).replace(f"{folder}/", "") for fault in refusal.value.faults]


def test_the_shipped_policy_is_the_published_one() -> None:
    """Gaps, caps and hours as the field's practice has them; service and interest come first."""
    policy = load_policy(PROJECT / "config", Language(zone="Europe/London"))
    assert policy.zone == "Europe/London"
    assert policy.gaps == {"email": 16 * HOUR_MS, "sms": 24 * HOUR_MS}
    assert policy.caps == (
        Cap("email", 3, 7 * DAY_MS),
        Cap("sms", 1, 7 * DAY_MS),
        Cap("sms", 4, 30 * DAY_MS),
    )
    assert set(policy.hours) == {"sms"}
    assert policy.hours["sms"].default.days[6] == ((12 * 60, 20 * 60),)
    assert {"US", "US-FL", "FR"} <= set(policy.hours["sms"].legal)
    assert policy.look_again == 6 * HOUR_MS
    assert policy.service_first == parse_condition(
        "open_tickets > 0 or late_delivery or last_rating <= 2 and days_since(last_rated_at) < 30"
        " and (last('ticket_closed') is null or last('ticket_closed') < last_rated_at)"
        " or days_since(last('survey_answered', survey = 'nps', score <= 6)) < 30"
        " and last('survey_answered', survey = 'nps', score <= 6) >= last('survey_answered', survey = 'nps')"
        " and (last('ticket_closed') is null"
        " or last('ticket_closed') < last('survey_answered', survey = 'nps', score <= 6))"
    )
    assert policy.offers is not None
    assert (policy.holdout, policy.backlog_entries, policy.backlog_within_ms) == (0, 10_000, DAY_MS)


@pytest.mark.parametrize(
    ("low_days_ago", "latest_days_ago", "held"), [(29, 29, True), (31, 31, False), (20, 10, False), (None, 10, None)]
)
def test_a_low_recommendation_holds_promotions(
    low_days_ago: int | None, latest_days_ago: int, held: bool | None
) -> None:
    """An NPS of 6 or less holds them for 30 days, or until the same question gets a better answer."""
    service_first = load_policy(PROJECT / "config", Language()).service_first
    assert service_first is not None
    now = 1_000 * DAY_MS
    facts = {term.name: None for term in terms_of(service_first)} | {"open_tickets": 0, "late_delivery": False}
    facts |= {"last_rating": 5, "last_rated_at": now - DAY_MS}
    low = "last('survey_answered', survey = 'nps', score <= 6)"
    assert low in facts
    facts[low] = None if low_days_ago is None else now - low_days_ago * DAY_MS
    facts["last('survey_answered', survey = 'nps')"] = now - latest_days_ago * DAY_MS
    assert evaluate(service_first, facts, now) is held


def test_every_guard_can_be_left_out_on_purpose(write: Write) -> None:
    """Only the law stays: legal hours hold whatever the shop's own are."""
    policy = load_policy(write(NOTHING), Language())
    assert policy.hours["sms"].default == ALWAYS
    assert policy.hours["sms"].legal
    assert policy == Policy(
        hours=policy.hours, look_again=policy.look_again, backlog_entries=5, backlog_within_ms=2 * HOUR_MS
    )


def test_what_is_written_is_read(write: Write) -> None:
    """Each line, in the units of the shop."""
    text = (
        NOTHING.replace("gaps: {}", "gaps: {sms: 2d}")
        .replace("caps: []", "caps: [{channel: any, at_most: 5, within: 1w}]")
        .replace("quiet_hours: {}", 'quiet_hours: {email: {every day: "07:00-22:00"}}')
        .replace("service_first: none", "service_first: {when: revenue > 5, look_again: 30m}")
        .replace("offers: none", "offers: {need: in_segment('vip')}")
        .replace("0%", "7.5%")
    )
    vip = parse_condition("order_count > 3")
    policy = load_policy(write(text), Language(minor_per_major=1_000, segments={"vip": vip}))
    assert policy.gaps == {"sms": 2 * DAY_MS}
    assert policy.caps == (Cap("any", 5, 7 * DAY_MS),)
    assert policy.hours["email"].default.days == (((7 * 60, 22 * 60),),) * 7
    assert policy.hours["email"].legal == {}, "the legal hours are of SMS alone"
    assert policy.service_first == parse_condition("revenue > 5", Language(minor_per_major=1_000))
    assert policy.look_again == HOUR_MS // 2
    assert policy.offers is not None
    assert policy.holdout == 0.075


def test_a_missing_policy_is_a_fault_and_not_guessed(tmp_path: Path) -> None:
    """Nobody finds out by a thousand messages at night that a file was not copied."""
    assert faults(tmp_path) == [
        "policy.yaml: does not exist; copy the one that clm ships, and change what is to be otherwise",
        "sms_hours.yaml: does not exist; `clm check` lists what is needed",
    ]


def test_a_missing_guard_is_a_fault_with_how_to_do_without(write: Write) -> None:
    """Left out and forgotten look the same; so leaving out is written down."""
    assert faults(write("gaps: {email: 16h}\n")) == [
        "policy.yaml:1:1: caps: is required; write `caps: []` to do without",
        "policy.yaml:1:1: quiet_hours: is required; write `quiet_hours: {}` to do without",
        "policy.yaml:1:1: service_first: is required; write `service_first: none` to do without",
        "policy.yaml:1:1: offers: is required; write `offers: none` to do without",
        "policy.yaml:1:1: holdout: is required; write `holdout: 0%` to do without",
        "policy.yaml:1:1: backlog: is required; write `backlog: {entries: 1000000, within: 1d}` to do without",
        f"policy.yaml:1:1: delivery: is required; write `{NOTHING.splitlines()[-1]}` to do without",
    ]


@pytest.mark.parametrize(
    ("line", "written", "told"),
    [
        ("gaps: {}", "gaps: {email: soon}", "1:8: gaps.email: `soon` is not a duration; write 30m, 4h, 6d or 2w"),
        ("gaps: {}", "gaps: {email: 16}", "1:8: gaps.email: `16` is not a duration; write 30m, 4h, 6d or 2w"),
        ("gaps: {}", "gaps: {email: -16}", "1:8: gaps.email: `-16` is not a duration"),
        (
            "caps: []",
            "caps: [{channel: email, at_most: 3, within: 7}]",
            "2:37: caps.1.within: `7` is not a duration; write 30m, 4h, 6d or 2w",
        ),
        (
            "service_first: none",
            "service_first: {when: late_delivery, look_again: 6}",
            "4:38: service_first.look_again: `6` is not a duration",
        ),
        ("backlog: {entries: 5, within: 2h}", "backlog: {entries: 5, within: 2}", "7:23: backlog.within: `2` is not"),
        ("gaps: {}", "gaps: {fax: 2d}", "1:8: gaps.fax: `fax` is not known here; write `email` or `sms`"),
        ("caps: []", "caps: [{channel: email, at_most: 3}]", "2:8: caps.1.within: is required"),
        (
            "caps: []",
            "caps: [{channel: email, at_most: 0, within: 7d}]",
            "2:25: caps.1.at_most: `0` is too little; write 1 or more",
        ),
        (
            "caps: []",
            "caps: [{channel: email, at_most: 1, within: 0d}]",
            "2:37: caps.1.within: `0d` is too little; write more than 0",
        ),
        (
            "quiet_hours: {}",
            'quiet_hours: {sms: {monday: "09:00-20:00"}}',
            "3:21: quiet_hours.sms.monday: `monday` is not a weekday; did you mean `mon`?",
        ),
        (
            "service_first: none",
            "service_first: {when: open_ticket > 0, look_again: 6h}",
            "4:23: service_first.when: `open_ticket` is not a fact; did you mean `open_tickets`?",
        ),
        (
            "service_first: none",
            "service_first: {when: ordered_since_entry, look_again: 6h}",
            "4:23: service_first.when: `ordered_since_entry` exists only after entering",
        ),
        ("service_first: none", "service_first: {when: late_delivery}", "4:1: service_first.look_again: is required"),
        (
            "offers: none",
            "offers: {need: order_count >= 1 or did('cart_updated')}",
            "5:36: offers.need: ",
        ),
        ("holdout: 0%", "holdout: 80%", "6:1: holdout: lies between 0% and 50%"),
        ("holdout: 0%", "hold_out: 0%", "6:1: hold_out: `hold_out` is not a setting; did you mean `holdout`?"),
        ("backlog: {entries: 5, within: 2h}", "backlog: {entries: 5}", "7:1: backlog.within: is required"),
    ],
)
def test_a_fault_is_told_with_its_place_and_remedy(write: Write, line: str, written: str, told: str) -> None:
    """File, line and column, the field, what is wrong and what to do."""
    found = faults(write(NOTHING.replace(line, written)))
    assert any(fault.startswith(f"policy.yaml:{told}") for fault in found), found


DELIVERY = """\
delivery:
  routes:
    email: {by: sendgrid, at_once: 8}
    sms: {by: twilio, at_once: 8}
    webhook: {by: webhook, at_once: 8, url: https://program.example/hook}
  breaker:
    within: 1d
    bounces: {warn: 1%, stop: 2%, at_least: 5}
    complaints: {warn: 0.08%, stop: 0.1%, at_least: 2}
    pause: 1h
    probe: 50
  canary: {messages: 50, wait: 1h}
  blast_radius: {times: 3, above: 1000}
  silence: 1d
"""


@pytest.mark.parametrize(
    ("line", "written", "told"),
    [
        (DELIVERY, "delivery: none\n", "8:1: delivery: is not `key: value` lines; write `delivery: {"),
        (DELIVERY, "delivery:\n", "8:1: delivery: is not `key: value` lines; write `delivery: {"),
        (
            "  canary: {messages: 50, wait: 1h}\n",
            "",
            "8:1: delivery.canary: is required; write `canary: none` to do without",
        ),
        (
            "canary: {messages: 50, wait: 1h}",
            "canary: off",
            "19:3: delivery.canary: is not `key: value` lines; write `canary: none` to do without",
        ),
        ("by: sendgrid", "by: twilio", "10:13: delivery.routes.email.by: `email` cannot go by twilio (by: sendgrid,"),
        (
            ", url: https://program.example/hook",
            "",
            "12:5: delivery.routes.webhook.url: is required where a route goes",
        ),
        ("by: webhook", "by: outbox", "12:39: delivery.routes.webhook.url: is read of a route by webhook alone"),
        ("https://program.example", "http://program.example", "12:40: delivery.routes.webhook.url: is not a URL to"),
        ("https://program.example", "https://a:b@program.example", "12:40: delivery.routes.webhook.url: is not a URL"),
        (
            "by: sendgrid,",
            "by: sendgrid, price_per_segment: {default: 1},",
            "10:27: delivery.routes.email.price_per_segment: is read of SMS alone; leave it out",
        ),
        (
            "by: twilio,",
            "by: twilio, price_per_segment: {default: -1},",
            "11:43: delivery.routes.sms.price_per_segment.default: `-1` is too little; write 0 or more",
        ),
        (
            "by: twilio,",
            "by: twilio, price_per_segment: {default: .nan},",
            "11:43: delivery.routes.sms.price_per_segment.default: `.nan` is no number; write one such as 2.5",
        ),
        ("warn: 1%", "warn: 3%", "15:5: delivery.breaker.bounces: `warn` is above `stop`"),
        ("within: 1d", "within: 86400000", "14:5: delivery.breaker.within: `86400000` is not a duration"),
        ("pause: 1h", "pause: 1", "17:5: delivery.breaker.pause: `1` is not a duration"),
        ("wait: 1h", "wait: 1", "19:26: delivery.canary.wait: `1` is not a duration"),
        ("silence: 1d", "silence: 1", "21:3: delivery.silence: `1` is not a duration"),
        ("within: 1d", "within: 400d", "14:5: delivery.breaker.within: is longer than 366d"),
    ],
)
def test_a_fault_of_delivery_is_told_with_its_place_and_remedy(
    write: Write, line: str, written: str, told: str
) -> None:
    """Also where a route does not fit its channel, and where a guard says nothing."""
    whole = NOTHING.replace(NOTHING.splitlines()[-1] + "\n", DELIVERY)
    assert load_policy(write(whole), Language()).delivery.routes["webhook"].url == "https://program.example/hook"
    found = faults(write(whole.replace(line, written)))
    assert any(fault.startswith(f"policy.yaml:{told}") for fault in found), found
    assert len(found) == 1


def test_faults_of_both_files_are_told_at_once(write: Write) -> None:
    """Nobody mends one to be told of the other."""
    folder = write(NOTHING.replace("holdout: 0%", "holdout: 80%"))
    (folder / "sms_hours.yaml").write_text("places: [{place: FR}]\n", encoding="utf-8")
    files = {fault.split(":")[0] for fault in faults(folder)}
    assert files == {"policy.yaml", "sms_hours.yaml"}
