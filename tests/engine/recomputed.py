"""A contact's facts, computed plainly from the rows that were accepted; shares no code with clm.

Written from docs and the meanings in `clm facts`, one fact at a time, slowly and in the open, so that it can be
believed.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

DAY = 24 * 3_600 * 1_000
YEAR = 365 * DAY

Row = dict[str, Any]


def recomputed(contact: Row, orders: list[Row], events: list[Row], consents: list[Row], now: int) -> Row:
    """Every fact of scope contact, at `now`; the rows are those of this contact."""
    placed = [row for row in orders if row["kind"] == "order"]
    taken = [row for row in orders if row["kind"] in {"cancellation", "refund"}]
    assert len(placed) + len(taken) == len(orders)

    standing: list[tuple[int, bytes]] = []  # when, and which
    money: list[tuple[int, int]] = []  # when, and how much
    for row in placed:
        backs = [back["amount"] for back in taken if back["cancels"] == row["external_id"]]
        money.append((row["ordered_at"], row["amount"] - sum(backs)))
        if not backs or sum(backs) < row["amount"]:
            standing.append((row["ordered_at"], row["external_id"].encode()))
    known = {row["external_id"] for row in placed}
    money += [(row["ordered_at"], -row["amount"]) for row in taken if row["cancels"] not in known]

    standing.sort()
    times = [at for at, _ in standing]
    gaps = [(later - earlier) / DAY for earlier, later in pairwise(times)]
    revenue = sum(amount for _, amount in money)
    active = [contact["signed_up_at"], *(row["ordered_at"] for row in orders), *(row["at"] for row in events)]
    return {
        "signed_up_at": contact["signed_up_at"],
        "first_order_at": times[0] if times else None,
        "first_order_id": standing[0][1].decode() if times else None,
        "last_order_at": times[-1] if times else None,
        "last_order_id": standing[-1][1].decode() if times else None,
        "order_count": len(times),
        "revenue": revenue,
        "revenue_365d": sum(amount for at, amount in money if now - YEAR < at <= now),
        "average_order_value": _towards_zero(revenue, len(times)) if times else None,
        "average_gap_days": sum(gaps) / len(gaps) if gaps else None,
        "last_gap_days": gaps[-1] if gaps else None,
        "longest_gap_days": max(gaps) if gaps else None,
        "last_activity_at": max((at for at in active if at is not None), default=None),
        "email_consent": _consent(consents, "email"),
        "sms_consent": _consent(consents, "sms"),
        "country": contact["country"],
        "locale": contact["locale"],
        "zone": contact["zone"],
        "acquisition_source": contact["acquisition_source"],
    }


def _towards_zero(amount: int, parts: int) -> int:
    return amount // parts if amount >= 0 else -(-amount // parts)


def _consent(statements: list[Row], channel: str) -> bool:
    """The latest statement; of several at one instant, no."""
    about = [row for row in statements if row["channel"] == channel and row["purpose"] == "marketing"]
    latest = [bool(row["granted"]) for row in about if row["at"] == max(one["at"] for one in about)]
    return bool(latest) and all(latest)
