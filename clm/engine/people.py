"""A page of contacts as columns of numbers, the way arithmetic on people wants them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from clm.domain.instant import DAY_MS
from clm.scoring.edges import Numbers
from clm.scoring.purchase import Histories
from clm.store import scores
from clm.store.database import Transaction

WEEK_MS = 7 * DAY_MS
_WHOLE = ("contact_id", "changed", "lot")


@dataclass(frozen=True, slots=True)
class People:
    """Facts and present scores, one entry a contact; nan is unknown."""

    contact_id: npt.NDArray[np.int64]
    changed: npt.NDArray[np.int64]
    lot: npt.NDArray[np.int64]
    first_order_at: Numbers
    last_order_at: Numbers
    order_count: Numbers
    revenue: Numbers
    revenue_365d: Numbers
    average_gap_days: Numbers
    frequency: Numbers
    """Orders in the window."""
    monetary: Numbers
    """Revenue in the window."""
    ranked: npt.NDArray[np.bool_]
    """Who has ordered in the window."""
    scores: Numbers
    """As they stand: a column for each of clm.store.scores.SCORES."""
    groups: list[str | None]

    @classmethod
    def of(cls, tx: Transaction, rows: list[Any], since: int) -> People:
        """The contacts of a page of `scores.pages`; the window begins after `since`.

        Whose first order or return lies in the window has all of them in it. Only for others are rows of orders read.
        """
        columns = dict(zip(scores.COLUMNS, zip(*rows, strict=True), strict=True))
        contact_id, changed, lot = (np.array(columns[name], dtype=np.int64) for name in _WHOLE)
        facts = {name: np.array(columns[name], dtype=float) for name in scores.FACTS if name not in _WHOLE}
        ranked = (facts["order_count"] > 0) & (facts["last_order_at"] > since)
        frequency, monetary = facts["order_count"].copy(), facts["revenue"].copy()
        older = scores.ordered_since(tx, contact_id[ranked].tolist(), since)
        for who, within in older.items():
            place = np.searchsorted(contact_id, who)  # pages are sorted by id
            frequency[place], monetary[place] = within
        return cls(
            contact_id=contact_id,
            changed=changed,
            lot=lot,
            **facts,
            frequency=frequency,
            monetary=monetary,
            ranked=ranked,
            scores=np.array([columns[name] for name in scores.SCORES], dtype=float).T,
            groups=list(columns["rfm_group"]),
        )

    def histories(self, at: int) -> Histories:
        """What the purchase model needs, as of `at`; meaningless for contacts without an order."""
        recency = (self.last_order_at - self.first_order_at) / WEEK_MS
        age = (np.maximum(self.last_order_at, at) - self.first_order_at) / WEEK_MS
        return Histories(np.maximum(self.order_count - 1, 0), recency, age)

    @property
    def average_order(self) -> Numbers:
        """Revenue an order, in minor units, never less than nothing."""
        return np.maximum(self.revenue, 0) / np.maximum(self.order_count, 1)
