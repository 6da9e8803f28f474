"""Three years of a believable shop: customers come, buy, regret and look around, up to an instant.

Everything follows from the seed and the arguments; the same arguments give the same bytes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from clm.domain.instant import DAY_MS, HOUR_MS, from_ms, to_ms
from clm.errors import SourceError
from clm.sources.demo.aftercare import collect_points, follow_up, join_club
from clm.sources.demo.behaviour import Purse, Rhythm, draw_regret, draw_rhythm, draw_visits
from clm.sources.demo.browsing import Happening, Visitor, ask
from clm.sources.demo.catalogue import Shelf, Taste, draw_taste, fill_basket
from clm.sources.demo.export import CURRENCY, Order, write_files
from clm.sources.demo.homes import Home, settle
from clm.sources.demo.people import COUNTRIES, CUSTOMERS_MAX, Person, sign_up
from clm.sources.demo.seasons import YEARS_MAX, Calendar, festivals_near

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

_PROGRESS_STEPS = 100
_FREE_SHIPPING_FROM, _FREE_SHIPPING_EVERY = 3_000, 12  # pence; of the orders
_TICKET_CHANCE = 0.025  # a question about an order that is not refunded


@dataclass(frozen=True, slots=True)
class CountrySummary:
    """One country's share of the shop; revenue in pence, less what was taken back."""

    country: str
    customers: int
    buyers: int
    orders: int
    revenue: int


@dataclass(frozen=True, slots=True)
class ShopSummary:
    """What was written; revenue in pence, less what was taken back."""

    customers: int
    buyers: int
    orders: int
    cancellations: int
    refunds: int
    events: int
    revenue: int
    currency: str
    countries: tuple[CountrySummary, ...]


@dataclass(slots=True)
class _Customer:
    person: Person
    taste: Taste
    rhythm: Rhythm
    orders: list[Order] = field(default_factory=list)


def write_shop(
    folder: Path,
    *,
    until: datetime,
    customers: int = 2000,
    years: int = 3,
    seed: int = 1,
    progress: Callable[[int], None] | None = None,
) -> ShopSummary:
    """Write a made-up shop's contacts, orders, products and events up to `until` into `folder`, in place of another's.

    Each file appears whole or not at all. `until` is part of what is drawn: the shop of another instant is another
    shop, so don't import two into one database. `progress` is told from time to time how many customers are done.
    Raises SourceError for numbers out of bounds, a naive `until`, or a folder that cannot be written.
    """
    if not 1 <= customers <= CUSTOMERS_MAX:
        raise SourceError(f"the demo shop takes 1 to {CUSTOMERS_MAX:,} customers, not {customers:,}")
    if not 1 <= years <= YEARS_MAX:
        raise SourceError(f"the demo shop takes 1 to {YEARS_MAX} years, not {years}")
    if until.tzinfo is None:
        raise SourceError(f"the demo shop needs a time zone for its end: {until.isoformat()} has none; add Z")
    until_ms = to_ms(until)
    rng = random.Random(seed)  # noqa: S311 - a reproducible shop is wanted, not a secret
    crowd = _open_shop(
        rng, customers=customers, since_ms=to_ms(until - timedelta(days=365.25 * years)), until_ms=until_ms
    )
    orders = _number_orders(crowd)
    events = _events(rng, crowd, seed=seed, until_ms=until_ms, progress=progress)
    homes = list(settle([customer.person for customer in crowd], seed=seed, until_ms=until_ms))
    try:
        write_files(folder, homes, orders, events, festivals_near(until.date()))
    except OSError as error:
        raise SourceError(f"the demo shop cannot be written to {folder}: {error.strerror or error}") from error
    return _summary(crowd, homes, len(events))


def _open_shop(rng: random.Random, *, customers: int, since_ms: int, until_ms: int) -> list[_Customer]:
    days = (until_ms - since_ms) // DAY_MS + 3  # the rest of the last day, wherever it is that day
    first = from_ms(since_ms).date() - timedelta(days=1)  # local dates run up to a day apart from UTC's
    calendars = {country.code: Calendar(country.code, first=first, days=days) for country in COUNTRIES}
    shelves = _Shelves()
    crowd = []
    for person in sign_up(rng, customers=customers, since_ms=since_ms, until_ms=until_ms):
        taste = draw_taste(rng, person.country)
        rhythm = draw_rhythm(rng, person, calendars[person.country], until_ms=until_ms)
        customer = _Customer(person, taste, rhythm)
        purse = Purse(rng)
        for at in rhythm.ordered_at:
            lines = fill_basket(rng, taste=taste, shelf=shelves.at(at), budget=purse.budget(rng))
            order = Order(person.contact, "order", at, lines)
            customer.orders.append(order)
            regret = draw_regret(rng, lines, at)
            if regret is not None and regret.at <= until_ms:
                customer.orders.append(Order(person.contact, regret.kind, regret.at, regret.lines, cancels=order))
        crowd.append(customer)
    return crowd


class _Shelves:
    """The shelf of each time of year, filled once."""

    def __init__(self) -> None:
        self._filled: dict[frozenset[str], Shelf] = {}

    def at(self, at_ms: int) -> Shelf:
        """What is for sale at an instant."""
        festivals = festivals_near(from_ms(at_ms).date())
        if festivals not in self._filled:
            self._filled[festivals] = Shelf(festivals)
        return self._filled[festivals]


def _number_orders(crowd: list[_Customer]) -> list[Order]:
    orders = sorted((order for customer in crowd for order in customer.orders), key=lambda o: (o.at, o.contact))
    for number, order in enumerate(orders, start=100_001):
        order.order_id = f"{'SS' if order.kind == 'order' else 'SR'}{number}"
        # The shop's own code, which is in its newsletter and takes nothing off the goods.
        if order.kind == "order" and order.amount >= _FREE_SHIPPING_FROM and number % _FREE_SHIPPING_EVERY == 0:
            order.coupon = "FREESHIP"
    return orders


def _events(
    rng: random.Random, crowd: list[_Customer], *, seed: int, until_ms: int, progress: Callable[[int], None] | None
) -> list[tuple[str, Happening]]:
    """Everything everybody did or had done for them, in the order of time, with the contact."""
    aftercare = random.Random(f"aftercare {seed}")  # noqa: S311 - as above
    loyal = random.Random(f"points {seed}")  # noqa: S311 - as above
    shelves = _Shelves()
    found: list[tuple[str, Happening]] = []
    tickets = iter(range(1, 1_000_000_000))
    every = max(len(crowd) // _PROGRESS_STEPS, 1)
    for done, customer in enumerate(crowd, start=1):
        visitor = Visitor(rng, customer.taste, contact=customer.person.contact)
        happenings: list[Happening] = []
        for at in draw_visits(rng, customer.person, customer.rhythm, until_ms=until_ms):
            happenings += visitor.look_around(shelves.at(at), at)
        for order in customer.orders:
            if order.kind == "order":
                happenings += visitor.buy(order.lines, ordered_at=order.at, not_before=customer.person.signed_up_at)
        happenings += _questions(rng, customer, tickets)
        happenings += follow_up(aftercare, customer.orders)
        happenings += join_club(aftercare, signed_up_at=customer.person.signed_up_at, until_ms=until_ms)
        happenings += collect_points(loyal, customer.orders)
        found += [(customer.person.contact, happening) for happening in happenings if happening.at <= until_ms]
        if progress is not None and (done % every == 0 or done == len(crowd)):
            progress(done)
    return sorted(found, key=lambda event: (event[1].at, event[0]))


def _questions(rng: random.Random, customer: _Customer, tickets: Iterator[int]) -> list[Happening]:
    happenings: list[Happening] = []
    for order in customer.orders:
        if order.kind == "cancellation":
            continue
        subject = order.cancels or order
        if order.kind == "refund":
            if rng.random() < 0.7:
                at = max(order.at - rng.randint(1, 72) * HOUR_MS, subject.at + HOUR_MS)
                happenings += ask(
                    rng, ticket=f"T{next(tickets):05d}", at=at, order=subject.order_id, refunded_at=order.at
                )
        elif rng.random() < _TICKET_CHANCE:
            at = order.at + rng.randint(6 * HOUR_MS, 9 * DAY_MS)
            happenings += ask(rng, ticket=f"T{next(tickets):05d}", at=at, order=order.order_id, refunded_at=None)
    if rng.random() < 0.02:  # a question before any order
        at = customer.person.signed_up_at + rng.randint(HOUR_MS, 5 * DAY_MS)
        happenings += ask(rng, ticket=f"T{next(tickets):05d}", at=at, order=None, refunded_at=None)
    return happenings


def _summary(crowd: list[_Customer], homes: list[Home], events: int) -> ShopSummary:
    lives = [home.person.country for home in homes]
    codes = dict.fromkeys([*(country.code for country in COUNTRIES), *sorted(lives)])
    countries = tuple(
        _country(code, [customer for customer, there in zip(crowd, lives, strict=True) if there == code])
        for code in codes
    )
    kinds = [order.kind for customer in crowd for order in customer.orders]
    return ShopSummary(
        customers=len(crowd),
        buyers=sum(country.buyers for country in countries),
        orders=kinds.count("order"),
        cancellations=kinds.count("cancellation"),
        refunds=kinds.count("refund"),
        events=events,
        revenue=sum(country.revenue for country in countries),
        currency=CURRENCY,
        countries=countries,
    )


def _country(code: str, here: list[_Customer]) -> CountrySummary:
    orders = [order for customer in here for order in customer.orders]
    return CountrySummary(
        country=code,
        customers=len(here),
        buyers=sum(bool(customer.orders) for customer in here),
        orders=sum(order.kind == "order" for order in orders),
        revenue=sum(order.amount if order.kind == "order" else -order.amount for order in orders),
    )
