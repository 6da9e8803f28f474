"""`clm check`: files below config/ that look like ours and that nothing reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clm.cli.unread import READ, unread
from tests.cli.conftest import Clm
from tests.small_project import small_project

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("campaigns/win_back.yml", "rename it to win_back.yaml"),
        ("campaigns/win_back.YAML", "rename it to win_back.yaml"),
        ("broadcasts/harvest.yml", "rename it to harvest.yaml"),
        ("offers.yml", "rename it to offers.yaml"),
        ("helps.yaml", "did you mean `help`?"),
    ],
)
def test_a_file_that_nothing_reads_is_told_with_its_right_name(tmp_path: Path, name: str, told: str) -> None:
    """Another ending or a slip in the name of a file would leave out all that it says, and nobody would notice."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert [str(fault) for fault in unread(tmp_path)] == [f"{path}: is read by nothing; {told}"]


@pytest.mark.parametrize("name", ["campaigns/welcome.yaml", "presets/stages/mine.yaml", "notes.md", "dbt_project.yaml"])
def test_what_is_read_and_what_is_somebody_elses_is_no_fault(tmp_path: Path, name: str) -> None:
    """Only what looks like a file of ours is told."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert unread(tmp_path) == []


def test_every_file_that_ships_is_among_those_that_are_read() -> None:
    """And none is listed that there is not, so that the list says what is so."""
    assert {path.stem for path in (ROOT / "config").glob("*.yaml")} == set(READ)
    for name in READ:
        assert re.search(rf"\b{name}\.yaml\"", "".join(p.read_text() for p in (ROOT / "clm").rglob("*.py"))), name


def test_clm_check_refuses_a_campaign_with_another_ending(clm: Clm, tmp_path: Path) -> None:
    """It would never run, while everything else is sound."""
    small = small_project(tmp_path, "birthday")
    campaign = small.config / "campaigns" / "birthday.yaml"
    campaign.rename(campaign.with_suffix(".yml"))
    ended = clm("check", CLM_CONFIG=str(small.config), CLM_TEMPLATES=str(small.templates))
    assert ended.returncode == 1
    assert "birthday.yml: is read by nothing; rename it to birthday.yaml" in ended.stdout
