"""Who should enter which campaign, calculated from the shop's file with pandas; shares no code with clm.

Written from the sentences of config/campaigns/*.yaml. The file names no sign-ups and no consents; what the tests set
for everybody (e-mail and consent) keeps nobody out here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from tests.conftest import PROJECT

Key = tuple[str, str]
"""Customer, and what names the enrolment: an order id, or `contact` where a campaign is once for ever."""


NOBODY = ("abandoned_cart", "birthday", "confirm", "feedback_high", "feedback_low", "trial", "welcome")
"""Campaigns that need sign-ups, birthdays or events, of which the file tells nothing."""


@dataclass(frozen=True)
class Year:
    """A year of orders: one row an order or cancellation, times in UTC, amounts in pence."""

    rows: pd.DataFrame

    @classmethod
    def read(cls, path: Path) -> Year:
        """The shop's file; its times are those on a clock in London."""
        rows = pd.read_csv(path, dtype=str)
        rows["at"] = pd.to_datetime(rows["ordered_at"]).dt.tz_localize("Europe/London").dt.tz_convert("UTC")
        rows["pence"] = (pd.to_numeric(rows["amount_gbp"]).abs() * 100).round().astype("int64")
        rows["signed"] = rows["pence"].where(rows["kind"] == "order", -rows["pence"])
        return cls(rows)

    def customers(self, now: pd.Timestamp) -> pd.DataFrame:
        """One row a customer: count, first and last order, days since them, spend of 365 days.

        A cancellation in this file names no order, so it takes money back and leaves the count.
        """
        orders = self.rows[self.rows["kind"] == "order"].sort_values(["at", "order_id"])
        by_customer = orders.groupby("customer_id")
        found = pd.DataFrame(
            {
                "count": by_customer.size(),
                "first_at": by_customer["at"].first(),
                "first_id": by_customer["order_id"].first(),
                "last_at": by_customer["at"].last(),
                "last_id": by_customer["order_id"].last(),
            }
        )
        year = self.rows[(self.rows["at"] > now - pd.Timedelta(days=365)) & (self.rows["at"] <= now)]
        everybody = pd.Index(sorted(self.rows["customer_id"].unique()), name="customer_id")
        found = found.reindex(everybody)
        found["count"] = found["count"].fillna(0).astype(int)
        found["spend"] = year.groupby("customer_id")["signed"].sum().reindex(everybody).fillna(0).astype("int64")
        day = pd.Timedelta(days=1)
        found["since_first"] = (now - found["first_at"]) / day
        found["since_last"] = (now - found["last_at"]) / day
        return found

    def gaps(self) -> pd.DataFrame:
        """One row a customer: last, longest and mean gap between orders, and the median and 80th percentile, in days.

        The percentiles need three orders.
        """
        orders = self.rows[self.rows["kind"] == "order"].sort_values(["at", "order_id"])
        gap = orders.groupby("customer_id")["at"].diff().dt.total_seconds() / 86_400
        by_customer = gap.groupby(orders["customer_id"])
        found = pd.DataFrame(
            {
                "last": by_customer.last(),
                "longest": by_customer.max(),
                "mean": by_customer.mean(),
                "n": by_customer.count(),
            }
        )
        for name, quantile in (("median", 0.5), ("own_80", 0.8)):
            found[name] = by_customer.quantile(quantile).where(found["n"] >= 2)
        return found

    def entering(self, now: pd.Timestamp, scores: pd.DataFrame) -> dict[str, set[Key]]:
        """Who enters each campaign in a first run at `now`, whose groups are `scores` (see `ranked`).

        Not of high_value and slipping_vip, which ask for a fitted probability.
        """
        people = self.customers(now).join(self.gaps()).join(scores)
        count, since_first, since_last = people["count"], people["since_first"], people["since_last"]
        shop_80 = round(people.loc[count >= 2, "mean"].quantile(0.8))
        beyond = since_last > people["own_80"].fillna(shop_80)
        lapsed = beyond & (since_last >= 30)
        best = people["rfm_group"].isin(["champions", "cannot_lose"]) | (people["spend_percentile"] >= 90)
        first_left_alone = (count > 1) | (since_last > 67)
        away = beyond & since_last.between(30, 400) & first_left_alone & ~(best & (count >= 2))
        back = (count >= 2) & ~lapsed & (people["last"] > 90) & (people["last"] >= people["longest"])
        due_in = people["median"] - since_last
        return {
            "feedback": _keys(people[since_last.between(7, 21)], "last_id"),
            "first_purchase": _keys(people[(count == 1) & since_first.between(7, 14)], "first_id"),
            "reactivated": _keys(people[back & since_last.between(7, 14)], "last_id"),
            "win_back": _keys(people[away], "last_id"),
            "second_purchase": _keys(people[(count == 1) & since_first.between(30, 60)], "first_id"),
            "reorder": _keys(people[(due_in >= 0) & (due_in <= 3) & (since_last >= 7)], "last_id"),
            "referral": _keys(people[(count >= 3) & since_last.between(7, 30)], None),
            **{name: set() for name in NOBODY},
        }


def ranked(year: Year, now: pd.Timestamp, window: pd.Timedelta) -> pd.DataFrame:
    """Scores, group and percentile by pandas' own ranks."""
    inside = year.rows[year.rows["at"] > now - window]
    orders = inside[inside["kind"] == "order"].groupby("customer_id")
    people = pd.DataFrame({"recency": orders["at"].max(), "frequency": orders.size()})
    people["monetary"] = inside.groupby("customer_id")["signed"].sum()
    scores = pd.DataFrame(
        {
            f"{name}_score": 1 + 5 * (people[name].rank(method="min").astype(int) - 1) // len(people)
            for name in ("recency", "frequency", "monetary")
        }
    )
    table = yaml.safe_load((PROJECT / "config" / "rfm.yaml").read_text(encoding="utf-8"))["groups"]
    mean = np.floor((scores["frequency_score"] + scores["monetary_score"]) / 2 + 0.5).astype(int)
    scores["rfm_group"] = [
        table[recency][column - 1] for recency, column in zip(scores["recency_score"], mean, strict=True)
    ]
    spend = year.customers(now)["spend"]
    spend = spend[spend > 0]
    scores = scores.reindex(year.customers(now).index)
    scores["spend_percentile"] = 100 * spend.rank(method="max").astype(int) // len(spend)
    return scores


def _keys(people: pd.DataFrame, order: str | None) -> set[Key]:
    named = people[order] if order else ["contact"] * len(people)
    return set(zip(people.index, named, strict=True))
