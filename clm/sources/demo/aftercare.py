"""What happens to the demo shop's customers besides shopping: parcels, surveys, the tea club's trial, recommendations.

| event | properties |
|---|---|
| order_delivered | order_id |
| order_late | order_id |
| survey_answered | survey (rating, nps), score, order_id of a rating |
| review_written | order_id, stars |
| trial_started | plan |
| app_used | platform |
| referral_made | friends |
| preference_set | preference |
| points_changed | balance, tier (and tier.fa, …), to_next: points still lacking to the tier above, if there is one |

Parcels take one to five days; about one in twenty-five is announced to be late and comes days after that, or has not
come by the end. Drawn with dice of its own, so that visits and questions stay what they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clm.domain.instant import DAY_MS, HOUR_MS, SECOND_MS
from clm.sources.demo.browsing import Happening
from clm.sources.demo.labels import TIERS_IN

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from clm.sources.demo.export import Order

_LATE = 0.04
_ANSWERS = 0.2  # ratings, of the orders delivered
_STARS_IN_TIME, _STARS_LATE = (2, 4, 10, 28, 56), (22, 25, 25, 18, 10)  # of 1 to 5, per cent
_RECOMMENDS = 0.05  # answers to "would you recommend us", of the orders after the first
_REVIEWS = 0.12  # of those who gave 4 or 5
_REFERS = 0.06  # of those who gave 5
_TRIALS = 0.06  # of the customers
_TRIAL_DAYS = 30
_COLLECTS = 0.3  # of the buyers
_TIERS = ((0, "Bronze"), (150, "Silver"), (400, "Gold"))
_POUND_PENCE = 100
_PREFERENCES = ("fewer_mails", "recipes", "offers", "new_teas")


def follow_up(rng: random.Random, orders: Iterable[Order]) -> list[Happening]:
    """The parcels of one customer's orders, and what the customer says of them."""
    orders = list(orders)
    cancelled = {id(order.cancels): order.at for order in orders if order.kind == "cancellation"}
    happenings: list[Happening] = []
    for number, order in enumerate(order for order in orders if order.kind == "order"):
        arrives, parcel = _parcel(rng, order)
        answers = _answers(rng, order, arrives, late=len(parcel) > 1, repeat=number > 0)
        if id(order) in cancelled:  # taken out of the post; drawn all the same
            continue
        happenings += parcel + answers
    return happenings


def _parcel(rng: random.Random, order: Order) -> tuple[int, list[Happening]]:
    promised = order.at + rng.randint(26 * HOUR_MS, 5 * DAY_MS) // SECOND_MS * SECOND_MS
    named: dict[str, str | int | float] = {"order_id": order.order_id}
    if rng.random() >= _LATE:
        return promised, [Happening(promised, "order_delivered", named)]
    arrives = promised + rng.randint(2 * DAY_MS, 8 * DAY_MS) // SECOND_MS * SECOND_MS
    return arrives, [Happening(promised, "order_late", named), Happening(arrives, "order_delivered", named)]


def _answers(rng: random.Random, order: Order, arrives: int, *, late: bool, repeat: bool) -> list[Happening]:
    happenings: list[Happening] = []
    if rng.random() < _ANSWERS:
        at = arrives + rng.randint(3 * HOUR_MS, 4 * DAY_MS) // SECOND_MS * SECOND_MS
        stars = rng.choices((1, 2, 3, 4, 5), _STARS_LATE if late else _STARS_IN_TIME)[0]
        rating: dict[str, str | int | float] = {"survey": "rating", "score": stars, "order_id": order.order_id}
        happenings.append(Happening(at, "survey_answered", rating))
        if stars >= 4 and rng.random() < _REVIEWS:
            review: dict[str, str | int | float] = {"order_id": order.order_id, "stars": stars}
            happenings.append(Happening(at + rng.randint(1, 48) * HOUR_MS, "review_written", review))
        if stars == 5 and rng.random() < _REFERS:
            friends: dict[str, str | int | float] = {"friends": rng.choice((1, 1, 1, 2))}
            happenings.append(Happening(at + rng.randint(2, 200) * HOUR_MS, "referral_made", friends))
    if repeat and rng.random() < _RECOMMENDS:
        at = arrives + rng.randint(24 * HOUR_MS, 9 * DAY_MS) // SECOND_MS * SECOND_MS
        score = rng.choices(range(11), (1, 0, 1, 1, 1, 3, 4, 10, 20, 27, 32))[0]
        happenings.append(Happening(at, "survey_answered", {"survey": "nps", "score": score}))
    return happenings


def join_club(rng: random.Random, *, signed_up_at: int, until_ms: int) -> list[Happening]:
    """For some, a trial of the tea club's app for thirty days, used never, a few times, or most evenings."""
    happenings: list[Happening] = []
    if rng.random() < 0.05:
        at = signed_up_at + rng.randint(1, 60) * HOUR_MS
        happenings.append(Happening(at, "preference_set", {"preference": rng.choice(_PREFERENCES)}))
    if rng.random() >= _TRIALS:
        return happenings
    # Half of the trials are of the last weeks: the club is new, and a campaign for trials wants somebody in one.
    earliest = max(signed_up_at, until_ms - (45 if rng.random() < 0.5 else 400) * DAY_MS)
    started = earliest + int((until_ms - earliest) * rng.random()) // SECOND_MS * SECOND_MS
    happenings.append(Happening(started, "trial_started", {"plan": "tea_club"}))
    platform = rng.choice(("ios", "android"))
    for _ in range(rng.choices((0, 1, 2, 3, 5, 9), (18, 20, 18, 16, 16, 12))[0]):
        at = started + rng.randint(HOUR_MS, _TRIAL_DAYS * DAY_MS) // SECOND_MS * SECOND_MS
        happenings.append(Happening(at, "app_used", {"platform": platform}))
    return happenings


def collect_points(rng: random.Random, orders: Iterable[Order]) -> list[Happening]:
    """For some, a point for each pound; they are told after each order, and when points are taken back."""
    orders = list(orders)
    if not orders or rng.random() >= _COLLECTS:
        return []
    happenings: list[Happening] = []
    balance = 0
    for order in sorted(orders, key=lambda order: order.at):
        points = order.amount // _POUND_PENCE
        balance = max(balance + (points if order.kind == "order" else -points), 0)
        tier = max(tier for tier in _TIERS if tier[0] <= balance)[1]
        told: dict[str, str | int | float] = {"balance": balance, "tier": tier}
        told |= {f"tier.{language}": name for language, name in TIERS_IN[tier].items()}
        if above := [needed - balance for needed, _ in _TIERS if needed > balance]:
            told["to_next"] = above[0]
        happenings.append(Happening(order.at + 20 * SECOND_MS, "points_changed", told))
    return happenings
