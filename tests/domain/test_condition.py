"""What a condition says of one contact, the unknown included."""

from __future__ import annotations

from typing import Any

import pytest

from clm.domain.condition import evaluate, facts_of
from clm.domain.condition_parser import parse_condition
from clm.domain.instant import DAY_MS

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
    ],
)
def test_unknown_is_neither_true_nor_false(text: str, facts: dict[str, Any], truth: bool | None) -> None:
    """A comparison with what is not known is unknown, unknown never matches, and edges lie where the words say."""
    assert evaluate(parse_condition(text), facts, NOW) is truth


def test_a_condition_names_its_facts() -> None:
    """The decision that somebody entered keeps the facts it was made of."""
    condition = parse_condition("order_count > 1 and not (days_since(last_order_at) > 3 or country in ('GB'))")
    assert [fact.name for fact in facts_of(condition)] == ["order_count", "last_order_at", "country"]
