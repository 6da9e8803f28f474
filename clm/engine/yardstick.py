"""What contacts are measured by, taken once a day over all customers: edges of the scores, usual gaps, purchase model.

Kept among the shop's values, so that a contact whose facts have changed is scored by itself, by the same measure as
everybody else that day.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from clm.domain.instant import DAY_MS
from clm.domain.lot import LOTS, below, mixing
from clm.engine.people import People
from clm.rfm_file import SCORES, RfmRules
from clm.scoring import order_value, purchase
from clm.scoring.edges import Numbers, edges
from clm.scoring.likelihood import Estimate
from clm.scoring.order_value import OrderValueModel, fit_order_values
from clm.scoring.purchase import Histories, PurchaseModel, fit_purchases
from clm.scoring.rhythm import usual_gaps
from clm.store import scores, shop
from clm.store.database import Database, Transaction
from clm.store.dialect import lock

CUSTOMERS_MIN, DAYS_MIN = 500, 180
"""Below this there is no purchase model: too few people, or too short a time to see anybody stay away."""
FITTED_CUSTOMERS_MAX = 20_000
"""More are drawn by lot: the parameters' errors are then far below what the model itself leaves out."""
PERCENTS = 100

_EDGES, _GAPS, _MODEL = "rfm_edges", "usual_gaps", "purchase_model"


@dataclass(frozen=True, slots=True)
class Yardstick:
    """The measure of one day."""

    at: int
    """The instant it was taken for; how long ago somebody ordered is counted up to here all day."""
    window: int
    customers: int
    recency: list[int]
    frequency: list[int]
    monetary: list[int]
    spend: list[int]
    model: dict[str, Any]
    """The purchase model's parameters with their standard errors, or the reason why there is none."""

    @property
    def since(self) -> int:
        """Who has ordered after this is ranked."""
        return self.at - self.window

    @property
    def purchases(self) -> PurchaseModel | None:
        """The fitted model; None where there is none."""
        found = self.model.get("bg_nbd")
        return PurchaseModel(*(found[name]["value"] for name in purchase.NAMES)) if found else None

    @property
    def order_values(self) -> OrderValueModel | None:
        """The fitted model of what an order is worth."""
        found = self.model.get("gamma_gamma")
        return OrderValueModel(*(found[name]["value"] for name in order_value.NAMES)) if found else None


def kept(tx: Transaction) -> Yardstick | None:
    """The measure taken last; None before the first."""
    found, model = shop.get(tx, _EDGES), shop.get(tx, _MODEL)
    return Yardstick(**json.loads(found), model=json.loads(model)) if found and model else None


def take(database: Database, rules: RfmRules, *, now: int) -> None:
    """Measure all customers as they are at `now`, and keep the result unless somebody has kept a later one."""
    with database.read() as tx:
        sums = _read(tx, now - rules.window, now)
    gaps = usual_gaps(sums.gaps)
    model = _model(sums, now)
    edged = {
        "at": now,
        "window": rules.window,
        "customers": len(sums.recency),
        "recency": edges(sums.recency, len(SCORES)),
        "frequency": edges(sums.frequency, len(SCORES)),
        "monetary": edges(sums.monetary, len(SCORES)),
        "spend": edges(sums.spend, PERCENTS, top=True),
    }
    with database.write() as tx:
        lock(tx, "yardstick")
        standing = kept(tx)
        if standing is not None and standing.at > now:
            return
        shop.put(tx, _EDGES, json.dumps(edged), now)
        shop.put(tx, _MODEL, json.dumps(model), now)
        if gaps or shop.get(tx, _GAPS):
            shop.put(tx, _GAPS, json.dumps(gaps or {}), now)


@dataclass(frozen=True, slots=True)
class _Sums:
    """All customers, as far as the measure needs them; from `repeats` on those drawn for the models."""

    customers: scores.Customers
    recency: Numbers
    frequency: Numbers
    monetary: Numbers
    spend: Numbers
    gaps: Numbers
    repeats: Numbers
    bought_until: Numbers
    age: Numbers
    orders: Numbers
    average: Numbers


def _read(tx: Transaction, since: int, now: int) -> _Sums:
    customers = scores.customers(tx)
    share = min(1.0, FITTED_CUSTOMERS_MAX / max(1, customers.total))
    factor, summand = mixing("purchase model")
    found: dict[str, list[Numbers]] = {name: [np.empty(0)] for name in _Sums.__slots__}
    for rows in scores.pages(tx):
        people = People.of(tx, rows, since)
        ranked, ordered = people.ranked, people.order_count > 0
        drawn = ordered & ((people.lot * factor + summand) % LOTS <= below(share))
        histories = people.histories(now)
        page = {
            "recency": people.last_order_at[ranked],
            "frequency": people.frequency[ranked],
            "monetary": people.monetary[ranked],
            "spend": people.revenue_365d[people.revenue_365d > 0],
            "gaps": people.average_gap_days[~np.isnan(people.average_gap_days)],
            "repeats": histories.repeats[drawn],
            "bought_until": histories.recency[drawn],
            "age": histories.age[drawn],
            "orders": people.order_count[drawn],
            "average": people.average_order[drawn],
        }
        for name, values in page.items():
            found[name].append(values)
    whole = {name: np.concatenate(found.pop(name)) for name in list(found) if name != "customers"}
    return _Sums(customers=customers, **whole)


def _model(sums: _Sums, now: int) -> dict[str, Any]:
    count, first = sums.customers
    days = 0 if first is None else max(0, (now - first) // DAY_MS)
    model: dict[str, Any] = {"at": now, "customers": count, "days": days, "fitted_on": len(sums.orders)}
    if count < CUSTOMERS_MIN or days < DAYS_MIN:
        return model | {
            "reason": f"needs {CUSTOMERS_MIN} customers and {DAYS_MIN} days of history; there are {count} and {days}"
        }
    bought = fit_purchases(Histories(sums.repeats, sums.bought_until, sums.age))
    if bought is None:
        return model | {"reason": "no parameters of the purchase model (BG/NBD) fit these orders"}
    model["bg_nbd"] = _shown(purchase.NAMES, bought)
    paid = sums.average > 0
    worth = fit_order_values(sums.orders[paid], sums.average[paid]) if paid.any() else None
    if worth is None or not OrderValueModel(*worth.parameters).has_a_mean:
        return model | {"reason_no_value": "no parameters of the order value model (Gamma-Gamma) fit these orders"}
    model["gamma_gamma"] = _shown(order_value.NAMES, worth)
    return model


def _shown(names: tuple[str, ...], estimate: Estimate) -> dict[str, Any]:
    """Parameters to six digits, which is what contacts are scored with, and their errors to three."""
    found: dict[str, Any] = {
        name: {"value": _digits(value, 6), "standard_error": None if error is None else _digits(error, 3)}
        for name, value, error in zip(names, estimate.parameters, estimate.standard_errors, strict=True)
    }
    return found | {"log_likelihood": round(estimate.log_likelihood, 3)}


def _digits(value: float, digits: int) -> float:
    return round(value, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0.0
