"""`clm staff`, and the account that the demo makes for itself."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest

from clm.cli.services.demo_account import FILE, NAME, demo_account
from clm.engine import staff
from clm.settings import Settings
from clm.store.database import Database
from tests.cli.conftest import Clm


@pytest.fixture
def home(tmp_path: Path, sqlite_file: Path) -> Path:
    """A CLM_HOME with an empty database."""
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copyfile(sqlite_file, folder / "clm.db")
    return folder


def test_accounts_are_made_listed_and_taken_away(clm: Clm, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password is piped in and never printed; without a terminal to ask on, the remedy is told."""
    assert home.is_dir()
    refused = clm("staff", "add", "nadia")
    assert refused.returncode == 1
    assert "--password-stdin" in refused.stderr
    monkeypatch.setattr("sys.stdin", io.StringIO("three small teapots\n"))
    made = clm("staff", "add", "nadia", "--password-stdin")
    assert made.returncode == 0
    assert "teapots" not in made.stdout + made.stderr
    assert [one["name"] for one in json.loads(clm("staff", "list", "--json").stdout)] == ["nadia"]
    assert clm("staff", "remove", "nadia").returncode == 0
    assert json.loads(clm("staff", "list", "--json").stdout) == []
    assert clm("staff", "remove", "nadia").returncode == 1


def test_the_demo_keeps_its_password_to_its_owner(home: Path) -> None:
    """It is made once, in a file that others cannot read, and put right where account or password have changed."""
    settings = Settings(home=home)
    password = demo_account(settings)
    assert (home / FILE).stat().st_mode & 0o777 == 0o600
    database = Database(settings.store_url)
    seal = staff.sign_in(database, NAME, password)
    assert seal is not None
    assert demo_account(settings) == password
    assert staff.seal(database, NAME) == seal
    staff.change(database, NAME, "another one altogether")
    assert demo_account(settings) == password
    assert staff.sign_in(database, NAME, password) is not None
    database.close()
