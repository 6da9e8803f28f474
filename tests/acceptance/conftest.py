"""The real orders, imported once on each database."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.acceptance.by_pandas import Year
from tests.acceptance.shop_home import ORDERS, ShopHome
from tests.databases import PostgresDatabases


@pytest.fixture(scope="session")
def orders_file() -> Path:
    """A year of a real shop's orders, beside the project."""
    if not ORDERS.exists():
        if os.environ.get("CI"):
            pytest.fail(f"CI is set and the real orders are not at {ORDERS.name} in ../shared/data")
        pytest.skip("the real orders are not beside the project")
    return ORDERS


@pytest.fixture(scope="session")
def year(orders_file: Path) -> Year:
    """The same year as pandas reads it."""
    return Year.read(orders_file)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shop_home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, orders_file: Path) -> ShopHome:
    """A CLM_HOME into which `clm import` has taken the whole year."""
    databases: PostgresDatabases | None = request.getfixturevalue("postgres") if request.param != "sqlite" else None
    home = ShopHome(tmp_path_factory.mktemp(f"real-{request.param}"), databases.fresh() if databases else None)
    counts = home.import_orders(orders_file)
    assert counts == {"read": 22_686, "new": 22_686, "changed": 0, "unchanged": 0, "quarantined": 0}
    return home
