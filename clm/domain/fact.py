"""The closed list of facts a condition may speak of; each is one column of the profile.

A fact that is not known (never ordered, no country told) makes every comparison with it unknown, and unknown never
matches: `days_since(last_order_at) > 90` is not true of somebody who never bought.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FactType = Literal["time", "number", "money", "text", "truth"]
Scope = Literal["contact", "enrolment", "moment"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing known about a contact.

    `scope` is `enrolment` for facts that exist only relative to having entered a campaign; those may be used in
    `goal`, `unless`, not in `enter.when`. It is `moment` for what depends on the instant and on where the contact
    lives alone, and is no column of the profile.
    """

    name: str
    type: FactType
    meaning: str
    example: str
    scope: Scope = "contact"


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
        "last_activity_at",
        "time",
        "latest sign-up, order, cancellation or event up to now",
        "days_since(last_activity_at) > 180",
    ),
    Fact("email_consent", "truth", "may be sent marketing by e-mail, as last told", "email_consent"),
    Fact("sms_consent", "truth", "may be sent marketing by SMS, as last told", "sms_consent"),
    Fact("country", "text", "ISO 3166 two-letter code", "country in ('GB', 'IE')"),
    Fact("locale", "text", "language, BCP 47", "locale = 'fa'"),
    Fact("zone", "text", "IANA time zone", "zone = 'Asia/Tehran'"),
    Fact("acquisition_source", "text", "channel of first contact", "acquisition_source = 'newsletter'"),
    Fact("born_on", "time", "date of birth", "anniversary(born_on)"),
    Fact("born_on_told_at", "time", "when the date of birth was first told", "days_since(born_on_told_at) >= 30"),
    Fact(
        "next_order_expected_at",
        "time",
        "the last order and the median of the own gaps; needs three orders",
        "days_until(next_order_expected_at) <= 3",
    ),
    Fact(
        "open_tickets",
        "number",
        "service tickets opened and not closed; those of low marks for 30 days at most",
        "open_tickets > 0",
    ),
    Fact("last_rating", "number", "latest rating given, 1 to 5", "last_rating <= 2"),
    Fact("last_rated_at", "time", "when that rating was given", "days_since(last_rated_at) < 14"),
    Fact(
        "late_delivery",
        "truth",
        "an order that stands was told to be late in the last 60 days and has not arrived",
        "late_delivery",
    ),
    Fact("emails_sent", "number", "marketing e-mails handed over, ever", "emails_sent >= 8"),
    Fact("last_email_at", "time", "when the latest of them was", "days_since(last_email_at) > 30"),
    Fact("sms_sent", "number", "marketing SMS handed over, ever", "sms_sent >= 1"),
    Fact("last_sms_at", "time", "when the latest of them was", "days_since(last_sms_at) > 30"),
    Fact(
        "last_reaction_at",
        "time",
        "latest click on, or opening by a person of, a message of ours; or a word on the preference page",
        "days_since(last_reaction_at) > 180",
    ),
    Fact("recency_score", "number", "quintile of recency, 5 is most recent", "recency_score >= 4"),
    Fact("frequency_score", "number", "quintile of how often they order, 5 is most often", "frequency_score = 5"),
    Fact("monetary_score", "number", "quintile of what they spend, 5 is most", "monetary_score = 5"),
    Fact("rfm_group", "text", "group by recency, frequency and monetary value", "rfm_group = 'champions'"),
    Fact("spend_percentile", "number", "rank of 365-day revenue among buyers, 100 is most", "spend_percentile >= 90"),
    Fact("p_alive", "number", "probability of still being a customer, 0 to 1 (BG/NBD)", "p_alive < 0.5"),
    Fact("expected_orders_90d", "number", "orders to expect in the next 90 days", "expected_orders_90d > 1"),
    Fact(
        "predicted_revenue_365d",
        "money",
        "revenue to expect in the next 365 days (Gamma-Gamma)",
        "predicted_revenue_365d > 300",
    ),
    Fact("stage", "text", "lifecycle stage, as config/stages.yaml says", "stage = 'retention'"),
    Fact("stage_since", "time", "when the contact came into that stage", "days_since(stage_since) > 30"),
    Fact("lifecycle_number", "number", "1, and one more for each return after having lapsed", "lifecycle_number > 1"),
    Fact("now", "time", "the instant of looking", "now between '2026-11-20' and '2026-11-28'", "moment"),
    Fact("local_hour", "number", "hour of the day where the contact lives, 0 to 23", "local_hour >= 9", "moment"),
    Fact(
        "local_weekday",
        "text",
        "day of the week where the contact lives",
        "local_weekday in ('sat', 'sun')",
        "moment",
    ),
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
