"""What a customer's next order is worth: the Gamma-Gamma model.

Fader and Hardie, The Gamma-Gamma Model of Monetary Value (2013). Each order's value varies around the customer's own
mean (gamma: p), and means vary between customers (gamma: q, v). Few orders pull little away from what everybody spends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from clm.scoring.edges import Numbers
from clm.scoring.likelihood import Estimate, fit

NAMES = ("p", "q", "v")
_STARTS = [(6.0, 4.0, 1.0), (1.0, 2.0, 1.0)]


@dataclass(frozen=True, slots=True)
class OrderValueModel:
    """A fitted Gamma-Gamma model; `v` is in the unit of the values."""

    p: float
    q: float
    v: float

    def expected(self, orders: Numbers, average: Numbers) -> Numbers:
        """The expected value of one order of a customer whose `orders` so far had this average (equation 5)."""
        value: Numbers = self.p * (self.v + average * orders) / (self.p * orders + self.q - 1)
        return value

    @property
    def has_a_mean(self) -> bool:
        """Whether one order is enough for a finite expectation."""
        return self.p + self.q > 1


def fit_order_values(orders: Numbers, average: Numbers) -> Estimate | None:
    """The parameters p, q, v that make these averages of so many orders likeliest; None where the search finds none.

    Averages must be greater than zero. The search is in multiples of their mean, so that no currency is harder to fit.
    """
    unit = float(np.mean(average))
    scaled = average / unit
    counts, which = np.unique(orders, return_inverse=True)

    def mean(logs: Numbers) -> float:
        p, q, v = np.exp(logs)
        per_count = (
            gammaln(p * counts + q) - gammaln(p * counts) - gammaln(q) + q * np.log(v) + p * counts * np.log(counts)
        )
        each = (p * orders - 1) * np.log(scaled) - (p * orders + q) * np.log(v + scaled * orders)
        return float(np.mean(per_count[which] + each))

    found = fit(mean, starts=_STARTS, customers=len(orders))
    if found is None:
        return None
    (p, q, v), (p_error, q_error, v_error) = found.parameters, found.standard_errors
    return Estimate(
        (p, q, v * unit),
        (p_error, q_error, None if v_error is None else v_error * unit),
        found.log_likelihood - len(orders) * float(np.log(unit)),  # a density is per unit
    )
