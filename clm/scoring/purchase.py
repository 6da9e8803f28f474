"""Whether a customer is still one, and how many orders to expect: the BG/NBD model.

Fader, Hardie and Lee, "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model, Marketing Science
24 (2005). While alive, a customer orders at a rate of their own (gamma: r, alpha); after each order they leave with a
probability of their own (beta: a, b). Time is in weeks. Somebody with one order has had no chance to leave after a
repeat order, so that the model takes them to be alive for certain: that is the model, not a slip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaln, hyp2f1

from clm.scoring.edges import Numbers
from clm.scoring.likelihood import Estimate, Likelihood, fit

NAMES = ("r", "alpha", "a", "b")
_STARTS = [(0.5, 5.0, 0.8, 2.5), (1.0, 20.0, 1.0, 1.0), (0.2, 2.0, 0.1, 5.0)]
_MOST = (1e6, 1e6, 150.0, 1e6)
"""With a of 150 or more everybody leaves with much the same probability, and the data can tell no more."""
_NEAR = 1e-6


@dataclass(frozen=True, slots=True)
class Histories:
    """What the model needs to know of each customer, times in weeks."""

    repeats: Numbers
    """Orders after the first."""
    recency: Numbers
    """From the first order to the last."""
    age: Numbers
    """From the first order to the instant of looking; never less than recency."""


@dataclass(frozen=True, slots=True)
class PurchaseModel:
    """A fitted BG/NBD model."""

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, of: Histories) -> Numbers:
        """The probability that each customer will still order, 0 to 1 (equation 7 in Fader, Hardie and Lee 2008)."""
        return np.where(of.repeats > 0, expit(-self._log_odds_of_having_left(of)), 1.0)

    def expected_orders(self, of: Histories, weeks: float) -> Numbers:
        """How many orders to expect of each customer in the next so many weeks (equation 10 of the paper).

        The paper's hypergeometric function overflows for customers of some hundred orders. Euler's transformation of it
        does not; it would where `a` is large, so that each is used where the other is not.
        """
        a = self.a if abs(self.a - 1) > _NEAR else 1 + _NEAR  # the formula divides by a - 1
        share = weeks / (self.alpha + of.age + weeks)
        third = a + self.b + of.repeats - 1
        third = np.where(np.abs(third) < _NEAR, _NEAR, third)  # the series divides by it
        power = self.r + of.repeats
        plain = power <= abs(a - 1)
        first, second = np.where(plain, power, third - power), np.where(plain, self.b + of.repeats, a - 1)
        gone = (1 - share) ** np.where(plain, power, a - 1) * hyp2f1(first, second, third, share)
        orders: Numbers = np.maximum(third / (a - 1) * (1 - gone) * self.alive(of), 0.0)
        return orders

    def _log_odds_of_having_left(self, of: Histories) -> Numbers:
        repeats = np.maximum(of.repeats, 1)
        waited = np.log((self.alpha + of.age) / (self.alpha + of.recency))
        left: Numbers = np.log(self.a / (self.b + repeats - 1)) + (self.r + repeats) * waited
        return left


def fit_purchases(of: Histories) -> Estimate | None:
    """The parameters r, alpha, a, b that make these histories likeliest; None where the search finds none."""
    return fit(likelihood(of), starts=_STARTS, customers=len(of.repeats), most=_MOST)


def likelihood(of: Histories) -> Likelihood:
    """The mean log-likelihood of these customers (equation 6), as a function of the parameters' logarithms."""
    counts, which = np.unique(of.repeats, return_inverse=True)  # gamma functions of whole numbers: few, and repeated
    again = of.repeats > 0
    repeated = np.maximum(counts, 1)

    def mean(logs: Numbers) -> float:
        r, alpha, a, b = np.exp(logs)
        per_count = (
            gammaln(r + counts) - gammaln(r) + r * np.log(alpha)
            + gammaln(a + b) + gammaln(b + counts) - gammaln(b) - gammaln(a + b + counts)
        )  # fmt: skip
        alive = -(r + of.repeats) * np.log(alpha + of.age)
        left = (np.log(a) - np.log(b + repeated - 1))[which] - (r + of.repeats) * np.log(alpha + of.recency)
        return float(np.mean(per_count[which] + np.where(again, np.logaddexp(alive, left), alive)))

    return mean
