"""The usual gaps of a shop's customers."""

from __future__ import annotations

import numpy as np

from clm.scoring.rhythm import usual_gaps


def test_quantiles_in_whole_days() -> None:
    """Half, eight tenths and nine tenths of the customers leave no longer than so many days, rounded."""
    assert usual_gaps(np.arange(1.0, 102.0)) == {"0.5": 51, "0.8": 81, "0.9": 91}
    assert usual_gaps(np.full(50, 40.4)) == {"0.5": 40, "0.8": 40, "0.9": 40}


def test_fewer_than_fifty_customers_tell_nothing() -> None:
    """A handful of customers is no rhythm of the shop."""
    assert usual_gaps(np.arange(49.0)) is None


def test_a_gap_is_at_least_a_day() -> None:
    """Customers who order twice in an hour do not make everybody lapse at once."""
    assert usual_gaps(np.zeros(60)) == {"0.5": 1, "0.8": 1, "0.9": 1}
