"""The commands as a person or a program types them: what they print, refuse, and exit with."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from clm.cli.app import app
from tests.cli.conftest import ROOT, Clm

PEOPLE = """\
contact,email,phone,first_name,country,signed_up_at,email_consent
1,ada@example.com,,Ada,GB,2026-01-01T09:00:00Z,yes
2,not an address,,Bob,GB,2026-01-01T09:00:00Z,yes
3,cyd@example.com,,Cyd,GB,someday,yes
"""


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A file of three contacts, one of them usable."""
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE, encoding="utf-8")
    return path


def test_import_counts_and_second_time_is_unchanged(clm: Clm, people: Path) -> None:
    """An import prints what became of each row as JSON, and the same file again brings nothing new."""
    first = clm("import", "contacts", str(people), "--json")
    assert json.loads(first.stdout) == {"read": 3, "new": 1, "changed": 0, "unchanged": 0, "quarantined": 2}
    second = clm("import", "contacts", str(people), "--json")
    assert json.loads(second.stdout) == {"read": 3, "new": 0, "changed": 0, "unchanged": 1, "quarantined": 2}


def test_quarantine_says_file_line_field_and_reason(clm: Clm, people: Path) -> None:
    """Rows that could not be used are listed once each, however often the file was read, with place and reason."""
    clm("import", "contacts", str(people))
    clm("import", "contacts", str(people))
    listed = json.loads(clm("quarantine", "--json").stdout)
    assert [(row["file"], row["line"], row["field"]) for row in listed] == [
        ("people.csv", 4, "signed_up_at"),
        ("people.csv", 3, "email"),
    ]
    assert "someday" in listed[0]["reason"]
    assert json.loads(listed[1]["raw"])["email"] == "not an address"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--map", "emial=email"), "emial"),
        (("--map", "email=mail"), "did you mean `email`?"),
        (("--map", "email"), "field=column"),
        (("--set", "email={nobody}@example.com"), "nobody"),
        (("--time-zone", "Europe/Londn"), "Europe/London"),
    ],
)
def test_a_wrong_mapping_stops_before_anything_is_written(
    clm: Clm, people: Path, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    """A mapping that does not fit is refused with the remedy, and not even a database is made."""
    refused = clm("import", "contacts", str(people), *arguments)
    assert refused.returncode == 1
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "home" / "clm.db").exists()


def test_a_missing_file_is_named(clm: Clm) -> None:
    """A file that is not there is an error that names it."""
    refused = clm("import", "orders", "nowhere.csv")
    assert refused.returncode == 1
    assert "nowhere.csv" in refused.stderr


@pytest.mark.parametrize("arguments", [("import", "orders"), ("run", "--only", "everything"), ("nonsense",)])
def test_wrong_usage_exits_with_2(clm: Clm, arguments: tuple[str, ...]) -> None:
    """What is not a command, or lacks an argument, exits with status 2."""
    assert clm(*arguments).returncode == 2


def test_messages_need_a_database(clm: Clm) -> None:
    """Listing messages before there is a database says what to run."""
    refused = clm("messages")
    assert refused.returncode == 1
    assert "clm db upgrade" in refused.stderr


def test_messages_refuse_an_unknown_status(clm: Clm) -> None:
    """A status that no message ever has is refused with the nearest right one."""
    clm("db", "upgrade")
    refused = clm("messages", "--status", "snet")
    assert refused.returncode == 1
    assert "did you mean `sent`?" in refused.stderr


@pytest.mark.parametrize("command", ["messages", "quarantine"])
@pytest.mark.parametrize("limit", ["-1", "0", "1000001", "99999999999999999999"])
def test_listings_are_as_long_as_asked_within_bounds(clm: Clm, command: str, limit: str) -> None:
    """`--limit` is 1 to a million; anything else is refused with the least and the most, the bounds are not."""
    clm("db", "upgrade")
    refused = clm(command, f"--limit={limit}")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"--limit {limit}: write 1 to 1,000,000" in refused.stderr
    for bound in ("1", "1000000"):
        assert clm(command, "--limit", bound, "--json").stdout == "[]\n"


def test_messages_of_nobody_and_nothing_are_refused(clm: Clm, people: Path) -> None:
    """A campaign or contact that does not exist is told, with the nearest campaign; one without messages is empty."""
    clm("import", "contacts", str(people), "--source", "shop")
    for arguments, fault in (
        (("--campaign", "win_bak"), "there is no campaign `win_bak`; did you mean `win_back`?"),
        (("--campaign", "harvst"), "did you mean `harvest`?"),
        (("--contact", "NOPE"), "there is no contact NOPE"),
        (("--contact", "NOPE", "--json"), "there is no contact NOPE"),
    ):
        refused = clm("messages", *arguments)
        assert (refused.returncode, refused.stdout, fault in refused.stderr) == (1, "", True), refused.stderr
    empty = clm("messages", "--campaign", "harvest", "--contact", "1")
    assert (empty.returncode, empty.stdout.splitlines()[-1]) == (0, "0 messages")


def test_listings_of_nothing_are_empty_json(clm: Clm) -> None:
    """On a fresh database every listing is an empty JSON list and nothing else on stdout."""
    clm("db", "upgrade")
    assert json.loads(clm("messages", "--json").stdout) == []
    assert json.loads(clm("quarantine", "--json").stdout) == []


@pytest.mark.slow
def test_check_finds_no_fault_in_what_is_shipped(clm: Clm) -> None:
    """The shipped configuration and templates are without faults."""
    checked = clm("check", "--json")
    assert checked.returncode == 0
    assert json.loads(checked.stdout) == {"ok": True, "faults": [], "notes": []}


@pytest.mark.slow
def test_check_tells_all_faults_at_once(clm: Clm, tmp_path: Path) -> None:
    """Faults of several files are told together, each with file, line, column and remedy."""
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    for name, right, wrong in (
        ("win_back", "order_count >= 1", "order_cuont >= 1"),
        ("welcome", "purpose:", "purpos:"),
        ("feedback", "send: rating", "send: ratings"),
    ):
        path = config / "campaigns" / f"{name}.yaml"
        text = path.read_text(encoding="utf-8")
        assert right in text
        path.write_text(text.replace(right, wrong), encoding="utf-8")
    checked = clm("check", "--json", CLM_CONFIG=str(config))
    assert checked.returncode == 1
    faults = json.loads(checked.stdout)["faults"]
    told = {(Path(fault["file"]).stem, fault["field"]): fault for fault in faults}
    assert "did you mean `purpose`?" in told["welcome", "purpos"]["message"]
    cuont = told["win_back", "enter.when"]
    assert "did you mean `order_count`?" in cuont["message"]
    line = (config / "campaigns" / "win_back.yaml").read_text(encoding="utf-8").splitlines()[cuont["line"] - 1]
    assert line[cuont["column"] - 1 :].startswith("order_cuont")


@pytest.mark.slow
def test_check_finds_steps_without_words(clm: Clm, tmp_path: Path) -> None:
    """A step whose template is missing is a fault that says which files to write."""
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    path = config / "campaigns" / "feedback.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("send: rating", "send: ratings"), encoding="utf-8")
    checked = clm("check", CLM_CONFIG=str(config))
    assert checked.returncode == 1
    assert "ratings" in checked.stdout
    assert "body.mjml" in checked.stdout


def test_run_refuses_a_faulty_project_before_starting_prefect(clm: Clm, tmp_path: Path) -> None:
    """`clm run` tells configuration faults at once instead of failing inside a flow."""
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    (config / "clm.yaml").write_text("base_currency: pounds\n", encoding="utf-8")
    refused = clm("run", CLM_CONFIG=str(config))
    assert refused.returncode == 1
    assert "clm.yaml:1:1: base_currency" in refused.stderr


def test_run_refuses_an_instant_it_cannot_read(clm: Clm) -> None:
    """`--as-of` is ISO 8601, and anything else is refused with an example."""
    refused = clm("run", "--as-of", "yesterday")
    assert refused.returncode == 1
    assert "ISO 8601" in refused.stderr


def test_demo_is_not_overwritten_unasked(clm: Clm, tmp_path: Path) -> None:
    """A second demo shop would mix two shops up under the same ids, so it is refused."""
    made = clm("demo", "--customers", "50", "--until", "2026-01-31T12:00Z")
    assert made.returncode == 0
    before = (tmp_path / "home" / "demo" / "contacts.csv").read_bytes()
    refused = clm("demo", "--customers", "60")
    assert refused.returncode == 1
    assert (tmp_path / "home" / "demo" / "contacts.csv").read_bytes() == before


def test_a_database_of_an_unknown_kind_is_refused(clm: Clm, people: Path) -> None:
    """A database clm cannot use is refused by name, without a traceback and without its password."""
    refused = clm("import", "contacts", str(people), CLM_DATABASE_URL="mysql://me:hidden@127.0.0.1/shop")
    assert refused.returncode == 1
    assert "SQLite or PostgreSQL" in refused.stderr
    assert "hidden" not in refused.stderr


def test_it_runs_as_a_program(tmp_path: Path) -> None:
    """`python -m clm` prints its document on stdout, keeps stderr for the rest, and exits with its status."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("CLM_")}
    ended = subprocess.run(
        [sys.executable, "-m", "clm", "messages", "--json"],
        cwd=ROOT,
        env=own | {"CLM_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "clm db upgrade" in ended.stderr


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_the_list_of_commands_says_what_each_is_for(arguments: tuple[str, ...]) -> None:
    """Whoever types `clm` alone sees every command with a sentence, though none of them had been loaded."""
    command = [sys.executable, "-m", "clm", *arguments]
    listed = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"COLUMNS": "200"}, capture_output=True, text=True, check=True
    ).stdout
    told = dict(re.findall(r"^│ (\w+) +(.*\.) +│$", listed, re.MULTILINE))
    assert set(told) >= {name for name in app if not name.startswith("-")}


def commands(found: App) -> Iterator[tuple[str, ...]]:
    """Every command that does something of itself, as it is typed."""
    names = [name for name in found if not name.startswith("-")]
    if found.default_command is not None:
        yield ()
    for name in names:
        for further in commands(found[name]):
            yield (name, *further)


def test_help_shows_an_example(clm: Clm) -> None:
    """Each command's help ends with an example to copy."""
    typed = list(commands(app))
    assert ("coupons", "add") in typed
    for command in typed:
        assert "Example: clm" in clm(*command, "--help").stdout, command
