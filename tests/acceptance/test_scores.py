"""A year of a real shop's orders: quintiles, groups and predictions are what pandas says, and what came true."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

from clm.domain.instant import DAY_MS, to_ms
from clm.engine.profile import refresh
from clm.engine.score import score_contacts
from clm.engine.stage import place_contacts
from clm.rfm_file import RfmRules, load_rfm
from clm.scoring.purchase import Histories, PurchaseModel, fit_purchases
from clm.stages_file import Language, load_stages
from clm.store import shop as shop_values
from clm.store.database import Database
from clm.store.schema import contacts, profiles
from tests.acceptance.by_pandas import Year, ranked
from tests.acceptance.shop_home import ShopHome
from tests.conftest import PROJECT
from tests.databases import PostgresDatabases

pytestmark = pytest.mark.slow

AS_OF = pd.Timestamp("2010-12-01T09:00:00Z")
NOW = to_ms(AS_OF.to_pydatetime())
RULES = load_rfm(PROJECT / "config")
WEEK = pd.Timedelta(weeks=1)
FITTED = {
    "r": 0.773571, "alpha": 7.61178, "a": 0.0864138, "b": 5.71187, "p": 2.3433, "q": 3.75968, "v": 43_340.4,
}  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def own_home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, orders_file: Path) -> ShopHome:
    """The whole year in a home of our own, because scores decide who enters campaigns."""
    databases: PostgresDatabases | None = request.getfixturevalue("postgres") if request.param != "sqlite" else None
    home = ShopHome(tmp_path_factory.mktemp(f"scored-{request.param}"), databases.fresh() if databases else None)
    home.import_orders(orders_file)
    return home


def scored(home: ShopHome, rules: RfmRules, now: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Everybody's scores as clm finds them, by customer, and the purchase model."""
    p = profiles.c
    columns = (p.recency_score, p.frequency_score, p.monetary_score, p.rfm_group, p.spend_percentile, p.p_alive,
               p.expected_orders_90d, p.predicted_revenue_365d, p.stage)  # fmt: skip
    with contextlib.closing(Database(home.url)) as database:
        refresh(database, now=now)
        score_contacts(database, rules, now=now)
        place_contacts(database, load_stages(PROJECT / "config", Language(groups=RULES.names)), now=now)
        with database.read() as tx:
            query = select(contacts.c.external_id, *columns).join(contacts, contacts.c.id == p.contact_id)
            found = pd.DataFrame([row._asdict() for row in tx.execute(query)]).set_index("external_id").sort_index()
            model = json.loads(shop_values.get(tx, "purchase_model") or "null")
    return found, model


def test_quintiles_and_groups_are_what_pandas_says(own_home: ShopHome, year: Year) -> None:
    """Of all 4,336 customers, with the shipped window and with one of half a year, which most orders lie before."""
    for rules, now in ((RULES, NOW), (RULES.model_copy(update={"window": 180 * DAY_MS}), NOW + DAY_MS)):
        found, _ = scored(own_home, rules, now)
        wanted = ranked(year, pd.Timestamp(now, unit="ms", tz="UTC"), pd.Timedelta(milliseconds=rules.window))
        names = list(wanted.columns)
        assert len(found) == 4_336
        pd.testing.assert_frame_equal(
            found[names].astype(object).where(found[names].notna(), None),
            wanted.astype(object).where(wanted.notna(), None).rename_axis("external_id"),
            check_dtype=False,
        )


def test_probabilities_are_those_of_the_formula(own_home: ShopHome, year: Year) -> None:
    """P(alive) lies between 0 and 1, is the published formula's, and falls the longer a customer is silent."""
    found, model = scored(own_home, RULES, NOW + 2 * DAY_MS)
    r, alpha, a, b = (model["bg_nbd"][name]["value"] for name in ("r", "alpha", "a", "b"))
    people = year.customers(AS_OF)
    people = people[people["count"] > 0]
    x, t_x = people["count"] - 1, (people["last_at"] - people["first_at"]) / WEEK
    age = (AS_OF + pd.Timedelta(days=2) - people["first_at"]) / WEEK
    odds = a / (b + x.clip(lower=1) - 1) * ((alpha + age) / (alpha + t_x)) ** (r + x)
    wanted = (1 / (1 + odds)).where(x > 0, 1.0)
    alive = found["p_alive"].reindex(people.index)
    assert alive.between(0, 1).all()
    assert (alive - wanted).abs().max() <= 0.005 + 1e-9
    for orders, same in people[people["count"].between(2, 20)].groupby("count"):
        silent = pd.qcut(same["since_last"] / same["since_first"], 3, labels=False)
        thirds = alive.reindex(same.index).groupby(silent).mean()
        assert (thirds.diff().dropna() <= 0.005).all(), f"{orders} orders: the longer silent, the less likely alive"
        assert thirds.iloc[2] < thirds.iloc[0]


def test_the_fit_of_this_year(own_home: ShopHome) -> None:
    """What the models find, written down, so that a changed calculation is noticed; errors are stated and small."""
    found, model = scored(own_home, RULES, NOW + 2 * DAY_MS)
    values = {
        name: part["value"]
        for kind in ("bg_nbd", "gamma_gamma")
        for name, part in model[kind].items()
        if isinstance(part, dict)
    }
    assert values == pytest.approx(FITTED, rel=1e-3)
    errors = {name: part["standard_error"] for name, part in model["bg_nbd"].items() if isinstance(part, dict)}
    assert 0 < errors["r"] < 0.1 * values["r"]
    assert 0 < errors["alpha"] < 0.1 * values["alpha"]
    assert found["stage"].notna().all()


def test_expected_orders_come_true(year: Year) -> None:
    """Fitted on nine months, the model expects the next three months' orders, by customers' past orders too."""
    until = pd.Timestamp("2010-08-31T23:00:00Z")
    orders = year.rows[year.rows["kind"] == "order"]
    past, later = orders[orders["at"] <= until], orders[orders["at"] > until]
    by_customer = past.groupby("customer_id")["at"]
    repeats = (by_customer.size() - 1).to_numpy(dtype=float)
    recency = ((by_customer.max() - by_customer.min()) / WEEK).to_numpy()
    age = ((until - by_customer.min()) / WEEK).to_numpy()
    histories = Histories(repeats, recency, age)
    fitted = fit_purchases(histories)
    assert fitted is not None
    expected = pd.Series(
        PurchaseModel(*fitted.parameters).expected_orders(histories, 13), index=by_customer.size().index
    )
    came = later.groupby("customer_id").size().reindex(expected.index).fillna(0)
    by_repeats = (
        pd.DataFrame({"expected": expected, "came": came, "repeats": np.minimum(repeats, 8)}).groupby("repeats").mean()
    )
    # Autumn is this shop's season, of which the model knows nothing: more came than it expected.
    assert 0.7 < expected.sum() / came.sum() < 1.4
    assert expected.corr(came) > 0.6
    assert by_repeats["came"].corr(by_repeats["expected"]) > 0.95
