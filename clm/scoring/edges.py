"""Ranks as edges: the values at which the sorted customers fall into equal parts.

Edges are kept and values compared with them, instead of ranking everybody again: a contact whose facts have changed is
scored by itself, ties get the same score, and whole numbers give the same answer on every database.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


def edges(values: Numbers, parts: int, *, top: bool = False) -> list[int]:
    """The highest value of each of `parts` equal parts by rank, ascending; the last part's only with `top`.

    Of N values the k-th edge is the one at place ceil(k × N / parts) from below. Empty for no values.
    """
    if not len(values):
        return []
    places = [-(-k * len(values) // parts) - 1 for k in range(1, parts + bool(top))]
    return [int(value) for value in np.partition(values, places)[places]]


def score(values: Numbers, kept: list[int]) -> Numbers:
    """1 and the number of edges that lie below each value: of five parts 5 is best, and ties score the same.

    The same as 1 + floor(5 × (how many have less) / N) among those the edges are of. Unknown where there are no edges.
    """
    if not kept:
        return np.full(len(values), np.nan)
    below = np.searchsorted(np.asarray(kept, dtype=float), values, side="left")
    return below.astype(float) + 1


def percentile(values: Numbers, kept: list[int]) -> Numbers:
    """How many of a hundred edges each value has reached: floor(100 × (how many have no more) / N)."""
    if not kept:
        return np.full(len(values), np.nan)
    return np.searchsorted(np.asarray(kept, dtype=float), values, side="right").astype(float)
