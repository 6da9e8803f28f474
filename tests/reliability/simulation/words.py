"""The campaigns with their words, one of each kind of promise, what they give and ask, and the policy they keep to."""

from __future__ import annotations

import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from clm.config import Configuration
from clm.content.brand import Brand, read_brand
from clm.content.library import TemplateLibrary
from clm.content.links import Links
from clm.domain.campaign import Campaign
from clm.domain.delivery import Delivery
from clm.domain.fact import FACTS
from clm.domain.hours import Hours, QuietHours
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.offer import Offer
from clm.domain.policy import Cap, Policy
from clm.domain.survey import Survey
from clm.engine.journey import Journeys
from clm.surveys_file import load_surveys
from tests.conftest import PROJECT
from tests.engine.shop import POUNDS

SILENCE_MS = 3 * HOUR_MS
WITHIN_MS = 10 * HOUR_MS
STEPS = ("hello", "again", "last")
KEY = "a key of thirty-two characters or more"
OFFERS = {
    # Shorter than files may say, so that some run out; good for two orders. The others are few, and good for one.
    "spring": Offer("spring", "percent", days=0, prefix="SPRING", uses=2, percent=15),
    "tin": Offer("tin", "free_shipping", days=1),
}
GIVING = {("notice", "hello"): "spring", ("other", "hello"): "tin", ("nudge", "again"): "tin", ("nudge", "last"): "tin"}
"""The offers of steps."""
ASKING = {("notice", "hello"): "rating", ("other", "last"): "rating"}
"""The surveys of steps."""
SAID = re.compile(r"Code (\S+) until (\w+ \d+, \d+)\.")
"""The code, and the last day on which it is taken."""
LINK = re.compile(r"Answer: (\S+)")
_SAYS = (
    "{% if coupon is defined %} Code {{ coupon.code }} until {{ coupon.expires_at | date }}.{% endif %}"
    "{% if survey is defined %} Answer: {{ survey.url }} {% endif %}"
)
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
                (place / "subject.txt").write_text(f"{campaign} {step}")
                for name in ("body.txt", "sms.txt"):
                    (place / name).write_text(f"{campaign} {step}{_SAYS}")
                (place / "body.mjml").write_text(_BODY.format(f"{campaign} {step}"))
        place = Path(folder) / "low" / "alert" / "en"
        place.mkdir(parents=True)
        for name in ("subject.txt", "task.txt"):
            (place / name).write_text("a low mark")
        return TemplateLibrary.load(Path(folder), brand=brand(), default_locale="en", facts=list(FACTS))


@cache
def links() -> Links:
    """Those in the letters."""
    return Links("https://shop.example", [KEY])


@cache
def surveys() -> dict[str, Survey]:
    """The shipped ones."""
    return load_surveys(PROJECT / "config", ())


def _send(name: str, step: str, channel: str = "email") -> dict[str, Any]:
    key = (name, step)
    gives = {"coupon": GIVING[key]} if key in GIVING else {}
    asks = {"survey": ASKING[key]} if key in ASKING else {}
    return {"send": step, "channel": channel, "within": "10h"} | gives | asks


def campaign(name: str, **plan: Any) -> Campaign:
    """A live campaign, as its file would say it."""
    return Campaign.model_validate({"campaign": name, "title": name.title(), "status": "live"} | plan)


def campaigns(notices_repeat: bool, **edits: Any) -> tuple[Campaign, ...]:
    """Marketing once and at most once, marketing by order and at least once, and a notice that caps do not hold up.

    And one that has somebody of the team look into a low mark.
    """
    return (
        campaign(
            "nudge",
            priority=65,
            enter={"when": "order_count >= 1", "once_per": "contact"},
            goal={"when": "ordered_since_entry"},
            holdout="20%",
            steps=[_send("nudge", "hello"), {"wait": "4h"}, _send("nudge", "again"), _send("nudge", "last", "sms")],
        ),
        campaign(
            "other",
            **{
                "delivery": "at_least_once",
                "service_first": "ignore",
                "priority": 60,
                "enter": {"when": "order_count >= 1", "once_per": "last_order"},
                "steps": [_send("other", "hello"), {"wait": "1h"}, _send("other", "last", "sms")],
            }
            | edits,
        ),
        campaign(
            "notice",
            purpose="transactional",
            delivery="at_least_once" if notices_repeat else "at_most_once",
            priority=90,
            enter={"when": "order_count >= 1", "once_per": "last_order"},
            steps=[_send("notice", "hello")],
        ),
        # As config/campaigns/feedback_low.yaml, with half its conditions: every tick of every story asks for each.
        campaign(
            "low",
            priority=95,
            service_first="ignore",
            enter={
                "when": "last('ticket_opened', topic = 'low mark') >= last('survey_answered')"
                " and (last('ticket_closed') is null or last('ticket_closed') < last('survey_answered'))",
                "once_per": "last('survey_answered')",
            },
            goal={"when": "did_since_entry('ticket_closed') and open_tickets = 0"},
            steps=[{"send": "alert", "channel": "staff", "within": "2d"}],
        ),
    )


@cache
def policy() -> Policy:
    """Close caps and gaps, a day's hours, and a short silence, so that all of them matter within two days."""
    by_day = QuietHours.model_validate({"every day": "09:00-20:00"}).week
    return Policy(
        gaps={"email": HOUR_MS, "sms": HOUR_MS},
        caps=(Cap("email", 2, DAY_MS), Cap("sms", 1, DAY_MS), Cap("any", 3, 2 * DAY_MS)),
        hours={"email": Hours(by_day), "sms": Hours(by_day)},
        service_first=Configuration(POUNDS, campaigns=()).parse("open_tickets > 0", "contact"),
        delivery=Delivery(silence=SILENCE_MS),
    )


@cache
def journeys(edited: bool, notices_repeat: bool) -> Journeys:
    """The campaigns as a process reads them, today or after an edit; conditions are parsed once."""
    edits = (
        {"steps": [_send("other", "hello"), {"wait": "2h"}, _send("other", "again")], "in_flight": "move"}
        if edited
        else {}
    )
    return Journeys(
        Configuration(POUNDS, campaigns(notices_repeat, **edits), policy=policy(), offers=OFFERS, surveys=surveys())
    )
