"""How long customers of this shop usually leave between two orders, for those too new to have a rhythm of their own."""

from __future__ import annotations

import numpy as np

from clm.domain.term import QUANTILES
from clm.scoring.edges import Numbers

CUSTOMERS_MIN = 50


def usual_gaps(average_gap_days: Numbers) -> dict[str, int] | None:
    """Quantiles of customers' own average gaps, in whole days of at least one, by `0.5`, `0.8`, `0.9`.

    `average_gap_days` are those of customers with two orders or more; None where they are fewer than 50.
    """
    if len(average_gap_days) < CUSTOMERS_MIN:
        return None
    found = np.quantile(average_gap_days, QUANTILES)
    return {f"{quantile:g}": max(1, round(float(days))) for quantile, days in zip(QUANTILES, found, strict=True)}
