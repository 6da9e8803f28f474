"""What sells best of each source and of each of its categories, looked up once for all batches of an instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from clm.engine.shelf import BEST_MAX, SHOWN_MAX
from clm.store import products
from clm.store.database import Transaction
from clm.store.products import Ware

_SPARE = 10
"""So many more of a category are looked up than are shown, because what they have bought lately is left out."""


@dataclass(frozen=True, slots=True)
class BestSold:
    """Keeps what was looked up; each source and category costs one short look, in a shop of whatever size.

    Two batches that ask for the same at the same moment both look, and keep the same.
    """

    _sellers: dict[str, Sequence[Ware]] = field(default_factory=dict)
    _of: dict[tuple[str, str], Sequence[Ware]] = field(default_factory=dict)

    def sellers(self, tx: Transaction, sources: set[str]) -> dict[str, Sequence[Ware]]:
        """By source, the best sold first."""
        for source in sources - self._sellers.keys():
            self._sellers[source] = products.best_sellers(tx, source, limit=BEST_MAX)
        return {source: self._sellers[source] for source in sources}

    def of(self, tx: Transaction, categories: set[tuple[str, str]]) -> dict[tuple[str, str], Sequence[Ware]]:
        """By source and category, the best sold first."""
        for source, category in categories - self._of.keys():
            self._of[source, category] = products.best_of(tx, source, category, limit=SHOWN_MAX + _SPARE)
        return {one: self._of[one] for one in categories}
