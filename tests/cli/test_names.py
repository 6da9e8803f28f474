"""Names that somebody mistypes: every command that takes one says that there is no such thing, and what there is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Clm

PEOPLE = """\
contact,email,first_name,signed_up_at
1,ada@example.com,Ada,2026-01-01T09:00:00Z
2,not an address,Bob,2026-01-01T09:00:00Z
"""
ALL_SOURCES = "(known: demo, crm)"
"""The one of config/sources.yaml first, then those that somebody imported by hand."""


@pytest.fixture
def shop(clm: Clm, tmp_path: Path) -> Clm:
    """A database with one contact of the source `crm`, one bad row of it, and nothing of the source that is pulled."""
    people = tmp_path / "people.csv"
    people.write_text(PEOPLE, encoding="utf-8")
    assert clm("import", "contacts", str(people), "--source", "crm").returncode == 0
    return clm


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("quarantine", "--source", "cmr"), f"there is no source `cmr`; did you mean `crm`? {ALL_SOURCES}"),
        (("quarantine", "--source", "cmr", "--json"), f"there is no source `cmr`; did you mean `crm`? {ALL_SOURCES}"),
        (("quarantine", "--source", ""), f"there is no source `` {ALL_SOURCES}"),
        (("resolve", "1", "--source", "cmr"), f"there is no source `cmr`; did you mean `crm`? {ALL_SOURCES}"),
        (("resolve", "1", "--source", "demo"), "1: no contact has that id at demo"),
        (("resolve", "3"), "3: no contact has that id"),
        (
            ("release", "win_bak"),
            "there is no campaign or channel `win_bak`; did you mean `win_back`? (known: email, sms",
        ),
        (("release", "emial"), "did you mean `email`?"),
        (("release", "win_back"), "win_back: nothing is stopped"),
        (("messages", "--campaign", "win_bak"), "there is no campaign `win_bak`; did you mean `win_back`? (known: "),
        (("messages", "--contact", "3"), "there is no contact 3"),
        (("diagram", "win_bak"), "there is no campaign `win_bak`; did you mean `win_back`? (known: "),
        (("preview", "win_bak"), "there is no campaign `win_bak`; did you mean `win_back`? (known: "),
        (("preview", "win_back", "incentiv"), "`win_back` sends no `incentiv`; did you mean `incentive`? (known: "),
        (("preview", "win_back", "--contact", "3", "--no-png"), "there is no contact 3"),
        (("preview", "win_back", "--persona", "al facts"), "did you mean `all facts`?"),
        (("broadcast", "config/broadcasts/harvst.yaml"), "did you mean `harvest`? (known: harvest, recommend)"),
        (("coupons", "export", "win_bak"), "there is no offer `win_bak`; did you mean `win_back`? (known: "),
        (("coupons", "add", "win_bak", "codes.csv"), "there is no offer `win_bak`; did you mean `win_back`? (known: "),
        (("coupons", "find", "NOPE-1"), "NOPE-1 is no code of ours; `clm coupons` lists the offers"),
        (("staff", "remove", "nadja"), "there is no account `nadja`; `clm staff list` shows those there are"),
    ],
)
def test_a_name_of_nothing_is_told_with_those_there_are(shop: Clm, arguments: tuple[str, ...], told: str) -> None:
    """The error is on stderr, the status 1 as of every wrong argument, and stdout stays empty for programs."""
    refused = shop(*arguments)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert told in refused.stderr


def test_a_source_without_bad_rows_is_no_fault(shop: Clm) -> None:
    """Nothing is in quarantine of a source that is known, by its file or by what was imported."""
    quiet = shop("quarantine", "--source", "demo")
    assert (quiet.returncode, quiet.stdout) == (0, "nothing is in quarantine\n")
    assert '"source": "crm"' in shop("quarantine", "--source", "crm", "--json").stdout


def test_a_fault_in_config_does_not_stand_in_the_way_of_a_release(shop: Clm, tmp_path: Path) -> None:
    """A fault in some file keeps nobody from being told that nothing is stopped."""
    config = shutil.copytree(ROOT / "config", tmp_path / "config")
    (config / "policy.yaml").write_text("gaps: nonsense\n", encoding="utf-8")
    refused = shop("release", "win_bak", CLM_CONFIG=str(config))
    assert (refused.returncode, "win_bak: nothing is stopped" in refused.stderr) == (1, True), refused.stderr
