"""config/rfm.yaml: the window, and a group for every pair of scores."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from clm.domain.instant import DAY_MS
from clm.errors import ConfigurationError
from clm.rfm_file import RfmRules, load_rfm
from tests.conftest import PROJECT

SHIPPED = PROJECT / "config"
ROW = "[a, b, c, d, e]"


def faults(folder: Path, text: str) -> list[str]:
    """What is said of such a rfm.yaml, without the folder."""
    (folder / "rfm.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refusal:
        load_rfm(folder)
    return [str(fault).removeprefix(f"{folder}/") for fault in refusal.value.faults]


def test_the_shipped_table_names_every_group() -> None:
    """Eleven groups over two years; every three scores have one of them."""
    rules = load_rfm(SHIPPED)
    assert rules.window == 730 * DAY_MS
    assert rules.names == {
        "champions", "loyal", "potential_loyalist", "new", "promising", "needs_attention", "about_to_sleep", "at_risk",
        "cannot_lose", "hibernating", "lost",
    }  # fmt: skip
    assert {rules.group(*scores) for scores in product(range(1, 6), repeat=3)} == rules.names


@pytest.mark.parametrize(
    ("scores", "group"),
    [
        ((5, 5, 5), "champions"),
        ((5, 1, 1), "new"),
        ((4, 1, 1), "promising"),
        ((1, 1, 1), "lost"),
        ((1, 5, 5), "cannot_lose"),
        ((1, 1, 2), "hibernating"),  # 1.5 is rounded to 2
        ((5, 4, 3), "champions"),  # 3.5 to 4
        ((5, 3, 3), "potential_loyalist"),
    ],
)
def test_groups_by_recency_and_the_mean_of_the_others(scores: tuple[int, int, int], group: str) -> None:
    """Frequency and monetary score count alike; halves are rounded up."""
    assert load_rfm(SHIPPED).group(*scores) == group


def test_without_a_file_nobody_is_in_a_group(tmp_path: Path) -> None:
    """Scores are computed over two years all the same."""
    assert load_rfm(tmp_path) == RfmRules()
    assert RfmRules().window == 730 * DAY_MS
    assert load_rfm(tmp_path).group(5, 5, 5) is None


def test_every_pair_of_scores_needs_a_group(tmp_path: Path) -> None:
    """A row too few, a column too few, and a name that is none are told with their place."""
    rows = "".join(f"  {score}: {ROW}\n" for score in (5, 4, 3))
    assert faults(tmp_path, f"groups:\n{rows}") == [
        "rfm.yaml:1:1: groups: the row of recency score 2, 1 is missing; every pair of scores needs a group"
    ]
    found = faults(tmp_path, f"groups:\n{rows}  2: [a, b, c, d]\n  1: [a, b, c, d, At risk]\n")
    assert [fault.split(": ", 2)[:2] for fault in found] == [
        ["rfm.yaml:5:3", "groups.2"],
        ["rfm.yaml:6:19", "groups.1.5"],
    ]
    assert "names five groups" in found[0]


def test_a_row_for_a_score_that_does_not_exist(tmp_path: Path) -> None:
    """Scores go from 1 to 5."""
    assert faults(tmp_path, f"groups:\n  6: {ROW}\n") == [
        "rfm.yaml:1:1: groups: `6` is not a recency score; rows are called 5, 4, 3, 2 and 1"
    ]


def test_unknown_keys_and_lengths_are_told(tmp_path: Path) -> None:
    """A window is written in days or weeks."""
    assert faults(tmp_path, "window: 2y\nwindw: 7d\n") == [
        "rfm.yaml:1:1: window: `2y` is not a duration; write 30m, 4h, 6d or 2w",
        "rfm.yaml:2:1: windw: `windw` is not a setting; did you mean `window`? (known: window, groups)",
    ]
