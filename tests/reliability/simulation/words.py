"""Three campaigns with their words, one of each kind of promise, and the policy they keep to."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from clm.config import Configuration
from clm.content.brand import Brand, read_brand
from clm.content.library import TemplateLibrary
from clm.domain.campaign import Campaign
from clm.domain.delivery import Delivery
from clm.domain.fact import FACTS
from clm.domain.hours import QuietHours
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.policy import Cap, Policy
from clm.engine.journey import Journeys
from tests.conftest import PROJECT
from tests.engine.shop import POUNDS

SILENCE_MS = 3 * HOUR_MS
WITHIN_MS = 10 * HOUR_MS
STEPS = ("hello", "again", "last")
_BODY = "<mjml><mj-body><mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section></mj-body></mjml>"


@cache
def brand() -> Brand:
    """The shipped brand."""
    return read_brand(PROJECT / "config" / "brand.yaml")


@cache
def library() -> TemplateLibrary:
    """Short words for every step, compiled once per process."""
    with tempfile.TemporaryDirectory() as folder:
        for campaign in ("nudge", "other", "notice"):
            for step in STEPS:
                place = Path(folder) / campaign / step / "en"
                place.mkdir(parents=True)
                for name in ("subject.txt", "body.txt", "sms.txt"):
                    (place / name).write_text(f"{campaign} {step}")
                (place / "body.mjml").write_text(_BODY.format(f"{campaign} {step}"))
        return TemplateLibrary.load(Path(folder), brand=brand(), default_locale="en", facts=list(FACTS))


def _send(step: str, channel: str = "email") -> dict[str, Any]:
    return {"send": step, "channel": channel, "within": "10h"}


def campaign(name: str, **plan: Any) -> Campaign:
    """A live campaign, as its file would say it."""
    return Campaign.model_validate({"campaign": name, "title": name.title(), "status": "live"} | plan)


def campaigns(**edits: Any) -> tuple[Campaign, ...]:
    """Marketing once and at most once, marketing by order and at least once, and a notice that caps do not hold up."""
    return (
        campaign(
            "nudge",
            enter={"when": "order_count >= 1", "once_per": "contact"},
            goal={"when": "ordered_since_entry"},
            holdout="20%",
            steps=[_send("hello"), {"wait": "4h"}, _send("again"), _send("last", "sms")],
        ),
        campaign(
            "other",
            **{
                "delivery": "at_least_once",
                "priority": 60,
                "enter": {"when": "order_count >= 1", "once_per": "last_order"},
                "steps": [_send("hello"), {"wait": "1h"}, _send("last", "sms")],
            }
            | edits,
        ),
        campaign(
            "notice",
            purpose="transactional",
            priority=90,
            enter={"when": "order_count >= 1", "once_per": "last_order"},
            steps=[_send("hello")],
        ),
    )


@cache
def policy() -> Policy:
    """Close caps and gaps, a day's hours, and a short silence, so that all of them matter within two days."""
    by_day = QuietHours.model_validate({"every day": "09:00-20:00"}).week
    from clm.domain.hours import Hours

    return Policy(
        gaps={"email": HOUR_MS, "sms": HOUR_MS},
        caps=(Cap("email", 2, DAY_MS), Cap("sms", 1, DAY_MS), Cap("any", 3, 2 * DAY_MS)),
        hours={"email": Hours(by_day), "sms": Hours(by_day)},
        delivery=Delivery(silence=SILENCE_MS),
    )


@cache
def journeys(edited: bool = False) -> Journeys:
    """The campaigns as a process reads them, today or after an edit; conditions are parsed once."""
    edits = {"steps": [_send("hello"), {"wait": "2h"}, _send("again")], "in_flight": "move"} if edited else {}
    return Journeys(Configuration(POUNDS, campaigns(**edits), policy=policy()))
