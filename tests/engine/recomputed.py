"""A contact's facts, computed plainly from the rows that were accepted; shares no code with clm.

Written from docs and the meanings in `clm facts`, one fact at a time, slowly and in the open, so that it can be
believed.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Any

DAY = 24 * 3_600 * 1_000
YEAR = 365 * DAY
LATE_AT_MOST = 60 * DAY

Row = dict[str, Any]


def recomputed(contact: Row, orders: list[Row], events: list[Row], consents: list[Row], now: int) -> Row:
    """Every fact that follows from what sources tell, and what else is kept of it, at `now`.

    The rows are those of this contact.
    """
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
    gone = known - {name.decode() for _, name in standing}
    money += [(row["ordered_at"], -row["amount"]) for row in taken if row["cancels"] not in known]

    standing.sort()
    times = [at for at, _ in standing]
    gaps = [(later - earlier) / DAY for earlier, later in pairwise(times)]
    usual = {tenths: _usual_gap(times, Fraction(tenths, 10)) for tenths in (5, 8, 9)}
    heard = [row for row in events if row["at"] <= now]
    rating = _latest_rating(heard)
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
        "last_activity_at": max((at for at in active if at is not None and at <= now), default=None),
        "email_consent": _consent(consents, "email"),
        "sms_consent": _consent(consents, "sms"),
        "country": contact["country"],
        "locale": contact["locale"],
        "zone": contact["zone"],
        "acquisition_source": contact["acquisition_source"],
        "home_zone": contact["home_zone"],
        "born_on": contact["born_on"],
        "born_on_told_at": contact["born_on_told_at"],
        "birthday": _birthday(contact["born_on"]),
        "gap_50_ms": usual[5],
        "gap_80_ms": usual[8],
        "gap_90_ms": usual[9],
        "lapse_80_at": None if usual[8] is None else times[-1] + usual[8],
        "lapse_90_at": None if usual[9] is None else times[-1] + usual[9],
        "next_order_expected_at": None if usual[5] is None else times[-1] + usual[5],
        "open_tickets": len(_open_tickets([row for row in heard if not _is_old_mark(row, now)])),
        "last_rating": None if rating is None else rating[1],
        "last_rated_at": None if rating is None else rating[0],
        "late_delivery": any(
            _is_late(row, heard) and now - row["at"] < LATE_AT_MOST and _named(row, "order_id") not in gone
            for row in heard
            if row["name"] == "order_late"
        ),
    }


def _towards_zero(amount: int, parts: int) -> int:
    return amount // parts if amount >= 0 else -(-amount // parts)


def _consent(statements: list[Row], channel: str) -> bool:
    """The latest statement; of several at one instant, no."""
    about = [row for row in statements if row["channel"] == channel and row["purpose"] == "marketing"]
    latest = [bool(row["granted"]) for row in about if row["at"] == max(one["at"] for one in about)]
    return bool(latest) and all(latest)


def _usual_gap(times: list[int], q: Fraction) -> int | None:
    """The q-quantile of the gaps, interpolated linearly (numpy's default), to the millisecond, halves up."""
    gaps = sorted(later - earlier for earlier, later in pairwise(times))
    if len(gaps) < 2:
        return None
    place = q * (len(gaps) - 1)
    below = floor(place)
    above = min(below + 1, len(gaps) - 1)
    return floor(gaps[below] + (place - below) * (gaps[above] - gaps[below]) + Fraction(1, 2))


def _birthday(born_on: int | None) -> int | None:
    if born_on is None:
        return None
    born = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=born_on)
    return 100 * born.month + born.day


def _said(row: Row, name: str) -> Any:
    return json.loads(row["properties"]).get(name)


def _named(row: Row, name: str) -> str | None:
    """What an event names, as text; a number is as good as its digits, anything else names nothing."""
    value = _said(row, name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _open_tickets(events: list[Row]) -> set[str]:
    """Those that, gone through in the order of their times, were opened last; of two at one instant closed is later."""
    state: dict[str, str] = {}
    about = [row for row in events if row["name"] in {"ticket_opened", "ticket_closed"}]
    for row in sorted(about, key=lambda row: (row["at"], row["name"] == "ticket_closed")):
        ticket = _named(row, "ticket_id")
        if ticket is not None:
            state[ticket] = row["name"]
    return {ticket for ticket, name in state.items() if name == "ticket_opened"}


def _is_old_mark(row: Row, now: int) -> bool:
    """Whether it is a ticket that clm opened for a low mark of thirty days ago or more."""
    return row["source"] == "clm" and row["name"] == "ticket_opened" and now - row["at"] >= 30 * DAY


def _is_late(late: Row, events: list[Row]) -> bool:
    order = _named(late, "order_id")
    delivered = (row for row in events if row["name"] == "order_delivered" and _named(row, "order_id") == order)
    return order is not None and not any(row["at"] >= late["at"] for row in delivered)


def _latest_rating(events: list[Row]) -> tuple[int, float] | None:
    """When and how much; of several at one instant the lowest."""
    answers = [row for row in events if row["name"] == "survey_answered" and _said(row, "survey") == "rating"]
    scores = [(row["at"], _said(row, "score")) for row in answers]
    ratings = [(at, score) for at, score in scores if isinstance(score, int | float) and not isinstance(score, bool)]
    if not ratings:
        return None
    latest = max(at for at, _ in ratings)
    return latest, float(min(score for at, score in ratings if at == latest))
