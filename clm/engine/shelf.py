"""Which products to show one contact: what they bought, what goes with it, what runs out, what they looked at.

Each list holds only what can be had now, the best first; an empty one stays away, so that letters say something else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from clm.domain.instant import DAY_MS
from clm.store.products import Bought, Views, Ware

SHOWN_MAX = 3
BEST_MAX = 5
LATELY_MS = 60 * DAY_MS
"""What they bought within this time is not shown among what they looked at: they have it."""
RUNS_OUT_FROM, RUNS_OUT_UNTIL = 0.8, 1.5
"""Of the time after which it is bought again: earlier it is not needed, later they have found it elsewhere."""
OWN_PURCHASES_MIN = 3
"""Two gaps make a rhythm; with one the product's own is the better guess."""

Key = tuple[str, str]
"""Source and product id."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """All that some contacts' letters may show, looked up together."""

    wares: Mapping[Key, Ware] = field(default_factory=dict)
    """Products as the feed tells them (clm.store.products)."""
    going_with: Mapping[Key, Sequence[tuple[float, Key]]] = field(default_factory=dict)
    """Lift and other product, best first."""
    best: Mapping[str, Sequence[Key]] = field(default_factory=dict)
    """Best sold first, by source."""
    best_of: Mapping[tuple[str, str], Sequence[Key]] = field(default_factory=dict)
    """Best sold first, by source and category."""

    def again(self, bought: Sequence[Bought]) -> list[Key]:
        """What they bought last."""
        return self._first(_key(one) for one in _latest_first(bought))

    def due(self, bought: Sequence[Bought], now: int) -> list[Key]:
        """What they have bought about as long ago as it lasts; what was due first comes first."""
        found = []
        for one in bought:
            lasts = self._lasts(one)
            if lasts and RUNS_OUT_FROM <= (now - one.last_at) / lasts <= RUNS_OUT_UNTIL:
                found.append((one.last_at + lasts, _key(one)))
        return self._first(key for _, key in sorted(found))

    def _lasts(self, one: Bought) -> float | None:
        """Milliseconds until they buy it again."""
        if one.times >= OWN_PURCHASES_MIN:
            return float(one.last_at - one.first_at) / (one.times - 1)
        ware = self.wares.get(_key(one))
        return float(ware.reorder_days) * DAY_MS if ware is not None and ware.reorder_days else None

    def together(self, bought: Sequence[Bought]) -> list[Key]:
        """What goes best with what they bought last, of what they have never bought."""
        had = {_key(one) for one in bought}
        best: dict[Key, float] = {}
        for one in last_of(bought):
            for lift, other in self.going_with.get(_key(one), ()):
                best[other] = max(lift, best.get(other, 0.0))
        ranked = sorted(best, key=lambda other: (-best[other], other))
        return self._first(other for other in ranked if other not in had)

    def viewed(
        self, source: str, category: str, bought: Iterable[Bought], now: int, beside: Collection[Key] = ()
    ) -> list[Key]:
        """What sells best of the category they have looked at most; not what the letter shows of their basket."""
        have = {_key(one) for one in bought if one.last_at > now - LATELY_MS} | set(beside)
        return self._first(key for key in self.best_of.get((source, category), ()) if key not in have)

    def best_sellers(self, source: str) -> list[Key]:
        """What sells best at all."""
        return self._first(self.best.get(source, ()), BEST_MAX)

    def _first(self, keys: Iterable[Key], most: int = SHOWN_MAX) -> list[Key]:
        return list(_few((key for key in keys if key in self.wares and self.wares[key].available), most))


def last_of(bought: Sequence[Bought]) -> list[Bought]:
    """The products of the last order."""
    last_at = max((one.last_at for one in bought), default=None)
    return [one for one in bought if one.last_at == last_at]


def favourite(views: Iterable[Views]) -> tuple[str, str] | None:
    """Source and category that were looked at most, of two the one looked at later; None where there are no views."""
    best = max(views, key=lambda one: (one.views, one.last_at, one.category), default=None)
    return None if best is None else (best.source, best.category)


def _key(one: Bought) -> Key:
    return one.source, one.product_id


def _latest_first(bought: Sequence[Bought]) -> list[Bought]:
    return sorted(bought, key=lambda one: (-one.last_at, -one.spent, one.product_id))


def _few(keys: Iterator[Key], most: int) -> Iterator[Key]:
    for _, key in zip(range(most), keys, strict=False):
        yield key
