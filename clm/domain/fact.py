"""The closed list of facts a condition may speak of; each is one column of the profile.

A fact that is not known (never ordered, no country told) makes every comparison with it unknown, and unknown never
matches: `days_since(last_order_at) > 90` is not true of somebody who never bought.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FactType = Literal["time", "number", "money", "text", "truth"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing known about a contact.

    `scope` is `enrolment` for facts that exist only relative to having entered a campaign; those may be used in
    `goal`, `unless`, not in `enter.when`.
    """

    name: str
    type: FactType
    meaning: str
    example: str
    scope: Literal["contact", "enrolment"] = "contact"


_FACTS = (
    Fact("signed_up_at", "time", "when the contact signed up, where a source tells", "days_since(signed_up_at) < 3"),
    Fact("first_order_at", "time", "time of the first order that stands", "days_since(first_order_at) >= 30"),
    Fact("first_order_id", "text", "the shop's id of that order", "first_order_id is not null"),
    Fact("last_order_at", "time", "time of the latest order that stands", "days_since(last_order_at) > 90"),
    Fact("last_order_id", "text", "the shop's id of that order", "last_order_id is not null"),
    Fact("order_count", "number", "orders that stand: placed and not wholly taken back", "order_count >= 2"),
    Fact("revenue", "money", "all orders less what was taken back, base currency", "revenue > 1000"),
    Fact("revenue_365d", "money", "the same over the last 365 days", "revenue_365d > 200"),
    Fact("average_order_value", "money", "revenue divided by order_count", "average_order_value >= 50"),
    Fact("average_gap_days", "number", "mean days between neighbouring orders; needs two", "average_gap_days < 40"),
    Fact("last_gap_days", "number", "days between the last two orders", "last_gap_days > 60"),
    Fact("longest_gap_days", "number", "most days between two neighbouring orders", "longest_gap_days > 120"),
    Fact(
        "last_activity_at", "time", "latest sign-up, order, cancellation or event", "days_since(last_activity_at) > 180"
    ),
    Fact("email_consent", "truth", "may be sent marketing by e-mail, as last told", "email_consent"),
    Fact("sms_consent", "truth", "may be sent marketing by SMS, as last told", "sms_consent"),
    Fact("country", "text", "ISO 3166 two-letter code", "country in ('GB', 'IE')"),
    Fact("locale", "text", "language, BCP 47", "locale = 'fa'"),
    Fact("zone", "text", "IANA time zone", "zone = 'Asia/Tehran'"),
    Fact("acquisition_source", "text", "channel of first contact", "acquisition_source = 'newsletter'"),
    Fact("entered_at", "time", "when the contact entered this campaign", "days_since(entered_at) > 3", "enrolment"),
    Fact(
        "ordered_since_entry",
        "truth",
        "an order that stands was placed after entering",
        "ordered_since_entry",
        "enrolment",
    ),
)

FACTS: dict[str, Fact] = {fact.name: fact for fact in _FACTS}
