"""Gamma-Gamma: published figures of the CDNOW sample, and what the model does with few and with many orders."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from clm.scoring.order_value import OrderValueModel, fit_order_values

PUBLISHED = OrderValueModel(6.25, 3.74, 15.44)


def test_the_published_fit(cdnow_repeats: pd.DataFrame) -> None:
    """The published p 6.25, q 3.74, v 15.44 and a log-likelihood of -4055.92 (Fader and Hardie 2013)."""
    assert len(cdnow_repeats) == 946
    found = fit_order_values(cdnow_repeats["size"].to_numpy(dtype=float), cdnow_repeats["mean"].to_numpy())
    assert found is not None
    assert found.parameters == pytest.approx((6.25, 3.74, 15.44), abs=0.01)
    assert found.log_likelihood == pytest.approx(-4055.92, abs=0.01)


def test_the_currency_does_not_matter(cdnow_repeats: pd.DataFrame) -> None:
    """In cents instead of dollars only v changes, and its error with it."""
    orders, average = cdnow_repeats["size"].to_numpy(dtype=float), cdnow_repeats["mean"].to_numpy()
    dollars, cents = fit_order_values(orders, average), fit_order_values(orders, average * 100)
    assert dollars is not None
    assert cents is not None
    (p, q, v), (_, _, error) = dollars.parameters, dollars.standard_errors
    assert error is not None
    assert cents.parameters == pytest.approx((p, q, v * 100), rel=1e-4)
    assert cents.standard_errors[2] == pytest.approx(error * 100, rel=1e-2)


def test_few_orders_pull_little_and_many_pull_all() -> None:
    """The expectation lies between what everybody spends and the customer's own average, and nears it with orders."""
    everybody = 6.25 * 15.44 / (3.74 - 1)
    expected = PUBLISHED.expected(np.array([1.0, 3.0, 30.0, 3_000.0]), np.full(4, 100.0))
    assert everybody < expected[0] < expected[1] < expected[2] < expected[3] < 100
    assert expected[3] == pytest.approx(100, rel=0.001)


def test_a_spread_without_a_mean_is_told() -> None:
    """Where values vary so much that no mean exists, the model says so instead of naming one."""
    assert PUBLISHED.has_a_mean
    assert not OrderValueModel(0.3, 0.5, 10).has_a_mean
