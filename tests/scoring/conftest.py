"""Published data: a sample of customers of CDNOW, 1997 and 1998."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import PROJECT

DATA = PROJECT.parent / "shared" / "data"


def _found(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        if os.environ.get("CI"):
            pytest.fail(f"CI is set and {name} is not in ../shared/data")
        pytest.skip(f"{name} is not beside the project")
    return path


@pytest.fixture(scope="session")
def cdnow() -> pd.DataFrame:
    """Repeat orders, recency and age in weeks of 2,357 customers, over the 39 weeks that the models are fitted on."""
    return pd.read_csv(_found("cdnow_summary.csv"))


@pytest.fixture(scope="session")
def cdnow_repeats() -> pd.DataFrame:
    """Number and average value of the repeat orders of those weeks; orders of one day are one order, as published."""
    rows = [line.split() for line in _found("cdnow_sample.txt").read_text().splitlines() if line.strip()]
    orders = pd.DataFrame([(row[1], row[2], float(row[4])) for row in rows], columns=["customer", "day", "value"])
    days = orders[orders["day"] <= "19970930"].groupby(["customer", "day"], as_index=False)["value"].sum()
    repeats = days[days.duplicated("customer")]
    found = repeats.groupby("customer")["value"].agg(["size", "mean"])
    return found[found["mean"] > 0]
