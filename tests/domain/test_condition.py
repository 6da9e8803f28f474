"""What a condition says of one contact, the unknown included."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from clm.domain.condition import evaluate, terms_of
from clm.domain.condition_parser import parse_condition
from clm.domain.instant import DAY_MS, to_ms

NOW = 1_000 * DAY_MS


@pytest.mark.parametrize(
    ("text", "facts", "truth"),
    [
        ("days_since(last_order_at) > 90", {"last_order_at": NOW - 90 * DAY_MS - 1}, True),
        ("days_since(last_order_at) > 90", {"last_order_at": NOW - 90 * DAY_MS}, False),
        ("days_since(last_order_at) >= 90", {"last_order_at": NOW - 90 * DAY_MS}, True),
        ("days_since(last_order_at) between 7 and 21", {"last_order_at": NOW - 7 * DAY_MS}, True),
        ("days_since(last_order_at) between 7 and 21", {"last_order_at": NOW - 21 * DAY_MS}, True),
        ("days_since(last_order_at) between 7 and 21", {"last_order_at": NOW - 21 * DAY_MS - 1}, False),
        ("days_since(last_order_at) < 3", {"last_order_at": NOW}, True),
        ("days_since(last_order_at) < 3", {"last_order_at": NOW + 1}, False),  # has not happened yet
        ("days_since(last_order_at) > 90", {"last_order_at": None}, None),
        ("not days_since(last_order_at) > 90", {}, None),
        ("country is null", {}, True),
        ("country is not null", {"country": "GB"}, True),
        ("country != 'GB'", {}, None),
        ("country not in ('GB')", {}, None),
        ("country = 'GB' or email_consent", {"email_consent": True}, True),
        ("country = 'GB' or email_consent", {"email_consent": False}, None),
        ("country = 'GB' and email_consent", {"email_consent": False}, False),
        ("country = 'GB' and email_consent", {"email_consent": True}, None),
        ("days_until(born_on) <= 3", {"born_on": NOW + 3 * DAY_MS}, True),
        ("days_until(born_on) <= 3", {"born_on": NOW + 3 * DAY_MS + 1}, False),
        ("days_until(born_on) <= 3", {"born_on": NOW}, True),
        ("days_until(born_on) <= 3", {"born_on": NOW - 1}, False),  # has passed
        ("days_since(last_order_at) > usual_gap(0.8, 90)", {"last_order_at": NOW - 31 * DAY_MS}, None),
        (
            "days_since(last_order_at) > usual_gap(0.8, 90)",
            {"last_order_at": NOW - 31 * DAY_MS, "usual_gap(0.8, 90)": 30 * DAY_MS},
            True,
        ),
        ("did('viewed', 7, 2)", {"did('viewed', within = 7)": 1}, False),
        ("did('viewed', 7, 2)", {"did('viewed', within = 7)": 2}, True),
    ],
)
def test_unknown_is_neither_true_nor_false(text: str, facts: dict[str, Any], truth: bool | None) -> None:
    """A comparison with what is not known is unknown, unknown never matches, and edges lie where the words say."""
    assert evaluate(parse_condition(text), facts, NOW) is truth


def test_a_condition_names_its_facts() -> None:
    """The decision that somebody entered keeps the facts it was made of."""
    condition = parse_condition("order_count > 1 and not (days_since(last_order_at) > 3 or country in ('GB'))")
    assert [term.name for term in terms_of(condition)] == ["order_count", "last_order_at", "country"]


@pytest.mark.parametrize(
    ("born", "zone", "at", "truth"),
    [
        ("1990-10-04", "Europe/London", "2024-10-03T23:00:00+00:00", True),  # the day begins in summer time
        ("1990-10-04", "Europe/London", "2024-10-03T22:59:59+00:00", False),
        ("1990-10-04", "Asia/Kathmandu", "2024-10-03T18:15:00+00:00", True),
        ("1990-10-04", None, "2024-10-03T23:59:59+00:00", False),  # the shop's zone, UTC here
        ("2024-10-04", "Europe/London", "2024-10-04T12:00:00+00:00", False),  # the day itself
        ("1988-02-29", None, "2024-02-28T12:00:00+00:00", False),
        ("1988-02-29", None, "2024-02-29T12:00:00+00:00", True),
        ("1988-02-29", None, "2023-02-28T12:00:00+00:00", True),
        ("1988-02-29", None, "2023-03-01T12:00:00+00:00", False),
    ],
)
def test_a_birthday_is_a_day_where_the_person_lives(born: str, zone: str | None, at: str, truth: bool) -> None:
    """From midnight to midnight in the contact's own zone; on 28 February for a leap-day child in other years."""
    facts = {"born_on": to_ms(datetime.fromisoformat(born + "T00:00:00+00:00")), "home_zone": zone}
    now = to_ms(datetime.fromisoformat(at))
    assert evaluate(parse_condition("anniversary(born_on)"), facts, now) is truth
