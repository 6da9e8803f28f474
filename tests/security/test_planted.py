"""A planted address, number and name go to the provider, and appear in no log, no flow run and no reason."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import shutil
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, get_current_settings, temporary_settings
from prefect.testing.utilities import prefect_test_harness
from sqlalchemy import text

from benchmarks.fake_provider import FakeProvider, fake_provider
from clm.engine.workspace import open_database
from clm.settings import Settings
from flows import dispatch_messages
from flows.run_lifecycle import run_lifecycle
from tasks import project
from tests.conftest import PROJECT
from tests.reliability.crashes.scene import WORDS

pytestmark = [
    pytest.mark.slow,
    # Prefect's own affair: sockets and event loops it leaves to the garbage collector.
    pytest.mark.filterwarnings("default"),
]

NOW = datetime(2026, 1, 29, 12, tzinfo=UTC)  # a Thursday, when texts may go out too
PEOPLE = 24
TROUBLE = ("reject", "error_before", "error_after", "drop_after")  # not 429: it ends a run, politely
CAMPAIGN = """\
campaign: {name}
title: {name}
status: live
purpose: marketing
priority: 50
enter: {{when: order_count >= 1, once_per: contact}}
steps:
  - {{send: hello, channel: {channel}}}
"""
ROUTES = """\
  routes:
    email: {by: sendgrid, at_once: 4, timeout_seconds: 5}
    sms: {by: twilio, at_once: 4, timeout_seconds: 5}
"""
REASONS = (
    "SELECT reason FROM messages",
    "SELECT detail FROM attempts",
    "SELECT reason FROM decisions",
    "SELECT facts FROM decisions",
    "SELECT reason FROM stops",
    "SELECT reason FROM quarantine",
)


@dataclass(frozen=True, slots=True)
class Run:
    """What is left after a lifecycle run with planted people and a provider in trouble."""

    summary: Mapping[str, Any]
    database: Path
    provider: FakeProvider
    prefect: str
    """Everything that the Prefect API tells."""
    prefect_files: bytes
    logs: str
    visitors: int
    """Who followed the address that stood in a name."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One run, on which all tests here look."""
    folder = tmp_path_factory.mktemp("planted")
    lines = _Lines()
    with (
        pytest.MonkeyPatch.context() as patch,
        fake_provider(folder, keep_requests=True, answers=dict.fromkeys(TROUBLE, 0.15), tries_max=1) as provider,
        socket.socket() as bait,
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
        prefect_test_harness(),
    ):
        bait.bind(("127.0.0.1", 0))
        bait.listen()
        bait.setblocking(False)
        _lay_out(folder, bait.getsockname()[1])
        for name, value in _environment(folder, provider).items():
            patch.setenv(name, value)
        patch.delenv("CLM_DATABASE_URL", raising=False)
        patch.setattr(dispatch_messages, "WAIT_SECONDS_MAX", 0.001)  # what pauses after a failed try is not waited for
        project._opened.cache_clear()
        open_database(Settings(), create=True).close()
        logging.getLogger().addHandler(lines)
        level = logging.getLogger().level
        logging.getLogger().setLevel(logging.DEBUG)
        try:
            summary = run_lifecycle(as_of=NOW)
            prefect = asyncio.run(_everything())
        finally:
            logging.getLogger().setLevel(level)
            logging.getLogger().removeHandler(lines)
            project.opened().database.close()
            project._opened.cache_clear()
        url = get_current_settings().server.database.connection_url
        assert url is not None
        files = Path(url.get_secret_value().split(":///")[1])
        content = b"".join(path.read_bytes() for path in files.parent.glob(f"{files.name}*"))
        yield Run(summary, folder / "home" / "clm.db", provider, prefect, content, lines.text(), _visitors(bait))


class _Lines(logging.Handler):
    """Keeps every line that anything logs, at every level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(f"{record.name} {record.getMessage()} {record.exc_info or ''}")

    def text(self) -> str:
        return "\n".join(self._lines)


def _lay_out(folder: Path, port: int) -> None:
    """The shipped shop with two campaigns of our own, and planted people in its sources."""
    config = folder / "config"
    shutil.copytree(PROJECT / "config", config, ignore=shutil.ignore_patterns("campaigns", "broadcasts"))
    policy = (config / "policy.yaml").read_text()
    policy, count = re.subn(r"  routes:\n(    .*\n)+", ROUTES, policy)
    assert count == 1
    (config / "policy.yaml").write_text(policy)
    (config / "campaigns").mkdir()
    for name, channel in (("nudge", "email"), ("ping", "sms")):
        (config / "campaigns" / f"{name}.yaml").write_text(CAMPAIGN.format(name=name, channel=channel))
        words = folder / "templates" / name / "hello" / "en"
        words.mkdir(parents=True)
        for file, written in (WORDS if channel == "email" else {"sms.txt": "Good day."}).items():
            (words / file).write_text(written)
    demo = folder / "home" / "demo"
    demo.mkdir(parents=True)
    contacts = ["contact,email,phone,first_name,last_name,country,signed_up_at,email_consent,sms_consent"]
    orders = []
    for number in range(PEOPLE):
        name = f"http://127.0.0.1:{port}/" if number == 0 else f"Plantedname{number}"
        told = f"planted.address{number}@example.com,+4477009001{number:02},{name},Plantedson,GB"
        contacts.append(f"{number},{told},2025-01-30T09:00:00Z,yes,yes")
        order = {"order_id": f"o{number}", "contact": str(number), "ordered_at": "2026-01-20T09:00:00Z", "amount": "9"}
        orders.append(json.dumps(order))
    (demo / "contacts.csv").write_text("\n".join(contacts) + "\n")
    (demo / "orders.jsonl").write_text("\n".join(orders) + "\n")


def _environment(folder: Path, provider: FakeProvider) -> dict[str, str]:
    return {
        "CLM_HOME": str(folder / "home"),
        "CLM_CONFIG": str(folder / "config"),
        "CLM_TEMPLATES": str(folder / "templates"),
        "CLM_PUBLIC_URL": "https://shop.example",
        "CLM_LIVE": "1",
        "SENDGRID_API_KEY": "SG.0123456789abcdefghij",
        "SENDGRID_API_URL": provider.url,
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "0123456789abcdef0123456789abcdef",
        "TWILIO_API_URL": provider.url,
    }


async def _everything() -> str:
    async with get_client() as client:
        seen = {
            "flow_runs": [run.model_dump() for run in await client.read_flow_runs()],
            "task_runs": [run.model_dump() for run in await client.read_task_runs()],
            "artifacts": [one.model_dump() for one in await client.read_artifacts()],
            "logs": [log.model_dump() for log in await client.read_logs()],
        }
    return json.dumps(seen, default=str)


def _visitors(bait: socket.socket) -> int:
    count = 0
    while True:
        try:
            bait.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def _personal(seen: str) -> list[str]:
    """What of a planted person stands in a text: addresses, numbers, names."""
    return re.findall(r"planted\.address\d*|77009001\d\d|Plantedname\d*|Plantedson", seen)


def test_the_run_met_every_trouble(run: Run) -> None:
    """So that what the others look at is not the report of a quiet day."""
    counts = run.provider.counts()
    assert counts["requests"] > PEOPLE
    assert {"accepted_202", "not_accepted_400", "not_accepted_503", "accepted_503"} <= counts.keys()
    assert min(run.summary["messages"][status] for status in ("sent", "rejected", "in_doubt")) > 0


def test_logs_hold_nobody(run: Run) -> None:
    """At the most talkative level of every library."""
    assert "batch" in run.logs.lower() or "messages" in run.logs
    assert _personal(run.logs) == []


def test_prefect_holds_nobody(run: Run) -> None:
    """Neither flow and task runs, their parameters and results, nor artifacts and logs; nor the server's own files."""
    assert "run-lifecycle" in run.prefect
    assert b"run-lifecycle" in run.prefect_files
    assert _personal(run.prefect) == []
    assert _personal(run.prefect_files.decode("latin-1")) == []
    assert _personal(json.dumps(run.summary)) == []


def test_reasons_hold_nobody(run: Run) -> None:
    """The provider quotes the address in its refusals; what is kept of them does not."""
    with open_database(Settings(home=run.database.parent)).engine.connect() as connection:
        said = [str(row[0]) for query in REASONS for row in connection.execute(text(query))]
        connection.engine.dispose()
    assert any("something about" in one for one in said)
    assert [one for one in said if _personal(one)] == []


def test_a_provider_is_told_whom_it_is_for_and_nothing_else(run: Run) -> None:
    """The address stands in `to`; what comes back with events (custom_args, categories, callback) is an opaque id."""
    mails, texts = _requests(run.provider)
    assert len(mails) >= PEOPLE
    assert len(texts) >= PEOPLE
    for mail in mails:
        (person,) = mail["personalizations"]
        (to,) = person.pop("to")
        assert re.fullmatch(r"planted\.address\d+@example\.com", to["email"])
        assert _personal(json.dumps(mail)) == []
        assert re.fullmatch(r"m\d+-[0-9a-f]{12}", person["custom_args"]["clm_reference"])
        assert set(mail.get("categories", [])) <= {"nudge", "hello"}
    for form in texts:
        assert re.fullmatch(r"\+4477009001\d\d", form.pop("To")[0])
        assert _personal(json.dumps(form)) == []


def test_no_address_of_the_web_that_came_with_a_contact_is_ever_asked(run: Run) -> None:
    """A name may be a URL; nobody goes there."""
    assert run.visitors == 0


def _requests(provider: FakeProvider) -> tuple[list[dict[str, Any]], list[dict[str, list[str]]]]:
    """Every mail and every text as it was asked for."""
    mails, texts, rest = [], [], provider.requests.read_bytes()
    while rest:
        head, _, rest = rest.partition(b"\r\n\r\n")
        found = re.search(rb"(?i)content-length: (\d+)", head)
        length = int(found[1]) if found else 0
        body, rest = rest[:length], rest[length + 2 :]
        if b"/v3/mail/send" in head:
            mails.append(json.loads(body))
        elif head.startswith(b"POST"):
            texts.append(parse_qs(body.decode()))
        assert _personal(head.decode("latin-1")) == []
    return mails, texts
