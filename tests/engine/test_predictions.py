"""What is expected of customers, and the shop's usual gaps: only where there is history enough, on either database."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, text

from clm.domain.instant import DAY_MS
from clm.store.schema import profiles
from tests.engine.scored import five, many, score, told
from tests.engine.shop import NOW, Shop, order

pytestmark = pytest.mark.slow

MODELLED = ("p_alive", "expected_orders_90d", "predicted_revenue_365d")


def test_usual_gaps_are_kept_with_fifty_customers(shop: Shop) -> None:
    """The cohort's own average gaps, in whole days, once enough of them have two orders; nothing before."""
    shop.tell(*(order(f"{who}-1", f"c{who}", at=NOW - 500 * DAY_MS) for who in range(49)))
    shop.tell(*(order(f"{who}-2", f"c{who}", at=NOW - (499 - who) * DAY_MS) for who in range(49)))
    score(shop.database)
    assert told(shop.database, "usual_gaps") is None
    shop.tell(order("49-1", "c49", at=NOW - 500 * DAY_MS), order("49-2", "c49", at=NOW - 450 * DAY_MS))
    score(shop.database, NOW + DAY_MS)
    gaps = np.arange(1, 51)
    wanted = {str(quantile): round(float(np.quantile(gaps, quantile))) for quantile in (0.5, 0.8, 0.9)}
    assert told(shop.database, "usual_gaps") == wanted


def test_too_little_history_predicts_nothing_and_says_why(shop: Shop) -> None:
    """Below 500 customers and 180 days predictions stay unknown."""
    five(shop)
    score(shop.database)
    assert told(shop.database, "purchase_model") == {
        "at": NOW, "customers": 5, "days": 100, "fitted_on": 5,
        "reason": "needs 500 customers and 180 days of history; there are 5 and 100",
    }  # fmt: skip
    assert [shop.profile("e")[name] for name in MODELLED] == [None, None, None]


def test_predictions_with_enough_history(shop: Shop) -> None:
    """Every customer has a probability of being alive, orders and revenue to expect; parameters state their errors."""
    shop.tell(*many(800, 400))
    score(shop.database)
    model = told(shop.database, "purchase_model")
    assert (model["customers"], model["fitted_on"]) == (800, 800)
    assert "reason" not in model
    for name in ("r", "alpha"):
        assert 0 < model["bg_nbd"][name]["standard_error"] < model["bg_nbd"][name]["value"]
    assert model["gamma_gamma"]["q"]["value"] > 1
    p = profiles.c
    with shop.database.read() as tx:
        rows = tx.execute(select(p.p_alive, p.expected_orders_90d, p.predicted_revenue_365d)).all()
    assert all(None not in row for row in rows)
    assert all(0 <= row.p_alive <= 1 and row.expected_orders_90d >= 0 for row in rows)
    assert len({row.p_alive for row in rows}) > 20


def test_predictions_go_when_the_gate_closes(shop: Shop) -> None:
    """If customers are too few for a model they were once enough for, no old prediction stands."""
    shop.tell(*many(520, 400))
    score(shop.database)
    assert shop.profile("c1")["p_alive"] is not None
    gone = [row for row in many(520, 400) if int(row.external_id.split("-")[0]) < 30]
    later = NOW + DAY_MS
    shop.tell(
        *(
            order(f"x{row.external_id}", row.contact.external_id, at=NOW, amount=row.amount, kind="cancellation",
                  cancels=row.external_id)
            for row in gone
        ),
        now=later,
    )  # fmt: skip
    score(shop.database, later)
    with shop.database.read() as tx:
        assert tx.scalar(text("SELECT COUNT(*) FROM profiles WHERE p_alive IS NOT NULL")) == 0


def test_both_databases_find_the_same(shop: Shop) -> None:
    """The same facts give the same figures, to the last digit."""
    shop.tell(*many(600, 300))
    score(shop.database)
    model = told(shop.database, "purchase_model")
    p = profiles.c
    with shop.database.read() as tx:
        total = tx.execute(text(
            "SELECT SUM(recency_score * 7 + frequency_score * 5 + monetary_score), SUM(predicted_revenue_365d),"
            " SUM(CAST(ROUND(100 * p_alive) AS INTEGER)) FROM profiles"
        )).one()  # fmt: skip
        assert tx.scalar(select(p.rfm_group).limit(1)) is not None
    found = (model["bg_nbd"]["r"]["value"], model["gamma_gamma"]["v"]["value"], *(int(value) for value in total))
    assert found == pytest.approx(_found_first.setdefault("values", found), rel=0)


_found_first: dict[str, Any] = {}
