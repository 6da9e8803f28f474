"""BG/NBD: published figures of the CDNOW sample, and the same integrals done numerically."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import roots_jacobi

from clm.scoring.purchase import Histories, PurchaseModel, fit_purchases, likelihood

pytestmark = pytest.mark.slow

PUBLISHED = PurchaseModel(0.2426, 4.4136, 0.7929, 2.4259)


def of(repeats: float, recency: float, age: float) -> Histories:
    """One customer."""
    return Histories(np.array([float(repeats)]), np.array([float(recency)]), np.array([float(age)]))


@pytest.fixture(scope="session")
def sample(cdnow: pd.DataFrame) -> Histories:
    """The CDNOW sample as the model wants it."""
    return Histories(*(cdnow[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T")))


def test_the_published_fit(sample: Histories) -> None:
    """The published r 0.243, alpha 4.414, a 0.793, b 2.426 and a log-likelihood of -9582.4 (2005, table 2)."""
    found = fit_purchases(sample)
    assert found is not None
    assert found.parameters == pytest.approx((0.2426, 4.4136, 0.7929, 2.4259), abs=5e-4)
    assert found.log_likelihood == pytest.approx(-9582.43, abs=0.01)


def test_the_uncertainty_is_that_of_repeated_samples(sample: Histories) -> None:
    """Standard errors from the Hessian are what resampling the customers gives, by and large."""
    found = fit_purchases(sample)
    assert found is not None
    draw = np.random.default_rng(7)
    refits = []
    for _ in range(40):
        some = draw.integers(0, len(sample.age), len(sample.age))
        again = fit_purchases(Histories(sample.repeats[some], sample.recency[some], sample.age[some]))
        assert again is not None
        refits.append(again.parameters)
    spread = np.std(np.log(refits), axis=0)
    stated = np.array(found.standard_errors, dtype=float) / np.array(found.parameters)
    assert (stated / spread).min() > 0.5
    assert (stated / spread).max() < 2


def test_the_published_example() -> None:
    """A customer of two repeat orders in 30.43 of 38.86 weeks is expected to order 1.226 times in the next 39."""
    assert PUBLISHED.expected_orders(of(2, 30.43, 38.86), 39)[0] == pytest.approx(1.226, abs=0.001)
    assert PUBLISHED.alive(of(2, 30.43, 38.86))[0] == pytest.approx(0.7266, abs=0.001)


def test_nothing_is_expected_of_no_time_and_more_of_more() -> None:
    """Expected orders begin at none and grow with the time ahead."""
    customer = of(4, 20, 26)
    ahead = [PUBLISHED.expected_orders(customer, weeks)[0] for weeks in (0, 1, 13, 52, 520)]
    assert ahead[0] == pytest.approx(0, abs=1e-12)
    assert ahead == sorted(ahead)


def test_silence_makes_a_customer_less_likely_to_be_one() -> None:
    """For the same orders, the probability of being alive falls with every week since the last."""
    for repeats in (1, 3, 30):
        falling = [PUBLISHED.alive(of(repeats, 20, 20 + silent))[0] for silent in range(60)]
        assert falling == sorted(falling, reverse=True)
        assert 0 < falling[-1] < falling[0] < 1


def test_a_wholesaler_breaks_nothing() -> None:
    """Thousands of orders, in minutes or in years, give finite figures."""
    with np.errstate(all="raise", under="ignore"):
        for customer in (of(5_000, 100, 100.5), of(5_000, 100, 200), of(900, 0, 0), of(900, 0, 50), of(0, 0, 0)):
            alive, ahead = PUBLISHED.alive(customer)[0], PUBLISHED.expected_orders(customer, 52)[0]
            assert 0 <= alive <= 1
            assert np.isfinite(ahead)
            assert ahead >= 0


@settings(max_examples=200)
@given(
    model=st.builds(
        PurchaseModel,
        r=st.floats(0.2, 3),
        alpha=st.floats(1, 20),
        a=st.just(1.0) | st.floats(0.3, 3),
        b=st.floats(0.5, 5),
    ),
    repeats=st.integers(0, 8),
    age=st.floats(1, 60),
    part=st.floats(0, 1),
    weeks=st.floats(0.5, 60),
)
@example(model=PurchaseModel(r=1.0, alpha=1.0, a=0.5, b=0.5), repeats=0, age=1.0, part=0.0, weeks=1.0)
@example(model=PurchaseModel(r=1.0, alpha=1.0, a=0.5 + 2**-53, b=0.5 + 2**-53), repeats=0, age=1.0, part=0.0, weeks=1.0)
@example(model=PurchaseModel(r=1.0, alpha=1.0, a=0.5, b=0.5 + 2**-53), repeats=0, age=1.0, part=0.0, weeks=1.0)
@example(model=PurchaseModel(r=0.4, alpha=3.0, a=0.4, b=0.6 + 1e-9), repeats=0, age=20.0, part=0.0, weeks=8.0)
def test_the_formulas_are_the_integrals(
    model: PurchaseModel, repeats: int, age: float, part: float, weeks: float
) -> None:
    """Likelihood, P(alive) and expected orders are what integrating over all rates and leaving probabilities gives."""
    recency = part * age if repeats else 0.0
    seen = of(repeats, recency, age)
    rates = np.exp(np.arange(-120, 7, 0.05))  # the trapezoidal rule over the logarithm converges fast
    rate_weights = rates**model.r * np.exp(-model.alpha * rates)
    with np.errstate(all="ignore"):  # SciPy divides by a + b - 1, and throws the quotient away
        # Where both are the same it takes another way, which ends at 0.5: a little aside is the same integral.
        leaving, leaving_weights = roots_jacobi(60, model.b - 1 + (1e-9 if model.a == model.b else 0), model.a - 1)
    rate, p = rates[:, None], (1 + leaving[None, :]) / 2
    weight = (rate_weights / rate_weights.sum())[:, None] * (leaving_weights / leaving_weights.sum())[None, :]
    still = weight * (1 - p) ** repeats * rate**repeats * np.exp(-rate * age)
    left = weight * p * (1 - p) ** (repeats - 1) * rate**repeats * np.exp(-rate * recency) if repeats else np.zeros(1)
    total = still.sum() + left.sum()
    logs = np.log([model.r, model.alpha, model.a, model.b])
    assert likelihood(seen)(logs) == pytest.approx(np.log(total), abs=1e-6)
    assert model.alive(seen)[0] == pytest.approx(still.sum() / total, abs=1e-6)
    ahead = (still * (1 - np.exp(-rate * p * weeks)) / p).sum() / total
    assert model.expected_orders(seen, weeks)[0] == pytest.approx(ahead, rel=1e-5, abs=1e-6)


def test_orders_that_tell_nothing_state_no_certainty() -> None:
    """Where nobody ever came back the data do not tell when people leave: errors are unknown, or huge."""
    nobody = Histories(np.zeros(600), np.zeros(600), np.linspace(1, 60, 600))
    found = fit_purchases(nobody)
    if found is not None:
        assert all(
            error is None or error > value for value, error in zip(found.parameters, found.standard_errors, strict=True)
        )


def test_known_parameters_are_found_again() -> None:
    """Customers who behave as the model says have their own parameters found, within three standard errors."""
    draw = np.random.default_rng(11)
    r, alpha, a, b = 0.6, 8.0, 0.8, 2.5
    age, rate, leaving = draw.uniform(10, 150, 6_000), draw.gamma(r, 1 / alpha, 6_000), draw.beta(a, b, 6_000)
    repeats, recency = np.zeros(6_000), np.zeros(6_000)
    for who in range(6_000):
        at = draw.exponential(1 / rate[who])
        while at <= age[who]:
            repeats[who], recency[who] = repeats[who] + 1, at
            at = np.inf if draw.uniform() < leaving[who] else at + draw.exponential(1 / rate[who])
    found = fit_purchases(Histories(repeats, recency, age))
    assert found is not None
    for true, value, error in zip((r, alpha, a, b), found.parameters, found.standard_errors, strict=True):
        assert error is not None
        assert abs(value - true) < 3 * error


def test_where_everybody_leaves_alike_the_search_ends_on_its_edge() -> None:
    """A shop whose customers do not differ in leaving gives finite figures, and no error for what is not told."""
    draw = np.random.default_rng(5)
    repeats = np.minimum(draw.geometric(0.25, 3_000) - 1, 40).astype(float)
    recency = repeats * draw.uniform(0.1, 0.3, 3_000)
    found = fit_purchases(Histories(repeats, recency, recency + 30))
    assert found is not None
    with np.errstate(all="raise", under="ignore"):
        ahead = PurchaseModel(*found.parameters).expected_orders(Histories(repeats, recency, recency + 30), 52)
    assert np.isfinite(ahead).all()
