"""Edges score as ranking everybody would."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from clm.scoring.edges import edges, percentile, score

values = st.lists(st.integers(-3, 40) | st.integers(0, 10**13), min_size=1, max_size=60)


@given(values)
def test_quintiles_are_by_rank(some: list[int]) -> None:
    """A score is 1 and the fifths of the customers who have less; ties score the same, the highest at most 5."""
    numbers = np.array(some, dtype=float)
    less = pd.Series(some).rank(method="min").astype(int) - 1
    assert score(numbers, edges(numbers, 5)).tolist() == (1 + 5 * less // len(some)).tolist()


@given(values)
def test_percentiles_are_by_rank(some: list[int]) -> None:
    """A percentile is the whole per cent of customers who have no more; the highest has 100."""
    numbers = np.array(some, dtype=float)
    no_more = pd.Series(some).rank(method="max").astype(int)
    found = percentile(numbers, edges(numbers, 100, top=True))
    assert found.tolist() == (100 * no_more // len(some)).tolist()
    assert found.max() == 100


@given(values, st.integers(-5, 50))
def test_somebody_who_was_not_ranked_is_scored_all_the_same(some: list[int], other: int) -> None:
    """A value that was not there when the edges were taken scores between its neighbours."""
    kept = edges(np.array(some, dtype=float), 5)
    low, own, high = score(np.array([other - 1.0, other, other + 1.0]), kept)
    assert 1 <= low <= own <= high <= 5


def test_nobody_gives_no_edges_and_no_scores() -> None:
    """Without customers there is nothing to compare with."""
    nothing = np.empty(0)
    assert edges(nothing, 5) == []
    assert np.isnan(score(np.array([1.0]), [])).all()
    assert np.isnan(percentile(np.array([1.0]), [])).all()
