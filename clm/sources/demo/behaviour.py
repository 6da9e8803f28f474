"""What the demo shop's customers do: buy again until they stop, regret, look around, ask.

Repeat buying is the BG/NBD model of Fader, Hardie and Lee ("Counting Your Customers" the Easy Way, Marketing Science
24 (2), 2005): while active, a customer buys at a rate of their own, drawn from a gamma distribution; after each
repeat purchase they stop for good with a probability of their own, drawn from a beta distribution. What they spend is
the Gamma-Gamma model (Fader and Hardie, 2013): each order is a gamma draw around the customer's own mean. The
parameters are our choice, tuned so that about 45 % of buyers bought once and a few more than twenty times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from clm.domain.instant import DAY_MS, HOUR_MS, SECOND_MS

if TYPE_CHECKING:
    import random

    from clm.sources.demo.catalogue import BasketLine
    from clm.sources.demo.people import AcquisitionSource, Person
    from clm.sources.demo.seasons import Calendar

MINUTE_MS = 60 * SECOND_MS
_ORDERS_MAX = 200  # per customer
_VISITS_MAX = 80  # per customer, besides those that ended in an order

# BG/NBD, per day: the mean rate is shape/scale, one purchase in about 150 days while active.
_RATE_SHAPE, _RATE_SCALE_DAYS = 0.5, 76.0
_STOP_A, _STOP_B = 0.9, 4.0

_ORDERS_AT_SIGN_UP = 0.42  # of those who ever buy: they sign up because they buy
_HESITATION_DAYS = 16.0  # mean, of the others

# Gamma-Gamma: the mean order is _SPEND_SHAPE * _MEAN_SCALE / (_MEAN_SHAPE - 1) pounds.
_SPEND_SHAPE, _MEAN_SHAPE, _MEAN_SCALE = 6.0, 4.0, 15.5
_BUDGET_MIN, _BUDGET_MAX = 600, 40_000  # pence


class Rhythm(NamedTuple):
    """One customer's orders, and how long their usual gap is while they are active."""

    ordered_at: list[int]  # milliseconds, ascending
    usual_gap_days: float
    stopped: bool  # for good, after the last of them


def draw_rhythm(rng: random.Random, person: Person, calendar: Calendar, *, until_ms: int) -> Rhythm:
    """When one customer buys, by BG/NBD on the country's calendar; nothing after `until_ms`."""
    source: AcquisitionSource = person.source
    rate = max(rng.gammavariate(_RATE_SHAPE, source.pace / _RATE_SCALE_DAYS), 1e-6)
    stops = rng.betavariate(_STOP_A, _STOP_B)
    if rng.random() < source.never_buys:
        return Rhythm([], 1 / rate, stopped=True)
    first = _first_order(rng, person, calendar)
    if first > until_ms:
        return Rhythm([], 1 / rate, stopped=False)
    ordered_at = [first]
    position = calendar.position(first, person.zone)
    while len(ordered_at) < _ORDERS_MAX:
        position = calendar.advance(position, rng.expovariate(rate))
        at = max(calendar.instant(position, person.zone), ordered_at[-1] + 30 * MINUTE_MS)
        if at > until_ms:
            return Rhythm(ordered_at, 1 / rate, stopped=False)
        ordered_at.append(at)
        if rng.random() < stops:
            break
    return Rhythm(ordered_at, 1 / rate, stopped=True)


def _first_order(rng: random.Random, person: Person, calendar: Calendar) -> int:
    if rng.random() < _ORDERS_AT_SIGN_UP:
        return person.signed_up_at + rng.randint(4, 50) * MINUTE_MS + rng.randrange(60) * SECOND_MS
    position = calendar.position(person.signed_up_at, person.zone)
    waited = calendar.advance(position, rng.expovariate(1 / _HESITATION_DAYS))
    return max(calendar.instant(waited, person.zone), person.signed_up_at + 10 * MINUTE_MS)


class Purse:
    """What one customer likes to spend on an order (Gamma-Gamma)."""

    def __init__(self, rng: random.Random) -> None:
        # The reciprocal of a gamma draw is what makes a few customers spend several times the usual.
        self._scale_pounds = _MEAN_SCALE / rng.gammavariate(_MEAN_SHAPE, 1.0)

    def budget(self, rng: random.Random) -> int:
        """The sum in pence this customer has in mind for one order."""
        pence = int(100 * rng.gammavariate(_SPEND_SHAPE, self._scale_pounds))
        return min(max(pence, _BUDGET_MIN), _BUDGET_MAX)


@dataclass(frozen=True, slots=True)
class Regret:
    """An order taken back, whole or in part."""

    kind: str  # cancellation | refund
    at: int
    lines: list[BasketLine]


def draw_regret(rng: random.Random, lines: list[BasketLine], ordered_at: int) -> Regret | None:
    """Whether an order is cancelled (1.1 %), refunded whole (0.8 %) or in part (1.1 %), and when."""
    chance = rng.random()
    if chance < 0.011:
        return Regret("cancellation", ordered_at + rng.randint(10, 20 * 60) * MINUTE_MS, lines)
    if chance < 0.030:
        at = ordered_at + rng.randint(4 * DAY_MS, 21 * DAY_MS) // SECOND_MS * SECOND_MS
        returned = rng.choice(lines)
        if chance < 0.019 or (len(lines) == 1 and returned.quantity == 1):
            return Regret("refund", at, lines)
        return Regret("refund", at, [returned._replace(quantity=rng.randint(1, returned.quantity))])
    return None


def draw_visits(rng: random.Random, person: Person, rhythm: Rhythm, *, until_ms: int) -> list[int]:
    """When a customer only looks around: on signing up, between orders, and ever more rarely after the last."""
    gap_days = min(max(rhythm.usual_gap_days, 25.0), 110.0)
    last_order = rhythm.ordered_at[-1] if rhythm.ordered_at else person.signed_up_at
    visits = [person.signed_up_at + rng.randint(1, 4) * MINUTE_MS] if rng.random() < 0.7 else []
    at, patience = float(person.signed_up_at), 1.0
    while len(visits) < _VISITS_MAX:
        at += rng.expovariate(1 / (gap_days * patience)) * DAY_MS + HOUR_MS
        if at > until_ms:
            break
        # Who has stopped buying still comes by for a while; the gaps grow until they are gone.
        if rhythm.stopped and at > last_order:
            patience *= 1.7
        visits.append(int(at) // SECOND_MS * SECOND_MS)
    return visits
