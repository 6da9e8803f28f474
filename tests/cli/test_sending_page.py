"""What docs/sending.md says is so: its commands run, its tables are the channels' own, its names exist."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import Table, insert

from benchmarks.fake_provider import fake_provider
from clm.cli.app import app
from clm.engine.workspace import load_project
from clm.errors import ConfigurationError
from clm.settings import Settings
from clm.store import stops
from clm.store.database import Database
from clm.store.schema import attempts, contacts, enrolments, messages
from clm.web import pages, sendgrid, twilio
from tests import answers_page
from tests.channels.speaking import SID
from tests.cli.conftest import ROOT, Clm
from tests.small_project import small_project
from tests.web.asking import SendGrid

PAGE = (ROOT / "docs" / "sending.md").read_text(encoding="utf-8")
COMMANDS = [shlex.split(line) for line in re.findall(r"^ *\$ clm (.+)$", PAGE, re.MULTILINE)]
KEYS = {
    "CLM_LIVE": "1",
    "CLM_PUBLIC_URL": "https://news.shop.invalid",
    "SENDGRID_API_KEY": "SG.0123456789abcdef",
    "SENDGRID_WEBHOOK_KEY": SendGrid().public_key,
    "TWILIO_ACCOUNT_SID": SID,
    "TWILIO_AUTH_TOKEN": "0123456789abcdef0123456789abcdef",
}
AT = 1_764_115_200_000


@pytest.fixture
def small(clm: Clm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:  # noqa: ARG001 - it clears CLM_… first
    """Three of the shipped campaigns, which send mail and SMS: what is checked before going live, sooner read."""
    found = small_project(tmp_path, "win_back", "second_purchase", "feedback", left_out=())
    monkeypatch.setenv("CLM_CONFIG", str(found.config))
    monkeypatch.setenv("CLM_TEMPLATES", str(found.templates))
    return found


def _trouble(database: Database) -> None:
    """Message 12 is in doubt, and a campaign and a channel are stopped."""
    whose = {"contact_id": 42, "campaign": "win_back"}
    rows: dict[Table, Mapping[str, object]] = {
        contacts: {"id": 42, "source": "shop", "external_id": "42", "email": "ada@example.com", "created_at": AT},
        enrolments: {
            "id": 12, "version": "1", "trigger_key": "1", "entered_at": AT, "status": "active", "position": 0,
            "next_due_at": AT, **whose,
        },
        messages: {
            "id": 12, "enrolment_id": 12, "step": "news", "channel": "email", "purpose": "marketing", "queue_rank": 0,
            "status": "in_doubt", "reason": "no answer in time", "address": "ada@example.com", "due_at": AT,
            "expires_at": AT, "created_at": AT, "attempts": 1, **whose,
        },
        attempts: {
            "message_id": 12, "number": 1, "token": "t", "channel": "email", "intended_at": AT, "provider": "sendgrid",
            "sender": "shop.invalid", "outcome": "in_doubt",
        },
    }  # fmt: skip
    with database.write() as tx:
        for table, row in rows.items():
            tx.execute(insert(table).values(**row))
        stops.put(tx, "blast_radius", stops.of_campaign("win_back"), "3,000 messages in a day", since=AT)
        stops.put(tx, "breaker", stops.of_sender("email", "shop.invalid"), "30 of 900 bounced", since=AT)


@pytest.mark.slow
def test_its_commands_run(clm: Clm) -> None:
    """Each as it stands there, in a live shop with a doubt and two stops, against a stand-in for the providers."""
    assert len(COMMANDS) > 12
    assert clm("db", "upgrade").returncode == 0
    database = Database(Settings().store_url)
    _trouble(database)
    database.close()
    with fake_provider() as provider:
        urls = {"SENDGRID_API_URL": provider.url, "TWILIO_API_URL": provider.url}
        for command in COMMANDS:
            ended = clm(*command, **KEYS, **urls)
            assert ended.returncode == 0, f"clm {shlex.join(command)}: {ended.stdout}{ended.stderr}"


def test_its_tables_are_those_that_the_channels_read() -> None:
    """What each answer means; `python -m tests.answers_page` prints them."""
    (shown,) = re.findall(r"<!-- answers -->\n(.*)\n<!-- /answers -->", PAGE, re.DOTALL)
    assert shown == answers_page.tables()


def test_every_command_it_names_exists() -> None:
    """Also where it is only mentioned."""
    named = {words.split()[0] for words in re.findall(r"`clm ([^`]+)`", PAGE)}
    assert named
    assert named <= set(app)


def test_every_variable_it_names_is_read() -> None:
    """And none that decides about sending for real is left out."""
    known = {str(field.validation_alias or f"CLM_{name.upper()}") for name, field in Settings.model_fields.items()}
    named = set(re.findall(r"`((?:CLM|SENDGRID|TWILIO|SMTP)_[A-Z_]+)(?:=[^`]*)?`", PAGE))
    assert named <= known
    assert known - named == {"CLM_HOME", "CLM_CONFIG", "CLM_TEMPLATES", "CLM_CACHE", "CLM_CHROMIUM"}


def test_every_address_it_names_answers() -> None:
    """The paths that are entered at the providers, and those that customers follow."""
    paths = {getattr(route, "path", "") for one in (pages, sendgrid, twilio) for route in one.router.routes}
    named = set(re.findall(r"(/webhooks/\w+(?:/\w+)?)`", PAGE)) | {f"/{one}/{{token}}" for one in ("u", "p")}
    assert named == {path for path in paths if path != "/style.css"}
    assert all(f"`/{one}/…`" in PAGE for one in ("u", "p"))


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGE))))
def test_what_it_links_to_is_there(path: str) -> None:
    """No link leads nowhere."""
    assert (ROOT / "docs" / path).exists()


@pytest.mark.slow
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("missing", ["SENDGRID_API_KEY", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"])
def test_checking_before_going_live_names_what_is_missing(missing: str, clm: Clm) -> None:
    """Before the first message and not by it."""
    environment = {name: value for name, value in KEYS.items() if name != missing}
    ended = clm("check", **environment, **{missing: ""})
    assert ended.returncode == 1
    assert f"{missing}: is not set" in ended.stdout
    assert clm("check", **KEYS).returncode == 0


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_going_live_without_the_key_of_its_events_is_refused(clm: Clm) -> None:
    """Bounces, complaints and opt-outs would come to a closed door; a stand-in on this machine needs none."""
    deaf = KEYS | {"SENDGRID_WEBHOOK_KEY": ""}
    ended = clm("check", **deaf)
    assert ended.returncode == 1
    assert "SENDGRID_WEBHOOK_KEY: is not set" in ended.stdout
    assert "Signed Event Webhook" in ended.stdout
    with pytest.raises(ConfigurationError, match="SENDGRID_WEBHOOK_KEY"):
        load_project(Settings())
    assert clm("check", **deaf, SENDGRID_API_URL="http://127.0.0.1:9").returncode == 0


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("url", ["http://news.shop.invalid", "https://localhost", "https://127.0.0.1:8443"])
def test_going_live_where_nobody_can_reach_us_is_refused(url: str, clm: Clm) -> None:
    """Readers could open no link, and Twilio would be given no address to call."""
    ended = clm("check", **KEYS | {"CLM_PUBLIC_URL": url})
    assert ended.returncode == 1
    assert f"CLM_PUBLIC_URL: is {url}; " in ended.stdout
    assert "Twilio" in ended.stdout


def test_resolving_what_is_not_in_doubt_is_refused(clm: Clm) -> None:
    """A script that named the wrong message learns of it; what was in doubt is resolved all the same, once."""
    clm("db", "upgrade")
    database = Database(Settings().store_url)
    _trouble(database)
    database.close()
    assert clm("doubt", "resolve", "99", "--as", "sent").returncode == 1
    ended = clm("doubt", "resolve", "12", "99", "--as", "sent", "--json")
    assert (ended.returncode, json.loads(ended.stdout)) == (1, {"resolved": [12], "not_in_doubt": [99]})
    assert clm("doubt", "resolve", "12", "--as", "sent").returncode == 1


@pytest.mark.slow
def test_checking_names_everything_at_once(clm: Clm, small: Settings) -> None:
    """Links, keys and customers' pages: nobody mends one to be told of the next."""
    templates = small.templates
    with (templates / "_pages" / "fa.yaml").open("a", encoding="utf-8") as words:
        words.write("oops: 1\n")
    line = len((templates / "_pages" / "fa.yaml").read_text(encoding="utf-8").splitlines())
    environment = {
        "CLM_LIVE": "1",
        "CLM_PUBLIC_URL": "http://news.shop.invalid",
        "CLM_SECRET_KEYS": "changeme",
        "SENDGRID_WEBHOOK_KEY": "changeme",
    }
    ended = clm("check", **environment)
    assert ended.returncode == 1
    for wrong in (
        "CLM_PUBLIC_URL: ", "CLM_SECRET_KEYS: ", "SENDGRID_WEBHOOK_KEY: ",
        "SENDGRID_API_KEY: ", "TWILIO_ACCOUNT_SID: ", "TWILIO_AUTH_TOKEN: ",
        f"fa.yaml:{line}:1: oops: ",
    ):  # fmt: skip
        assert wrong in ended.stdout
    assert json.loads(clm("check", "--json", **environment).stdout)["ok"] is False


@pytest.mark.slow
def test_marketing_that_nobody_could_leave_is_refused(clm: Clm, small: Settings) -> None:
    """Before it is sent, with the file and what to write."""
    (small.templates / "win_back" / "last_call" / "en" / "sms.txt").write_text("20% off", encoding="utf-8")
    ended = clm("check")
    assert ended.returncode == 1
    assert "templates/win_back/last_call/en/sms.txt:1: does not say `{{ brand.name }}`, who writes" in ended.stdout
    assert "templates/win_back/last_call/en/sms.txt:1: does not say how to stop" in ended.stdout


@pytest.mark.slow
def test_sms_that_nobody_could_answer_is_refused(clm: Clm, small: Settings) -> None:
    """Where a name sends them, with each file; those that carry links are left alone."""
    templates = small.templates
    brand = small.config / "brand.yaml"
    brand.write_text(re.sub("(?m)^sms_sender: .*$", "sms_sender: SaffronSage", brand.read_text("utf-8")), "utf-8")
    with_link = templates / "win_back" / "last_call" / "en" / "sms.txt"
    with_link.write_text("{{ brand.name }}: 20% off. Leave: {{ links.unsubscribe }}", "utf-8")
    no_link = templates / "feedback" / "rating_sms" / "en" / "sms.txt"
    no_link.write_text("{{ brand.name }}: 1 to 5? Leave: {{ links.unsubscribe }}", "utf-8")
    ended = clm("check")
    assert ended.returncode == 1
    assert "templates/second_purchase/reminder_sms/fa/sms.txt:1: says how to stop by a reply, and" in ended.stdout
    assert "templates/feedback/rating_sms/en/sms.txt:1: asks for an answer by reply, and" in ended.stdout
    assert "last_call/en/sms.txt" not in ended.stdout


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CLM_LIVE", "planted"),
        ("CLM_PUBLIC_URL", "planted"),
        ("CLM_PUBLIC_URL", "https://planted.invalid/?a=b"),
        ("CLM_PUBLIC_URL", "https://planted.invalid/>,<mailto:a"),
    ],
)
def test_a_wrong_variable_is_named_and_never_quoted(variable: str, value: str, clm: Clm) -> None:
    """By whatever command: it may hold a secret that was meant for another."""
    for ended in (clm("doubt", **{variable: value}), clm("check", **{variable: value}), clm("check", "--json")):
        assert ended.returncode == 1
        assert variable in ended.stdout + ended.stderr
        assert "planted" not in ended.stdout + ended.stderr
