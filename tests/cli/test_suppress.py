"""`clm suppress` as a person or a program types it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclopts import App

from clm.cli.suppress import suppress
from clm.errors import ClmError
from clm.settings import Settings
from clm.store import suppressions
from clm.store.database import Database


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The project's database, in a CLM_HOME of its own."""
    for name in list(os.environ):
        if name.startswith("CLM_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CLM_HOME", str(tmp_path))
    opened = Database(Settings().store_url)
    opened.upgrade()
    yield opened
    opened.close()


def clm(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command prints."""
    app = App(name="clm")
    app.command(suppress)
    capsys.readouterr()
    app(["suppress", *arguments], exit_on_error=False, result_action="return_value")
    return capsys.readouterr().out


def reason(database: Database, channel: str, address: str) -> str | None:
    """Why nothing goes to the address."""
    with database.read() as tx:
        return suppressions.suppressed(tx, [(channel, address)]).get((channel, address))


def test_an_address_is_suppressed_and_lifted(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """However it is written; a second time says so, and lifting says what still stands."""
    assert clm(capsys, "Ada@Example.com", "--reason", "complained") == (
        "suppressed; nothing goes there from now on (complained)\n"
    )
    assert reason(database, "email", "ada@example.com") == "complained"
    assert clm(capsys, "ada@example.com", "--reason", "complained").startswith("was suppressed for that already")
    clm(capsys, "ada@example.com")
    assert clm(capsys, "ada@example.com", "--lift", "--reason", "manual") == "lifted; still suppressed: complained\n"
    assert clm(capsys, "ada@example.com", "--lift").startswith("lifted; messages may go there")
    assert reason(database, "email", "ada@example.com") is None
    assert clm(capsys, "ada@example.com", "--lift").startswith("no such suppression stood")


@pytest.mark.parametrize("typed", ["+447700900123", "+44 7700 900123", " +44 (0)7700-900123"])
def test_the_channel_is_told_by_the_shape_of_the_address(
    database: Database, capsys: pytest.CaptureFixture[str], typed: str
) -> None:
    """What has an @ is an e-mail address, and a number is one for SMS; nobody has to say which."""
    assert json.loads(clm(capsys, typed, "--json"))["channel"] == "sms"
    assert reason(database, "sms", "+447700900123") == "manual"
    assert json.loads(clm(capsys, "ada@example.com", "--json"))["channel"] == "email"
    assert json.loads(clm(capsys, typed, "--lift", "--json"))["suppressed"] is False


def test_programs_read_json(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """One document with what stands and what stood; the address itself is nowhere in it."""
    printed = clm(capsys, "+44 7700 900123", "--channel", "sms", "--reason", "stopped", "--json")
    said: dict[str, Any] = json.loads(printed)
    assert "7700" not in printed
    assert {"channel": "sms", "suppressed": True, "changed": 1}.items() <= said.items()
    (kept,) = said["suppressions"]
    assert (kept["reason"], kept["source"], kept["lifted_at"]) == ("stopped", "clm suppress", None)
    assert reason(database, "sms", "+447700900123") == "stopped"
    lifted = json.loads(clm(capsys, "+447700900123", "--channel", "sms", "--lift", "--json"))
    assert (lifted["suppressed"], lifted["changed"]) == (False, 1)
    assert lifted["suppressions"][0]["lifted_at"] is not None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nobody",), "is not an e-mail address"),
        (("07700 900123", "--channel", "sms"), "+44 7700 900123"),
        (("07700 900123",), "the address has no country code; write it like +44 7700 900123"),
        (("+447700900123", "--channel", "email"), "is not an e-mail address"),
        (("ada@example.com", "--reason", "complaned"), "did you mean `complained`?"),
        (("",), "no address was given"),
    ],
)
def test_what_is_no_address_is_refused(
    database: Database, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    """With the remedy, and nothing is written."""
    with pytest.raises(ClmError, match=None) as refusal:
        clm(capsys, *arguments)
    assert told in str(refusal.value)
    assert reason(database, "email", "nobody") is None


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What it does, and how it is typed."""
    monkeypatch.setattr(sys, "argv", ["clm"])
    printed = clm(capsys, "--help")
    assert "Let no message of any purpose go to an address" in printed
    assert "clm suppress ada@example.com --reason complained" in printed
