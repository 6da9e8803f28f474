"""Who should enter which campaign, calculated from the shop's file with pandas; shares no code with clm.

Written from the sentences of config/campaigns/*.yaml. The file names no sign-ups and no consents; what the tests set
for everybody (e-mail and consent) keeps nobody out here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

Key = tuple[str, str]
"""Customer, and what names the enrolment: an order id, or `contact` where a campaign is once for ever."""


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

    def entering(self, now: pd.Timestamp) -> dict[str, set[Key]]:
        """Who enters each campaign in a first run at `now`."""
        people = self.customers(now)
        once, since_first, since_last = people["count"] == 1, people["since_first"], people["since_last"]
        best = (people["count"] >= 3) & (people["spend"] >= 200 * 100) & (since_last <= 90)
        return {
            "feedback": _keys(people[(since_last >= 7) & (since_last <= 21)], "last_id"),
            "win_back": _keys(people[(people["count"] >= 1) & (since_last > 90) & (since_last <= 400)], "last_id"),
            "second_purchase": _keys(people[once & (since_first >= 30) & (since_first <= 60)], "first_id"),
            "welcome": set(),  # the file names no sign-ups
            "high_value": _keys(people[best], None),
        }


def _keys(people: pd.DataFrame, order: str | None) -> set[Key]:
    named = people[order] if order else ["contact"] * len(people)
    return set(zip(people.index, named, strict=True))
