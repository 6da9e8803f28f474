"""Fits positive parameters by maximum likelihood, and says how far they can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from clm.scoring.edges import Numbers

Likelihood = Callable[[Numbers], float]
"""Mean log-likelihood of one customer, given the logarithms of the parameters."""

_LEAST, _MOST = 1e-4, 1e6
_ON_THE_EDGE = 1e-6
_LEVEL = 1e-4
_ROUNDS_MAX = 500
_STEP = 1e-3


@dataclass(frozen=True, slots=True)
class Estimate:
    """Parameters, their standard errors, and the log-likelihood of all customers."""

    parameters: tuple[float, ...]
    standard_errors: tuple[float | None, ...]
    """None where the likelihood is so flat that the data do not tell the parameter."""
    log_likelihood: float


def fit(
    likelihood: Likelihood, *, starts: Sequence[tuple[float, ...]], customers: int, most: Sequence[float] | None = None
) -> Estimate | None:
    """The parameters that make what was seen likeliest, from the best of several starts; None if none converges.

    Searched in logarithms, which keeps parameters positive, up to `most` of each; standard errors by the delta method
    from the Hessian there.
    """
    bounds = np.log([(_LEAST, limit) for limit in most or [_MOST] * len(starts[0])])
    found = [
        minimize(
            lambda logs: -likelihood(logs),
            np.log(start),
            method="L-BFGS-B",
            jac="3-point",
            bounds=bounds,
            options={"maxiter": _ROUNDS_MAX, "ftol": 1e-13, "gtol": 1e-7},
        )
        for start in starts
    ]
    ended = [one for one in found if np.isfinite(one.fun) and (one.success or _is_level(one, bounds))]
    if not ended:
        return None
    best: Numbers = min(ended, key=lambda one: float(one.fun)).x
    on_the_edge = np.abs(bounds - best[:, None]).min(axis=1) < _ON_THE_EDGE
    spread = [
        None if edge else error for edge, error in zip(on_the_edge, _spread(likelihood, best, customers), strict=True)
    ]
    parameters = np.exp(best)
    return Estimate(
        tuple(float(value) for value in parameters),
        tuple(None if error is None else float(value * error) for value, error in zip(parameters, spread, strict=True)),
        likelihood(best) * customers,
    )


def _is_level(one: OptimizeResult, bounds: Numbers) -> bool:
    """Whether the search ended where nothing is to be gained: on a flat top its last step can fail by rounding."""
    inside = (bounds[:, 0] < one.x) & (one.x < bounds[:, 1])
    return bool((np.abs(one.jac[inside]) < _LEVEL).all())


def _spread(likelihood: Likelihood, best: Numbers, customers: int) -> list[float | None]:
    """Standard errors of the logarithms: from the inverse of the Hessian, by central differences."""
    unknown: list[float | None] = [None] * len(best)
    steps = np.eye(len(best)) * _STEP
    hessian = np.empty((len(best), len(best)))
    for i, one in enumerate(steps):
        for j, other in enumerate(steps):
            hessian[i, j] = (
                likelihood(best + one + other)
                - likelihood(best + one - other)
                - likelihood(best - one + other)
                + likelihood(best - one - other)
            ) / (4 * _STEP**2)
    information = -hessian * customers
    if not np.all(np.isfinite(information)) or np.linalg.cond(information) > 1e12:
        return unknown
    variances = np.diag(np.linalg.inv(information))
    return [float(np.sqrt(variance)) if variance > 0 else None for variance in variances]
